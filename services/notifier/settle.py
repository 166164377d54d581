"""Saving tries in batches: a batch is whatever came in while the last one was being saved."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime

import orjson
import structlog

from libs.runtime.workers import set_within
from libs.store.deliveries import Settled
from libs.store.errors import Contended, StoreError
from libs.store.store import Store
from services.notifier.deliver import Tried, kept_of

log = structlog.get_logger()

BATCH = 500
LINGER_S = 0.005
LOOK_S = 0.2
AGAIN_S = 0.5
TRIES = 20


class Settlements:
    """Takes tries from the dispatcher and saves them. Never more than a batch is in hand, so that whoever kills this
    process loses the saving of no more: `put` holds the dispatcher back. `after` hears what was saved."""

    def __init__(
        self,
        store: Store,
        *,
        now: Callable[[], datetime],
        after: Callable[[Sequence[Settled]], None] = lambda _: None,
    ) -> None:
        self._store = store
        self._after = after
        self._now = now
        self._waiting: list[Tried] = []
        self._came = asyncio.Event()
        self._unsaved = 0
        self._saved = asyncio.Event()

    async def put(self, tried: Tried) -> None:
        while self._unsaved >= BATCH:
            self._saved.clear()
            await self._saved.wait()
        self._unsaved += 1
        if not self._waiting:
            self._came.set()
        self._waiting.append(tried)

    async def run(self, done: asyncio.Event) -> None:
        """Until `done` and everything handed over is saved."""
        while not (done.is_set() and not self._waiting):
            if not await set_within(self._came, LOOK_S if not done.is_set() else 0.01):
                continue
            if len(self._waiting) < BATCH // 4:
                await asyncio.sleep(LINGER_S)  # a moment, so that a burst makes one transaction and not many
            self._came.clear()
            batch, self._waiting = self._waiting, []
            try:
                await self._save(_records(batch))
            finally:
                self._unsaved -= len(batch)
                self._saved.set()

    async def _save(self, batch: list[Settled]) -> None:
        """The tries did go out: while the store is away they are kept in hand; their leases bound the duplicates."""
        for n in range(TRIES):
            try:
                saved = await self._store.deliveries.settle(batch, now=self._now())
            except Contended:
                continue
            except StoreError as error:
                log.warning("tries.not_saved", count=len(batch), why=f"{type(error).__name__}: {error}", tries=n + 1)
                await asyncio.sleep(AGAIN_S * min(n + 1, 10))
                continue
            self._after(batch)
            log.info("deliveries.attempted", count=len(batch), stale=len(batch) - saved.kept, **_counts(batch))
            for notice in saved.notices:
                log.warning(str(notice.type), customer=notice.customer_id, **orjson.loads(notice.body)["data"])
            return
        log.error("tries.lost", count=len(batch), remedy="they are sent again when their leases end")


def _records(batch: Sequence[Tried]) -> list[Settled]:
    """Of one that cannot be written nothing is kept: it is sent again when its lease ends, and the others are saved."""
    records = []
    for tried in batch:
        try:
            records.append(kept_of(tried))
        except Exception:
            log.exception("delivery.broke", delivery=tried.delivery.id, endpoint=tried.delivery.endpoint_id)
    return records


def _counts(batch: list[Settled]) -> dict[str, int]:
    delivered = sum(1 for one in batch if one.verdict.healthy)
    return {"delivered": delivered, "failed": len(batch) - delivered}
