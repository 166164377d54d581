"""The simulator's time: any clock, shifted and stopped at will, and followed by other programs over HTTP."""

import asyncio
from datetime import datetime, timedelta

from libs.runtime.clock import Clock
from libs.runtime.workers import first_of


class VirtualClock:
    """`inner` plus an offset, or frozen. A sleeper wakes as soon as its time has come, also when time jumps.

    `version` counts the jumps, so a follower can wait for the next one.
    """

    def __init__(self, inner: Clock, *, start: datetime | None = None) -> None:
        self._inner = inner
        self._offset = (start - inner.now()) if start else timedelta(0)
        self._frozen_at: datetime | None = None
        self._jumped = asyncio.Event()
        self.version = 0

    @property
    def frozen(self) -> bool:
        return self._frozen_at is not None

    def now(self) -> datetime:
        return self._frozen_at or self._inner.now() + self._offset

    async def sleep(self, seconds: float) -> None:
        await self.sleep_until(self.now() + timedelta(seconds=seconds))

    async def sleep_until(self, deadline: datetime) -> None:
        """Returns once `deadline` has come, at once if it lies behind."""
        while self.now() < deadline:
            jumped = self._jumped
            if self._frozen_at is not None:
                await jumped.wait()
            else:
                await first_of(jumped.wait(), self._run_until(deadline))

    async def _run_until(self, deadline: datetime) -> None:
        # What is left is measured in the very step that falls asleep: a manual clock may have moved since the task
        # was made, and would then be waited for too long.
        while (left := (deadline - self.now()).total_seconds()) > 0:
            await self._inner.sleep(left)

    async def jump(self) -> None:
        """Returns at the next advance, freeze or thaw."""
        await self._jumped.wait()

    def advance(self, seconds: float) -> None:
        """Moves time forward; it never goes back."""
        if seconds < 0:
            raise ValueError("time only goes forward")
        if self._frozen_at is not None:
            self._frozen_at += timedelta(seconds=seconds)
        else:
            self._offset += timedelta(seconds=seconds)
        self._announce()

    def freeze(self) -> None:
        self._frozen_at = self.now()
        self._announce()

    def thaw(self) -> None:
        """Lets time run on from where it stands."""
        if self._frozen_at is not None:
            self._offset = self._frozen_at - self._inner.now()
            self._frozen_at = None
        self._announce()

    def _announce(self) -> None:
        self.version += 1
        jumped, self._jumped = self._jumped, asyncio.Event()
        jumped.set()
