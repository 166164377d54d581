"""The group commit: everybody is told how theirs went, in time, and what was taken is saved."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime

import pytest

from libs.broker.open import open_broker
from libs.store.errors import BadData, Contended, Unavailable
from libs.store.facts import Receipt
from services.ingest.commit import Full, GroupCommit, Kept
from tests.eventually import eventually

POISON = b"poison"


class Kitchen:
    """Facts whose saving the test holds up or lets fail."""

    def __init__(self, *errors: Exception) -> None:
        self.saved: list[bytes] = []
        self.batches: list[int] = []
        self.open = asyncio.Event()
        self.open.set()
        self._errors = list(errors)

    async def receive(self, receipts: Sequence[Receipt]) -> tuple[int, int]:
        self.batches.append(len(receipts))
        await self.open.wait()
        if self._errors:
            raise self._errors.pop(0)
        if any(receipt.body == POISON for receipt in receipts):
            raise BadData("it cannot be stored")
        self.saved += [receipt.body for receipt in receipts]
        return (len(receipts), len(receipts))


def receipt(body: bytes) -> Receipt:
    return Receipt(body, date(2026, 11, 20), datetime(2026, 11, 20, tzinfo=UTC), body, "tiktok.ping", None)


Opened = tuple[GroupCommit, Callable[[], None]]


@asynccontextmanager
async def committing(
    kitchen: Kitchen, *, queue_max: int = 100, batch_max: int = 64, patience_s: float = 10.0
) -> AsyncIterator[Opened]:
    """A running group commit, and what tells it to stop."""
    broker = open_broker(None, prefix="")
    await broker.start()
    commit = GroupCommit(kitchen, broker, queue_max=queue_max, batch_max=batch_max, at_once=2, patience_s=patience_s)  # type: ignore[arg-type]
    stop = asyncio.Event()
    running = asyncio.create_task(commit.run(stop))
    try:
        yield commit, stop.set
    finally:
        kitchen.open.set()
        stop.set()
        await running
        await broker.close()


async def test_what_waits_while_a_batch_is_saved_goes_with_the_next() -> None:
    kitchen = Kitchen()
    kitchen.open.clear()
    async with committing(kitchen) as (commit, _):
        first = [commit.submit(receipt(b"%d" % n)) for n in range(2)]
        await eventually(lambda: kitchen.batches)
        rest = [commit.submit(receipt(b"%d" % n)) for n in range(2, 22)]
        kitchen.open.set()

        assert set(await asyncio.gather(*first, *rest)) == {Kept.DURABLE}

    assert sorted(kitchen.saved) == sorted(b"%d" % n for n in range(22))
    assert len(kitchen.batches) <= 3


async def test_a_batch_is_never_larger_than_its_bound() -> None:
    kitchen = Kitchen()
    async with committing(kitchen, batch_max=8) as (commit, _):
        await asyncio.gather(*[commit.submit(receipt(b"%d" % n)) for n in range(50)])

    assert max(kitchen.batches) <= 8


async def test_whoever_waits_too_long_is_told_so_and_saved_all_the_same() -> None:
    kitchen = Kitchen()
    kitchen.open.clear()
    async with committing(kitchen, batch_max=1, patience_s=0.05) as (commit, _):
        waiting = [commit.submit(receipt(b"%d" % n)) for n in range(5)]  # two in the kitchen, three in the queue

        assert set(await asyncio.gather(*waiting)) == {Kept.LATE}

    assert sorted(kitchen.saved) == [b"0", b"1", b"2", b"3", b"4"]


async def test_a_full_queue_refuses_at_once() -> None:
    kitchen = Kitchen()
    kitchen.open.clear()
    async with committing(kitchen, queue_max=3, batch_max=1) as (commit, _):
        for n in range(2):
            commit.submit(receipt(b"%d" % n))
        await eventually(lambda: commit.waiting == 0)
        for n in range(3):
            commit.submit(receipt(b"more %d" % n))

        with pytest.raises(Full):
            commit.submit(receipt(b"too many"))


async def test_one_poisonous_receipt_does_not_fail_its_neighbours() -> None:
    kitchen = Kitchen()
    async with committing(kitchen) as (commit, _):
        bodies = [b"%d" % n for n in range(31)] + [POISON] + [b"%d" % n for n in range(31, 63)]
        kept = await asyncio.gather(*[commit.submit(receipt(body)) for body in bodies])

    assert [body for body, how in zip(bodies, kept, strict=True) if how is Kept.BAD] == [POISON]
    assert kept.count(Kept.DURABLE) == 63


async def test_a_batch_that_gave_way_is_done_again() -> None:
    kitchen = Kitchen(Contended("deadlock"), Contended("deadlock"))
    async with committing(kitchen) as (commit, _):
        assert await commit.submit(receipt(b"patient")) is Kept.DURABLE


async def test_a_store_that_is_away_is_told_at_once() -> None:
    async with committing(Kitchen(Unavailable("gone"))) as (commit, _):
        assert await commit.submit(receipt(b"unlucky")) is Kept.FAILED


async def test_what_was_taken_is_saved_before_the_end() -> None:
    kitchen = Kitchen()
    kitchen.open.clear()
    async with committing(kitchen, batch_max=2) as (commit, stop):
        waiting = [commit.submit(receipt(b"%d" % n)) for n in range(9)]
        await eventually(lambda: len(kitchen.batches) == 2)
        stop()
        kitchen.open.set()

        assert set(await asyncio.gather(*waiting)) == {Kept.DURABLE}


async def test_a_bug_in_saving_lets_nobody_wait_in_vain() -> None:
    kitchen = Kitchen(ZeroDivisionError())
    broker = open_broker(None, prefix="")
    commit = GroupCommit(kitchen, broker, queue_max=9, batch_max=9, at_once=1, patience_s=9)  # type: ignore[arg-type]
    waiting = commit.submit(receipt(b"unlucky"))

    with pytest.raises(ExceptionGroup):
        await commit.run(asyncio.Event())

    assert await waiting is Kept.FAILED
