"""A lane's circuit: an endpoint that keeps failing is left in peace, probed now and then, and comes back by itself."""

from dataclasses import dataclass
from datetime import datetime, timedelta

OPEN_AFTER = 10
"""Failures in a row, over all deliveries of the endpoint, that open its circuit."""
PROBE_MIN = timedelta(minutes=2)
PROBE_MAX = timedelta(hours=6)
PART_OF_OUTAGE = 8
"""A recovery is noticed at most an eighth of the outage later."""
TOLD_AT = (90, 50)
"""Percent of the time to being disabled at which the customer is told, the latest first."""


@dataclass(frozen=True, slots=True)
class Circuit:
    """`failures` in a row; `open_since` when they became too many (None: closed, everything flows).

    While it is open only a probe goes out when the pause is over: one delivery, which is not given up by it.
    """

    failures: int = 0
    open_since: datetime | None = None

    def after(self, failures: int, *, now: datetime) -> "Circuit":
        """After so many more failures and no success."""
        count = min(self.failures + failures, 2**31 - 1)
        return Circuit(count, self.open_since or (now if count >= OPEN_AFTER else None))

    def paused_until(self, now: datetime) -> datetime | None:
        """When the next probe may go out; None while it is closed."""
        if self.open_since is None:
            return None
        return now + min(max((now - self.open_since) / PART_OF_OUTAGE, PROBE_MIN), PROBE_MAX)


def due_notice(*, failing_since: datetime, told: int, disable_after: timedelta, now: datetime) -> int | None:
    """The percentage to tell the customer now, if it was not told; 100 means: disable it."""
    percent = (now - failing_since) / disable_after * 100
    if percent >= 100:
        return 100
    return next((at for at in TOLD_AT if told < at <= percent), None)
