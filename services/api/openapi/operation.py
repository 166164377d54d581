"""One route as an operation of the document."""

import inspect
import re
from http import HTTPStatus
from typing import Any, Final

import orjson
from pydantic import BaseModel

from libs.model.audit import action_of
from libs.rest.code import Code
from services.api.doc.sample import IDS
from services.api.doc.shape import Example, Upload
from services.api.openapi import header
from services.api.openapi.refusal import codes_of, responses
from services.api.openapi.schema import Schemas, query_schema
from services.api.route import Route

JSON: Final = "application/json"
_STATUS: Final = re.compile(r"\b(\d{3}): (.*?)(?=\s\b\d{3}: |$)", re.DOTALL)


def name_of(route: Route) -> str:
    """The operation's name, as the audit log has it: `posts.cancel`; a list is told from the one it holds."""
    name = action_of(route.method, route.path)
    return f"{name.removesuffix('.read')}.list" if route.method == "GET" and not _one(route.path) else name


def tag_of(route: Route) -> str:
    return "not possible" if _refused(route) else route.path.split("/")[2]


def operation(route: Route, *, schemas: Schemas, refusals: dict[str, Any]) -> dict[str, Any]:
    said = inspect.cleandoc(route.handle.__doc__ or "")
    made: dict[str, Any] = {
        "operationId": name_of(route),
        "summary": route.doc.summary,
        "description": f"{said}\n\nNeeds `{route.capability}: {'full' if route.write else 'read'}`"
        f"{' and an operator’s key' if route.operators_only else ''}.",
        "tags": [tag_of(route)],
        "parameters": [*_in_path(route), *_in_query(route), *([_idempotency(route)] if route.write else [])],
    }
    if (body := _body(route, schemas)) is not None:
        made["requestBody"] = body
    answers = {str(status): _answer(route, status, said, schemas) for status in sorted(route.doc.answers)}
    made["responses"] = answers | responses(codes_of(route), components=refusals)
    return made


def example_name(example: Example, place: int) -> str:
    """Its key in the document."""
    return re.sub(r"[^a-z0-9]+", "-", example.title.lower()).strip("-")[:40] if example.title else f"example-{place}"


def path_values(route: Route, example: Example) -> dict[str, str]:
    """What stands in the address of an example."""
    names = re.findall(r"{(\w+)}", route.path)
    return {name: example.path.get(name) or IDS[route.path.split("/")[2]] for name in names}


def plain(answer: BaseModel) -> Any:
    """The answer as the api writes it."""
    return orjson.loads(answer.model_dump_json())


def _one(path: str) -> bool:
    return "{" in path or path.split("/")[2] in ("capabilities",)


def _refused(route: Route) -> bool:
    return not route.doc.answers and Code.CAPABILITY_NOT_SUPPORTED in route.doc.problems


def _in_path(route: Route) -> list[dict[str, Any]]:
    first = path_values(route, route.doc.examples[0])
    return [
        {"name": name, "in": "path", "required": True, "schema": _path_schema(name, value), "example": value}
        for name, value in first.items()
    ]


def _path_schema(name: str, value: str) -> dict[str, Any]:
    if name != "id":
        return {"type": "string", "pattern": "^[a-z0-9][a-z0-9_-]{0,63}$"}
    return {"type": "string", "pattern": f"^{value.partition('_')[0]}_[0-9a-hjkmnp-tv-z]{{26}}$"}


def _in_query(route: Route) -> list[dict[str, Any]]:
    described = route.query.model_json_schema(mode="validation")
    defs = described.get("$defs", {})
    made = []
    for name, field in route.query.model_fields.items():
        schema = query_schema(field, described["properties"][name])
        if "$ref" in schema:  # enumerations: no need to look elsewhere
            found = defs[schema.pop("$ref").rpartition("/")[2]]
            schema = {key: found[key] for key in ("type", "enum") if key in found} | schema
        examples = {
            example_name(example, place): {"value": _value(example.query[name], schema)}
            for place, example in enumerate(route.doc.examples, 1)
            if name in example.query
        }
        one = {"name": name, "in": "query", "required": field.is_required(), "schema": schema}
        made.append(one | ({"examples": examples} if examples else {}))
    return made


def _value(text: str, schema: dict[str, Any]) -> Any:
    """A value of a query string as the JSON that stands for it."""
    return orjson.loads(text) if schema.get("type") in ("integer", "boolean") else text


def _idempotency(route: Route) -> dict[str, Any]:
    return {"$ref": f"#/components/parameters/{header.IDEMPOTENCY_KEY['name']}"}


def _body(route: Route, schemas: Schemas) -> dict[str, Any] | None:
    match route.doc.body:
        case None:
            return None
        case Upload(types, instead, takes_form):
            file = {"type": "string", "format": "binary"}
            form = {"type": "object", "properties": {"file": file}, "required": ["file"], "additionalProperties": False}
            content: dict[str, Any] = {type_: {"schema": file} for type_ in types}
            content |= {"multipart/form-data": {"schema": form}} if takes_form else {}
            return {"required": True, "content": content | (_json(route, instead, schemas) if instead else {})}
        case model:
            return {"required": not route.doc.body_optional, "content": _json(route, model, schemas)}


def _json(route: Route, model: type[BaseModel], schemas: Schemas) -> dict[str, Any]:
    examples = {
        example_name(example, place): {"summary": example.title or route.doc.summary, "value": example.body}
        for place, example in enumerate(route.doc.examples, 1)
        if example.body is not None
    }
    return {JSON: {"schema": schemas.asked(model), "examples": examples}}


def _answer(route: Route, status: int, said: str, schemas: Schemas) -> dict[str, Any]:
    told = {int(number): text for number, text in _STATUS.findall(said)}
    examples = {
        example_name(example, place): {"summary": example.title or route.doc.summary, "value": plain(example.answer)}
        for place, example in enumerate(route.doc.examples, 1)
        if example.status == status and isinstance(example.answer, BaseModel)
    }
    content = {"schema": schemas.answered(route.doc.answers[status])} | ({"examples": examples} if examples else {})
    return {
        "description": _sentence(told.get(status, HTTPStatus(status).phrase)),
        "headers": header.of_answer(keyed=True, write=route.write, made=status == 201),
        "content": {JSON: content},
    }


def _sentence(text: str) -> str:
    text = " ".join(text.split())
    return text[:1].upper() + text[1:]
