"""Which changes of the REST API `make check` refuses, and which it lets pass."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from deploy.contracts import contracts
from deploy.openapi import broken

Document = dict[str, Any]


@pytest.fixture(scope="module")
def now() -> Document:
    document: Document = contracts()["openapi.json"]
    return document


def after(now: Document, change: Callable[[Document], object]) -> list[str]:
    """What callers of the document before the change would trip over after it."""
    changed = copy.deepcopy(now)
    change(changed)
    return broken(now, changed)


def schema(document: Document, name: str) -> Document:
    found: Document = document["components"]["schemas"][name]
    return found


def test_the_same_document_breaks_nobody(now: Document) -> None:
    assert broken(now, now) == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda new: new["paths"].pop("/v1/posts/validate"), "POST /v1/posts/validate is gone"),
        (lambda new: new["paths"]["/v1/posts"].pop("get"), "GET /v1/posts is gone"),
        (lambda new: new["paths"]["/v1/posts"]["get"].update(operationId="x"), "another operationId"),
        (lambda new: schema(new, "PostAnswer")["properties"].pop("state"), "POST /v1/posts: body.state is gone"),
        (
            lambda new: schema(new, "PostAnswer")["required"].remove("state"),
            "POST /v1/posts: body.state may be absent now",
        ),
        (lambda new: schema(new, "PostAnswer")["properties"].update(life={"type": "string"}), "may be string now"),
        (lambda new: schema(new, "PostState")["enum"].append("lost"), "may be 'lost' now"),
        (lambda new: schema(new, "CustomerNew")["required"].append("city"), "body.city must be there now"),
        (lambda new: schema(new, "PostNew")["properties"].pop("cover"), "body.cover is not taken any more"),
        (lambda new: schema(new, "PostNew")["properties"]["media"].update(maxItems=3), "body.media has maxItems 3"),
        (lambda new: schema(new, "Privacy")["enum"].remove("SELF_ONLY"), "may not be 'SELF_ONLY' any more"),
        (lambda new: new["paths"]["/v1/posts"]["get"]["parameters"].pop(), "is not taken any more"),
        (lambda new: new["paths"]["/v1/posts"]["get"]["parameters"][0].update(required=True), "must be there now"),
        (lambda new: new["paths"]["/v1/posts"]["post"]["responses"].pop("201"), "201 is not answered any more"),
        (lambda new: new["paths"]["/v1/keys/{id}/rotate"]["post"]["requestBody"].update(required=True), "a body must"),
        (
            lambda new: new["paths"]["/v1/media"]["post"]["requestBody"]["content"].pop("image/webp"),
            "image/webp is not",
        ),
    ],
)
def test_what_callers_would_trip_over_is_named(now: Document, change: Callable[[Document], object], told: str) -> None:
    assert any(told in line for line in after(now, change)), after(now, change)


@pytest.mark.parametrize(
    "change",
    [
        lambda new: new["paths"].update({"/v1/new": copy.deepcopy(new["paths"]["/v1/capabilities"])}),
        lambda new: schema(new, "PostAnswer")["properties"].update(more={"type": "string"}),
        lambda new: schema(new, "PostNew")["properties"].update(more={"type": "string"}),
        lambda new: schema(new, "PostNew")["properties"]["media"].update(maxItems=99),
        lambda new: schema(new, "Privacy")["enum"].append("FRIENDS"),
        lambda new: new["paths"]["/v1/posts"]["get"].update(summary="Other words"),
    ],
)
def test_what_is_only_more_is_let_pass(now: Document, change: Callable[[Document], object]) -> None:
    assert after(now, change) == []
