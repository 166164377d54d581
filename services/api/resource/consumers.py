"""Consumers: fetch, work, acknowledge. What was fetched and not acknowledged is fetched again."""

import orjson
from aiohttp import web

from libs.model.endpoint import pattern_errors, wanted
from libs.model.event import EventType
from libs.model.key import Capability
from libs.model.problem import FieldError, Problem, Refusal, invalid, not_found
from libs.rest.consumers import (
    Acknowledgement,
    ConsumerAnswer,
    ConsumerNew,
    ConsumerQuery,
    ConsumersQuery,
    FetchQuery,
    Removed,
    Seek,
)
from libs.store.consumers import Consumer
from services.api.call import Call, reply, tame
from services.api.doc import consumers as doc
from services.api.page import page
from services.api.route import Route

CONSUMERS_MAX = 100
"""Of one customer."""
BEGINNING = "0."


async def create(call: Call) -> web.StreamResponse:
    """201 with a consumer that begins where `start` says."""
    new = await call.body(ConsumerNew)
    if errors := pattern_errors(new.events):
        raise Refusal(invalid(errors))
    owner = await call.owner(new.customer_id) if new.customer_id or call.sees else None
    made = await call.desk.store.consumers.create(
        id_=call.new_id("con"),
        customer_id=owner,
        name=new.name,
        events=list(dict.fromkeys(new.events)),
        cursor={"now": None, "beginning": BEGINNING}.get(new.start, new.start),
        most=CONSUMERS_MAX,
        now=call.now,
    )
    if made is None:
        raise Refusal(_not_made())
    return reply(shown(made), status=201, location=f"/v1/consumers/{made.name}")


async def listed(call: Call) -> web.StreamResponse:
    """Consumers, newest first."""
    query = call.query(ConsumersQuery)
    rows = await call.desk.store.consumers.page(
        customer_id=call.scope(query.customer_id), before=query.cursor, limit=query.limit + 1
    )
    return reply(page(rows, shown, limit=query.limit))


async def get(call: Call) -> web.StreamResponse:
    """One consumer."""
    return reply(shown(await _found(call, call.query(ConsumerQuery))))


async def fetch(call: Call) -> web.StreamResponse:
    """The oldest events that are not acknowledged; acknowledge `next_cursor` when all of them are worked."""
    query = call.query(FetchQuery)
    consumer = await _found(call, query)
    every = "*" in consumer.events
    items = await call.desk.store.events.feed(
        customer_id=consumer.customer_id,
        cursor=consumer.cursor,
        limit=query.limit,
        types=None if every else [str(type_) for type_ in EventType if wanted(consumer.events, type_)],
    )
    data = [orjson.Fragment(item.body) for item in items]  # the bytes that endpoints get
    body = orjson.dumps({"data": data, "next_cursor": items[-1].cursor if items else consumer.cursor})
    return web.Response(body=body, content_type="application/json")


async def acknowledge(call: Call) -> web.StreamResponse:
    """Everything up to the cursor is done with. Twice or too late changes nothing; it never goes back."""
    asked = await call.body(Acknowledgement)
    query = call.query(ConsumerQuery)
    consumer = await _found(call, query)
    if not await call.desk.store.consumers.acknowledge(consumer, asked.cursor, now=call.now):
        detail = "This place of the feed cannot have been read yet."
        raise Refusal(invalid([FieldError("cursor", "not_readable", detail, found=asked.cursor,
                                          remedy="Acknowledge a next_cursor that was fetched.")]))  # fmt: skip
    return reply(shown(await _found(call, query)))


async def seek(call: Call) -> web.StreamResponse:
    """Goes on from another place, forward or back."""
    asked = await call.body(Seek)
    consumer = await _found(call, call.query(ConsumerQuery))
    moved = await call.desk.store.consumers.seek(
        consumer, cursor=BEGINNING if asked.to == "beginning" else asked.cursor, since=asked.time, now=call.now
    )
    if moved is None:
        raise _missing(call)
    return reply(shown(moved))


async def remove(call: Call) -> web.StreamResponse:
    """The place is forgotten; the events stay."""
    query = call.query(ConsumerQuery)
    await call.nothing()
    if not await call.desk.store.consumers.remove(_name(call), customer_id=call.scope(query.customer_id)):
        raise _missing(call)
    return reply(Removed())


def shown(consumer: Consumer) -> ConsumerAnswer:
    return ConsumerAnswer(
        id=consumer.id,
        customer_id=consumer.customer_id,
        name=consumer.name,
        events=consumer.events,
        cursor=consumer.cursor,
        acknowledged_at=consumer.acknowledged_at,
        created_at=consumer.created_at,
    )


def _name(call: Call) -> str:
    return tame(call.request.match_info["name"]).replace("\x00", "")


async def _found(call: Call, query: ConsumerQuery) -> Consumer:
    owner = call.scope(query.customer_id)
    found = await call.desk.store.consumers.get(_name(call), customer_id=owner)
    if found is None:
        raise _missing(call)
    return found


def _missing(call: Call) -> Refusal:
    return Refusal(not_found("consumer", _name(call)))


def _not_made() -> Problem:
    detail = f"There is a consumer of this name, or there are {CONSUMERS_MAX} already."
    return Problem("consumer_exists", "The consumer was not made", 409, detail, "Use it, or choose another name.")


ROUTES = (
    Route("POST", "/v1/consumers", Capability.EVENTS, create, doc=doc.CREATE, write=True),
    Route("GET", "/v1/consumers", Capability.EVENTS, listed, doc=doc.LISTED, query=ConsumersQuery),
    Route("GET", "/v1/consumers/{name}", Capability.EVENTS, get, doc=doc.GET, query=ConsumerQuery),
    Route("GET", "/v1/consumers/{name}/events", Capability.EVENTS, fetch, doc=doc.FETCH, query=FetchQuery),
    Route(
        "POST",
        "/v1/consumers/{name}/acknowledge",
        Capability.EVENTS,
        acknowledge,
        doc=doc.ACKNOWLEDGE,
        write=True,
        query=ConsumerQuery,
    ),
    Route("POST", "/v1/consumers/{name}/seek", Capability.EVENTS, seek, doc=doc.SEEK, write=True, query=ConsumerQuery),
    Route("DELETE", "/v1/consumers/{name}", Capability.EVENTS, remove, doc=doc.REMOVE, write=True, query=ConsumerQuery),
)
