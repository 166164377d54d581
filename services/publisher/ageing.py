"""Media leave: what no post needs any more, what none ever needed, and bytes that no row names.

First the row says `expired`, then the bytes go; in between, a lease brings the file to whoever comes next. So no post
ever finds a row whose bytes are gone, and no bytes stay because somebody died.
"""

import asyncio
import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import aclosing
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from libs.media.errors import MediaError
from libs.media.port import COPY, MediaStorage
from libs.model.ids import is_id
from libs.runtime.workers import wait_for_stop
from libs.store.errors import Contended, Unavailable
from libs.store.store import Store
from services.publisher.ready import SCRATCH

log = structlog.get_logger()

EVERY_S = 60.0
AT_ONCE = 200
LEASE = timedelta(minutes=10)
ORPHANS_EVERY = timedelta(hours=6)
ORPHAN_AGE = timedelta(days=1)
"""Longer than any upload, fetch or conversion takes between its last byte and its row."""


class Ageing:
    """The sweep over media, in bounded steps."""

    def __init__(
        self,
        store: Store,
        storage: MediaStorage,
        *,
        now: Callable[[], datetime],
        keep_used: timedelta,
        keep_unused: timedelta,
    ) -> None:
        self._store = store
        self._storage = storage
        self._now = now
        self._keep_used = keep_used
        self._keep_unused = keep_unused
        self._orphans_at = now()

    async def run(self, stop: asyncio.Event) -> None:
        while not await wait_for_stop(stop, EVERY_S):
            try:
                while await self.sweep() and not stop.is_set():
                    continue
                if self._now() >= self._orphans_at:
                    self._orphans_at = self._now() + ORPHANS_EVERY
                    await self.sweep_orphans()
            except (Unavailable, Contended, MediaError) as error:
                log.warning("ageing.unfinished", why=f"{type(error).__name__}: {error}")  # the next one does it all

    async def sweep(self) -> bool:
        """Ages out some files and deletes the bytes of some; True when there may be more."""
        now = self._now()
        looked_at = await self._store.media.expire(
            used_before=now - self._keep_used, unused_before=now - self._keep_unused, now=now, limit=AT_ONCE
        )
        leaving = await self._store.media.claim_leaving(now=now, lease=now + LEASE, limit=AT_ONCE)
        gone = []
        for id_, key in leaving.items():
            try:
                await self._storage.delete(key)
            except MediaError as error:
                log.warning("media.not_deleted", media_id=id_, why=str(error))  # its lease brings it back
                continue
            gone.append(id_)
        if gone:
            await self._store.media.left(gone)
            log.info("media.aged_out", count=len(gone))
        return looked_at == AT_ONCE or len(leaving) == AT_ONCE

    async def sweep_orphans(self) -> int:
        """Deletes bytes that no row names, from programs that died between the two; how many there were."""
        count = 0
        async with aclosing(self._storage.keys(before=self._now() - ORPHAN_AGE)) as batches:
            async for batch in batches:
                for key in await self._store.media.orphans([key for key in batch if is_ours(key)]):
                    await self._storage.delete(key)
                    count += 1
        if count:
            log.info("media.orphans_deleted", count=count)
        await asyncio.to_thread(remove_scratch, before=time.time() - ORPHAN_AGE.total_seconds())
        return count


def is_ours(key: str) -> bool:
    """Whether we could have made this key: a customer's folder, and a file named for media or a post."""
    customer, _, name = key.partition("/")
    id_ = name.partition(".")[0]
    return is_id(customer, "cus") and (is_id(id_, "med") or is_id(id_, "post"))


def remove_scratch(*, before: float) -> None:
    """Folders of conversions and copies of a bucket's objects whose process was killed."""
    for prefix in (SCRATCH, COPY):
        for left in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
            if left.is_symlink() or left.stat().st_mtime >= before:
                continue
            if left.is_dir():
                shutil.rmtree(left, ignore_errors=True)
            else:
                left.unlink(missing_ok=True)
