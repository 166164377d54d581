"""Consumers: durable places in a feed of events, for customers who pull (design section 4, Cursors)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from libs.model.ids import first_id
from libs.store import rows
from libs.store.events import position
from libs.store.pool import Connection, Pool
from libs.store.sql import Queries

SQL = Queries("consumers")


@dataclass(frozen=True, slots=True)
class Consumer:
    """One row of `consumers`: everything up to `cursor` is acknowledged."""

    id: str
    customer_id: str | None
    name: str
    events: tuple[str, ...]
    cursor: str
    acknowledged_at: datetime | None
    created_at: datetime


class Consumers:
    """The table consumers. A consumer is named within its customer; operators' own have `customer_id` None."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def create(
        self,
        *,
        id_: str,
        customer_id: str | None,
        name: str,
        events: Sequence[str],
        cursor: str | None,
        most: int,
        now: datetime,
    ) -> Consumer | None:
        """A consumer that begins after `cursor` (None: with what commits from now on); called again with the same id,
        finds it.

        None when the customer has one of that name, or `most` already.
        """
        xid, event_id = position(cursor) if cursor else (None, "")
        known = await self.get(name, customer_id=customer_id)
        if known is not None:
            return known if known.id == id_ else None
        if await self._pool.fetchval(SQL.count, customer_id) >= most:
            return None
        row = await self._pool.fetchrow(SQL.create, id_, customer_id, name, list(events), xid, event_id, now)
        return _consumer(row) if row else None

    async def get(self, name: str, *, customer_id: str | None) -> Consumer | None:
        row = await self._pool.fetchrow(SQL.get, customer_id, name)
        return _consumer(row) if row else None

    async def page(self, *, customer_id: str | None, before: str | None, limit: int) -> list[Consumer]:
        """Newest first; `customer_id` None: everybody's."""
        return [_consumer(row) for row in await self._pool.fetch(SQL.page, customer_id, before, limit)]

    async def acknowledge(self, consumer: Consumer, cursor: str, *, now: datetime) -> bool:
        """Everything up to `cursor` is done with; False when no feed can have shown that cursor yet, and nothing moved.

        Never goes back: an acknowledgement that comes late or twice changes nothing.
        """
        xid, event_id = position(cursor)
        row = await self._pool.fetchone(SQL.acknowledge, consumer.id, xid, event_id, now)
        return bool(row["readable"])

    async def seek(
        self, consumer: Consumer, *, cursor: str | None, since: datetime | None, now: datetime
    ) -> Consumer | None:
        """Goes on after `cursor`, or with what was born `since`, or (neither) with what commits from now on."""

        async def write(connection: Connection) -> rows.Row | None:
            xid, event_id = await self._place(connection, consumer, cursor=cursor, since=since)
            return await connection.fetchrow(SQL.seek, consumer.id, xid, event_id, now)

        row = await self._pool.transact(write)
        return _consumer(row) if row else None

    async def _place(
        self, connection: Connection, consumer: Consumer, *, cursor: str | None, since: datetime | None
    ) -> tuple[str, str]:
        if cursor is not None:
            return position(cursor)
        horizon = str(await connection.fetchval(SQL.horizon))
        if since is None:
            return horizon, ""
        first = first_id("evt", since)
        found = await connection.fetchval(SQL.position_at, consumer.customer_id, rows.id_day(first), first)
        return str(found or horizon), ""

    async def remove(self, name: str, *, customer_id: str | None) -> bool:
        return await self._pool.execute(SQL.remove, customer_id, name) > 0


def _consumer(row: rows.Row) -> Consumer:
    return Consumer(
        id=row["id"],
        customer_id=row["customer_id"],
        name=row["name"],
        events=tuple(row["events"]),
        cursor=f"{row['position']}.{row['event_id']}",
        acknowledged_at=row["acknowledged_at"],
        created_at=row["created_at"],
    )
