"""Sending deliveries: claimed lane by lane, begun in turn, settled in batches (design section 4, Dispatch)."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import TypeAlias

import structlog

from libs.egress import GuardedClient
from libs.model.circuit import OPEN_AFTER
from libs.runtime.workers import Patience, first_of, set_within, wait_for_stop
from libs.store.deliveries import Claim, LaneSeen
from libs.store.errors import Contended, Unavailable
from libs.store.store import Store
from services.notifier.deliver import Message, deliver
from services.notifier.known import Known
from services.notifier.lane import Flight, Lane, Waiting
from services.notifier.past import Memory
from services.notifier.settle import Settlements
from services.notifier.slots import SLOW_S, Slots
from services.notifier.width import FEW, NARROW, enough, next_width

log = structlog.get_logger()

FULL_S = 0.01
REFILL_BELOW = 200
"""More than an endpoint's requests under way, so that more is there before the last of them has ended."""
LOOK_S = 0.25
"""How often requests that take long are looked for."""
SLEEP_S = 0.25
SLEEP_SOON = 16
"""Lanes that ran empty are put to sleep together, so often or when they are so many: while events come, a lane would be
woken again at once."""
DRAIN_S = 5.0
PEACE = timedelta(seconds=5)
"""How long nothing is claimed for an endpoint that asked for a pause, or is gone: until that is saved for everybody."""


