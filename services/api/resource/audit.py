"""The audit log, to read."""

from aiohttp import web

from libs.model.key import Capability
from libs.rest.audit import AuditAnswer, AuditQuery
from libs.store.rows import Row
from services.api.call import Call, reply
from services.api.doc import audit as doc
from services.api.page import page
from services.api.route import Route


async def listed(call: Call) -> web.StreamResponse:
    """Who did what, newest first: every change, every refusal, every account that was or was not connected."""
    query = call.query(AuditQuery)
    rows = await call.desk.store.audit.page(
        customer_id=call.scope(query.customer_id),
        before=query.cursor,
        limit=query.limit + 1,
        key_id=query.key_id,
        decision=query.decision,
        action=query.action,
        subject=query.subject,
        since=query.since,
        until=query.until,
    )
    return reply(page(rows, _shown, limit=query.limit))


async def get(call: Call) -> web.StreamResponse:
    """One entry."""
    found = await call.desk.store.audit.get(call.id("aud"), customer_id=call.sees)
    if found is None:
        raise call.missing("aud")
    return reply(_shown(found))


def _shown(row: Row) -> AuditAnswer:
    return AuditAnswer(**{name: row[name] for name in AuditAnswer.model_fields})


ROUTES = (
    Route("GET", "/v1/audit", Capability.AUDIT, listed, doc=doc.LISTED, query=AuditQuery),
    Route("GET", "/v1/audit/{id}", Capability.AUDIT, get, doc=doc.GET),
)
