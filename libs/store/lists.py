"""Posts and batches, as they are listed: newest first, at a cost that does not grow with how many there are."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from libs.model.ids import first_id
from libs.model.key import EVERYWHERE, Reach
from libs.model.post import Post, PostState
from libs.store import rows
from libs.store.pool import Pool
from libs.store.sql import Queries

SQL = Queries("lists")
KINDS = ("video", "photo")
COUNTED_MAX = 10_000
_BEYOND = f"post_{'z' * 27}"
"""Above every post's id."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which posts: accepted from `since` on and before `until`, and by whatever else is not None."""

    state: PostState | None = None
    kind: str | None = None
    account_id: str | None = None
    batch_id: str | None = None
    idempotency_key: str | None = None
    """Of one customer's posts only."""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """The posts of one request for several accounts. `states` counts those within reach; `unsettled` is of all."""

    id: str
    customer_id: str
    total: int
    unsettled: int
    states: dict[str, int]
    created_at: datetime


class Lists:
    """The tables posts and batches, as they are read by many."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def posts(
        self, wanted: Wanted, *, customer_id: str | None, before: str | None, limit: int, reach: Reach = EVERYWHERE
    ) -> list[Post]:
        """That customer's posts (None: everybody's) within reach, newest first, those with an id below `before`."""
        first = first_id("post", wanted.since) if wanted.since else "post_"
        below = min(before or _BEYOND, first_id("post", wanted.until) if wanted.until else _BEYOND)
        found = await self._found(wanted, (first, below, limit), customer_id, reach)
        return [rows.post(row) for row in found]

    async def published(self, account_ids: Sequence[str]) -> dict[str, int]:
        """How many posts of each account are published, counted up to `COUNTED_MAX`."""
        found = await self._pool.fetch(SQL.published, list(account_ids), COUNTED_MAX)
        return {row["account_id"]: row["count"] for row in found}

    async def held(self, *, customer_id: str, limit: int, reach: Reach = EVERYWHERE) -> list[str]:
        """Accounts of the customer within reach that are in a group."""
        return [row["id"] for row in await self._pool.fetch(SQL.held, customer_id, limit, *rows.reach(reach))]

    async def _found(
        self, wanted: Wanted, place: tuple[str, str, int], customer_id: str | None, reach: Reach
    ) -> list[rows.Row]:
        states = [wanted.state] if wanted.state else list(PostState)
        kinds = [wanted.kind] if wanted.kind else list(KINDS)
        accounts = _accounts(wanted, reach)
        narrow: tuple[Any, ...] = (states, kinds)
        if wanted.idempotency_key is not None:
            values = (*place, wanted.idempotency_key, customer_id, *narrow, accounts, sorted(reach.but))
            return await self._pool.fetch(SQL.of_key, *values, wanted.batch_id)
        if wanted.batch_id is not None:
            values = (*place, wanted.batch_id, customer_id, *narrow, accounts, sorted(reach.but))
            return await self._pool.fetch(SQL.of_batch, *values)
        if accounts is not None:
            return await self._pool.fetch(SQL.states_of_accounts, *place, *narrow, accounts, customer_id)
        chosen = wanted.state is not None or wanted.kind is not None
        if customer_id is not None and chosen:
            return await self._pool.fetch(SQL.states_of_customer, *place, *narrow, customer_id, sorted(reach.but))
        if customer_id is not None:
            return await self._pool.fetch(SQL.of_customer, *place, customer_id, sorted(reach.but))
        if chosen:
            return await self._pool.fetch(SQL.states_of_all, *place, *narrow)
        return await self._pool.fetch(SQL.of_all, *place)

    async def batch(self, id_: str, *, customer_id: str | None, reach: Reach = EVERYWHERE) -> Batch | None:
        """A batch, if it is that customer's (None: anybody's) and one of its posts is within reach."""
        row = await self._pool.fetchrow(SQL.batch, id_, customer_id, *rows.reach(reach))
        return _batch(row) if row else None

    async def batches(self, *, customer_id: str | None, before: str | None, limit: int) -> list[Batch]:
        """Newest first, those with an id below `before`."""
        return [_batch(row) for row in await self._pool.fetch(SQL.batches, customer_id, before, limit)]


def _accounts(wanted: Wanted, reach: Reach) -> Sequence[str] | None:
    """The accounts whose posts may be shown; None: no account in particular."""
    if wanted.account_id is not None:
        return [wanted.account_id] if reach.has(wanted.account_id) else []
    return sorted(reach.only - reach.but) if reach.only is not None else None


def _batch(row: rows.Row) -> Batch:
    return Batch(**{name: row[name] for name in ("id", "customer_id", "total", "unsettled", "states", "created_at")})
