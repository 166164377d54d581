"""Customers: whom the operator posts for."""

from aiohttp import web

from libs.model.key import Capability
from libs.rest.customers import CustomerAnswer, CustomerChange, CustomerDetail, CustomerNew, CustomersQuery
from libs.rest.shape import Page
from libs.store.customers import Customer, Quota
from services.api.call import Call, reply
from services.api.doc import customers as doc
from services.api.page import page
from services.api.route import Route


async def create(call: Call) -> web.StreamResponse:
    """201: a new customer. Names may repeat; the id is what counts."""
    new = await call.body(CustomerNew)
    made = await call.desk.store.customers.create(id_=call.new_id("cus"), name=new.name, now=call.now)
    return reply(shown(made), status=201, location=f"/v1/customers/{made.id}")


async def listed(call: Call) -> web.StreamResponse:
    """Every customer the key may see; for a customer's own key that is one."""
    query = call.query(CustomersQuery)
    if (one := call.scope(query.customer_id)) is not None:
        found = await call.desk.store.customers.get(one)
        return reply(Page[CustomerAnswer](data=(shown(found),) if found else ()))
    rows = await call.desk.store.customers.page(before=query.cursor, limit=query.limit + 1)
    return reply(page(rows, shown, limit=query.limit))


async def get(call: Call) -> web.StreamResponse:
    """One customer."""
    id_ = call.id("cus")
    found = await call.desk.store.customers.get(id_) if call.sees in (None, id_) else None
    if found is None:
        raise call.missing("cus")
    return reply(await _detailed(call, found))


async def change(call: Call) -> web.StreamResponse:
    """Its name, its quotas of media from now on (what is over a smaller one stays, and nothing new is taken until that
    has gone), and whether it has to disclose."""
    asked = await call.body(CustomerChange)
    quotas: dict[Quota, int | None] = {"bytes": asked.media_bytes_max, "files": asked.media_files_max}
    given = {which: most for which, most in quotas.items() if f"media_{which}_max" in asked.model_fields_set}
    found = await call.desk.store.customers.change(
        call.id("cus"), name=asked.name, quotas=given, strict_disclosure=asked.strict_disclosure
    )
    if found is None:
        raise call.missing("cus")
    return reply(await _detailed(call, found))


async def _detailed(call: Call, customer: Customer) -> CustomerDetail:
    usage = await call.desk.store.media.usage(customer.id)
    return CustomerDetail(**shown(customer).model_dump(), media_bytes=usage.bytes, media_files=usage.files)


def shown(customer: Customer) -> CustomerAnswer:
    return CustomerAnswer(
        id=customer.id,
        name=customer.name,
        media_bytes_max=customer.media_bytes_max,
        media_files_max=customer.media_files_max,
        strict_disclosure=customer.strict_disclosure,
        created_at=customer.created_at,
    )


ROUTES = (
    Route("POST", "/v1/customers", Capability.CUSTOMERS, create, doc=doc.CREATE, write=True, operators_only=True),
    Route("GET", "/v1/customers", Capability.CUSTOMERS, listed, doc=doc.LISTED, query=CustomersQuery),
    Route("GET", "/v1/customers/{id}", Capability.CUSTOMERS, get, doc=doc.GET),
    Route("PATCH", "/v1/customers/{id}", Capability.CUSTOMERS, change, doc=doc.CHANGE, write=True, operators_only=True),
)
