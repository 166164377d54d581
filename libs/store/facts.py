"""Receipts and facts: what was heard, kept once, and handed to whoever settles it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from operator import itemgetter
from typing import Any

import orjson

from libs.model.fact import Fact, FactKind, FactSource
from libs.store import rows
from libs.store.errors import BadData
from libs.store.pool import Pool
from libs.store.sql import Queries

SQL = Queries("facts")
ODD_DAY = date(1970, 1, 1)
"""Where bodies go whose own time is absent or absurd: the default partition, always the same one for the same body."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """One signed body as it came. `fact` is what it says, or None with the `reason` why it says nothing."""

    body_hash: bytes
    day: date
    received_at: datetime
    body: bytes
    event: str
    fact: Fact | None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Claimed:
    """A fact to settle, leased; `tries` counts this claim."""

    id: int
    fact: Fact
    tries: int


class Facts:
    """The tables receipts and facts."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def receive(self, receipts: Sequence[Receipt]) -> tuple[int, int]:
        """Saves many receipts and their facts in one statement; returns how many of each were new.

        A fact counts as heard when its body was received. All or nothing. Raises `BadData` when a value cannot be
        stored, `Contended` when it gave way to another batch.
        """
        # One row each, encoded once: the statement takes both inserts from it. By hash, the order of the first insert.
        try:
            heard = sorted([_heard(receipt) for receipt in receipts], key=_HASH)
        except orjson.JSONEncodeError as error:
            raise BadData(str(error)) from error
        row = await self._pool.fetchrow(SQL.receive, *rows.columns(heard, 15))
        return (row["receipts"], row["facts"]) if row else (0, 0)

    async def record(self, facts: Sequence[Fact]) -> int:
        """Saves facts learnt by asking; returns how many were new."""
        learnt = [
            (f.key, str(f.kind), str(f.source), f.client_key, f.open_id, f.publish_id, f.create_time, f.post_id,
             f.reason, f.data, f.heard_at)
            for f in sorted(facts, key=lambda fact: fact.key)
        ]  # fmt: skip
        return len(await self._pool.fetch(SQL.record, *rows.columns(learnt, 11)))

    async def claim(self, *, now: datetime, lease: datetime, limit: int) -> list[Claimed]:
        """Facts whose alarm has come, leased until `lease`, oldest first."""
        found = await self._pool.fetch(SQL.claim, now, lease, limit)
        return sorted((_claimed(row) for row in found), key=lambda claimed: claimed.id)

    async def settle(self, results: Sequence[tuple[int, str]], *, now: datetime) -> None:
        """Marks facts as done that changed nothing; those that do are settled with their change (`Posts.save`)."""
        await self._pool.execute(SQL.settle, [id_ for id_, _ in results], [result for _, result in results], now)

    async def postpone(self, until: Sequence[tuple[int, datetime | None]]) -> None:
        """Puts back facts that have no owner yet; None keeps one without an alarm, for a publication that may come."""
        await self._pool.execute(SQL.postpone, [id_ for id_, _ in until], [alarm for _, alarm in until])

    async def forget(self, *, heard_before: datetime, limit: int) -> int:
        """Deletes a batch of settled facts; returns how many."""
        return await self._pool.execute(SQL.forget, heard_before, limit)

    async def forget_event_keys(self, *, recorded_before: datetime, limit: int) -> int:
        """Deletes a batch of event keys; returns how many."""
        return await self._pool.execute(SQL.forget_event_keys, recorded_before, limit)


_HASH = itemgetter(0)
_NO_FACT = (None,) * 9


def _heard(receipt: Receipt) -> tuple[Any, ...]:
    r, f = receipt, receipt.fact
    of_body = (r.body_hash, r.day, r.received_at, r.body, r.event, r.reason)
    if f is None:
        return of_body + _NO_FACT
    # Text, cast by the statement: asyncpg writes an array of jsonb as one long literal, at four times the cost.
    data = orjson.dumps(f.data).decode()
    return (*of_body, f.key, f.kind, f.client_key, f.open_id, f.publish_id, f.create_time, f.post_id, f.reason, data)


def _claimed(row: rows.Row) -> Claimed:
    fact = Fact(
        key=row["key"],
        kind=FactKind(row["kind"]),
        source=FactSource(row["source"]),
        heard_at=row["heard_at"],
        client_key=row["client_key"],
        open_id=row["open_id"],
        publish_id=row["publish_id"],
        create_time=row["create_time"],
        post_id=row["tiktok_post_id"],
        reason=row["reason"],
        data=row["data"],
    )
    return Claimed(row["id"], fact, row["tries"])