Turn: TypeAlias = tuple[Lane, Message, datetime]
"""One message to send now, and when that is."""


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
        slow_s: float = SLOW_S,
    ) -> None:
        self._store = store
        self._egress = egress
        self._settlements = settlements
        self._wake = wake
        self._now = now
        self._slots = Slots(concurrency)
        self._lease = lease
        self._slow_s = slow_s
        self._idle_s = self._paced_s = idle_s
        self._lanes: dict[str, Lane] = {}
        self._turns: deque[Lane] = deque()
        self._sending: dict[asyncio.Task[None], Flight] = {}
        self._width = NARROW
        self._drained: dict[str, int] = {}
        self._slept = now()
        self._memory = Memory()
        self._known = Known(store, concurrency=endpoint_concurrency, lease=lease)
        self._peace: dict[str, datetime] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`: then what is under way is given some seconds, and what was not begun is released.

        While the store is away nothing new is claimed; what is under way ends and waits to be settled.
        """
        ended = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._watch(ended))
            try:
                await self._go_round(stop)
            finally:
                ended.set()
                await self._drain()

    async def _go_round(self, stop: asyncio.Event) -> None:
        patience = Patience("dispatch")
        while not stop.is_set():
            self._wake.clear()
            try:
                claimed = await self._claim()
            except (Unavailable, Contended) as error:
                await patience.after(error, stop)
                continue
            patience.over()
            if not claimed:
                await first_of(set_within(self._wake, min(self._idle_s, self._paced_s)), stop.wait())

    async def _claim(self) -> bool:
        """Takes more from lanes that run low; True when there may be more at once."""
        if enough(self._lanes.values(), slots=self._slots.most):
            # Whoever sends goes on by itself; each of them would wake this loop for nothing.
            await asyncio.sleep(FULL_S)
            return True
        now = self._now()
        self._peace = {id_: until for id_, until in self._peace.items() if now < until}
        held = [lane.endpoint_id for lane in self._lanes.values() if lane.supplied(REFILL_BELOW)]
        held += self._peace
        lease = now + self._lease
        lanes, per_lane = self._width
        doubted = {lane.endpoint_id for lane in self._lanes.values() if lane.doubted}.union(self._memory.doubted)
        claim = await self._store.deliveries.claim(
            now=now, lease=lease, lanes=lanes, per_lane=per_lane, except_lanes=held, few=FEW, few_of=doubted
        )
        full = len(claim.lanes) == lanes
        self._width = next_width(len(claim.lanes), len(claim.deliveries), full=full)
        seen = {lane.endpoint_id: lane for lane in claim.seen}
        concerned = {delivery.endpoint_id for delivery in claim.deliveries}
        for id_ in await self._known.learn({*concerned, *self._lanes}, seen, now=now, used=self._lanes):
            destination = self._known.of(id_)
            if destination is not None and id_ in self._lanes:
                self._lanes[id_].allow(destination.concurrency)
        for delivery in claim.deliveries:
            self._lane(delivery.endpoint_id, seen).waiting.append(Waiting(delivery, lease))
        self._paced_s = min([lane.pace_s for lane in claim.seen if lane.pace_s], default=self._idle_s)
        drained = {endpoint_id for endpoint_id, _ in claim.drained}
        for endpoint_id in concerned:
            self._lanes[endpoint_id].more = endpoint_id not in drained
        self._begin()  # before the lanes sleep: nobody waits for that
        await self._sleep(claim)
        return len(claim.drained) < len(claim.lanes) or full

    async def _sleep(self, claim: Claim) -> None:
        """A lane sleeps only if nothing rang since the claim that found it empty."""
        self._drained |= claim.drained
        quiet = not claim.deliveries or len(self._drained) >= SLEEP_SOON
        if quiet or self._now() - self._slept >= timedelta(seconds=SLEEP_S):
            drained, self._drained, self._slept = self._drained, {}, self._now()
            await self._store.deliveries.sleep_lanes(list(drained.items()))

    def _lane(self, endpoint_id: str, seen: Mapping[str, LaneSeen]) -> Lane:
        lane = self._lanes.get(endpoint_id)
        if lane is None:
            destination = self._known.of(endpoint_id)
            lane = self._lanes[endpoint_id] = Lane(
                endpoint_id,
                most=destination.concurrency if destination is not None else 1,
                failures=seen[endpoint_id].failures if endpoint_id in seen else 0,
                past=self._memory.recall(endpoint_id),
            )
        return lane

    def _line_up(self, lane: Lane) -> None:
        if lane.wants_turn():
            lane.queued = True
            self._turns.append(lane)

    def _begin(self) -> None:
        """Has somebody send for every lane that may, while there is room."""
        self._slots.lanes = len(self._lanes)
        for lane in self._lanes.values():
            self._line_up(lane)
        self._start()

    def _start(self) -> None:
        while (turn := self._next_turn()) is not None:
            flight = Flight()
            task = asyncio.create_task(self._keep_sending(flight, turn))
            self._sending[task] = flight
            task.add_done_callback(self._sending.pop)

    async def _keep_sending(self, flight: Flight, turn: Turn | None) -> None:
        """Sends for whichever lane is next until none stands in line: a task for each delivery would cost as much as
        signing it.
        """
        time = asyncio.get_running_loop().time
        while turn is not None:
            flight.lane, flight.since = turn[0], time()
            await self._send(*turn)
            if flight.slow:
                flight.slow = False
            else:
                self._slots.taken -= 1
            turn = self._next_turn()
            if turn is not None and self._turns:
                self._start()  # a success gives its lane room for one more than had room before

    async def _watch(self, ended: asyncio.Event) -> None:
        """Finds the requests that take long: their slots are free, and what waits for such endpoints goes back."""
        while not await wait_for_stop(ended, LOOK_S):
            before = asyncio.get_running_loop().time() - self._slow_s
            for flight in self._sending.values():
                if not flight.slow and flight.since < before and flight.lane is not None:
                    flight.slow = True
                    self._slots.taken -= 1
            self._note_slow()
            unsent = [one for lane in self._lanes.values() if lane.slow for one in lane.keep(FEW)]
            try:
                await self._store.deliveries.release(unsent, now=self._now())
            except (Unavailable, Contended) as error:
                log.warning("deliveries.left", count=len(unsent), why=str(error))  # until their leases end
            self._begin()

    def _note_slow(self) -> None:
        slow = Counter(flight.lane for flight in self._sending.values() if flight.slow)
        for lane in self._lanes.values():
            lane.slow = slow[lane]
        self._slots.slow_lanes = len(slow)

    def _next_turn(self) -> Turn | None:
        """One delivery of the lane whose turn it is, and the lane goes to the back of the line; None when no lane has
        anything to begin, or all slots are taken.

        A lane that may not begin for now leaves the line: it comes back when one of its own requests has ended.
        """
        while self._turns and self._slots.taken < self._slots.most:
            lane = self._turns.popleft()
            lane.queued = False
            if not lane.waiting or not self._slots.may_begin(sending=lane.sending, slow=lane.slow):
                continue
            now = self._now()
            message = lane.take(self._known.of(lane.endpoint_id), now)
            if message is None:
                self._line_up(lane)
                continue
            lane.sending += 1
            self._slots.taken += 1
            self._line_up(lane)
            return lane, message, now
        return None

    async def _send(self, lane: Lane, message: Message, began: datetime) -> None:
        delivery = message.delivery
        try:
            down = lane.failures >= OPEN_AFTER - 1
            tried = await deliver(message, self._egress, began=began, now=self._now, down=down, excused=lane.excused)
            if tried is None:
                lane.excused = True
                await self._store.deliveries.release([delivery], now=self._now())
            else:
                verdict = tried.verdict
                lane.went(well=verdict.healthy)
                await self._settlements.put(tried)
                if not verdict.healthy and (verdict.pause_until or verdict.gone or lane.failures >= OPEN_AFTER):
                    await self._leave_in_peace(lane, verdict.pause_until)
        except Exception:
            log.exception("delivery.broke", delivery=delivery.id, endpoint=delivery.endpoint_id)
        finally:
            lane.sending -= 1
            if lane.waiting:
                self._line_up(lane)
            elif not lane.sending and not lane.queued:
                self._lanes.pop(lane.endpoint_id, None)
                self._memory.keep(lane.endpoint_id, lane.past)
            if lane.more and not lane.supplied(REFILL_BELOW):
                self._wake.set()

    async def _leave_in_peace(self, lane: Lane, until: datetime | None) -> None:
        """The answer was for the whole endpoint, or one too many failed: what was taken for it and not begun goes back,
        spending no try.
        """
        peace = self._now() + PEACE
        self._peace[lane.endpoint_id] = peace
        unsent = [waiting.delivery for waiting in lane.waiting]
        lane.waiting.clear()
        await self._store.deliveries.release(unsent, now=until or peace)

    async def _drain(self) -> None:
        """Nothing new begins; what was claimed and not begun goes back at once, spending no try."""
        self._turns.clear()
        unsent = [waiting.delivery for lane in self._lanes.values() for waiting in lane.waiting]
        for lane in self._lanes.values():
            lane.waiting.clear()
        # Should the loop be started again, it must not find lanes that believe to stand in a line that is gone.
        self._lanes = {}
        if self._sending:
            _, late = await asyncio.wait(self._sending, timeout=DRAIN_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        self._slots = Slots(self._slots.most)
        try:
            await self._store.deliveries.release(unsent, now=self._now())
        except (Unavailable, Contended) as error:
            log.warning("deliveries.left", count=len(unsent), why=str(error))  # until their leases end
