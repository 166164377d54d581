"""Groups: a place for one TikTok account. Which account is in one is changed at the account."""

from aiohttp import web

from libs.model.key import Capability
from libs.rest.groups import GroupAnswer, GroupChange, GroupNew, GroupsQuery
from libs.store.apps import Group
from services.api.call import Call, reply
from services.api.doc import groups as doc
from services.api.page import page
from services.api.route import Route


async def create(call: Call) -> web.StreamResponse:
    """201: an empty group."""
    new = await call.body(GroupNew)
    owner = await call.owner(new.customer_id)
    made = await call.desk.store.groups.create(id_=call.new_id("grp"), customer_id=owner, name=new.name, now=call.now)
    return reply(_shown(made), status=201, location=f"/v1/groups/{made.id}")


async def listed(call: Call) -> web.StreamResponse:
    """Groups, newest first."""
    query = call.query(GroupsQuery)
    rows = await call.desk.store.groups.page(
        customer_id=call.scope(query.customer_id), before=query.cursor, limit=query.limit + 1
    )
    return reply(page(rows, _shown, limit=query.limit))


async def get(call: Call) -> web.StreamResponse:
    """One group."""
    return reply(_shown(await found(call)))


async def found(call: Call) -> Group:
    """The group of the path, if this key may see it. Raises `Refusal` 404."""
    one = await call.desk.store.groups.get(call.id("grp"), customer_id=call.sees)
    if one is None:
        raise call.missing("grp")
    return one


async def rename(call: Call) -> web.StreamResponse:
    """Gives it another name."""
    id_ = call.id("grp")
    new = await call.body(GroupChange)
    changed = await call.desk.store.groups.rename(id_, customer_id=call.sees, name=new.name)
    if changed is None:
        raise call.missing("grp")
    return reply(_shown(changed))


async def delete(call: Call) -> web.StreamResponse:
    """The group is gone, and with it every grant that named it; its account stays, in no group."""
    id_ = call.id("grp")
    await call.nothing()
    gone = await call.desk.store.groups.get(id_, customer_id=call.sees)
    if gone is None or not await call.desk.store.groups.delete(id_, customer_id=call.sees):
        raise call.missing("grp")
    return reply(_shown(gone))


def _shown(group: Group) -> GroupAnswer:
    names = GroupAnswer.model_fields
    return GroupAnswer(**{name: getattr(group, name) for name in names})


ROUTES = (
    Route("POST", "/v1/groups", Capability.ACCOUNTS, create, doc=doc.CREATE, write=True),
    Route("GET", "/v1/groups", Capability.ACCOUNTS, listed, doc=doc.LISTED, query=GroupsQuery),
    Route("GET", "/v1/groups/{id}", Capability.ACCOUNTS, get, doc=doc.GET),
    Route("PATCH", "/v1/groups/{id}", Capability.ACCOUNTS, rename, doc=doc.RENAME, write=True),
    Route("DELETE", "/v1/groups/{id}", Capability.ACCOUNTS, delete, doc=doc.DELETE, write=True),
)
