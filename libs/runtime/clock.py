"""Time as a parameter.

A `Clock` reaches every program; nothing else reads the machine's time to decide anything. Replicas correct theirs
against the database (`SyncedClock`), because leases and budgets are compared between machines.
"""

import asyncio
import heapq
import itertools
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Where `now` comes from."""

    def now(self) -> datetime:
        """The time, aware, in UTC."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Returns once `seconds` of this clock have passed."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds))


class SyncedClock:
    """A clock corrected by a measured offset, so that replicas on drifting machines agree.

    `correct` takes a reading of the shared clock (the database's); `error` is how far off the last reading showed this
    clock to be, in seconds, None before the first.
    """

    def __init__(self, inner: Clock) -> None:
        self._inner = inner
        self._offset = timedelta(0)
        self.error: float | None = None

    def now(self) -> datetime:
        return self._inner.now() + self._offset

    async def sleep(self, seconds: float) -> None:
        await self._inner.sleep(seconds)

    def correct(self, *, shared: datetime, sent: datetime, received: datetime) -> None:
        """Takes a reading of the shared clock asked for at `sent` and answered at `received`, both of *this* clock.

        One between the two may be this very time, read early or late: it is left, for a clock that goes back makes ids
        that sort before those it has made, and alarms that are not yet due.
        """
        if sent <= shared <= received:
            self.error = 0.0
            return
        offset = shared - (sent + (received - sent) / 2)
        self.error = abs(offset.total_seconds())
        self._offset += offset


class ManualClock:
    """A clock that moves only when told. Sleepers wake in order of their time."""

    def __init__(self, start: datetime) -> None:
        self._now = start
        self._order = itertools.count()
        self._sleepers: list[tuple[datetime, int, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        return self._now

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now + timedelta(seconds=seconds), next(self._order), woken))
        await woken

    def advance(self, seconds: float) -> None:
        """Moves time forward and wakes everyone whose time has come."""
        self._now += timedelta(seconds=seconds)
        while self._sleepers and self._sleepers[0][0] <= self._now:
            _, _, woken = heapq.heappop(self._sleepers)
            if not woken.done():
                woken.set_result(None)
