"""Sending deliveries: claimed lane by lane, begun in turn, settled in batches (design section 4, Dispatch)."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import TypeAlias

import structlog

from libs.egress import GuardedClient
from libs.model.circuit import OPEN_AFTER
from libs.model.endpoint import Endpoint
from libs.runtime.workers import Patience, first_of
from libs.store.deliveries import Claimed, LaneSeen
from libs.store.errors import Contended, Unavailable
from libs.store.store import Store
from services.notifier.deliver import Destination, deliver
from services.notifier.lane import Lane
from services.notifier.settle import Settlements

log = structlog.get_logger()

LANES_AT_ONCE = 64
PER_LANE = 400
REFILL_BELOW = 200
"""More than an endpoint's requests under way, so that more is there before the last of them has ended."""
KNOWN_MAX = 5000
KNOWN_FOR = timedelta(seconds=5)
DRAIN_S = 5.0
OF_LEASE = 0.8
"""The part of its lease that a request may take at most: what cannot end in time is not begun at all."""
PEACE = timedelta(seconds=5)
"""How long nothing is claimed for an endpoint that asked for a pause, or is gone: until that is saved for everybody."""


Turn: TypeAlias = tuple[Lane, Claimed, Destination]
"""One delivery to send now."""


class Dispatch:
    """The loop that claims, sends and hands tries over to be settled."""

    def __init__(
        self,
        store: Store,
        egress: GuardedClient,
        settlements: Settlements,
        wake: asyncio.Event,
        *,
        now: Callable[[], datetime],
        concurrency: int,
        endpoint_concurrency: int,
        lease: timedelta,
        idle_s: float,
    ) -> None:
        self._store = store
        self._egress = egress
        self._settlements = settlements
        self._wake = wake
        self._now = now
        self._concurrency = concurrency
        self._endpoint_concurrency = endpoint_concurrency
        self._lease = lease
        self._idle_s = self._paced_s = idle_s
        self._lanes: dict[str, Lane] = {}
        self._turns: deque[Lane] = deque()
        self._sending: set[asyncio.Task[None]] = set()
        self._known: dict[str, tuple[Destination | None, datetime]] = {}
        self._peace: dict[str, datetime] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`: then what is under way is given some seconds, and what was not begun is released.

        While the store is away nothing new is claimed; what is under way ends and waits to be settled.
        """
        patience = Patience("dispatch")
        try:
            while not stop.is_set():
                self._wake.clear()
                try:
                    claimed = await self._claim()
                except (Unavailable, Contended) as error:
                    await patience.after(error, stop)
                    continue
                patience.over()
                self._begin()
                if not claimed:
                    await first_of(_set_within(self._wake, min(self._idle_s, self._paced_s)), stop.wait())
        finally:
            await self._drain()

    async def _claim(self) -> bool:
        """Takes more from lanes that run low; True when there may be more at once."""
        if sum(len(lane.waiting) for lane in self._lanes.values()) >= 4 * self._concurrency:
            return False
        now = self._now()
        self._peace = {id_: until for id_, until in self._peace.items() if now < until}
        held = [lane.endpoint_id for lane in self._lanes.values() if len(lane.waiting) >= REFILL_BELOW]
        held += self._peace
        lease = now + self._lease
        claim = await self._store.deliveries.claim(
            now=now, lease=lease, lanes=LANES_AT_ONCE, per_lane=PER_LANE, except_lanes=held
        )
        seen = {lane.endpoint_id: lane for lane in claim.seen}
        await self._learn({delivery.endpoint_id for delivery in claim.deliveries}, seen, now=now)
        for delivery in claim.deliveries:
            self._lane(delivery.endpoint_id, seen).waiting.append((delivery, lease))
        self._paced_s = min([lane.pace_s for lane in claim.seen if lane.pace_s], default=self._idle_s)
        drained = {endpoint_id for endpoint_id, _ in claim.drained}
        for endpoint_id in {delivery.endpoint_id for delivery in claim.deliveries}:
            self._lanes[endpoint_id].more = endpoint_id not in drained
        for lane in self._lanes.values():
            self._line_up(lane)
        await self._store.deliveries.sleep_lanes(claim.drained)
        return len(claim.drained) < len(claim.lanes) or len(claim.lanes) == LANES_AT_ONCE

    def _lane(self, endpoint_id: str, seen: Mapping[str, LaneSeen]) -> Lane:
        lane = self._lanes.get(endpoint_id)
        if lane is None:
            destination, _ = self._known[endpoint_id]
            lane = self._lanes[endpoint_id] = Lane(
                endpoint_id,
                most=destination.concurrency if destination is not None else 1,
                failures=seen[endpoint_id].failures if endpoint_id in seen else 0,
            )
        return lane

    async def _learn(self, endpoint_ids: set[str], seen: Mapping[str, LaneSeen], *, now: datetime) -> None:
        """Reads endpoints that are new, were changed, or were read a while ago, those with something waiting too;
        secrets stay in memory only while they are used.
        """
        unknown = [id_ for id_ in {*endpoint_ids, *self._lanes} if self._is_old(id_, seen, now=now)]
        if not unknown:
            return
        if len(self._known) > KNOWN_MAX:
            self._known = {id_: known for id_, known in self._known.items() if id_ in self._lanes}
        found = await self._store.endpoints.get_many(unknown)
        for id_ in unknown:
            endpoint = found.get(id_)
            destination = self._destination(endpoint, now=now) if endpoint is not None and endpoint.sends else None
            self._known[id_] = (destination, now)
            if destination is not None and id_ in self._lanes:
                self._lanes[id_].allow(destination.concurrency)

    def _is_old(self, id_: str, seen: Mapping[str, LaneSeen], *, now: datetime) -> bool:
        if id_ not in self._known:
            return True
        destination, read = self._known[id_]
        if now - read > KNOWN_FOR:
            return True
        lane = seen.get(id_)
        return lane is not None and (destination is None or destination.version != lane.endpoint_version)

    def _destination(self, endpoint: Endpoint, *, now: datetime) -> Destination:
        return Destination(
            endpoint,
            timeout_max=OF_LEASE * self._lease.total_seconds(),
            concurrency=self._endpoint_concurrency,
            now=now,
        )

    def _line_up(self, lane: Lane) -> None:
        if lane.wants_turn():
            lane.queued = True
            self._turns.append(lane)

    def _begin(self) -> None:
        """Has somebody send for every lane in line, while there is room."""
        while len(self._sending) < self._concurrency and (turn := self._next_turn()) is not None:
            task = asyncio.create_task(self._keep_sending(turn))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)

    async def _keep_sending(self, turn: Turn | None) -> None:
        """Sends for whichever lane is next until none stands in line: a task for each delivery would cost as much as
        signing it.
        """
        while turn is not None:
            await self._send(*turn)
            turn = self._next_turn()

    def _next_turn(self) -> Turn | None:
        """One delivery of the lane whose turn it is, and the lane goes to the back of the line; None when no lane has
        anything to begin.
        """
        while self._turns:
            lane = self._turns.popleft()
            lane.queued = False
            if not lane.waiting:
                continue
            delivery, lease = lane.waiting.popleft()
            destination, _ = self._known[lane.endpoint_id]
            if destination is not None and self._now() + destination.timeout < lease:
                lane.sending += 1
                self._line_up(lane)
                return lane, delivery, destination
            # Otherwise it is left to the end of its lease: too late to begin, or its endpoint was disabled meanwhile.
            self._line_up(lane)
        return None

    async def _send(self, lane: Lane, delivery: Claimed, destination: Destination) -> None:
        try:
            down = lane.failures >= OPEN_AFTER - 1
            settled = await deliver(delivery, destination, self._egress, now=self._now, down=down)
            if settled is None:
                await self._store.deliveries.release([delivery], now=self._now())
            else:
                verdict = settled.verdict
                lane.went(well=verdict.healthy)
                await self._settlements.put(settled)
                if not verdict.healthy and (verdict.pause_until or verdict.gone or lane.failures >= OPEN_AFTER):
                    await self._leave_in_peace(lane, verdict.pause_until)
        except Exception:
            log.exception("delivery.broke", delivery=delivery.id, endpoint=delivery.endpoint_id)
        finally:
            lane.sending -= 1
            self._line_up(lane)
            if lane.idle and not lane.queued:
                self._lanes.pop(lane.endpoint_id, None)
            if lane.more and len(lane.waiting) < REFILL_BELOW:
                self._wake.set()

    async def _leave_in_peace(self, lane: Lane, until: datetime | None) -> None:
        """The answer was for the whole endpoint, or one too many failed: what was taken for it and not begun goes back,
        spending no try.
        """
        peace = self._now() + PEACE
        self._peace[lane.endpoint_id] = peace
        unsent = [delivery for delivery, _ in lane.waiting]
        lane.waiting.clear()
        await self._store.deliveries.release(unsent, now=until or peace)

    async def _drain(self) -> None:
        """Nothing new begins; what was claimed and not begun goes back at once, spending no try."""
        self._turns.clear()
        unsent = [delivery for lane in self._lanes.values() for delivery, _ in lane.waiting]
        for lane in self._lanes.values():
            lane.waiting.clear()
        # Should the loop be started again, it must not find lanes that believe to stand in a line that is gone.
        self._lanes = {}
        if self._sending:
            _, late = await asyncio.wait(self._sending, timeout=DRAIN_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        try:
            await self._store.deliveries.release(unsent, now=self._now())
        except (Unavailable, Contended) as error:
            log.warning("deliveries.left", count=len(unsent), why=str(error))  # until their leases end


async def _set_within(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
