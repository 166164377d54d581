"""When a call is tried again, and after how long. Pure, but for the dice and one count."""

import random
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

AGAIN: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
IN_FLIGHT: Final = "idempotency_in_flight"


@dataclass(frozen=True, slots=True)
class Retries:
    """How often and how patiently. `tries` counts the first one; 1 never tries again.

    Waits double from `first_s` to `most_s`, each between half and all of itself by chance. A server's `Retry-After`
    is waited for in full, and a little more by chance, or not at all when the call has not that much time left.
    """

    tries: int = 5
    first_s: float = 0.5
    most_s: float = 20.0

    def wait_s(self, tried: int, asked_s: float | None) -> float:
        """Before the next try, after `tried` of them."""
        ceiling = min(self.most_s, self.first_s * 2 ** min(tried - 1, 30))
        if asked_s is not None:
            return asked_s + random.uniform(0, min(ceiling, asked_s / 4 + self.first_s))
        return random.uniform(ceiling / 2, ceiling)


NEVER: Final = Retries(tries=1)


class Budget:
    """Tries after the first, of all calls of one client together: about one in five calls may have one.

    A server in trouble is not brought down for good by everybody asking five times. Safe from many threads.
    """

    def __init__(self, *, most: float = 20.0, per_call: float = 0.2) -> None:
        self._left = self._most = most
        self._per_call = per_call
        self._lock = threading.Lock()

    def earn(self) -> None:
        with self._lock:
            self._left = min(self._most, self._left + self._per_call)

    def spend(self) -> bool:
        """Whether there is one more try to have."""
        with self._lock:
            if self._left < 1:
                return False
            self._left -= 1
            return True


def again(status: int, *, code: str | None, retryable: bool | None) -> bool:
    """Whether the same request may be answered better. `code` and `retryable` are the problem's, None without one.

    A problem may be `retryable` for a person who does something first: only what passes by itself is meant here.
    """
    if status == 409:
        return code == IN_FLIGHT
    return status in AGAIN and retryable is not False


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Seconds the server asks for: a number, or a date against its own clock. None when it asks for nothing sane."""
    said = headers.get("retry-after", "").strip()
    if said.isascii() and said.isdigit():
        return float(said[:9])
    try:
        until = parsedate_to_datetime(said)
        now = parsedate_to_datetime(headers.get("date", ""))
    except (TypeError, ValueError):
        return None
    return max(0.0, (_aware(until) - _aware(now)).total_seconds())


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
