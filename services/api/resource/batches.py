"""Batches: how far the posts of one request for several accounts are."""

from aiohttp import web

from libs.model.key import Capability
from libs.rest.batches import BatchesQuery, BatchProgress
from libs.store.lists import Batch
from services.api.call import Call, reply
from services.api.doc import batches as doc
from services.api.page import page
from services.api.route import Route


async def listed(call: Call) -> web.StreamResponse:
    """Batches, newest first."""
    query = call.query(BatchesQuery)
    rows = await call.desk.store.lists.batches(
        customer_id=call.scope(query.customer_id), before=query.cursor, limit=query.limit + 1
    )
    return reply(page(rows, _shown, limit=query.limit))


async def get(call: Call) -> web.StreamResponse:
    """One batch. A key for single accounts sees a batch that has a post of theirs, and of its states only those."""
    found = await call.desk.store.lists.batch(call.id("bat"), customer_id=call.sees, reach=call.reach)
    if found is None:
        raise call.missing("bat")
    return reply(_shown(found))


def _shown(batch: Batch) -> BatchProgress:
    return BatchProgress(
        id=batch.id,
        customer_id=batch.customer_id,
        total=batch.total,
        settled=batch.total - batch.unsettled,
        complete=batch.unsettled == 0,
        states=batch.states,
        created_at=batch.created_at,
    )


ROUTES = (
    Route("GET", "/v1/batches", Capability.POSTS, listed, doc=doc.LISTED, query=BatchesQuery),
    Route("GET", "/v1/batches/{id}", Capability.POSTS, get, doc=doc.GET, per_account=True),
)
