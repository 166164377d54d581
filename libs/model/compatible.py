"""Whether a JSON Schema still keeps the promises of an older one, to those who read what it describes or send it."""

from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]
DEPTH_MAX = 20


def breaking(old: Schema, new: Schema, *, old_root: Schema | None = None, new_root: Schema | None = None) -> list[str]:
    """What a reader of `old` may trip over in values of `new`: one line each; [] when there is nothing.

    A field that is gone or may be absent now, a type or a value that it never heard of. New fields break nobody.
    What the schemas refer to is in the `$defs` of the roots, which are they themselves unless named.
    """
    return list(_breaks(old, new, old_root=old_root or old, new_root=new_root or new, place="body", depth=0))


def _breaks(old: Schema, new: Schema, *, old_root: Schema, new_root: Schema, place: str, depth: int) -> Iterator[str]:
    if depth > DEPTH_MAX:
        return
    before = _branches(old, old_root)
    after = _branches(new, new_root)
    if None in before:
        return  # anything was allowed: nothing can be new
    for new_kind in sorted(kind or "anything" for kind in after.keys() - before.keys()):
        yield f"{place} may be {new_kind} now"
    for kind in before.keys() & after.keys():
        one, other = before[kind], after[kind]
        yield from _values(one, other, place)
        if kind is not None and kind.startswith("object"):
            yield from _fields(one, other, old_root=old_root, new_root=new_root, place=place, depth=depth)
        if kind == "array" and "items" in one:
            yield from _breaks(one["items"], other.get("items", {}), old_root=old_root, new_root=new_root,
                               place=f"{place}[]", depth=depth + 1)  # fmt: skip


def _fields(old: Schema, new: Schema, *, old_root: Schema, new_root: Schema, place: str, depth: int) -> Iterator[str]:
    required = set(new.get("required", ()))
    for name, schema in old.get("properties", {}).items():
        where = f"{place}.{name}"
        if name not in new.get("properties", {}):
            yield f"{where} is gone"
            continue
        if name in old.get("required", ()) and name not in required:
            yield f"{where} may be absent now"
        yield from _breaks(schema, new["properties"][name], old_root=old_root, new_root=new_root, place=where,
                           depth=depth + 1)  # fmt: skip
    values = old.get("additionalProperties")
    if isinstance(values, dict):
        wider = new.get("additionalProperties", {})
        wider = wider if isinstance(wider, dict) else {}
        yield from _breaks(values, wider, old_root=old_root, new_root=new_root, place=f"{place}.*", depth=depth + 1)


def _values(old: Schema, new: Schema, place: str) -> Iterator[str]:
    for word in ("pattern", "format"):
        if word in old and old[word] != new.get(word):
            yield f"{place} has another {word}"
    allowed, now = _allowed(old), _allowed(new)
    if allowed is None:
        return
    if now is None:
        yield f"{place} may have any value now"
        return
    for value in now:
        if value not in allowed:
            yield f"{place} may be {value!r} now"


def _allowed(schema: Schema) -> list[Any] | None:
    if "const" in schema:
        return [schema["const"]]
    values: list[Any] | None = schema.get("enum")
    return values


def _branches(schema: Schema, root: Schema) -> dict[str | None, Schema]:
    """By JSON type; under None what has no type, which is anything."""
    if "$ref" in schema:
        return _branches(root["$defs"][schema["$ref"].rpartition("/")[2]], root)
    if "anyOf" in schema:
        found: dict[str | None, Schema] = {}
        for each in schema["anyOf"]:
            for kind, branch in _branches(each, root).items():
                other = kind is not None and kind in found and "$ref" in each  # several objects: each has a name
                found[f"{kind} {each['$ref'].rpartition('/')[2]}" if other else kind] = branch
        return found
    kinds = schema.get("type")
    if isinstance(kinds, list):
        return dict.fromkeys(kinds, schema)
    return {kinds: schema}


def narrower(old: Schema, new: Schema, *, old_root: Schema | None = None, new_root: Schema | None = None) -> list[str]:
    """What a sender to `old` may trip over at `new`: one line each; [] when there is nothing.

    A field that is not taken any more, a new one that must be there, a type, value or length that was allowed.
    """
    return list(_narrows(old, new, old_root=old_root or old, new_root=new_root or new, place="body", depth=0))


def _narrows(old: Schema, new: Schema, *, old_root: Schema, new_root: Schema, place: str, depth: int) -> Iterator[str]:
    if depth > DEPTH_MAX:
        return
    before, after = _branches(old, old_root), _branches(new, new_root)
    if None in after and not after[None].keys() & _BOUNDS.keys():
        return  # anything is taken
    for gone in sorted(kind or "anything" for kind in before.keys() - after.keys()):
        yield f"{place} may not be {gone} any more"
    for kind in before.keys() & after.keys():
        one, other = before[kind], after[kind]
        yield from _bounds(one, other, place)
        if kind is not None and kind.startswith("object"):
            yield from _taken(one, other, old_root=old_root, new_root=new_root, place=place, depth=depth)
        if kind == "array" and "items" in other:
            yield from _narrows(one.get("items", {}), other["items"], old_root=old_root, new_root=new_root,
                                place=f"{place}[]", depth=depth + 1)  # fmt: skip


def _taken(old: Schema, new: Schema, *, old_root: Schema, new_root: Schema, place: str, depth: int) -> Iterator[str]:
    fields, now = old.get("properties", {}), new.get("properties", {})
    for name in sorted(set(new.get("required", ())) - set(old.get("required", ()))):
        yield f"{place}.{name} must be there now"
    for name, schema in fields.items():
        if name in now:
            yield from _narrows(schema, now[name], old_root=old_root, new_root=new_root, place=f"{place}.{name}",
                                depth=depth + 1)  # fmt: skip
        elif new.get("additionalProperties") is False:
            yield f"{place}.{name} is not taken any more"


_BOUNDS = {"minLength": 1, "minimum": 1, "exclusiveMinimum": 1, "minItems": 1, "minProperties": 1,
           "maxLength": -1, "maximum": -1, "exclusiveMaximum": -1, "maxItems": -1, "maxProperties": -1}  # fmt: skip
"""Each limit, and the direction in which it takes less."""


def _bounds(old: Schema, new: Schema, place: str) -> Iterator[str]:
    for word, less in _BOUNDS.items():
        if word in new and (word not in old or (new[word] - old[word]) * less > 0):
            yield f"{place} has {word} {new[word]} now"
    for word in ("pattern", "format"):
        if word in new and new[word] != old.get(word):
            yield f"{place} has another {word}"
    allowed, now = _allowed(old), _allowed(new)
    if now is None:
        return
    if allowed is None:
        yield f"{place} may not have any value any more"
        return
    for value in allowed:
        if value not in now:
            yield f"{place} may not be {value!r} any more"
