"""Deliveries: fanned out once, claimed by lane, settled in batches."""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from libs.model.delivery import DeliveryState, Verdict
from libs.model.event import Event
from libs.store import health, rows
from libs.store.events import record_events
from libs.store.pool import Connection, Pool
from libs.store.sql import Queries

SQL = Queries("deliveries")
EVENTS = Queries("events")
AT_ONCE = 250
"""Once a statement is planned without a look at its arrays, their rows are compared with each other one by one: to give
back 3,800 at once took 40 ms the first times and 350 ms from then on."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """What fan-out needs to know of an endpoint."""

    endpoint_id: str
    customer_id: str
    events: tuple[str, ...]
    accounts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outgoing:
    """An event without its body, on its way to its customer's endpoints."""

    id: str
    day: date
    type: str
    customer_id: str
    account_id: str | None
    key: str = ""


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


class LaneSeen(NamedTuple):
    """A lane as a claim found it: failures in a row, the version of its endpoint, and how many seconds what was taken
    uses up of its rate (None: it has none).
    """

    endpoint_id: str
    failures: int
    endpoint_version: int
    pace_s: float | None


@dataclass(frozen=True, slots=True)
class Claim:
    """What one claim found: deliveries, the lanes looked at, (endpoint id, ring) of those with fewer than asked."""

    deliveries: tuple[Claimed, ...]
    lanes: tuple[str, ...]
    drained: tuple[tuple[str, int], ...]
    seen: tuple[LaneSeen, ...] = ()


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
    detail: str = "{}"
    """JSON: milliseconds by phase, headers, and whatever else explains the try."""


