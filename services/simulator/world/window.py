"""Sliding windows: so many per minute per token and endpoint (fact sheet 2 and 3)."""

from collections import deque
from datetime import datetime, timedelta

MINUTE = timedelta(seconds=60)


class Windows:
    """Counts accepted calls; a refused one does not count. Holds at most `most` keys, the least recent go first."""

    def __init__(self, most: int = 50_000) -> None:
        self._most = most
        self._calls: dict[tuple[str, str], deque[datetime]] = {}

    def take(self, key: tuple[str, str], *, limit: int, now: datetime) -> bool:
        """True and counted when fewer than `limit` calls lie in the minute before `now`."""
        calls = self._calls.pop(key, None) or deque()
        self._calls[key] = calls
        while calls and calls[0] <= now - MINUTE:
            calls.popleft()
        while len(self._calls) > self._most:
            self._calls.pop(next(iter(self._calls)))
        if len(calls) >= limit:
            return False
        calls.append(now)
        return True

    def clear(self) -> None:
        self._calls.clear()
