"""Deliveries: fanned out once, claimed by lane, settled in batches."""

from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple

from libs.model.delivery import DeliveryState, Verdict
from libs.model.endpoint import DISABLE_AFTER
from libs.model.event import Event, EventType, event
from libs.store import rows
from libs.store.events import record_events
from libs.store.pool import Connection, Pool
from libs.store.sql import Queries

SQL = Queries("deliveries")
EVENTS = Queries("events")


@dataclass(frozen=True, slots=True)
class Subscription:
    """What fan-out needs to know of an endpoint."""

    endpoint_id: str
    customer_id: str
    events: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outgoing:
    """An event without its body, on its way to its customer's endpoints."""

    id: str
    day: date
    type: str
    customer_id: str
    account_id: str | None


class Claimed(NamedTuple):
    """A delivery to try now, leased. `tries` are those before this one. A tuple, as `Settled` is: made for each try."""

    id: str
    day: date
    version: int
    endpoint_id: str
    event_id: str
    tries: int
    body: str
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class Claim:
    """What one claim found: deliveries, the lanes looked at, and (endpoint id, ring) of those with fewer than asked."""

    deliveries: tuple[Claimed, ...]
    lanes: tuple[str, ...]
    drained: tuple[tuple[str, int], ...]


class Settled(NamedTuple):
    """One try and what it means."""

    delivery: Claimed
    verdict: Verdict
    attempt_id: str
    at: datetime
    ms: int
    status: int | None
    error: str | None
    response: str


Match = Callable[[Outgoing, Sequence[Subscription]], Sequence[tuple[str, str]]]
"""(delivery id, endpoint id) for every endpoint that wants the event. A delivery id is born when its event was, so that
the id names the partition."""


