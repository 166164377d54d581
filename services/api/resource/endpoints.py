"""Endpoints: where a customer wants to hear, and the test event that shows whether it does."""

from aiohttp import web

from libs import signing
from libs.model.endpoint import Endpoint, EndpointState, pattern_errors, wanted
from libs.model.event import EventType, event
from libs.model.ids import new_id
from libs.model.key import Capability
from libs.model.problem import FieldError, Problem, Refusal, invalid
from libs.rest.endpoints import (
    EndpointAnswer,
    EndpointChange,
    EndpointCreated,
    EndpointNew,
    EndpointsQuery,
    TestAccepted,
)
from services.api.call import Call, reply
from services.api.page import page
from services.api.route import Route


async def create(call: Call) -> web.StreamResponse:
    """201 with the signing secret, which is shown this once."""
    new = await call.body(EndpointNew)
    await _check(call, url=new.url, events=new.events)
    owner = await call.owner(new.customer_id)
    secret = signing.new_secret().reveal()
    made = await call.desk.store.endpoints.create(
        id_=new_id("end", call.now),
        customer_id=owner,
        url=new.url,
        events=list(dict.fromkeys(new.events)),
        secret=secret,
        description=new.description,
        timeout_s=new.timeout_s,
        now=call.now,
    )
    answer = EndpointCreated(**dict(shown(made)), secret=secret)
    return reply(answer, status=201, location=f"/v1/endpoints/{made.id}")


async def listed(call: Call) -> web.StreamResponse:
    """Endpoints, newest first, without secrets."""
    query = call.query(EndpointsQuery)
    rows = await call.desk.store.endpoints.page(
        customer_id=call.scope(query.customer_id), before=query.cursor, limit=query.limit + 1
    )
    return reply(page(rows, shown, limit=query.limit))


async def get(call: Call) -> web.StreamResponse:
    """One endpoint, without its secret."""
    return reply(shown(await _found(call)))


async def change(call: Call) -> web.StreamResponse:
    """Changes the fields that are given; what waits to be delivered goes to the new URL."""
    id_ = call.id("end")
    new = await call.body(EndpointChange)
    if nulls := [name for name in new.model_fields_set if getattr(new, name) is None]:
        raise Refusal(invalid([FieldError(name, "null", "This cannot be emptied.") for name in sorted(nulls)]))
    await _found(call)
    await _check(call, url=new.url, events=new.events)
    changed = await call.desk.store.endpoints.change(
        id_,
        customer_id=call.sees,
        url=new.url,
        events=list(dict.fromkeys(new.events)) if new.events is not None else None,
        description=new.description,
        timeout_s=new.timeout_s,
        now=call.now,
    )
    if changed is None:
        raise call.missing("end")
    return reply(shown(changed))


async def enable(call: Call) -> web.StreamResponse:
    """Lets events flow again, those kept meanwhile first."""
    id_ = call.id("end")
    await call.nothing()
    enabled = await call.desk.store.endpoints.enable(id_, customer_id=call.sees, now=call.now)
    if enabled is None:
        raise call.missing("end")
    await call.ring("notifier")
    return reply(shown(enabled))


async def disable(call: Call) -> web.StreamResponse:
    """Stops sending; events are kept until it is enabled."""
    id_ = call.id("end")
    await call.nothing()
    disabled = await call.desk.store.endpoints.disable(
        id_, customer_id=call.sees, reason="disabled by request", now=call.now
    )
    if disabled is None:
        raise call.missing("end")
    return reply(shown(disabled))


async def test(call: Call) -> web.StreamResponse:
    """202: a `webhook.test` event was recorded. It goes to every endpoint of the customer that wants the type."""
    await call.nothing()
    endpoint = await _found(call)
    if endpoint.state is EndpointState.DISABLED:
        raise Refusal(_untestable("endpoint_disabled", "It is disabled.", "Enable it first."))
    if not wanted(endpoint.events, EventType.WEBHOOK_TEST):
        remedy = f"Add {EventType.WEBHOOK_TEST} or * to its events."
        raise Refusal(_untestable("test_not_wanted", f"Its events leave out {EventType.WEBHOOK_TEST}.", remedy))
    told = event(
        EventType.WEBHOOK_TEST,
        key=f"{endpoint.id}:test:{new_id('evt', call.now)}",
        now=call.now,
        data={"endpoint_id": endpoint.id, "message": "This is a test of your endpoint."},
        customer_id=endpoint.customer_id,
    )
    await call.desk.store.events.record([told], now=call.now)
    await call.ring("notifier")
    return reply(TestAccepted(event_id=told.id, endpoint_id=endpoint.id), status=202)


def shown(endpoint: Endpoint) -> EndpointAnswer:
    return EndpointAnswer(
        id=endpoint.id,
        customer_id=endpoint.customer_id,
        url=endpoint.url,
        events=endpoint.events,
        description=endpoint.description,
        timeout_s=round(endpoint.timeout_s, 3),  # kept in single precision
        state=endpoint.state,
        reason=endpoint.reason,
        failing_since=endpoint.failing_since,
        created_at=endpoint.created_at,
    )


async def _found(call: Call) -> Endpoint:
    found = await call.desk.store.endpoints.get(call.id("end"), customer_id=call.sees)
    if found is None:
        raise call.missing("end")
    return found


async def _check(call: Call, *, url: str | None, events: tuple[str, ...] | None) -> None:
    errors = pattern_errors(events) if events is not None else []
    refusal = await call.desk.egress.check(url) if url is not None and not errors else None
    if refusal is not None:
        errors = [FieldError("url", str(refusal.reason), f"{_sentence(refusal.detail)}", remedy=refusal.remedy)]
    if errors:
        raise Refusal(invalid(errors))


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."


def _untestable(code: str, detail: str, remedy: str) -> Problem:
    return Problem(code, "The endpoint would not hear a test", 409, detail, remedy)


ROUTES = (
    Route("POST", "/v1/endpoints", Capability.ENDPOINTS, create, write=True),
    Route("GET", "/v1/endpoints", Capability.ENDPOINTS, listed, query=EndpointsQuery),
    Route("GET", "/v1/endpoints/{id}", Capability.ENDPOINTS, get),
    Route("PATCH", "/v1/endpoints/{id}", Capability.ENDPOINTS, change, write=True),
    Route("POST", "/v1/endpoints/{id}/enable", Capability.ENDPOINTS, enable, write=True),
    Route("POST", "/v1/endpoints/{id}/disable", Capability.ENDPOINTS, disable, write=True),
    Route("POST", "/v1/endpoints/{id}/test", Capability.ENDPOINTS, test, write=True),
)
