"""Endpoints: where a customer wants to hear, the keys that sign for it, and the test event that shows it works."""

from dataclasses import replace
from datetime import timedelta

from aiohttp import hdrs, web

from libs.model.endpoint import (
    SECRETS_MAX,
    Endpoint,
    EndpointState,
    Secret,
    rotated,
)
from libs.model.event import EventType, event
from libs.model.ids import is_id
from libs.model.key import Capability
from libs.model.problem import Problem, Refusal, not_found
from libs.rest.endpoints import (
    EndpointChange,
    EndpointCreated,
    EndpointNew,
    EndpointsQuery,
    PublicKeys,
    Rotation,
    TestAccepted,
)
from services.api.call import Call, Desk, reply, tame
from services.api.doc import endpoints as doc
from services.api.page import page
from services.api.resource.endpoint_shape import (
    changed,
    check,
    fresh_keys,
    public_keys,
    settings,
    shared_secret,
    shown,
)
from services.api.route import Route

ENDPOINTS_MAX = 10_000
"""Of one customer: every event may go to all of them, and to so many it was measured (`make bench`).
Those made at the same moment do not see one another: it may be a few more."""
PUBLIC_KEYS_PATH = "/v1/endpoints/{id}/public-keys"
PUBLIC_KEYS_AGE_S = 300
"""How long a receiver may keep them. A new key signs at once, beside the old one."""


async def create(call: Call) -> web.StreamResponse:
    """201 with the signing secret, which is shown this once."""
    answer = await made(call, await call.body(EndpointNew))
    return reply(answer, status=201, location=f"/v1/endpoints/{answer.id}")


async def made(call: Call, new: EndpointNew) -> EndpointCreated:
    """A new endpoint, with the secret that is shown this once. Raises `Refusal`."""
    owner = await call.owner(new.customer_id)
    await check(call, new, owner=owner)
    keys, id_ = fresh_keys(new.signatures), call.new_id("end")
    if await call.desk.store.endpoints.count(customer_id=owner, besides=id_) >= ENDPOINTS_MAX:
        raise Refusal(_too_many_endpoints())
    kept = await call.desk.store.endpoints.create(
        Endpoint(
            id=id_,
            customer_id=owner,
            state=EndpointState.ENABLED,
            secrets=tuple(Secret(key) for key in keys),
            **settings(new),
        ),
        now=call.now,
    )
    return EndpointCreated(**dict(shown(kept, now=call.now)), secret=shared_secret(keys))


async def listed(call: Call) -> web.StreamResponse:
    """Endpoints, newest first, without secrets."""
    query = call.query(EndpointsQuery)
    rows = await call.desk.store.endpoints.page(
        customer_id=call.scope(query.customer_id), before=query.cursor, limit=query.limit + 1
    )
    return reply(page(rows, lambda row: shown(row, now=call.now), limit=query.limit))


async def get(call: Call) -> web.StreamResponse:
    """One endpoint, without its secret."""
    return reply(shown(await found(call), now=call.now))


async def change(call: Call) -> web.StreamResponse:
    """Changes the fields that are given; what waits to be delivered goes out in the new way."""
    id_ = call.id("end")
    new = await call.body(EndpointChange)
    was = await found(call)
    await check(call, new, owner=was.customer_id, was=was)
    saved = await call.desk.store.endpoints.change(
        id_, customer_id=call.sees, edit=lambda endpoint: changed(endpoint, new), now=call.now
    )
    if saved is None:
        raise call.missing("end")
    return reply(shown(saved, now=call.now))


async def rotate(call: Call) -> web.StreamResponse:
    """201 with the new secret, shown this once. Older keys sign beside the new ones until the overlap is over."""
    id_ = call.id("end")
    asked = await call.body(Rotation, optional=True)
    keys: list[str] = []

    def edit(endpoint: Endpoint) -> Endpoint:
        keys[:] = fresh_keys(asked.signatures or [secret.scheme for secret in endpoint.live(call.now)])
        secrets = rotated(endpoint.secrets, keys, now=call.now, overlap=timedelta(days=asked.overlap_days))
        if len(secrets) > SECRETS_MAX:
            raise Refusal(_too_many_keys())
        return replace(endpoint, secrets=secrets)

    saved = await call.desk.store.endpoints.change(id_, customer_id=call.sees, edit=edit, now=call.now)
    if saved is None:
        raise call.missing("end")
    return reply(EndpointCreated(**dict(shown(saved, now=call.now)), secret=shared_secret(keys)), status=201)


