"""What needs no key and is no `Route`: probes, contracts, an endpoint's public keys, TikTok's pulls, the way back."""

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

from libs.model.event_type import EventType
from libs.model.payload import json_schema
from libs.model.sample import example
from libs.rest.code import Code
from services.api.doc import endpoints
from services.api.doc.sample import ENDPOINT
from services.api.openapi import header
from services.api.openapi.operation import JSON, plain
from services.api.openapi.refusal import responses

HTML: Final = "text/html"
TEXT: Final[dict[str, Any]] = {"type": "string"}
OBJECT: Final[dict[str, Any]] = {"type": "object"}
PROBE: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["status", "program"],
    "properties": {"status": TEXT, "program": {"const": "api"}, "wrong": OBJECT},
}
EVENT_TYPE: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["type", "schema", "example"],
    "properties": {"type": {"enum": [str(type_) for type_ in EventType]}, "schema": OBJECT, "example": OBJECT},
}
EVENT_TYPES: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["data"],
    "properties": {"data": {"type": "array", "items": EVENT_TYPE}},
}
_SHOWN: Final = EventType.POST_PUBLISHED
_EVENT: Final = {"type": str(_SHOWN), "schema": json_schema(_SHOWN), "example": example(_SHOWN)}


@dataclass(frozen=True, slots=True)
class Keyless:
    """One operation without a key; `answers` has what it says by status, None for no body."""

    path: str
    name: str
    tag: str
    summary: str
    answers: dict[int, tuple[str, dict[str, Any]] | None]
    example: Any = None
    """The 200 answer; what is answered may hold more."""
    description: str = ""
    problems: tuple[Code, ...] = ()
    parameters: tuple[dict[str, Any], ...] = field(default=())
    methods: tuple[str, ...] = ("get",)
    takes: str | None = None
    """The type of its body."""