class Saved(NamedTuple):
    """How many tries were not stale, and what was told of their endpoints' health."""

    kept: int
    notices: tuple[Event, ...] = ()


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
            events = [
                Outgoing(r["id"], r["day"], r["type"], r["customer_id"], r["account_id"], r["key"]) for r in found
            ]
            wanted = await self._match(connection, events, match)
            ids, days = [e.id for e in events], [e.day for e in events]
            await connection.execute(SQL.fan_out, *rows.columns(wanted, 5), now, ids, days)
            return (len(events), len(wanted))

        return await self._pool.transact(write)

    async def _match(
        self, connection: Connection, events: Sequence[Outgoing], match: Match
    ) -> list[tuple[str, date, str, str, str]]:
        """(delivery id, day, event id, endpoint id, customer id) of every delivery to make."""
        subscribed: dict[str, list[Subscription]] = {}
        for row in await connection.fetch(SQL.endpoints_of, list({e.customer_id for e in events})):
            subscription = Subscription(row["id"], row["customer_id"], tuple(row["events"]), tuple(row["accounts"]))
            subscribed.setdefault(row["customer_id"], []).append(subscription)
        return [
            (delivery_id, e.day, e.id, endpoint_id, e.customer_id)
            for e in events
            for delivery_id, endpoint_id in match(e, subscribed.get(e.customer_id, ()))
        ]

    async def claim(
        self,
        *,
        now: datetime,
        lease: datetime,
        lanes: int,
        per_lane: int,
        except_lanes: Sequence[str] = (),
        few: int = 0,
        few_of: Collection[str] = (),
    ) -> Claim:
        """Up to `per_lane` due deliveries of each of up to `lanes` due lanes, leased until `lease`; of the lanes
        `few_of` no more than `few`.
        """
        few = min(few, per_lane)
        found = await self._pool.fetch(SQL.claim, now, lease, lanes, per_lane, list(except_lanes), list(few_of), few)
        rings: dict[str, int] = {}
        seen: list[LaneSeen] = []
        claimed: list[Claimed] = []
        for row in found:
            if row["id"] is None:
                rings[row["endpoint_id"]] = row["ring"]
                seen.append(LaneSeen(row["endpoint_id"], row["failures"], row["endpoint_version"], row["pace_s"]))
            else:
                claimed.append(
                    Claimed(row["id"], row["day"], row["version"], row["endpoint_id"], row["event_id"], row["tries"],
                            row["body"], row["occurred_at"])
                )  # fmt: skip
        counts = Counter(delivery.endpoint_id for delivery in claimed)
        drained = tuple(
            (lane, ring) for lane, ring in rings.items() if counts[lane] < (few if lane in few_of else per_lane)
        )
        return Claim(tuple(claimed), tuple(rings), drained, tuple(seen))

    async def sleep_lanes(self, lanes: Sequence[tuple[str, int]]) -> None:
        """Lets lanes sleep until their next alarm, unless something rang since their ring was read."""
        if lanes:
            await self._pool.execute(SQL.sleep_lanes, [lane for lane, _ in lanes], [ring for _, ring in lanes])

    async def settle(self, settled: Sequence[Settled], *, now: datetime) -> Saved:
        """Saves attempts and states together, and what they mean for their endpoints: pauses, circuits, notices."""
        well = {s.delivery.endpoint_id for s in settled if s.verdict.healthy}
        columns = _settle_columns(settled)
        if all(s.verdict.healthy for s in settled):  # nearly always: one statement, and so a transaction of its own
            row = await self._pool.fetchone(SQL.settle, *columns, now, list(well))
            return Saved(row["kept"], await self._recover(row["told"], now=now) if row["told"] else ())

        async def write(connection: Connection) -> Saved:
            [row] = await connection.fetch(SQL.settle, *columns, now, list(well))
            notices = await health.recover(connection, row["told"], now=now)
            ill = health.Ill.of(settled, well)
            notices += await health.mark(connection, ill, now=now)
            again = [(s.delivery.endpoint_id, s.verdict.alarm) for s in settled if s.verdict.alarm is not None]
            if again:
                await connection.execute(SQL.ring_lanes, *rows.columns(sorted(again), 2))
            await health.pause(connection, ill, now=now)
            await record_events(connection, notices, now=now)
            return Saved(row["kept"], tuple(notices))

        return await self._pool.transact(write)

    async def _recover(self, endpoint_ids: Sequence[str], *, now: datetime) -> tuple[Event, ...]:
        """In a transaction of its own: should it be lost, the next success does it."""

        async def write(connection: Connection) -> tuple[Event, ...]:
            notices = await health.recover(connection, endpoint_ids, now=now)
            await record_events(connection, notices, now=now)
            return tuple(notices)

        return await self._pool.transact(write)

    async def release(self, deliveries: Sequence[Claimed], *, now: datetime) -> None:
        """Gives back what was claimed and not tried."""
        if not deliveries:
            return
        taken = [(d.id, d.day, d.version) for d in deliveries]
        lanes = sorted({d.endpoint_id for d in deliveries})

        async def write(connection: Connection) -> None:
            for first in range(0, len(taken), AT_ONCE):
                await connection.execute(SQL.release, *rows.columns(taken[first : first + AT_ONCE], 3), now)
            await connection.execute(SQL.ring_lanes, lanes, [now] * len(lanes))

        await self._pool.transact(write)

    async def sweep_lanes(self, *, now: datetime) -> int:
        """Repairs lanes that sleep past a due delivery; returns how many (above 0 is worth a log line)."""
        return await self._pool.execute(SQL.sweep_lanes, now)

    async def end_deleted(self, *, now: datetime, limit: int) -> int:
        """Ends up to `limit` deliveries that still wait for an endpoint that was deleted; how many those were."""
        return await self._pool.execute(SQL.end_deleted, now, limit)

    async def redeliver(self, id_: str, *, customer_id: str | None, now: datetime) -> rows.Row | None:
        """Sends a delivery again, whatever became of it; None when there is no such delivery, or
        its endpoint was deleted."""
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
            s.delivery.tries + 1, s.detail, s.verdict.next_try,
        )
        for s in settled
    ]  # fmt: skip
    return rows.columns(taken, 17)
