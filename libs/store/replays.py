"""Replays: many deliveries sent again, a batch at a time, each once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from libs.model.ids import day_of, first_id
from libs.store import rows
from libs.store.deliveries import SQL as DELIVERIES
from libs.store.ordering import promote
from libs.store.pool import Connection, Pool
from libs.store.sql import Queries

SQL = Queries("replays")
BATCH = 200
CROWD = 500
"""So many deliveries that are due to one endpoint are enough: more would keep waiting what comes fresh."""
CROWDED_FOR = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which deliveries: of one customer, by the time of their events, and by what else is not None."""

    customer_id: str
    since: datetime
    until: datetime
    states: tuple[str, ...]
    types: tuple[str, ...] | None = None
    endpoint_id: str | None = None


class Replays:
    """The table replays. The api makes, pauses and resumes them, the notifier works them."""

    def __init__(self, pool: Pool, *, batch: int = BATCH) -> None:
        self._pool = pool
        self._batch = batch

    async def count(self, selection: Selection) -> int:
        """How many deliveries a replay would send again now."""
        return int(await self._pool.fetchval(SQL.count, *_filter(selection, first_id("dlv", selection.since))))

    async def unfinished(self, customer_id: str) -> int:
        return int(await self._pool.fetchval(SQL.unfinished, customer_id))

    async def create(self, id_: str, selection: Selection, *, per_second: int, now: datetime) -> rows.Row:
        """A replay that begins at once; `total` is what it would send again now."""
        total = await self.count(selection)
        types = list(selection.types) if selection.types is not None else None
        return await self._pool.fetchone(
            SQL.insert, id_, selection.customer_id, selection.since, selection.until, types, selection.endpoint_id,
            list(selection.states), per_second, total, first_id("dlv", selection.since), now,
        )  # fmt: skip

    async def get(self, id_: str, *, customer_id: str | None) -> rows.Row | None:
        return await self._pool.fetchrow(SQL.get, id_, customer_id)

    async def page(self, *, customer_id: str | None, before: str | None, limit: int) -> list[rows.Row]:
        return await self._pool.fetch(SQL.page, customer_id, before, limit)

    async def pause(self, id_: str, *, customer_id: str | None, now: datetime) -> bool:
        """Stops it where it is; what was sent again already goes out. False when it does not run."""
        return await self._pool.execute(SQL.pause, id_, customer_id, now) > 0

    async def resume(self, id_: str, *, customer_id: str | None, now: datetime) -> bool:
        """Goes on where it stopped; False when it is not paused."""
        return await self._pool.execute(SQL.resume, id_, customer_id, now) > 0

    async def work(self, *, now: datetime) -> int | None:
        """One batch of one replay that is due, with the place it reached: both or neither, whoever is killed.

        Returns how many deliveries it sent on their way, None when no replay is due.
        """

        async def write(connection: Connection) -> int | None:
            replay = await connection.fetchrow(SQL.due, now)
            return await self._step(connection, replay, now=now) if replay else None

        return await self._pool.transact(write)

    async def _step(self, connection: Connection, replay: rows.Row, *, now: datetime) -> int:
        if await connection.fetchval(SQL.crowded, replay["customer_id"], replay["endpoint_id"], now, CROWD):
            await connection.execute(SQL.advance, replay["id"], replay["place"], 0, now + CROWDED_FOR, now)
            return 0
        types = tuple(replay["types"]) if replay["types"] is not None else None
        selection = Selection(
            customer_id=replay["customer_id"],
            since=replay["since"],
            until=replay["until"],
            states=tuple(replay["states"]),
            types=types,
            endpoint_id=replay["endpoint_id"],
        )
        per_second = replay["per_second"]
        sent = await connection.fetch(SQL.batch, *_filter(selection, replay["place"]), self._batch, now, per_second)
        await self._wake(connection, sent, now=now)
        span = timedelta(seconds=(1 + max((row["n"] for row in sent), default=0)) / per_second)
        again = now + span if len(sent) == self._batch else None
        place = sent[-1]["id"] if sent else replay["place"]
        await connection.execute(SQL.advance, replay["id"], place, len(sent), again, now)
        return len(sent)

    async def _wake(self, connection: Connection, sent: Sequence[rows.Row], *, now: datetime) -> None:
        waiting = sorted({(row["endpoint_id"], now) for row in sent if row["lane"] is None})
        await promote(
            connection, [(row["endpoint_id"], row["lane"]) for row in sent if row["lane"] is not None], now=now
        )
        if waiting:
            await connection.execute(DELIVERIES.ring_lanes, *rows.columns(waiting, 2))


def _filter(selection: Selection, place: str) -> list[object]:
    begin, end = first_id("dlv", selection.since), first_id("dlv", selection.until)
    types = list(selection.types) if selection.types is not None else None
    states = list(selection.states)
    return [selection.customer_id, place, end, day_of(begin), day_of(end), states, selection.endpoint_id, types]
