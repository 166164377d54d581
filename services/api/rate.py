"""How often a key may ask: a bucket that refills evenly, in this process. Several replicas allow as many times more."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from libs.model.key import Key
from libs.model.problem import Problem

WINDOW_S: Final = 60
KEPT_MAX: Final = 20_000


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
        self._full_at: dict[str, float] = {}

    def take(self, key: Key) -> tuple[Quota, Problem | None]:
        """Counts a call. A problem when the bucket is empty; such a call is not counted."""
        limit = key.rate_per_minute or (self._customers if key.customer_id else self._operators)
        each, now = WINDOW_S / limit, self._clock()
        full_at = max(self._full_at.get(key.id, now), now) + each
        missing = full_at - now
        if missing > WINDOW_S + 1e-9:
            wait_s = max(1, math.ceil(missing - WINDOW_S))
            return Quota(limit, 0, wait_s), _too_often(limit, wait_s=wait_s)
        if len(self._full_at) >= KEPT_MAX:
            self._full_at = {id_: at for id_, at in self._full_at.items() if at > now}
        self._full_at[key.id] = full_at
        return Quota(limit, max(0, math.floor((WINDOW_S - missing) / each + 1e-9)), math.ceil(missing)), None


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
