"""Endpoints that are told in order: of each account's events, the next is sent when the last has come to its end.

Such an endpoint is not fanned out to. Its deliveries are made from a place in its customer's feed, in commit order, and
numbered; in each (endpoint, account) lane one has an alarm that comes, those behind it wait at infinity. So a claim
knows nothing of order, and whoever has no order pays nothing for it.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from libs.model.ids import day_of
from libs.store import rows
from libs.store.deliveries import SQL as DELIVERIES
from libs.store.deliveries import Match, Outgoing, Subscription
from libs.store.pool import Connection, Pool
from libs.store.sql import Queries

SQL = Queries("ordering")
FEEDS = 20
EVENTS = 500


class Ordering:
    """The table ordered_feeds, and the columns lane and turn of deliveries."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def endpoints(self) -> frozenset[str]:
        """Who is told in order."""
        return frozenset(row["endpoint_id"] for row in await self._pool.fetch(SQL.endpoints))

    async def feed(self, match: Match, *, now: datetime) -> int:
        """Makes deliveries of what is new for endpoints that are behind, in one transaction; how many events it was."""

        async def write(connection: Connection) -> int:
            behind = await connection.fetch(SQL.behind, FEEDS)
            return sum([await self._feed(connection, feed, match, now=now) for feed in behind])

        return await self._pool.transact(write)

    async def _feed(self, connection: Connection, feed: rows.Row, match: Match, *, now: datetime) -> int:
        endpoint_id, customer_id = feed["endpoint_id"], feed["customer_id"]
        news = await connection.fetch(SQL.news, customer_id, feed["position"], feed["event_id"], EVENTS)
        if not news:
            return 0
        subscription = Subscription(endpoint_id, customer_id, tuple(feed["events"]), tuple(feed["accounts"]))
        turn, made = feed["turn"], []
        for row in news:
            event = Outgoing(row["id"], row["day"], row["type"], customer_id, row["account_id"], row["key"])
            for delivery_id, _ in match(event, [subscription]):
                turn += 1
                lane = event.account_id
                made.append((delivery_id, event.day, event.id, lane, turn if lane is not None else None))
        await connection.execute(SQL.insert, endpoint_id, customer_id, *rows.columns(made, 5), now)
        await connection.execute(SQL.moved, endpoint_id, news[-1]["position"], news[-1]["id"], turn)
        await promote(connection, [(endpoint_id, lane) for *_, lane, _ in made if lane is not None], now=now)
        if any(lane is None for *_, lane, _ in made):
            await connection.execute(DELIVERIES.ring_lanes, [endpoint_id], [now])
        return len(news)

    async def advance(self, delivery_ids: Sequence[str], *, now: datetime) -> int:
        """These have come to their end: gives the turn to whoever is next in their lanes. Returns how many got it."""

        async def write(connection: Connection) -> int:
            days: list[date] = sorted({day_of(id_) for id_ in delivery_ids})
            lanes = await connection.fetch(SQL.lanes_of, list(delivery_ids), days)
            return await promote(connection, [(row["endpoint_id"], row["lane"]) for row in lanes], now=now)

        return await self._pool.transact(write)

    async def sweep(self, *, now: datetime) -> int:
        """Gives the turn in every lane where nobody has it: somebody was killed before he could. Returns how many."""

        async def write(connection: Connection) -> int:
            lanes = await connection.fetch(SQL.waiting)
            return await promote(connection, [(row["endpoint_id"], row["lane"]) for row in lanes], now=now)

        return await self._pool.transact(write)


async def promote(connection: Connection, lanes: Sequence[tuple[str, Any]], *, now: datetime) -> int:
    """Gives the turn to the first in each of these (endpoint, account) lanes, unless somebody has it."""
    if not lanes:
        return 0
    pairs = sorted(set(lanes))
    await connection.fetch(SQL.hold, sorted({endpoint_id for endpoint_id, _ in pairs}))
    woken = [row["endpoint_id"] for row in await connection.fetch(SQL.promote, *rows.columns(pairs, 2), now)]
    if woken:
        await connection.execute(DELIVERIES.ring_lanes, woken, [now] * len(woken))
    return len(woken)
