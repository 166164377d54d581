"""A customer's endpoint: where events go, which ones, and how patiently."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from libs.model.event import EventType
from libs.model.problem import FieldError

PATTERNS_MAX = 50
DISABLE_AFTER = timedelta(days=5)
SCHEDULE = tuple(timedelta(seconds=seconds) for seconds in (0, 5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400))
"""Waits before each try (Standard Webhooks' example): ten tries over 75 h 35 m 5 s."""


class EndpointState(StrEnum):
    ENABLED = "enabled"
    DISABLED = "disabled"
    """Nothing is sent; its events are kept and go out when it is enabled again."""


@dataclass(frozen=True, slots=True, repr=False)
class Endpoint:
    """One row of `endpoints`. `secrets` are live signing secrets, newest first."""

    id: str
    customer_id: str
    url: str
    events: tuple[str, ...]
    state: EndpointState
    secrets: tuple[str, ...]
    description: str = ""
    failing_since: datetime | None = None
    reason: str | None = None
    timeout_s: float = 15.0
    created_at: datetime | None = None

    def __repr__(self) -> str:
        return f"Endpoint({self.id}, {self.state})"


def wanted(patterns: Sequence[str], type_: str) -> bool:
    """Whether one of an endpoint's patterns matches: an exact type, `post.*`, or `*`."""
    return any(
        pattern in ("*", type_) or (pattern.endswith(".*") and type_.startswith(pattern[:-1])) for pattern in patterns
    )


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
            "There is no such event type.",
            found=pattern[:80],
            limit=", ".join(sorted(types)),
            remedy="Use a type, a group such as post.*, or *.",
        )
        for place, pattern in enumerate(patterns)
        if pattern not in types and pattern not in groups
    ]