async def published_keys(desk: Desk, request: web.Request) -> web.StreamResponse:
    """The public keys of an endpoint, for anybody: at this address as long as the endpoint is there."""
    id_, now = request.match_info["id"], desk.clock.now()
    found = await desk.store.endpoints.get(id_, customer_id=None) if is_id(id_, "end") else None
    if found is None:
        raise Refusal(not_found("endpoint", tame(id_)))
    response = reply(PublicKeys(keys=public_keys(found, now=now)))
    response.headers[hdrs.CACHE_CONTROL] = f"public, max-age={PUBLIC_KEYS_AGE_S}"
    return response


async def enable(call: Call) -> web.StreamResponse:
    """Lets events flow again, those kept meanwhile first."""
    id_ = call.id("end")
    await call.nothing()
    enabled = await call.desk.store.endpoints.enable(id_, customer_id=call.sees, now=call.now)
    if enabled is None:
        raise call.missing("end")
    await call.ring("notifier")
    return reply(shown(enabled, now=call.now))


async def disable(call: Call) -> web.StreamResponse:
    """Stops sending; events are kept until it is enabled."""
    id_ = call.id("end")
    await call.nothing()
    disabled = await call.desk.store.endpoints.disable(
        id_, customer_id=call.sees, reason="disabled by request", now=call.now
    )
    if disabled is None:
        raise call.missing("end")
    return reply(shown(disabled, now=call.now))


async def delete(call: Call) -> web.StreamResponse:
    """200 with what it was. Nothing is sent to it any more, and its keys are gone for good; what waited for it ends as
    `exhausted`, with `endpoint_deleted` in `last_error`. Deliveries and attempts stay to be read. Twice is fine."""
    id_ = call.id("end")
    await call.nothing()
    gone = await call.desk.store.endpoints.delete(id_, customer_id=call.sees, now=call.now)
    if gone is None:
        raise call.missing("end")
    return reply(shown(gone, now=call.now))


async def test(call: Call) -> web.StreamResponse:
    """202: a `webhook.test` event was recorded. It goes to this endpoint whatever its `events` say, and to every other
    of the customer that wants the type."""
    await call.nothing()
    endpoint = await found(call)
    if endpoint.state is EndpointState.DISABLED:
        title = "The endpoint would not hear a test"
        raise Refusal(Problem("endpoint_disabled", title, 409, "It is disabled.", "Enable it first."))
    told = event(
        EventType.WEBHOOK_TEST,
        key=f"{endpoint.id}:test:{call.new_id('evt')}",
        now=call.now,
        data={"endpoint_id": endpoint.id, "message": "This is a test of your endpoint."},
        customer_id=endpoint.customer_id,
    )
    await call.desk.store.events.record([told], now=call.now)
    await call.ring("notifier")
    return reply(TestAccepted(event_id=told.id, endpoint_id=endpoint.id), status=202)


async def found(call: Call) -> Endpoint:
    """The endpoint of the path, if this key may see it. Raises `Refusal` 404."""
    one = await call.desk.store.endpoints.get(call.id("end"), customer_id=call.sees)
    if one is None:
        raise call.missing("end")
    return one


def _too_many_endpoints() -> Problem:
    detail = f"The customer has {ENDPOINTS_MAX} endpoints, which is as many as a customer may have."
    remedy = "Delete one that is no longer used, or let one hear of more: its events and accounts can be changed."
    return Problem("too_many_endpoints", "No more endpoints", 409, detail, remedy)


def _too_many_keys() -> Problem:
    return Problem(
        "too_many_keys",
        "Too many keys sign for this endpoint",
        409,
        f"With new ones more than {SECRETS_MAX} keys would sign each delivery.",
        "Wait until older keys have ended, or rotate with overlap_days 0.",
    )


ROUTES = (
    Route("POST", "/v1/endpoints", Capability.ENDPOINTS, create, doc=doc.CREATE, write=True),
    Route("GET", "/v1/endpoints", Capability.ENDPOINTS, listed, doc=doc.LISTED, query=EndpointsQuery),
    Route("GET", "/v1/endpoints/{id}", Capability.ENDPOINTS, get, doc=doc.GET),
    Route("PATCH", "/v1/endpoints/{id}", Capability.ENDPOINTS, change, doc=doc.CHANGE, write=True),
    Route("DELETE", "/v1/endpoints/{id}", Capability.ENDPOINTS, delete, doc=doc.DELETE, write=True),
    Route("POST", "/v1/endpoints/{id}/enable", Capability.ENDPOINTS, enable, doc=doc.ENABLE, write=True),
    Route("POST", "/v1/endpoints/{id}/disable", Capability.ENDPOINTS, disable, doc=doc.DISABLE, write=True),
    Route("POST", "/v1/endpoints/{id}/rotate", Capability.ENDPOINTS, rotate, doc=doc.ROTATE, write=True),
    Route("POST", "/v1/endpoints/{id}/test", Capability.ENDPOINTS, test, doc=doc.TEST, write=True),
)
