"""The group commit: many receipts in one statement, and everybody who waits is told how theirs went.

A queue that is full refuses at once; a value Postgres cannot hold is found by halving, so that one poisonous body does
not fail its neighbours; batches that deadlock are done again. Whoever waited may have gone: it is saved anyway.
"""

import asyncio
from collections.abc import Sequence
from enum import StrEnum

import structlog

from libs.broker.port import Broker
from libs.store.errors import BadData, Contended, StoreError
from libs.store.facts import Facts, Receipt

log = structlog.get_logger()

CONTENDED_TRIES = 5


class Full(Exception):
    """Too many receipts wait to be saved."""


class Kept(StrEnum):
    """How a receipt went."""

    DURABLE = "durable"
    BAD = "bad"
    """It can never be stored: it holds a value Postgres cannot."""
    FAILED = "failed"
    """It is not stored; the same again may work."""


Waiting = tuple[Receipt, "asyncio.Future[Kept]"]


class GroupCommit:
    """Collects receipts while a statement runs and saves them with the next."""

    def __init__(self, facts: Facts, broker: Broker, *, queue_max: int, batch_max: int, at_once: int) -> None:
        self._facts = facts
        self._broker = broker
        self._queue: asyncio.Queue[Waiting] = asyncio.Queue(queue_max)
        self._batch_max = batch_max
        self._at_once = at_once
        self._stopping = False

    @property
    def waiting(self) -> int:
        return self._queue.qsize()

    def submit(self, receipt: Receipt) -> "asyncio.Future[Kept]":
        """Queues a receipt; the future tells how it went. Raises `Full` at once when the queue is full."""
        done: asyncio.Future[Kept] = asyncio.get_running_loop().create_future()
        try:
            self._queue.put_nowait((receipt, done))
        except asyncio.QueueFull:
            raise Full from None
        return done

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop` and the queue is empty: what was verified is saved before the program ends."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self._at_once):
                group.create_task(self._commits(stop))

    async def _commits(self, stop: asyncio.Event) -> None:
        stopped = asyncio.create_task(stop.wait())
        try:
            while not (stop.is_set() and self._queue.empty()):
                batch = await self._next_batch(stopped)
                if batch:
                    await self._save(batch)
        finally:
            stopped.cancel()

    async def _next_batch(self, stopped: "asyncio.Task[bool]") -> list[Waiting]:
        """Waits for one receipt and takes whatever else is there."""
        if self._queue.empty():
            first = asyncio.ensure_future(self._queue.get())
            await asyncio.wait([first, stopped], return_when=asyncio.FIRST_COMPLETED)
            if not first.done():
                first.cancel()
                return []
            batch = [first.result()]
        else:
            batch = [self._queue.get_nowait()]
        while len(batch) < self._batch_max and not self._queue.empty():
            batch.append(self._queue.get_nowait())
        return batch

    async def _save(self, batch: Sequence[Waiting]) -> None:
        try:
            kept = await self._receive(batch)
        except BaseException:
            _tell(batch, Kept.FAILED)  # a bug or the end of the program; nobody shall wait in vain
            raise
        if kept:
            await self._broker.ring("facts")

    async def _receive(self, batch: Sequence[Waiting]) -> bool:
        """Saves a batch, halving it around what cannot be stored; True when anything was saved."""
        for _ in range(CONTENDED_TRIES):
            try:
                await self._facts.receive([receipt for receipt, _ in batch])
            except Contended:
                continue
            except BadData as error:
                if len(batch) == 1:
                    log.error("receipt.unstorable", why=str(error)[:200], event=batch[0][0].event[:64])
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
    for _, done in batch:
        if not done.done():
            done.set_result(kept)
