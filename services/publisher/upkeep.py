"""What must be done now and then: tokens refreshed ahead of time, partitions made and dropped, lanes swept."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from libs.accounts.errors import LineError
from libs.accounts.token import LEASE, TokenKeeper
from libs.runtime.workers import Patience, wait_for_stop
from libs.store.errors import Contended, Unavailable
from libs.store.store import Store

log = structlog.get_logger()

REFRESH_EVERY_S = 5.0
REFRESH_AT_ONCE = 20
SWEEP_EVERY_S = 60.0
FORGET_BATCH = 5000
CAPS_KEPT = timedelta(days=2)
ARRIVALS_KEPT = timedelta(days=7)
"""Files that did not arrive, so that whoever asks is told why."""


class Refresher:
    """Refreshes tokens ahead of their end."""

    def __init__(self, store: Store, tokens: TokenKeeper, *, now: Callable[[], datetime]) -> None:
        self._store = store
        self._tokens = tokens
        self._now = now

    async def run(self, stop: asyncio.Event) -> None:
        patience = Patience("refresher")
        while not stop.is_set():
            try:
                more = await self._refresh_due()
            except (Unavailable, Contended) as error:
                await patience.after(error, stop)
                continue
            patience.over()
            if not more:
                await wait_for_stop(stop, REFRESH_EVERY_S)

    async def _refresh_due(self) -> bool:
        """Refreshes what is due, at once; True when there may be more."""
        now = self._now()
        due = await self._store.accounts.claim_refresh(now=now, lease=now + LEASE, limit=REFRESH_AT_ONCE)
        await asyncio.gather(*(self._refresh(account_id) for account_id in due))
        return len(due) == REFRESH_AT_ONCE

    async def _refresh(self, account_id: str) -> None:
        try:
            await self._tokens.refresh(account_id, now=self._now())
        except LineError as error:
            log.info("token.not_refreshed", account=account_id, why=str(error))


class Sweeper:
    """Repairs what should not happen and forgets what is old. Every number above zero of the first kind is a bug."""

    def __init__(
        self,
        store: Store,
        *,
        now: Callable[[], datetime],
        retention_days: int,
        stats_post_days: int,
        stats_keep_days: int,
    ) -> None:
        self._store = store
        self._now = now
        self._retention = timedelta(days=retention_days)
        self._counted = timedelta(days=stats_post_days)
        self._stats_kept = timedelta(days=stats_keep_days)

    async def run(self, stop: asyncio.Event) -> None:
        while not await wait_for_stop(stop, SWEEP_EVERY_S):
            try:
                await self._sweep()
            except (Unavailable, Contended) as error:
                log.warning("sweep.unfinished", why=f"{type(error).__name__}: {error}")  # the next one does it all

    async def _sweep(self) -> None:
        now = self._now()
        repaired = await self._store.posts.sweep_lanes(now=now)
        if repaired:
            log.error("lanes.repaired", kind="post", count=repaired)
        await self._store.partitions.ensure(now=now)
        dropped = await self._store.partitions.drop(older_than=(now - self._retention).date())
        if dropped:
            log.info("partitions.dropped", names=dropped)
        await self._store.caps.forget(before=now - CAPS_KEPT, limit=FORGET_BATCH)
        await self._store.arrivals.forget(before=now - ARRIVALS_KEPT, limit=FORGET_BATCH)
        await self._store.stats.forget(before=now - self._stats_kept, limit=FORGET_BATCH)
        await self._store.stats.forget_watches(since=now - self._counted, limit=FORGET_BATCH)
        await self._store.facts.forget(heard_before=now - self._retention, limit=FORGET_BATCH)
        await self._store.facts.forget_event_keys(recorded_before=now - 3 * self._retention, limit=FORGET_BATCH)
