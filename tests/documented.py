"""Holds answers of the api against its OpenAPI document: what is answered and not written there is a failure."""

import re
from functools import cache
from typing import Any

import jsonschema_rs
import orjson

from services.api.openapi.document import openapi
from services.api.resource import ROUTES


@cache
def document() -> dict[str, Any]:
    """As it is served."""
    made: dict[str, Any] = orjson.loads(orjson.dumps(openapi(ROUTES)))
    return made


def found(value: dict[str, Any]) -> dict[str, Any]:
    """What a reference refers to."""
    if "$ref" not in value:
        return value
    place: Any = document()
    for part in value["$ref"].removeprefix("#/").split("/"):
        place = place[part]
    return dict(place)


@cache
def _paths() -> list[tuple[re.Pattern[str], str]]:
    by_exactness = sorted(document()["paths"], key=lambda path: path.count("{"))
    return [(re.compile(re.sub(r"{\w+}", "[^/]+", path)), path) for path in by_exactness]


def operation(method: str, path: str) -> dict[str, Any] | None:
    """The operation that this address is of; None when none is."""
    for pattern, name in _paths():
        if pattern.fullmatch(path):
            said: dict[str, Any] | None = document()["paths"][name].get(method.lower())
            return said
    return None


@cache
def _judge(schema: str) -> Any:
    whole = orjson.loads(schema) | {"components": document()["components"]}
    return jsonschema_rs.Draft202012Validator(whole, validate_formats=True)


def check(method: str, path: str, status: int, headers: Any, body: bytes) -> None:
    """Fails unless the document says that this operation may answer so. What is no operation is not judged."""
    said = operation(method, path)
    if said is None:
        return
    where = f"{method} {path} → {status}"
    assert str(status) in said["responses"], f"{where} is not documented: {body[:300]!r}"
    answer = found(said["responses"][str(status)])
    for name, one in answer.get("headers", {}).items():
        assert name in headers or not found(one).get("required"), f"{where} lacks {name}"
    content = answer.get("content", {})
    if not content:
        assert not body, where
        return
    kind = headers["Content-Type"].partition(";")[0]
    assert kind in content, f"{where} is {kind}"
    assert b'+00:00"' not in body, f"{where} writes UTC otherwise than Z: {body[:300]!r}"
    if kind.endswith("json"):
        judge = _judge(orjson.dumps(content[kind]["schema"]).decode())
        errors = [f"{error.instance_path}: {error.message}"[:300] for error in judge.iter_errors(orjson.loads(body))]
        assert not errors, f"{where}: {errors} in {body[:300]!r}"
