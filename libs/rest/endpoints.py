"""Endpoints: where a customer wants to hear, and how it wants to be spoken to."""

from typing import Annotated

from pydantic import Field, StringConstraints

from libs.model.endpoint import PATTERNS_MAX, DisabledFor, EndpointState, Naming, Order, Payload, Scheme
from libs.rest.field import NOT_NULL, AccountId, CustomerId, EndpointId, Moment, Prose, Whole
from libs.rest.shape import Answer, Ask, Item, PageQuery

ACCOUNTS_MAX = 500
HEADERS_MAX = 20
TRIES_MAX = 20
WAIT_MAX_S = 7 * 86_400

Url = Annotated[str, StringConstraints(min_length=1, max_length=4096)]
"""Judged by the egress guard, which says what is wrong with it in more words than a pattern could."""
Patterns = Annotated[
    tuple[Annotated[str, StringConstraints(max_length=80)], ...],
    Field(max_length=PATTERNS_MAX, json_schema_extra={"minItems": 1}),
]
"""Event types, groups such as `post.*`, or `*`."""
Accounts = Annotated[tuple[AccountId, ...], Field(max_length=ACCOUNTS_MAX)]
"""Whose events; none: every account's. What is of no account (`batch.completed`, `endpoint.*`) comes in any case."""
Headers = Annotated[
    dict[Annotated[str, StringConstraints(max_length=80)], Annotated[str, StringConstraints(max_length=1100)]],
    Field(max_length=HEADERS_MAX),
]
Schedule = Annotated[
    tuple[Annotated[int, Field(strict=True, ge=0, le=WAIT_MAX_S), Whole], ...],
    Field(min_length=1, max_length=TRIES_MAX),
]
"""Seconds to wait before each try; the first is 0."""
TimeoutSeconds = Annotated[float, Field(strict=True, ge=1, le=60, allow_inf_nan=False)]
PerSecond = Annotated[float, Field(strict=True, ge=0.01, le=1000, allow_inf_nan=False)]
AtOnce = Annotated[int, Field(strict=True, ge=1, le=1000), Whole]
DisableDays = Annotated[float, Field(strict=True, ge=0.05, le=30, allow_inf_nan=False)]
OverlapDays = Annotated[float, Field(strict=True, ge=0, le=30, allow_inf_nan=False)]
Schemes = Annotated[tuple[Scheme, ...], Field(min_length=1, max_length=2)]


class EndpointsQuery(PageQuery):
    cursor: EndpointId | None = None


class EndpointNew(Ask):
    """`naming` postproxy: events and numbers have Postproxy's names, and `events` may hold only what has one."""

    customer_id: CustomerId | None = None
    url: Url
    events: Patterns
    description: Prose = ""
    accounts: Accounts = ()
    headers: Headers = Field(default_factory=dict)
    payload: Payload = Payload.FULL
    naming: Naming = Naming.NATIVE
    signatures: Schemes = (Scheme.V1,)
    schedule_s: Schedule | None = None
    timeout_s: TimeoutSeconds = 15.0
    rate_per_s: PerSecond | None = None
    concurrency: AtOnce | None = None
    disable_after_days: DisableDays = 5.0
    ordering: Order = Order.NONE


class EndpointChange(Ask):
    """What is absent stays as it is. `schedule_s`, `rate_per_s` and `concurrency` may be null: the default again."""

    url: Annotated[Url | None, NOT_NULL] = None
    events: Annotated[Patterns | None, NOT_NULL] = None
    description: Annotated[Prose | None, NOT_NULL] = None
    accounts: Annotated[Accounts | None, NOT_NULL] = None
    headers: Annotated[Headers | None, NOT_NULL] = None
    payload: Annotated[Payload | None, NOT_NULL] = None
    schedule_s: Schedule | None = None
    timeout_s: Annotated[TimeoutSeconds | None, NOT_NULL] = None
    rate_per_s: PerSecond | None = None
    concurrency: AtOnce | None = None
    disable_after_days: Annotated[DisableDays | None, NOT_NULL] = None


class Rotation(Ask):
    """New keys of these schemes (those it has now); every older key goes on signing for so many days."""

    signatures: Schemes | None = None
    overlap_days: OverlapDays = 1.0


class SigningKeyAnswer(Answer):
    """A key that signs. `public_key` (`whpk_…`) for v1a; a v1 secret is never shown again."""

    signature: Scheme
    public_key: str | None
    signs_until: Moment | None


class EndpointAnswer(Item):
    """Of the custom headers only the names: a value may be a token."""

    customer_id: str
    url: str
    events: tuple[str, ...]
    description: str
    accounts: tuple[str, ...]
    header_names: tuple[str, ...]
    payload: Payload
    naming: Naming = Naming.NATIVE
    signing_keys: tuple[SigningKeyAnswer, ...]
    schedule_s: tuple[int, ...]
    timeout_s: float
    rate_per_s: float | None
    concurrency: int | None
    disable_after_days: float
    ordering: Order
    state: EndpointState
    reason: str | None
    disabled_for: DisabledFor | None
    failing_since: Moment | None
    created_at: Moment | None


class EndpointCreated(EndpointAnswer):
    """`secret` verifies deliveries (Standard Webhooks, `whsec_…`). It is shown this once; null without v1."""

    secret: str | None


class PublicKeyAnswer(Answer):
    public_key: str
    signs_until: Moment | None


class PublicKeys(Answer):
    """The ed25519 keys that sign an endpoint's deliveries now, newest first. Needs no key: these are no secrets."""

    keys: tuple[PublicKeyAnswer, ...]


class TestAccepted(Answer):
    """The `webhook.test` event that was recorded. It goes to this endpoint whatever its `events` say, and to every
    other of the customer that wants the type."""

    __test__ = False  # pytest: not a test class

    event_id: str
    endpoint_id: str
