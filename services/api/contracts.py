"""The contracts, for everybody: what events look like, and what RabbitMQ carries. No key is asked for."""

from functools import cache

import orjson
from aiohttp import web

from libs.broker.asyncapi import asyncapi
from libs.model.event_type import EventType
from libs.model.payload import json_schema
from libs.model.problem import Refusal, not_found
from libs.model.sample import example
from services.api.call import tame

_CACHED = {"Cache-Control": "public, max-age=3600"}


def add_contracts(app: web.Application) -> None:
    """Routes that need no key: they tell nothing about anybody."""
    app.router.add_get("/v1/event-types", _listed)
    app.router.add_get("/v1/event-types/{type}", _one)
    app.router.add_get("/v1/asyncapi.json", _asyncapi)


async def _listed(_: web.Request) -> web.Response:
    """Every type of event, with its schema and an example."""
    return _json(_all_types())


async def _one(request: web.Request) -> web.Response:
    """One type of event."""
    asked = request.match_info["type"]
    if asked not in set(EventType):
        raise Refusal(not_found("event type", tame(asked)))
    return _json(orjson.dumps(_shown(EventType(asked))))


async def _asyncapi(_: web.Request) -> web.Response:
    return _json(_asyncapi_bytes())


@cache
def _all_types() -> bytes:
    return orjson.dumps({"data": [_shown(type_) for type_ in EventType]})


@cache
def _asyncapi_bytes() -> bytes:
    return orjson.dumps(asyncapi())


def _shown(type_: EventType) -> dict[str, object]:
    return {"type": str(type_), "schema": json_schema(type_), "example": example(type_)}


def _json(body: bytes) -> web.Response:
    return web.Response(body=body, content_type="application/json", headers=_CACHED)
