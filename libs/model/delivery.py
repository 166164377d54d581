"""A delivery: one event on its way to one endpoint. The verdict on each answer is decided here, without I/O."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from functools import lru_cache

from libs.model.endpoint import SCHEDULE

RETRY_AFTER_MAX = timedelta(hours=24)
SLOWING = frozenset({429, 502, 503, 504})
"""These slow the whole endpoint, not one message."""
SLOW_DOWN = timedelta(seconds=30)
JITTER = 0.2


class DeliveryState(StrEnum):
    PENDING = "pending"
    """Waits for its alarm: the next try, or the end of a lease."""
    DELIVERED = "delivered"
    EXHAUSTED = "exhausted"
    """Every try of the schedule failed; it can be sent again by hand."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one try means: for the delivery, and for everything else that waits for the same endpoint.

    `alarm` is the next try (None when there is none), `why` what happened and, after a semicolon, what it waits for;
    `pause_until` holds the whole lane; `gone` disables the endpoint.
    """

    state: DeliveryState
    alarm: datetime | None
    why: str
    pause_until: datetime | None = None
    gone: bool = False
    healthy: bool = False

    @property
    def next_try(self) -> datetime | None:
        """When it is tried again as things are: not at all while its endpoint is disabled, `alarm` once it is not."""
        return None if self.gone else self.alarm


def judge(
    *,
    status: int | None,
    error: str | None,
    retry_after: str | None,
    tries: int,
    now: datetime,
    schedule: Sequence[timedelta] = SCHEDULE,
    down: bool = False,
) -> Verdict:
    """Reads an answer (`status`), its absence (`error`, a short code), or one that broke off (both) after `tries` tries
    including this one.

    A whole 2xx is success; everything else fails, a redirect too. `Retry-After` is honoured on any failure, never
    earlier than asked and at most 24 h; jitter only adds. While its endpoint is `down` (its circuit is open) no
    delivery is given up: it is not the message's failing.
    """
    if (well := delivered(status=status, error=error)) is not None:
        return well
    said = f"answered {status}" if status is not None else ""
    why = ", then ".join(part for part in (said, error) if part) or "no answer"
    asked = parse_retry_after(retry_after, now=now)
    slowed = status in SLOWING
    pause = now + max(asked or timedelta(0), SLOW_DOWN) if slowed else None
    if tries >= len(schedule) and not (down or status == 410):
        return Verdict(DeliveryState.EXHAUSTED, None, f"{why}; no try left", pause)
    wait = schedule[min(tries, len(schedule) - 1)] * (1 + random.uniform(0, JITTER))
    alarm = now + max(wait, asked or timedelta(0))
    if pause:
        alarm = max(alarm, pause)
    gone = status == 410
    if gone:
        why += "; the endpoint is disabled"
    elif asked is not None and alarm == now + asked:
        why += "; waits as Retry-After asks"
    elif alarm == pause:
        why += "; the whole endpoint is slowed down"
    else:
        why += f"; try {tries + 1} of {max(tries + 1, len(schedule))}"
    return Verdict(DeliveryState.PENDING, alarm, why, pause, gone=gone)


def delivered(*, status: int | None, error: str | None) -> Verdict | None:
    """The verdict on a whole 2xx, which no time and no schedule changes; None on everything else."""
    return _delivered(status) if error is None and status is not None and 200 <= status < 300 else None


@lru_cache(maxsize=128)
def _delivered(status: int) -> Verdict:
    return Verdict(DeliveryState.DELIVERED, None, f"answered {status}", healthy=True)


def parse_retry_after(text: str | None, *, now: datetime) -> timedelta | None:
    """The wait asked for, in seconds or as a date, between nothing and 24 h; None when absent or unreadable."""
    if text is None or len(text) > 64:
        return None
    text = text.strip()
    if text.isascii() and text.isdigit():
        return timedelta(seconds=min(int(text), RETRY_AFTER_MAX // timedelta(seconds=1)))
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    wait = (date if date.tzinfo else date.replace(tzinfo=UTC)) - now
    return min(max(wait, timedelta(0)), RETRY_AFTER_MAX)
