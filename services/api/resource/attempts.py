"""Attempts: every try of every delivery, searched."""

from datetime import timedelta

from aiohttp import web

from libs.model.event import stamp
from libs.model.key import Capability
from libs.model.problem import FieldError, Refusal, invalid
from libs.rest.deliveries import AttemptsQuery, FoundAttempt
from libs.store.attempts import Search
from libs.store.rows import Row
from services.api.call import Call, reply
from services.api.doc import deliveries as doc
from services.api.page import page
from services.api.resource.deliveries import tried
from services.api.route import Route

LONG = timedelta(days=366)
"""Older than anything that is kept, where no time is asked for."""
SOON = timedelta(minutes=5)


async def listed(call: Call) -> web.StreamResponse:
    """Attempts, newest first."""
    query = call.query(AttemptsQuery)
    until = query.until or call.now + SOON
    since = query.since or until - LONG
    if since >= until:
        raise Refusal(invalid([FieldError("since", "not_before_until", "The time range is empty.",
                                          limit=stamp(until), remedy="Name an earlier since.")]))  # fmt: skip
    search = Search(since, until, query.endpoint_id, query.event_id, query.status, query.failed, query.text)
    rows = await call.desk.store.attempts.search(
        search, customer_id=call.scope(query.customer_id), before=query.cursor, limit=query.limit + 1
    )
    return reply(page(rows, shown, limit=query.limit))


def shown(row: Row) -> FoundAttempt:
    where = {name: row[name] for name in ("delivery_id", "endpoint_id", "event_id")}
    return FoundAttempt(**where, **tried(row))


ROUTES = (Route("GET", "/v1/attempts", Capability.EVENTS, listed, doc=doc.ATTEMPTS, query=AttemptsQuery),)
