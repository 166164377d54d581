"""What the OpenAPI document holds, whoever adds an operation."""

import ast
import copy
import re
from pathlib import Path

import jsonschema_rs
import orjson

import services.api
from libs.rest.code import Code
from services.api.openapi.curl import names
from services.api.openapi.keyless import KEYLESS
from services.api.openapi.operation import JSON, example_name, name_of
from services.api.openapi.page import page
from services.api.resource import ROUTES
from tests.documented import document


def test_every_operation_has_a_summary_an_example_its_problems_and_a_tag_that_is_described() -> None:
    described = {tag["name"] for tag in document()["tags"] if tag.get("description")}
    for path, methods in document()["paths"].items():
        for method, said in methods.items():
            where = f"{method} {path}"
            assert said["summary"] and said["description"], where
            assert set(said["tags"]) <= described, where
            assert names(said), where
            assert [status for status in said["responses"] if status >= "400"], where


def test_operations_have_names_of_their_own() -> None:
    every = [said["operationId"] for methods in document()["paths"].values() for said in methods.values()]

    assert len(every) == len(set(every)) > 100


def test_no_route_is_left_out_and_no_example_of_one() -> None:
    written = {
        (name_of(route), example_name(example, place))
        for route in ROUTES
        for place, example in enumerate(route.doc.examples, 1)
    } | {(one.name, "example-1") for one in KEYLESS}
    shown = {
        (said["operationId"].removesuffix(".head"), name)
        for methods in document()["paths"].values()
        for said in methods.values()
        for name in names(said)
    }

    assert shown == written


def test_every_example_is_of_its_schema() -> None:
    """Bodies too: one that is refused all the same is refused for what no schema can say."""
    components = {"components": document()["components"]}
    seen = 0
    for path, methods in document()["paths"].items():
        for said in methods.values():
            contents = [said.get("requestBody", {}).get("content", {})]
            contents += [answer.get("content", {}) for answer in said["responses"].values()]
            for content in contents:
                for name, example in content.get(JSON, {}).get("examples", {}).items():
                    judge = jsonschema_rs.Draft202012Validator(content[JSON]["schema"] | components)
                    assert judge.is_valid(example["value"]), (path, name)
                    seen += 1
    assert seen > 100


def test_whatever_is_referred_to_is_there() -> None:
    def walk(value: object) -> list[str]:
        if isinstance(value, dict):
            own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
            return own + [ref for inner in value.values() for ref in walk(inner)]
        return [ref for inner in value for ref in walk(inner)] if isinstance(value, list) else []

    refs = {
        ref for ref in walk(document()["paths"]) + walk(document()["components"]) if ref.startswith("#/components/")
    }

    assert len(refs) > 50
    for ref in refs:
        place = document()
        for part in ref.removeprefix("#/").split("/"):
            place = place[part]


def test_every_problem_that_the_api_can_make_is_a_code_of_this_status() -> None:
    root = Path(services.api.__file__).parent
    seen = 0
    for path in root.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Problem":
                named = {word.arg: word.value for word in node.keywords}
                code, status = (node.args[0] if node.args else named["code"]), named.get("status")
                status = node.args[2] if len(node.args) > 2 else status
                if isinstance(code, ast.Constant):
                    known = next(one for one in Code if one == code.value)
                    assert not isinstance(status, ast.Constant) or known.status == status.value, (path, code.value)
                    seen += 1
    assert seen > 20


def test_the_page_stands_alone_and_has_every_operation() -> None:
    shown = page(document()).decode()

    assert "<script" not in shown
    assert not re.findall(r"""(?:src|href|url)\s*[=(]\s*["']?(?:https?:)?//""", shown)
    for methods in document()["paths"].values():
        for method, said in methods.items():
            assert method == "head" or f'id="{said["operationId"]}"' in shown
    assert all(f'id="problem-{code}"><code>{code}</code>' in shown for code in Code), "where each problem's type leads"


def test_what_descriptions_hold_is_shown_and_never_run() -> None:
    hostile = copy.deepcopy(document())
    hostile["paths"]["/v1/posts"]["get"]["description"] = "<img src=x onerror=alert(1)> `<b>` **<i>**"

    shown = page(hostile).decode()

    assert "<img" not in shown
    assert "&lt;img src=x onerror=alert(1)&gt; <code>&lt;b&gt;</code> <b>&lt;i&gt;</b>" in shown


def test_the_document_is_json_and_says_what_it_is() -> None:
    assert document()["openapi"] == "3.1.0"
    assert orjson.loads(orjson.dumps(document())) == document()
