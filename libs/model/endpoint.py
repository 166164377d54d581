"""A customer's endpoint: where events go, which ones, in which form, and how patiently."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from libs.model.capability import UNSUPPORTED
from libs.model.event import EventType
from libs.model.naming import NAMES
from libs.model.problem import FieldError

PATTERNS_MAX = 50
_ELSEWHERE = {"comment": "comments", "mention": "mentions", "message": "direct_messages", "review": "reviews"}
"""What other platforms tell of, by how a pattern for it begins, and the capability that says why TikTok does not."""
SECRETS_MAX = 10
"""Keys that live at once. A delivery has a signature of each."""
OVERLAP_MAX = timedelta(days=30)
DISABLE_AFTER = timedelta(days=5)
SCHEDULE = tuple(timedelta(seconds=seconds) for seconds in (0, 5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400))
"""Waits before each try (Standard Webhooks' example): ten tries over 75 h 35 m 5 s."""


class EndpointState(StrEnum):
    ENABLED = "enabled"
    DISABLED = "disabled"
    """Nothing is sent; its events are kept and go out when it is enabled again."""


class DisabledFor(StrEnum):
    REQUEST = "request"
    GONE = "gone"
    """It answered 410: only a person brings it back."""
    FAILING = "failing"
    """It failed too long: probes go on, and the first that succeeds brings it back."""


class Payload(StrEnum):
    FULL = "full"
    THIN = "thin"
    """Ids only: what happened is asked for with a key."""


class Naming(StrEnum):
    """In whose names an endpoint hears, chosen when it is made: those of ours that it asked for in others, it would not
    find again."""

    NATIVE = "native"
    POSTPROXY = "postproxy"
    """Postproxy's, for events and numbers (`libs.model.naming`)."""


class Order(StrEnum):
    """Chosen when an endpoint is made, and kept: between two ways of telling, events would be lost or doubled."""

    NONE = "none"
    ACCOUNT = "account"
    """Of each account, the next event is sent when the last has come to its end. No account waits for another."""


class Scheme(StrEnum):
    """Signatures of Standard Webhooks."""

    V1 = "v1"
    """HMAC with a shared secret."""
    V1A = "v1a"
    """ed25519: anybody verifies with the public key."""


@dataclass(frozen=True, slots=True, repr=False)
class Secret:
    """A signing key as text (`whsec_…`, `whsk_…`); it signs until `until`, None: until it is replaced."""

    text: str
    until: datetime | None = None

    @property
    def scheme(self) -> Scheme:
        return Scheme.V1A if self.text.startswith("whsk_") else Scheme.V1

    def lives(self, now: datetime) -> bool:
        return self.until is None or now < self.until

    def __repr__(self) -> str:
        return f"Secret({self.scheme}, until={self.until})"


@dataclass(frozen=True, slots=True, repr=False)
class Endpoint:
    """One row of `endpoints`. `secrets` are its keys, newest first, some perhaps ended."""

    id: str
    customer_id: str
    url: str
    events: tuple[str, ...]
    state: EndpointState
    secrets: tuple[Secret, ...]
    description: str = ""
    accounts: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    payload: Payload = Payload.FULL
    naming: Naming = Naming.NATIVE
    schedule: tuple[timedelta, ...] = SCHEDULE
    timeout_s: float = 15.0
    rate_per_s: float | None = None
    concurrency: int | None = None
    disable_after: timedelta = DISABLE_AFTER
    failing_since: datetime | None = None
    reason: str | None = None
    disabled_for: DisabledFor | None = None
    version: int = 1
    ordering: Order = Order.NONE
    created_at: datetime | None = None

    @property
    def sends(self) -> bool:
        """Whether anything goes out to it: everything, or a probe now and then."""
        return self.disabled_for in (None, DisabledFor.FAILING)

    def live(self, now: datetime) -> tuple[Secret, ...]:
        return tuple(secret for secret in self.secrets if secret.lives(now))

    def __repr__(self) -> str:
        return f"Endpoint({self.id}, {self.state})"


def rotated(
    secrets: Sequence[Secret], fresh: Sequence[str], *, now: datetime, overlap: timedelta
) -> tuple[Secret, ...]:
    """The keys after a rotation, newest first: every older one ends after the overlap, or when it would have anyway."""
    ends = now + overlap
    older = [Secret(one.text, min(one.until or ends, ends)) for one in secrets]
    return (*(Secret(text) for text in fresh), *(one for one in older if one.lives(now)))


def wanted(patterns: Sequence[str], type_: str) -> bool:
    """Whether one of an endpoint's patterns matches: an exact type, `post.*`, or `*`."""
    return any(
        pattern in ("*", type_) or (pattern.endswith(".*") and type_.startswith(pattern[:-1])) for pattern in patterns
    )


def hears(accounts: Sequence[str], account_id: str | None) -> bool:
    """Whether an account filter lets an event through: an empty one all, any other also what is of no account."""
    return not accounts or account_id is None or account_id in accounts


def about(key: str, type_: str) -> str | None:
    """The endpoint whose health a notice tells, from its event's key: others hear of it, not the one that fails."""
    return key.partition(":")[0] if type_.startswith("endpoint.") else None


def tested(key: str, type_: str) -> str | None:
    """The endpoint that a test was asked for, from its event's key: it hears it whatever it wants to hear."""
    return key.partition(":")[0] if type_ == EventType.WEBHOOK_TEST else None


def pattern_errors(patterns: tuple[str, ...]) -> list[FieldError]:
    """What is wrong with a list of event patterns: unknown types are refused: a typo would be silence."""
    types = {str(type_) for type_ in EventType}
    groups = {type_.partition(".")[0] + ".*" for type_ in types} | {"*"}
    if not patterns or len(patterns) > PATTERNS_MAX:
        return [FieldError("events", "count", "Name at least one event type.", limit=PATTERNS_MAX, found=len(patterns),
                           remedy='Send ["*"] for everything.')]  # fmt: skip
    return [
        FieldError(
            f"events.{place}",
            "unknown_event",
            _why_none(pattern),
            found=pattern[:80],
            limit=", ".join(sorted(types)),
            remedy="Use a type, a group such as post.*, or *.",
        )
        for place, pattern in enumerate(patterns)
        if pattern not in types and pattern not in groups
    ]


def naming_errors(patterns: Sequence[str], naming: Naming) -> list[FieldError]:
    """What an endpoint that hears in Postproxy's names asks for and Postproxy has no name for."""
    if naming is not Naming.POSTPROXY:
        return []
    return [
        FieldError(
            f"events.{place}",
            "no_such_name",
            "This endpoint hears in Postproxy's names, and Postproxy has none for this.",
            found=pattern[:80],
            limit=", ".join(sorted(NAMES)),
            remedy="Name single types that have one, or make an endpoint with the native naming.",
        )
        for place, pattern in enumerate(patterns)
        if pattern not in NAMES
    ]


def _why_none(pattern: str) -> str:
    name = next((name for begin, name in _ELSEWHERE.items() if pattern.lower().startswith(begin)), None)
    return f"There is no such event type. {UNSUPPORTED[name].reason if name else ''}".strip()
