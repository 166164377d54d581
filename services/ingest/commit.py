"""The group commit: many receipts in one statement, and everybody who waits is told how theirs went.

A queue that is full refuses at once; a value Postgres cannot hold is found by halving, so that one poisonous body does
not fail its neighbours; batches that deadlock are done again. Whoever waited may have gone: it is saved anyway.

A hot path: every webhook passes here, so time is kept for all who wait together and not by a timer each.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import structlog

from libs.broker.port import Broker
from libs.store.errors import BadData, Contended, StoreError
from libs.store.facts import Facts, Receipt

log = structlog.get_logger()

CONTENDED_TRIES = 5
PATIENCE_LOOK_S = 0.25


class Full(Exception):
    """Too many receipts wait to be saved."""


class Kept(StrEnum):
    """How a receipt went."""

    DURABLE = "durable"
    BAD = "bad"
    """It can never be stored: it holds a value Postgres cannot."""
    FAILED = "failed"
    """It is not stored; the same again may work."""
    LATE = "late"
    """Nobody knows yet: the store is slow. It is saved all the same if the store recovers."""


@dataclass(slots=True, eq=False)
class Waiting:
    """A receipt and who waits for it. `since` is in the loop's time."""

    receipt: Receipt
    done: "asyncio.Future[Kept]"
    since: float


class GroupCommit:
    """Collects receipts while a statement runs and saves them with the next.

    Whoever has waited `patience_s` seconds is told `LATE`, within a quarter of a second.
    """

    def __init__(
        self, facts: Facts, broker: Broker, *, queue_max: int, batch_max: int, at_once: int, patience_s: float
    ) -> None:
        self._facts = facts
        self._broker = broker
        self._queue: deque[Waiting] = deque()
        self._queue_max = queue_max
        self._batch_max = batch_max
        self._at_once = at_once
        self._patience_s = patience_s
        self._saving: list[Sequence[Waiting]] = []
        self._arrived = asyncio.Event()

    @property
    def waiting(self) -> int:
        return len(self._queue)

    def submit(self, receipt: Receipt) -> "asyncio.Future[Kept]":
        """Queues a receipt; the future tells how it went. Raises `Full` at once when the queue is full."""
        if len(self._queue) >= self._queue_max:
            raise Full
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Kept] = loop.create_future()
        self._queue.append(Waiting(receipt, done, loop.time()))
        self._arrived.set()
        return done

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop` and the queue is empty: what was verified is saved before the program ends."""
        async with asyncio.TaskGroup() as group:
            watch = group.create_task(self._watch())
            commits = [group.create_task(self._commits(stop)) for _ in range(self._at_once)]
            await stop.wait()
            self._arrived.set()  # those who wait for work see that none will come
            await asyncio.wait(commits)
            watch.cancel()

    async def _commits(self, stop: asyncio.Event) -> None:
        while not (stop.is_set() and not self._queue):
            if batch := self._take():
                await self._save(batch)
            else:
                self._arrived.clear()
                await self._arrived.wait()

    def _take(self) -> list[Waiting]:
        """Whatever waits, up to a batch."""
        return [self._queue.popleft() for _ in range(min(len(self._queue), self._batch_max))]

    async def _save(self, batch: Sequence[Waiting]) -> None:
        self._saving.append(batch)
        try:
            kept = await self._receive(batch)
        except BaseException:
            _tell(batch, Kept.FAILED)  # a bug or the end of the program; nobody shall wait in vain
            raise
        finally:
            self._saving.remove(batch)
        if kept:
            await self._broker.ring("facts")

    async def _watch(self) -> None:
        """Tells those who have waited too long; all of them are in the queue or in a batch."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(PATIENCE_LOOK_S)
            too_long_since = loop.time() - self._patience_s
            for line in (self._queue, *self._saving):
                _tell([one for one in line if one.since <= too_long_since], Kept.LATE)

    async def _receive(self, batch: Sequence[Waiting]) -> bool:
        """Saves a batch, halving it around what cannot be stored; True when anything was saved."""
        for _ in range(CONTENDED_TRIES):
            try:
                await self._facts.receive([one.receipt for one in batch])
            except Contended:
                continue
            except BadData as error:
                if len(batch) == 1:
                    log.error("receipt.unstorable", why=str(error)[:200], said=batch[0].receipt.event[:64])
                    _tell(batch, Kept.BAD)
                    return False
                half = len(batch) // 2
                first, second = await self._receive(batch[:half]), await self._receive(batch[half:])
                return first or second
            except StoreError as error:
                log.warning("receipts.not_saved", count=len(batch), why=f"{type(error).__name__}: {error}")
                _tell(batch, Kept.FAILED)
                return False
            _tell(batch, Kept.DURABLE)
            return True
        log.warning("receipts.contended", count=len(batch))
        _tell(batch, Kept.FAILED)
        return False


def _tell(batch: Sequence[Waiting], kept: Kept) -> None:
    for one in batch:
        if not one.done.done():
            one.done.set_result(kept)
