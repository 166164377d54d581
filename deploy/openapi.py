"""Whether the REST API still keeps what its committed document promised."""

from collections.abc import Iterator
from typing import Any

from libs.model.compatible import breaking, narrower

Document = dict[str, Any]


def broken(old: Document, new: Document) -> list[str]:
    """What callers of the old document would trip over at the new one: one line each."""
    roots = {"old_root": _root(old), "new_root": _root(new)}
    return list(_operations(old, new, roots))


def _operations(old: Document, new: Document, roots: dict[str, Any]) -> Iterator[str]:
    for path, methods in old["paths"].items():
        for method, before in methods.items():
            where = f"{method.upper()} {path}"
            after = new["paths"].get(path, {}).get(method)
            if after is None:
                yield f"{where} is gone"
                continue
            if before["operationId"] != after["operationId"]:
                yield f"{where} has another operationId"
            yield from (f"{where}: {what}" for what in _parameters(before, after, old, new, roots))
            yield from (f"{where}: {what}" for what in _body(before, after, roots))
            yield from (f"{where}: {what}" for what in _answers(before, after, roots))


def _parameters(
    before: Document, after: Document, old: Document, new: Document, roots: dict[str, Any]
) -> Iterator[str]:
    known, now = _named(before, old), _named(after, new)
    for key, one in known.items():
        if key not in now:
            yield f"{key[0]} parameter {key[1]} is not taken any more"
            continue
        if now[key].get("required") and not one.get("required"):
            yield f"{key[0]} parameter {key[1]} must be there now"
        for what in narrower(one["schema"], now[key]["schema"], **roots):
            yield f"{key[0]} parameter {key[1]}: {what.removeprefix('body ')}"
    for key in now.keys() - known.keys():
        if now[key].get("required"):
            yield f"{key[0]} parameter {key[1]} must be there now"


def _body(before: Document, after: Document, roots: dict[str, Any]) -> Iterator[str]:
    was, now = before.get("requestBody"), after.get("requestBody")
    if was is None:
        if now is not None and now.get("required"):
            yield "a body must be there now"
        return
    if now is None:
        yield "no body is taken any more"
        return
    if now.get("required") and not was.get("required"):
        yield "a body must be there now"
    for kind, content in was["content"].items():
        if kind not in now["content"]:
            yield f"{kind} is not taken any more"
        else:
            yield from narrower(content["schema"], now["content"][kind]["schema"], **roots)


def _answers(before: Document, after: Document, roots: dict[str, Any]) -> Iterator[str]:
    for status, was in before["responses"].items():
        if not status.startswith("2"):
            continue
        now = after["responses"].get(status)
        if now is None:
            yield f"{status} is not answered any more"
            continue
        for kind, content in was.get("content", {}).items():
            if kind not in now.get("content", {}):
                yield f"{status} is not {kind} any more"
            else:
                yield from breaking(content["schema"], now["content"][kind]["schema"], **roots)
    for status in after["responses"].keys() - before["responses"].keys():
        if status.startswith("2"):
            yield f"{status} may be answered now"


def _named(operation: Document, document: Document) -> dict[tuple[str, str], Document]:
    found = [_found(one, document) for one in operation.get("parameters", ())]
    return {(one["in"], one["name"]): one for one in found}


def _found(value: Document, document: Document) -> Document:
    if "$ref" not in value:
        return value
    found: Any = document
    for part in value["$ref"].removeprefix("#/").split("/"):
        found = found[part]
    return dict(found)


def _root(document: Document) -> Document:
    return {"$defs": document["components"]["schemas"]}
