"""Replays: counted first, made, watched, paused, resumed and cancelled."""

from datetime import datetime

from aiohttp import web

from libs.model.endpoint import pattern_errors, wanted
from libs.model.event import EventType, stamp
from libs.model.key import Capability
from libs.model.problem import FieldError, Problem, Refusal, invalid
from libs.rest.replays import DryRun, ReplayAnswer, ReplayNew, ReplaysQuery
from libs.store.replays import Selection
from libs.store.rows import Row
from services.api.call import Call, reply
from services.api.doc import replays as doc
from services.api.page import page
from services.api.route import Route

UNFINISHED_MAX = 10


async def create(call: Call) -> web.StreamResponse:
    """201 with a replay that runs; with `dry_run` 200 and how many deliveries it would send again."""
    new = await call.body(ReplayNew)
    selection = await _selection(call, new)
    if new.dry_run:
        return reply(DryRun(total=await call.desk.store.replays.count(selection)))
    made = await call.desk.store.replays.create(
        call.new_id("rpl"), selection, per_second=new.per_second, now=call.now, unfinished_max=UNFINISHED_MAX
    )
    if made is None:
        detail = f"There are {UNFINISHED_MAX} replays that are neither done nor cancelled."
        remedy = "Wait until one is done, or cancel one: POST /v1/replays/{id}/cancel."
        raise Refusal(Problem("too_many_replays", "No more replays at once", 409, detail, remedy))
    await call.ring("notifier")
    return reply(shown(made), status=201, location=f"/v1/replays/{made['id']}")


async def listed(call: Call) -> web.StreamResponse:
    """Replays, newest first."""
    query = call.query(ReplaysQuery)
    rows = await call.desk.store.replays.page(
        customer_id=call.scope(query.customer_id), before=query.cursor, limit=query.limit + 1
    )
    return reply(page(rows, shown, limit=query.limit))


async def get(call: Call) -> web.StreamResponse:
    """One replay and how far it is."""
    return reply(await _found(call))


async def pause(call: Call) -> web.StreamResponse:
    """Stops it where it is; what is handed out already, a second's worth, goes out. Pausing what does not run changes
    nothing.
    """
    await call.nothing()
    await call.desk.store.replays.pause(call.id("rpl"), customer_id=call.sees, now=call.now)
    return reply(await _found(call))


async def resume(call: Call) -> web.StreamResponse:
    """Goes on where it stopped. Resuming what is not paused changes nothing."""
    await call.nothing()
    await call.desk.store.replays.resume(call.id("rpl"), customer_id=call.sees, now=call.now)
    found = await _found(call)
    await call.ring("notifier")
    return reply(found)


async def cancel(call: Call) -> web.StreamResponse:
    """Ends it where it is, for good. Cancelling what is over changes nothing."""
    await call.nothing()
    await call.desk.store.replays.cancel(call.id("rpl"), customer_id=call.sees, now=call.now)
    return reply(await _found(call))


def shown(row: Row) -> ReplayAnswer:
    return ReplayAnswer(**{name: row[name] for name in ReplayAnswer.model_fields})


async def _found(call: Call) -> ReplayAnswer:
    found = await call.desk.store.replays.get(call.id("rpl"), customer_id=call.sees)
    if found is None:
        raise call.missing("rpl")
    return shown(found)


async def _selection(call: Call, new: ReplayNew) -> Selection:
    until = min(new.until or call.now, call.now)
    errors = [*pattern_errors(new.events), *_time_errors(new.since, until)]
    if errors:
        raise Refusal(invalid(errors))
    owner = await call.owner(new.customer_id)
    if new.endpoint_id is not None:
        endpoint = await call.desk.store.endpoints.get(new.endpoint_id, customer_id=owner)
        if endpoint is None:
            raise Refusal(invalid([FieldError("endpoint_id", "unknown_endpoint", "This customer has no such endpoint.",
                                              remedy="List the endpoints.")]))  # fmt: skip
    every = "*" in new.events
    types = None if every else tuple(str(type_) for type_ in EventType if wanted(new.events, type_))
    return Selection(owner, new.since, until, tuple(dict.fromkeys(new.states)), types, new.endpoint_id)


def _time_errors(since: datetime, until: datetime) -> list[FieldError]:
    if since < until:
        return []
    return [FieldError("since", "not_before_until", "The time range is empty.", limit=stamp(until),
                       found=stamp(since), remedy="Name a since that is earlier than until and now.")]  # fmt: skip


ROUTES = (
    Route("POST", "/v1/replays", Capability.EVENTS, create, doc=doc.CREATE, write=True),
    Route("GET", "/v1/replays", Capability.EVENTS, listed, doc=doc.LISTED, query=ReplaysQuery),
    Route("GET", "/v1/replays/{id}", Capability.EVENTS, get, doc=doc.GET),
    Route("POST", "/v1/replays/{id}/pause", Capability.EVENTS, pause, doc=doc.PAUSE, write=True),
    Route("POST", "/v1/replays/{id}/resume", Capability.EVENTS, resume, doc=doc.RESUME, write=True),
    Route("POST", "/v1/replays/{id}/cancel", Capability.EVENTS, cancel, doc=doc.CANCEL, write=True),
)
