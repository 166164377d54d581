"""What events carry: every type has a contract, an example that keeps it, and no event breaks it."""

from typing import Any

import orjson
import pytest
from model_things import NOW

from libs.model.compatible import breaking
from libs.model.event import Event, EventType, event
from libs.model.payload import PAYLOADS, BadEvent, check, json_schema
from libs.model.sample import DATA, example

jsonschema = pytest.importorskip("jsonschema")


def make(type_: EventType, data: dict[str, Any]) -> Event:
    return event(type_, key="k", now=NOW, data=data, customer_id="cus_1")


def test_every_type_has_a_contract_and_an_example() -> None:
    assert set(EventType) == set(PAYLOADS) == set(DATA)


@pytest.mark.parametrize("type_", EventType)
def test_an_example_is_an_event_and_keeps_its_schema_to_a_stranger_too(type_: EventType) -> None:
    told = orjson.loads(make(type_, DATA[type_]).body)
    judge = jsonschema.Draft202012Validator(json_schema(type_))

    judge.check_schema(json_schema(type_))
    judge.validate(told)
    judge.validate(example(type_))
    check(type_, orjson.dumps(example(type_)))


@pytest.mark.parametrize("type_", EventType)
def test_an_event_without_a_promised_field_or_with_another_type_of_value_is_not_made(type_: EventType) -> None:
    schema = json_schema(type_)
    data = schema["$defs"][schema["properties"]["data"]["$ref"].rpartition("/")[2]]
    for name in data["required"]:
        without = {key: value for key, value in DATA[type_].items() if key != name}
        with pytest.raises(BadEvent, match=rf"data\.{name}"):
            make(type_, without)
    for name, value in DATA[type_].items():
        if isinstance(value, str) and name in data["properties"] and data["properties"][name].get("type") == "string":
            with pytest.raises(BadEvent, match=rf"data\.{name}"):
                make(type_, DATA[type_] | {name: 7})


def test_a_broken_contract_is_told_without_the_values() -> None:
    with pytest.raises(BadEvent) as caught:
        make(EventType.WEBHOOK_TEST, {"endpoint_id": "end_1", "message": ["secret"]})

    assert "secret" not in str(caught.value)


def test_a_new_field_breaks_nobody_and_deep_metadata_is_still_told() -> None:
    deep: Any = "x"
    for _ in range(240):
        deep = [deep]

    told = make(EventType.TIKTOK_UNRECOGNIZED, DATA[EventType.TIKTOK_UNRECOGNIZED] | {"content": deep, "newer": 1})

    assert orjson.loads(told.body)["data"]["newer"] == 1


def an_object(required: list[str], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": required}


TEXT, NUMBER = {"type": "string"}, {"type": "integer"}
MAYBE = {"anyOf": [TEXT, {"type": "null"}]}


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        (an_object(["a"], a=TEXT), an_object(["a", "b"], a=TEXT, b=TEXT), []),
        (an_object(["a"], a=MAYBE), an_object(["a"], a=TEXT), []),
        (an_object([], a=TEXT), an_object(["a"], a=TEXT), []),
        (an_object([], a={}), an_object([], a=TEXT), []),
        (an_object(["a"], a=TEXT), an_object([]), ["body.a is gone"]),
        (an_object(["a"], a=TEXT), an_object([], a=TEXT), ["body.a may be absent now"]),
        (an_object(["a"], a=TEXT), an_object(["a"], a=MAYBE), ["body.a may be null now"]),
        (an_object(["a"], a=TEXT), an_object(["a"], a={}), ["body.a may be anything now"]),
        (an_object(["a"], a=TEXT), an_object(["a"], a=NUMBER), ["body.a may be integer now"]),
        (an_object([], a={"const": "x", **TEXT}), an_object([], a={"enum": ["x", "y"], **TEXT}),
         ["body.a may be 'y' now"]),
        (an_object([], a={"const": "x", **TEXT}), an_object([], a=TEXT), ["body.a may have any value now"]),
        (an_object([], a={"pattern": "x", **TEXT}), an_object([], a=TEXT), ["body.a has another pattern"]),
        (
            an_object([], a={"type": "array", "items": an_object(["b"], b=TEXT)}),
            an_object([], a={"type": "array", "items": an_object(["b"], b=NUMBER)}),
            ["body.a[].b may be integer now"],
        ),
        (
            an_object([], a={"type": "object", "additionalProperties": NUMBER}),
            an_object([], a={"type": "object", "additionalProperties": TEXT}),
            ["body.a.* may be string now"],
        ),
        (
            {"$defs": {"D": an_object(["b"], b=TEXT)}, **an_object(["a"], a={"$ref": "#/$defs/D"})},
            {"$defs": {"E": an_object([], b=TEXT)}, **an_object(["a"], a={"$ref": "#/$defs/E"})},
            ["body.a.b may be absent now"],
        ),
    ],
)  # fmt: skip
def test_what_breaks_a_reader_is_named(old: dict[str, Any], new: dict[str, Any], found: list[str]) -> None:
    assert breaking(old, new) == found
    assert breaking(old, old) == breaking(new, new) == []
