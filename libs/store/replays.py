"""Replays: many deliveries sent again, a second's worth at a time, each once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from libs.model import replay as model
from libs.model.ids import day_of, first_id
from libs.model.replay import CROWD, Room, Step, Waiting
from libs.store import rows
from libs.store.deliveries import SQL as DELIVERIES
from libs.store.ordering import promote
from libs.store.pool import Connection, Pool
from libs.store.sql import Queries

SQL = Queries("replays")
BATCH = 200
SHARES = 20
"""Shares of single endpoints that one step sees to."""


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
    """The tables replays and replay_shares. The api makes, pauses and ends them, the notifier works them."""

    def __init__(self, pool: Pool, *, batch: int = BATCH) -> None:
        self._pool = pool
        self._batch = batch

    async def count(self, selection: Selection) -> int:
        """How many deliveries a replay would send again now."""
        return int(await self._pool.fetchval(SQL.count, *_filter(selection, first_id("dlv", selection.since))))

    async def create(
        self, id_: str, selection: Selection, *, per_second: int, now: datetime, unfinished_max: int | None = None
    ) -> rows.Row | None:
        """A replay that begins at once; `total` is what it would send again now. None when its customer has
        `unfinished_max` that are neither done nor cancelled.
        """
        total, begin = await self.count(selection), first_id("dlv", selection.since)
        types = list(selection.types) if selection.types is not None else None
        most = unfinished_max if unfinished_max is not None else 2**31 - 1

        async def write(connection: Connection) -> rows.Row | None:
            await connection.execute(SQL.hold_customer, selection.customer_id)
            made = await connection.fetchrow(
                SQL.insert, id_, selection.customer_id, selection.since, selection.until, types, selection.endpoint_id,
                list(selection.states), per_second, total, begin, now, most,
            )  # fmt: skip
            if made is not None and selection.endpoint_id is not None:
                await connection.execute(SQL.set_aside, id_, [selection.endpoint_id], begin, now)
            return made

        return await self._pool.transact(write)

    async def get(self, id_: str, *, customer_id: str | None) -> rows.Row | None:
        return await self._pool.fetchrow(SQL.get, id_, customer_id)

    async def page(self, *, customer_id: str | None, before: str | None, limit: int) -> list[rows.Row]:
        return await self._pool.fetch(SQL.page, customer_id, before, limit)

    async def pause(self, id_: str, *, customer_id: str | None, now: datetime) -> bool:
        """Stops it where it is: what goes out within a second goes out. False when it does not run."""
        return await self._pool.execute(SQL.pause, id_, customer_id, now) > 0

    async def resume(self, id_: str, *, customer_id: str | None, now: datetime) -> bool:
        """Goes on where it stopped; False when it is not paused."""
        return await self._pool.execute(SQL.resume, id_, customer_id, now) > 0

    async def cancel(self, id_: str, *, customer_id: str | None, now: datetime) -> bool:
        """Ends it where it is, as `pause` stops it, for good; False when it is over."""
        return await self._pool.execute(SQL.cancel, id_, customer_id, now) > 0

    async def next_look(self) -> datetime | None:
        """When there is something to do for some replay; None while none runs."""
        found: datetime | None = await self._pool.fetchval(SQL.next_look)
        return found

    async def work(self, *, now: datetime) -> int | None:
        """One step of one replay that is due, with the places it reached: all or nothing, whoever is killed.

        Returns how many deliveries it sent on their way, None when no replay is due.
        """

        async def write(connection: Connection) -> int | None:
            replay = await connection.fetchrow(SQL.due, now)
            return await self._step(connection, replay, now=now) if replay else None

        return await self._pool.transact(write)

    async def _step(self, connection: Connection, replay: rows.Row, *, now: datetime) -> int:
        scanned, sent = Step(look=replay["scan_at"]), list[rows.Row]()
        if replay["scan_at"] is not None and replay["scan_at"] <= now:
            scanned, sent = await self._of_many(connection, replay, now=now)
        shares = await connection.fetch(SQL.shares_due, replay["id"], now, SHARES)
        rooms = await _rooms(connection, [share["endpoint_id"] for share in shares], now=now)
        for share in shares:
            room = rooms.get(share["endpoint_id"], Room())
            sent += await self._of_one(connection, replay, share, room, now=now)
        await connection.execute(SQL.advance, replay["id"], scanned.place, len(sent), scanned.look, now)
        await _wake(connection, sent, now=now)
        return len(sent)

    async def _of_many(self, connection: Connection, replay: rows.Row, *, now: datetime) -> tuple[Step, list[rows.Row]]:
        waiting, days = await self._next(connection, replay, place=replay["place"], endpoint_id=None, limit=self._batch)
        rooms = await _rooms(connection, sorted({each.endpoint_id for each in waiting}), now=now)
        step = model.many(waiting, rooms, per_second=replay["per_second"], now=now)
        if step.aside:
            await connection.execute(SQL.set_aside, replay["id"], sorted(step.aside), replay["place"], now)
        return step, await _again(connection, step, days)

    async def _of_one(
        self, connection: Connection, replay: rows.Row, share: rows.Row, room: Room, *, now: datetime
    ) -> list[rows.Row]:
        endpoint_id, per_second = share["endpoint_id"], replay["per_second"]
        limit = max(1, min(self._batch, room.takes(per_second)))  # one tells that the end has not come
        waiting, days = await self._next(connection, replay, place=share["place"], endpoint_id=endpoint_id, limit=limit)
        step = model.one(waiting, room, per_second=per_second, now=now)
        await connection.execute(SQL.move_share, replay["id"], endpoint_id, step.place, step.look)
        return await _again(connection, step, days)

    async def _next(
        self, connection: Connection, replay: rows.Row, *, place: str, endpoint_id: str | None, limit: int
    ) -> tuple[list[Waiting], dict[str, date]]:
        """What comes next, and the day of each."""
        types = tuple(replay["types"]) if replay["types"] is not None else None
        selection = Selection(
            replay["customer_id"], replay["since"], replay["until"], tuple(replay["states"]), types, endpoint_id
        )
        found = await connection.fetch(SQL.next, *_filter(selection, place), limit, replay["id"])
        return [Waiting(row["id"], row["endpoint_id"]) for row in found], {row["id"]: row["day"] for row in found}


async def _rooms(connection: Connection, endpoint_ids: Sequence[str], *, now: datetime) -> dict[str, Room]:
    found = await connection.fetch(SQL.rooms, endpoint_ids, now, CROWD) if endpoint_ids else []
    return {row["endpoint_id"]: Room(row["due"], row["rate_per_s"], row["paused_until"]) for row in found}


async def _again(connection: Connection, step: Step, days: dict[str, date]) -> list[rows.Row]:
    """Has what the step hands out sent again; what that was."""
    if not step.out:
        return []
    handed = [(id_, days[id_], alarm) for id_, alarm in step.out]
    return await connection.fetch(SQL.again, *rows.columns(handed, 3))


async def _wake(connection: Connection, sent: Sequence[rows.Row], *, now: datetime) -> None:
    """Wakes whom it concerns, all at once and last: whoever fans out takes the same lanes, in the same order."""
    await promote(connection, [(row["endpoint_id"], row["lane"]) for row in sent if row["lane"] is not None], now=now)
    awake = sorted({row["endpoint_id"] for row in sent if row["lane"] is None})
    if awake:
        await connection.execute(DELIVERIES.ring_lanes, awake, [now] * len(awake))


def _filter(selection: Selection, place: str) -> list[object]:
    begin, end = first_id("dlv", selection.since), first_id("dlv", selection.until)
    types = list(selection.types) if selection.types is not None else None
    states = list(selection.states)
    return [selection.customer_id, place, end, day_of(begin), day_of(end), states, selection.endpoint_id, types]
