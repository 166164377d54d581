"""Deliveries: one event on its way to one endpoint, and every try of it."""

from typing import Annotated

from pydantic import Field, StringConstraints

from libs.model.delivery import DeliveryState
from libs.rest.field import AttemptId, DeliveryId, Digits, EndpointId, EventId, Future, Moment, Truth
from libs.rest.shape import Item, PageQuery


class DeliveriesQuery(PageQuery):
    cursor: DeliveryId | None = None
    endpoint_id: EndpointId | None = None
    event_id: EventId | None = None
    state: DeliveryState | None = None


class DeliveryAnswer(Item):
    """`next_try_at` is None when no try is to come, when a pending one waits for its turn (`ordering`), or while its
    endpoint is disabled; not before its endpoint's pause ends, and while a try runs the end of its lease."""

    customer_id: str
    event_id: str
    event_type: str
    endpoint_id: str
    state: DeliveryState
    tries: int
    last_status: int | None
    last_error: str | None
    next_try_at: Moment | None
    created_at: Moment
    finished_at: Moment | None


class AttemptAnswer(Item):
    """One try: `status` or, when there was no answer, `error`; `response` is the beginning of the answer's body.

    Milliseconds: DNS, connecting and TLS are null when the connection was open already (`reused`) or none was made.
    `headers` are the few that explain an answer, `detail` says more of an `error`, `why` what the next try waits for.
    """

    n: int
    at: Moment
    status: int | None
    error: str | None
    ms: int
    dns_ms: float | None = None
    connect_ms: float | None = None
    tls_ms: float | None = None
    first_byte_ms: float | None = None
    reused: bool | None = None
    headers: dict[str, str] = Field(default_factory=dict)
    response: str
    truncated: bool = False
    detail: str | None = None
    why: str
    next_at: Moment | None


class FoundAttempt(AttemptAnswer):
    delivery_id: str
    endpoint_id: str
    event_id: str


class AttemptsQuery(PageQuery):
    """Tries begun from `since` on and before `until`; `text` is searched in the errors and answers of failed ones."""

    cursor: AttemptId | None = None
    endpoint_id: EndpointId | None = None
    event_id: EventId | None = None
    status: Annotated[int, Field(ge=100, le=599), Digits] | None = None
    failed: Truth | None = None
    since: Future | None = None
    until: Future | None = None
    text: Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00]*$")] | None = None


class DeliveryDetail(DeliveryAnswer):
    attempts: tuple[AttemptAnswer, ...]
