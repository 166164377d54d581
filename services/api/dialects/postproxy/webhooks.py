"""Webhooks as Postproxy has them: endpoints that hear in its names."""

from typing import Annotated

from aiohttp import web
from pydantic import Field, StringConstraints

from libs.model.endpoint import PATTERNS_MAX, Naming
from libs.model.naming import NAMES, types_of
from libs.model.problem import FieldError, Refusal, invalid
from libs.rest.endpoints import EndpointNew
from libs.rest.field import Prose
from libs.rest.shape import Ask
from services.api.call import Call, reply
from services.api.dialects.postproxy import shape
from services.api.dialects.postproxy.words import DIALECT
from services.api.page import page
from services.api.resource import endpoints
from services.api.resource.endpoint_shape import shown


class WebhookNew(Ask):
    """Where to hear, and of what: names of Postproxy's, or `*` for all of them."""

    url: Annotated[str, StringConstraints(max_length=2000)]
    events: Annotated[tuple[Annotated[str, StringConstraints(max_length=80)], ...],
                      Field(min_length=1, max_length=PATTERNS_MAX)]  # fmt: skip
    description: Prose = ""


async def create(call: Call) -> web.StreamResponse:
    """201 with the signing secret, which is shown this once."""
    new = await call.body(WebhookNew)
    wanted = EndpointNew(url=new.url, events=_types(new.events), description=new.description, naming=Naming.POSTPROXY)
    made = await endpoints.made(call, wanted)
    answer = shape.webhook(made, secret=made.secret)
    return reply(answer, status=201, location=f"{DIALECT.base}/api/webhooks/{answer.id}")


async def listed(call: Call) -> web.StreamResponse:
    """Webhooks, newest first, without secrets."""
    query = call.query(shape.WebhooksQuery)
    rows = await call.desk.store.endpoints.page(
        customer_id=call.scope(query.customer_id), before=query.cursor, limit=query.limit + 1
    )
    return reply(page(rows, lambda row: shape.webhook(shown(row, now=call.now)), limit=query.limit))


async def get(call: Call) -> web.StreamResponse:
    """One webhook, without its secret."""
    return reply(shape.webhook(shown(await endpoints.found(call), now=call.now)))


def _types(names: tuple[str, ...]) -> tuple[str, ...]:
    """What is meant. Raises `Refusal` for a name that is none of Postproxy's: a typo would be silence."""
    known = sorted(set(NAMES.values()))
    errors = [
        FieldError(f"events.{place}", "unknown_event", "There is no such event for TikTok.", found=name,
                   limit=", ".join(known), remedy="Use one of these names, or *.")
        for place, name in enumerate(names)
        if name != "*" and name not in known
    ]  # fmt: skip
    if errors:
        raise Refusal(invalid(errors))
    every = [type_ for name in names for type_ in (NAMES if name == "*" else types_of(name))]
    return tuple(str(type_) for type_ in dict.fromkeys(every))
