"""Events: the feed of everything that happened, in the order it was committed."""

import orjson
from aiohttp import web

from libs.model.key import Capability
from libs.rest.events import EventsQuery
from services.api.call import Call
from services.api.doc import events as doc
from services.api.route import Route


async def feed(call: Call) -> web.StreamResponse:
    """Events after `cursor`, oldest first; never skips one that commits late. See `libs.rest.events.Feed`."""
    query = call.query(EventsQuery)
    items = await call.desk.store.events.feed(
        customer_id=call.scope(query.customer_id),
        cursor=query.cursor,
        limit=query.limit,
        types=[query.type] if query.type else None,
        post_id=query.post_id,
        reach=call.reach,
    )
    # The bodies are JSON already, and stay the bytes that endpoints get.
    data = [orjson.Fragment(item.body) for item in items]
    body = orjson.dumps({"data": data, "next_cursor": items[-1].cursor if items else query.cursor})
    return web.Response(body=body, content_type="application/json")


async def get(call: Call) -> web.StreamResponse:
    """One event: the webhook body."""
    body = await call.desk.store.events.get(call.id("evt"), customer_id=call.sees, reach=call.reach)
    if body is None:
        raise call.missing("evt")
    return web.Response(body=body.encode(), content_type="application/json")


ROUTES = (
    Route("GET", "/v1/events", Capability.EVENTS, feed, doc=doc.FEED, query=EventsQuery, per_account=True),
    Route("GET", "/v1/events/{id}", Capability.EVENTS, get, doc=doc.GET, per_account=True),
)
