"""Deliveries: what became of each event at each endpoint, and sending one again."""

from datetime import MAXYEAR, datetime
from typing import Any

import orjson
from aiohttp import web

from libs.model.delivery import DeliveryState
from libs.model.key import Capability
from libs.model.problem import Problem, Refusal
from libs.rest.deliveries import AttemptAnswer, DeliveriesQuery, DeliveryAnswer, DeliveryDetail
from libs.store.rows import Row
from services.api.call import Call, reply
from services.api.doc import deliveries as doc
from services.api.page import page
from services.api.route import Route


async def listed(call: Call) -> web.StreamResponse:
    """Deliveries, newest first."""
    query = call.query(DeliveriesQuery)
    rows = await call.desk.store.deliveries.page(
        customer_id=call.scope(query.customer_id),
        before=query.cursor,
        limit=query.limit + 1,
        endpoint_id=query.endpoint_id,
        event_id=query.event_id,
        state=query.state,
    )
    return reply(page(rows, shown, limit=query.limit))


async def get(call: Call) -> web.StreamResponse:
    """One delivery with its attempts, oldest first."""
    return reply(await _detail(call))


async def redeliver(call: Call) -> web.StreamResponse:
    """202: it will be sent again at its endpoint's next turn, whatever became of it before; the event id stays."""
    await call.nothing()
    if await call.desk.store.deliveries.redeliver(call.id("dlv"), customer_id=call.sees, now=call.now) is None:
        found = await _detail(call)  # else it is missing
        raise Refusal(_deleted(found.endpoint_id))
    await call.ring("notifier")
    return reply(await _detail(call), status=202)


async def _detail(call: Call) -> DeliveryDetail:
    found = await call.desk.store.deliveries.get(call.id("dlv"), customer_id=call.sees)
    if found is None:
        raise call.missing("dlv")
    attempts = await call.desk.store.deliveries.attempts(found["id"])
    return DeliveryDetail(**_fields(found), attempts=tuple(_attempt(row) for row in attempts))


def _deleted(endpoint_id: str) -> Problem:
    detail = f"Its endpoint {endpoint_id} was deleted."
    remedy = "Register an endpoint again; it hears what happens from then on, and GET /v1/events has what happened."
    return Problem("endpoint_deleted", "There is nowhere to send it", 409, detail, remedy)


def shown(row: Row) -> DeliveryAnswer:
    return DeliveryAnswer(**_fields(row))


def _fields(row: Row) -> dict[str, Any]:
    same = ("id", "customer_id", "event_id", "endpoint_id", "tries", "last_status", "last_error", "created_at")
    fields = {name: row[name] for name in (*same, "finished_at")}
    return fields | {
        "event_type": row["type"],
        "state": DeliveryState(row["state"]),
        "next_try_at": next_try(row["alarm"], row["paused_until"]),
    }


def next_try(alarm: datetime | None, paused_until: datetime | None) -> datetime | None:
    """Not before the pause of its lane ends. What waits for its turn has an alarm at infinity, what is disabled such a
    pause.
    """
    if alarm is None:
        return None
    both = [at for at in (alarm, paused_until) if at is not None]
    return max(both) if all(at.year < MAXYEAR for at in both) else None


def _attempt(row: Row) -> AttemptAnswer:
    return AttemptAnswer(**tried(row))


def tried(row: Row) -> dict[str, Any]:
    """The fields of an attempt: its columns, and what is kept of it as JSON."""
    names = ("id", "n", "at", "status", "error", "ms", "response", "why", "next_at")
    detail = orjson.loads(row["detail"]) if row["detail"] else {}
    return {name: row[name] for name in names} | detail


ROUTES = (
    Route("GET", "/v1/deliveries", Capability.EVENTS, listed, doc=doc.LISTED, query=DeliveriesQuery),
    Route("GET", "/v1/deliveries/{id}", Capability.EVENTS, get, doc=doc.GET),
    Route("POST", "/v1/deliveries/{id}/redeliver", Capability.EVENTS, redeliver, doc=doc.REDELIVER, write=True),
)