class Deliveries:
    """The tables deliveries, attempts and endpoint_lanes."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def fan_out(self, match: Match, *, now: datetime, limit: int) -> tuple[int, int]:
        """Turns waiting events into deliveries: all of it in one transaction. Returns (events, deliveries)."""

        async def write(connection: Connection) -> tuple[int, int]:
            found = await connection.fetch(EVENTS.claim_fan_out, now, limit)
            if not found:
                return (0, 0)
            events = [Outgoing(r["id"], r["day"], r["type"], r["customer_id"], r["account_id"]) for r in found]
            made = await self._insert(connection, events, match, now=now)
            await connection.execute(EVENTS.fanned_out, [e.id for e in events], [e.day for e in events])
            return (len(events), made)

        return await self._pool.transact(write)

    async def _insert(self, connection: Connection, events: Sequence[Outgoing], match: Match, *, now: datetime) -> int:
        subscribed: dict[str, list[Subscription]] = {}
        for row in await connection.fetch(SQL.endpoints_of, list({e.customer_id for e in events})):
            subscription = Subscription(row["id"], row["customer_id"], tuple(row["events"]))
            subscribed.setdefault(row["customer_id"], []).append(subscription)
        wanted = [
            (delivery_id, e.day, e.id, endpoint_id, e.customer_id)
            for e in events
            for delivery_id, endpoint_id in match(e, subscribed.get(e.customer_id, ()))
        ]
        if not wanted:
            return 0
        await connection.execute(SQL.insert, *rows.columns(wanted, 5), now)
        lanes = list({row[3] for row in wanted})
        await connection.execute(SQL.ring_lanes, lanes, [now] * len(lanes))
        return len(wanted)

    async def claim(
        self, *, now: datetime, lease: datetime, lanes: int, per_lane: int, except_lanes: Sequence[str] = ()
    ) -> Claim:
        """Up to `per_lane` due deliveries of each of up to `lanes` due lanes, leased until `lease`."""
        found = await self._pool.fetch(SQL.claim, now, lease, lanes, per_lane, list(except_lanes))
        rings = {row["endpoint_id"]: row["ring"] for row in found}
        counts = dict.fromkeys(rings, 0)
        claimed = []
        for row in found:
            if row["id"] is not None:
                counts[row["endpoint_id"]] += 1
                claimed.append(
                    Claimed(row["id"], row["day"], row["version"], row["endpoint_id"], row["event_id"], row["tries"],
                            row["body"], row["occurred_at"])
                )  # fmt: skip
        drained = tuple((lane, rings[lane]) for lane, count in counts.items() if count < per_lane)
        return Claim(tuple(claimed), tuple(rings), drained)

    async def sleep_lanes(self, lanes: Sequence[tuple[str, int]]) -> None:
        """Lets lanes sleep until their next alarm, unless something rang since their ring was read."""
        if lanes:
            await self._pool.execute(SQL.sleep_lanes, [lane for lane, _ in lanes], [ring for _, ring in lanes])

    async def settle(self, settled: Sequence[Settled], *, now: datetime) -> int:
        """Saves attempts and states together, pauses and disables endpoints; returns how many were not stale."""
        well = {s.delivery.endpoint_id for s in settled if s.verdict.healthy}
        columns = _settle_columns(settled)
        if all(s.verdict.healthy for s in settled):  # nearly always: one statement, and so a transaction of its own
            return int(await self._pool.fetchval(SQL.settle, *columns, now, list(well)))

        async def write(connection: Connection) -> int:
            kept = await connection.fetchval(SQL.settle, *columns, now, list(well))
            disabled = await self._ill(connection, settled, well, now=now)
            again = [(s.delivery.endpoint_id, s.verdict.alarm) for s in settled if s.verdict.alarm is not None]
            if again:
                await connection.execute(SQL.ring_lanes, *rows.columns(sorted(again), 2))
            pauses = sorted((s.delivery.endpoint_id, s.verdict.pause_until) for s in settled if s.verdict.pause_until)
            if pauses:
                latest = dict(pauses)
                await connection.execute(SQL.pause_lanes, list(latest), list(latest.values()))
            if disabled:
                await connection.execute(SQL.disable_lanes, [row["id"] for row in disabled])
                await record_events(connection, [_disabled(row, now=now) for row in disabled], now=now)
            return int(kept)

        return await self._pool.transact(write)

    async def _ill(
        self, connection: Connection, settled: Sequence[Settled], well: Set[str], *, now: datetime
    ) -> list[rows.Row]:
        """Notes which endpoints fare ill; returns those that were disabled for it."""
        ill = {s.delivery.endpoint_id for s in settled if not s.verdict.healthy} - well
        if ill:
            await connection.execute(SQL.failing, list(ill), now)
        gone = {s.delivery.endpoint_id for s in settled if s.verdict.gone}
        if not (ill or gone):
            return []
        why = f"failing for {DISABLE_AFTER // timedelta(days=1)} days"
        return await connection.fetch(SQL.disable, list(gone), list(ill), now - DISABLE_AFTER, why, now)

    async def release(self, deliveries: Sequence[Claimed], *, now: datetime) -> None:
        """Gives back what was claimed and not tried."""
        if not deliveries:
            return
        taken = [(d.id, d.day, d.version) for d in deliveries]
        lanes = sorted({d.endpoint_id for d in deliveries})

        async def write(connection: Connection) -> None:
            await connection.execute(SQL.release, *rows.columns(taken, 3), now)
            await connection.execute(SQL.ring_lanes, lanes, [now] * len(lanes))

        await self._pool.transact(write)

    async def sweep_lanes(self, *, now: datetime) -> int:
        """Repairs lanes that sleep past a due delivery; returns how many (above 0 is worth a log line)."""
        return await self._pool.execute(SQL.sweep_lanes, now)

    async def redeliver(self, id_: str, *, customer_id: str | None, now: datetime) -> rows.Row | None:
        """Sends a delivery again, whatever became of it; None when there is no such delivery."""
        async with self._pool.transaction() as connection:
            row = await connection.fetchrow(SQL.redeliver, id_, rows.id_day(id_), now, customer_id)
            if row:
                await connection.execute(SQL.ring_lanes, [row["endpoint_id"]], [now])
            return row

    async def get(self, id_: str, *, customer_id: str | None) -> rows.Row | None:
        return await self._pool.fetchrow(SQL.get, id_, rows.id_day(id_), customer_id)

    async def page(
        self,
        *,
        customer_id: str | None,
        before: str | None,
        limit: int,
        endpoint_id: str | None = None,
        event_id: str | None = None,
        state: DeliveryState | None = None,
    ) -> list[rows.Row]:
        return await self._pool.fetch(SQL.page, customer_id, before, endpoint_id, event_id, state, limit)

    async def attempts(self, delivery_id: str, *, limit: int = 200) -> list[rows.Row]:
        return await self._pool.fetch(SQL.attempts_of, delivery_id, limit)


def _settle_columns(settled: Sequence[Settled]) -> list[list[object]]:
    taken = [
        (
            s.delivery.id, s.delivery.day, s.delivery.version, str(s.verdict.state), s.verdict.alarm, s.status, s.error,
            s.attempt_id, s.delivery.endpoint_id, s.delivery.event_id, s.at, s.ms, s.response, s.verdict.why,
            s.delivery.tries + 1,
        )
        for s in settled
    ]  # fmt: skip
    return rows.columns(taken, 15)


def _disabled(row: rows.Row, *, now: datetime) -> Event:
    data = {"endpoint_id": row["id"], "url": row["url"], "reason": row["reason"]}
    key = f"{row['id']}:disabled:{now.timestamp():.0f}"
    return event(EventType.ENDPOINT_DISABLED, key=key, now=now, data=data, customer_id=row["customer_id"])
