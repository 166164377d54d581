"""Endpoints: where a customer wants to hear."""

from typing import Annotated

from pydantic import Field, StringConstraints

from libs.model.endpoint import PATTERNS_MAX, EndpointState
from libs.rest.field import CustomerId, EndpointId, Moment, Prose
from libs.rest.shape import Answer, Ask, Item, PageQuery

Url = Annotated[str, StringConstraints(min_length=1, max_length=4096)]
"""Judged by the egress guard, which says what is wrong with it in more words than a pattern could."""
Patterns = Annotated[tuple[Annotated[str, StringConstraints(max_length=80)], ...], Field(max_length=PATTERNS_MAX)]
"""Event types, groups such as `post.*`, or `*`."""
TimeoutSeconds = Annotated[float, Field(strict=True, ge=1, le=60, allow_inf_nan=False)]


class EndpointsQuery(PageQuery):
    cursor: EndpointId | None = None


class EndpointNew(Ask):
    customer_id: CustomerId | None = None
    url: Url
    events: Patterns
    description: Prose = ""
    timeout_s: TimeoutSeconds = 15.0


class EndpointChange(Ask):
    """What is absent stays as it is."""

    url: Url | None = None
    events: Patterns | None = None
    description: Prose | None = None
    timeout_s: TimeoutSeconds | None = None


class EndpointAnswer(Item):
    customer_id: str
    url: str
    events: tuple[str, ...]
    description: str
    timeout_s: float
    state: EndpointState
    reason: str | None
    failing_since: Moment | None
    created_at: Moment | None


class EndpointCreated(EndpointAnswer):
    """`secret` verifies deliveries (Standard Webhooks, `whsec_…`). It is shown here and never again."""

    secret: str


class TestAccepted(Answer):
    """The `webhook.test` event that was recorded. It goes to every endpoint of the customer that wants the type."""

    __test__ = False  # pytest: not a test class

    event_id: str
    endpoint_id: str
