"""The api's own workers: the partitions its events go to, and when keys were last used."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from libs.runtime.workers import Patience, Worker, wait_for_stop
from libs.store.errors import Contended, StoreError, Unavailable
from libs.store.keys import Keys
from libs.store.store import Store

log = structlog.get_logger()

PARTITIONS_EVERY_S = 3600.0
LAST_USED_EVERY_S = 10.0
FORGET_EVERY_S = 60.0
FORGET_BATCH = 5000
STATES_KEPT = timedelta(days=7)
"""Used and expired states, so that whoever comes back late is told what was wrong."""


class LastUsed:
    """Which keys were used since the last flush. In memory: a crash forgets seconds of a convenience."""

    def __init__(self, keys: Keys, *, now: Callable[[], datetime], every_s: float = LAST_USED_EVERY_S) -> None:
        self._keys = keys
        self._now = now
        self._every_s = every_s
        self._used: set[str] = set()

    def note(self, key_id: str) -> None:
        self._used.add(key_id)

    async def flush(self) -> None:
        """Writes them in one statement; what could not be written waits for the next flush."""
        taken, self._used = self._used, set()
        if not taken:
            return
        try:
            await self._keys.used(sorted(taken), now=self._now())
        except StoreError as error:
            self._used |= taken
            log.warning("key_use.unsaved", keys=len(taken), error=type(error).__name__)

    def worker(self) -> Worker:
        """Flushes now and then, and once more at the end."""

        async def run(stop: asyncio.Event) -> None:
            while not await wait_for_stop(stop, self._every_s):
                await self.flush()
            await self.flush()

        return Worker("last_used", run)


def keep_partitions(store: Store, *, now: Callable[[], datetime]) -> Worker:
    """Makes the coming days' partitions; every program that records events does, whichever runs longest."""

    async def run(stop: asyncio.Event) -> None:
        patience = Patience("partitions", most_s=60.0)
        while not stop.is_set():
            try:
                await store.partitions.ensure(now=now())
            except (Unavailable, Contended) as error:
                await patience.after(error, stop)
                continue
            patience.over()
            await wait_for_stop(stop, PARTITIONS_EVERY_S)

    return Worker("partitions", run)


def forget_old(store: Store, *, now: Callable[[], datetime], audit_days: int) -> Worker:
    """Forgets states, kept answers and audit entries whose time is over, some at a time."""

    async def run(stop: asyncio.Event) -> None:
        while not await wait_for_stop(stop, FORGET_EVERY_S):
            moment = now()
            try:
                await store.connects.forget(expired_before=moment - STATES_KEPT, limit=FORGET_BATCH)
                await store.idempotency.forget(now=moment, limit=FORGET_BATCH)
                await store.audit.forget(before=moment - timedelta(days=audit_days), limit=FORGET_BATCH)
            except (Unavailable, Contended) as error:
                log.warning("old.unforgotten", error=type(error).__name__)  # the next round does it

    return Worker("forget_old", run)
