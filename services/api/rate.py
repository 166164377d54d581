"""How often a key may ask: a bucket that refills evenly, in this process. Several replicas allow as many times more."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from libs.model.key import Key
from libs.model.problem import Problem

WINDOW_S: Final = 60
KEPT_MAX: Final = 20_000
_SECOND_NS: Final = 1_000_000_000
_WINDOW_NS: Final = WINDOW_S * _SECOND_NS


@dataclass(frozen=True, slots=True)
class Quota:
    """What a caller is told with every answer: so many calls per minute, so many left, and when there is more."""

    per_minute: int
    left: int
    more_in_s: int

    def headers(self) -> dict[str, str]:
        """`RateLimit` and `RateLimit-Policy` as the IETF's draft has them."""
        return {
            "RateLimit-Policy": f'"key";q={self.per_minute};w={WINDOW_S}',
            "RateLimit": f'"key";r={self.left};t={self.more_in_s}',
        }


class Rates:
    """One bucket per key. `clock` is a monotonic one, in seconds."""

    def __init__(self, *, customers: int, operators: int, clock: Callable[[], float]) -> None:
        self._customers = customers
        self._operators = operators
        self._clock = clock
        self._full_at: dict[str, int] = {}

    def take(self, key: Key) -> tuple[Quota, Problem | None]:
        """Counts a call. A problem when the bucket is empty; such a call is not counted."""
        limit = key.rate_per_minute or (self._customers if key.customer_id else self._operators)
        # Whole nanoseconds: a sum of seconds is further off the longer a machine runs, and 20.0000001 s are not 21.
        each, now = _WINDOW_NS // limit, round(self._clock() * _SECOND_NS)
        full_at = max(self._full_at.get(key.id, now), now) + each
        missing = full_at - now
        if missing > _WINDOW_NS:
            wait_s = max(1, _seconds(missing - _WINDOW_NS))
            return Quota(limit, 0, wait_s), _too_often(limit, wait_s=wait_s)
        if len(self._full_at) >= KEPT_MAX:
            self._full_at = {id_: at for id_, at in self._full_at.items() if at > now}
        self._full_at[key.id] = full_at
        return Quota(limit, (_WINDOW_NS - missing) // each, _seconds(missing)), None


def _seconds(ns: int) -> int:
    """Rounded up."""
    return -(-ns // _SECOND_NS)


def _too_often(limit: int, *, wait_s: int) -> Problem:
    return Problem(
        code="rate_limited",
        title="Too many requests",
        status=429,
        detail=f"This key may ask {limit} times a minute.",
        remedy=f"Ask again in {wait_s} s; the RateLimit header of every answer says how much is left.",
        retryable=True,
        extra={"retry_after_s": wait_s},
    )