def _query(name: str, description: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": description, "schema": TEXT}


def _path(name: str, pattern: str, example: str) -> dict[str, Any]:
    schema = {"type": "string", "pattern": pattern}
    return {"name": name, "in": "path", "required": True, "schema": schema, "example": example}


KEYLESS: Final = (
    Keyless(
        "/healthz", "probes.health", "probes", "Whether the process lives", {200: (JSON, PROBE)},
        {"status": "ok", "program": "api"},
    ),
    Keyless(
        "/readyz", "probes.ready", "probes", "Whether it can work", {200: (JSON, PROBE), 503: (JSON, PROBE)},
        {"status": "ready", "program": "api", "wrong": {}},
        "503 names what is wrong: the database, RabbitMQ or the clock.",
    ),
    Keyless("/metrics", "probes.metrics", "probes", "Metrics for Prometheus", {200: ("text/plain", TEXT)}),
    Keyless("/docs", "contracts.page", "contracts", "This document, to read", {200: (HTML, TEXT)}),
    Keyless(
        "/docs/rules", "contracts.rules", "contracts", "TikTok's rules, to read", {200: (HTML, TEXT)}, None,
        "What a post, its media and its account have to be, and what each of TikTok's codes means.",
    ),
    Keyless(
        "/v1/openapi.json", "contracts.openapi", "contracts", "This document", {200: (JSON, OBJECT)},
        {"openapi": "3.1.0"},
    ),
    Keyless(
        "/v1/asyncapi.json", "contracts.asyncapi", "contracts", "What RabbitMQ carries, as AsyncAPI",
        {200: (JSON, OBJECT)}, {"asyncapi": "3.0.0"},
    ),
    Keyless(
        "/v1/event-types", "contracts.event-types", "contracts", "List the types of events",
        {200: (JSON, EVENT_TYPES)}, {"data": [_EVENT]}, "Each with the JSON Schema of its body and an example.",
    ),
    Keyless(
        "/v1/event-types/{type}", "contracts.event-type", "contracts", "Show a type of event",
        {200: (JSON, EVENT_TYPE)}, _EVENT, "Its JSON Schema and an example.", (Code.NOT_FOUND,),
        (_path("type", "^[a-z_]{1,30}\\.[a-z_]{1,40}$", str(_SHOWN)),),
    ),
    Keyless(
        "/v1/endpoints/{id}/public-keys", "endpoints.public-keys", "endpoints", "Show an endpoint's public keys",
        {200: (JSON, {"$ref": "#/components/schemas/PublicKeys"})}, plain(endpoints.PUBLIC_KEYS),
        "The ed25519 keys that verify its deliveries (`v1a`), for anybody: they are no secrets.",
        (Code.NOT_FOUND, Code.STORE_UNAVAILABLE),
        (_path("id", "^end_[0-9a-hjkmnp-tv-z]{26}$", ENDPOINT),),
    ),
    Keyless(
        "/oauth/tiktok/callback", "accounts.callback", "for TikTok", "Where the creator's browser comes back",
        dict.fromkeys((200, 400, 502, 503), (HTML, TEXT)), None,
        "A page that says how it ended. A state works once.", (),
        (
            _query("state", "That of the link."), _query("code", "TikTok's, when the creator agreed."),
            _query("error", "TikTok's word, when not."), _query("error_description", "In more words."),
        ),
    ),
    Keyless(
        "/oauth/tiktok/reconnect/{token}", "accounts.reopen", "accounts", "Open a link to reconnect",
        {302: None} | dict.fromkeys((200, 400, 410, 429, 503), (HTML, TEXT)), None,
        "The `link` of `POST /v1/accounts/{id}/reconnect`, for the creator's browser: 302 to TikTok, or a page that"
        " says why not; 200 when the account is connected again already.", (),
        (_path("token", "^[A-Za-z0-9_-]{43}$", "A" * 43),),
    ),
    Keyless(
        "/pull/{token}/{name}", "media.pull", "for TikTok", "Where TikTok fetches media",
        {status: ("application/octet-stream", {}) for status in (200, 206)} | {416: None}, None,
        "An address is a secret of its own, good for one publication until that is settled. Takes `Range`.",
        (Code.STORE_UNAVAILABLE,),
        (
            _path("token", "^[A-Za-z0-9_-]{43}$", "A" * 43), _path("name", "^[0-9]{1,2}\\.[a-z0-9]{2,4}$", "0.jpg"),
        ),
        ("get", "head"),
    ),
    Keyless(
        "/push/{token}", "media.push", "media", "Send a file to where it is awaited", {204: None}, None,
        "The address that `POST /v1/media/uploads` gave, for a store of files that has none of its own. It is a secret"
        " of its own, good for one whole file of the size that was said.",
        (
            Code.INVALID_REQUEST, Code.BODY_BROKEN, Code.REQUEST_TIMEOUT, Code.TOO_LARGE, Code.MALFORMED_FORM,
            Code.UNSUPPORTED_MEDIA_TYPE, Code.STORE_UNAVAILABLE, Code.MEDIA_STORE_FAILED, Code.MEDIA_STORE_FULL,
        ),
        (_path("token", "^[A-Za-z0-9_-]{43}$", "A" * 43),), ("put",), "application/octet-stream",
    ),
)  # fmt: skip


def operations(one: Keyless, *, refusals: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Method → operation."""
    problems = [Code.HTTP_ERROR, Code.UNREADABLE_REQUEST, Code.INTERNAL_ERROR, *one.problems]
    problems += [Code.UNKNOWN_ADDRESS] if "{" in one.path else []
    refused = responses(sorted(problems), components=refusals)
    answers = {str(status): _answer(one, status) for status in one.answers}
    return {
        method: {
            "operationId": one.name if method != "head" else f"{one.name}.{method}",
            "summary": one.summary,
            "description": one.description or f"{one.summary}.",
            "tags": [one.tag],
            "security": [],
            "parameters": list(one.parameters),
            **({"requestBody": {"content": {one.takes: {"schema": {"type": "string", "format": "binary"}}}}}
               if one.takes else {}),
            "responses": {status: _bare(said) if method == "head" else said
                          for status, said in sorted((refused | answers).items())},
        }
        for method in one.methods
    }  # fmt: skip


def _answer(one: Keyless, status: int) -> dict[str, Any]:
    made: dict[str, Any] = {"description": HTTPStatus(status).phrase, "headers": header.refs("X-Request-Id")}
    if (said := one.answers[status]) is not None:
        kind, schema = said
        shown = {"example-1": {"summary": one.summary, "value": one.example}}
        made["content"] = {kind: {"schema": schema} | ({"examples": shown} if one.example and status == 200 else {})}
    return made


def _bare(answer: dict[str, Any]) -> dict[str, Any]:
    """HEAD has no body."""
    if "$ref" in answer:
        return {"description": "As for GET, without a body.", "headers": header.refs("X-Request-Id")}
    return {name: value for name, value in answer.items() if name != "content"}
