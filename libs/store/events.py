"""Events: recorded once by key; the outbox of deliveries (`fan_out_at`) and of RabbitMQ (`relay_at`)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from libs.model.event import Event
from libs.model.ids import is_id
from libs.model.key import EVERYWHERE, Reach
from libs.store import rows
from libs.store.pool import Connection, Pool
from libs.store.sql import Queries

SQL = Queries("events")


async def record_events(connection: Connection, events: Sequence[Event], *, now: datetime) -> int:
    """Records events inside the transaction that caused them; returns how many were not known before."""
    if not events:
        return 0
    return len(await connection.fetch(SQL.record, *rows.event_columns(events), now))


@dataclass(frozen=True, slots=True)
class Relayed:
    """An event on its way to RabbitMQ."""

    id: str
    day: date
    type: str
    body: str


@dataclass(frozen=True, slots=True)
class FeedItem:
    """One event of a feed and the cursor that comes after it."""

    id: str
    type: str
    body: str
    cursor: str


class Events:
    """The tables events and event_keys."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def record(self, events: Sequence[Event], *, now: datetime) -> int:
        """Records events that go with no other change."""

        async def write(connection: Connection) -> int:
            return await record_events(connection, events, now=now)

        return await self._pool.transact(write)

    async def claim_relay(self, *, now: datetime, lease: datetime, limit: int) -> list[Relayed]:
        """Events to publish, leased until `lease`, oldest first."""
        found = await self._pool.fetch(SQL.claim_relay, now, lease, limit)
        return sorted((Relayed(r["id"], r["day"], r["type"], r["body"]) for r in found), key=lambda event: event.id)

    async def relayed(self, events: Sequence[Relayed]) -> None:
        """RabbitMQ confirmed these."""
        await self._pool.execute(SQL.relayed, [e.id for e in events], [e.day for e in events])

    async def relay_again(self, events: Sequence[Relayed], *, at: datetime) -> None:
        """RabbitMQ did not take these: they are due at `at` instead of the end of their lease."""
        await self._pool.execute(SQL.relay_again, [e.id for e in events], [e.day for e in events], at)

    async def get(self, id_: str, *, customer_id: str | None, reach: Reach = EVERYWHERE) -> str | None:
        """An event's body, if it is that customer's (None: anybody's) and within reach."""
        day = rows.id_day(id_)
        row = await self._pool.fetchrow(SQL.get, id_, day, customer_id, *rows.reach(reach)) if day else None
        return row["body"] if row else None

    async def feed(
        self,
        *,
        customer_id: str | None,
        cursor: str | None,
        limit: int,
        types: Sequence[str] | None = None,
        post_id: str | None = None,
        reach: Reach = EVERYWHERE,
    ) -> list[FeedItem]:
        """Events in commit order after `cursor` (None: from the beginning); never skips one that commits late.

        `types` None means every type; what is about no account is within a reach that names none. Raises
        ValueError for text that is no cursor.
        """
        xid, id_ = position(cursor)
        wanted = list(types) if types is not None else None
        within = rows.reach(reach)
        if customer_id is None:
            found = await self._pool.fetch(SQL.feed_of_all, xid, id_, wanted, post_id, limit, *within)
        else:
            found = await self._pool.fetch(SQL.feed, xid, id_, wanted, post_id, limit, customer_id, *within)
        return [FeedItem(r["id"], r["type"], r["body"], f"{r['position']}.{r['id']}") for r in found]


def position(cursor: str | None) -> tuple[str, str]:
    """(xid, event id) of a feed's cursor; None is the beginning. Raises ValueError for text that is no cursor."""
    xid, sep, id_ = (cursor or "0.").partition(".")
    known = bool(sep) and (id_ == "" or is_id(id_, "evt"))
    if not (known and xid.isascii() and xid.isdigit() and len(xid) <= 20 and int(xid) < 2**64):
        raise ValueError("not a cursor")
    return xid, id_
