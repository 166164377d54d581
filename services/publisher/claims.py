"""Finding posts that are due, and driving as many at once as is allowed.

Two ways lead here: a post's own alarm, and its account's lane. A lane is given as many turns as the account has free
inits in this minute, so a thousand posts waiting for one account cost one row until the next slot is free.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from libs.accounts.budget import Budget, Slot
from libs.accounts.limit import Call
from libs.broker.port import Broker
from libs.model.waiting import waited
from libs.runtime.workers import Patience, first_of
from libs.store.errors import Contended, Unavailable
from libs.store.posts import Context
from libs.store.store import Store
from services.publisher.drive import Drive
from services.publisher.saving import Run

log = structlog.get_logger()

LANES_AT_ONCE = 20
LANE_LEASE = timedelta(seconds=10)
"""While its posts are given their turns, which is a matter of milliseconds."""
DRAIN_S = 6.0
REST_S = 0.05
"""At least, between two rounds that found nothing: what is due may be another's already."""


class Claims:
    """The loop that claims and drives."""

    def __init__(
        self,
        store: Store,
        broker: Broker,
        drive: Drive,
        budget: Budget,
        *,
        now: Callable[[], datetime],
        concurrency: int,
        lease: timedelta,
        idle_s: float,
    ) -> None:
        self._store = store
        self._broker = broker
        self._drive = drive
        self._budget = budget
        self._now = now
        self._concurrency = concurrency
        self._lease = lease
        self._idle_s = idle_s
        self._driving: set[asyncio.Task[None]] = set()

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`: then what is being driven is given some seconds, and left to its lease after that.

        While the store is away nothing is claimed, and what is being driven goes on: it may be in the middle of a file.
        """
        patience = Patience("claims")
        try:
            async with self._broker.listen("publisher") as bell:
                while not stop.is_set():
                    try:
                        more = await self._claim()
                    except (Unavailable, Contended) as error:
                        await patience.after(error, stop)
                        continue
                    patience.over()
                    if not more:
                        await first_of(bell.wait(await self._rest_s()), stop.wait())
        finally:
            await self._drain()

    async def _rest_s(self) -> float:
        """Until the next alarm, so that a look is in time; never longer than the idle time, for clocks may jump."""
        try:
            due = await self._store.posts.next_alarm()
        except (Unavailable, Contended):
            return self._idle_s
        return min(self._idle_s, max((due - self._now()).total_seconds(), REST_S)) if due else self._idle_s

    async def _claim(self) -> bool:
        """One round; True when something was claimed and there is room for more."""
        room = self._concurrency - len(self._driving)
        if room <= 0:
            await asyncio.wait(self._driving, timeout=self._idle_s, return_when=asyncio.FIRST_COMPLETED)
            return True
        now = self._now()
        due = await self._store.posts.claim_due(now=now, lease=now + self._lease, limit=room)
        for context in due:
            self._start(context, None)
        turns = await self._claim_turns(room - len(due)) if len(due) < room else 0
        return bool(due) or turns > 0

    async def _claim_turns(self, room: int) -> int:
        now = self._now()
        lanes = await self._store.posts.claim_lanes(now=now, lease=now + LANE_LEASE, limit=min(room, LANES_AT_ONCE))
        given = 0
        share = max(1, room // max(1, len(lanes)))  # nobody gets a second turn while others wait for their first
        for account_id, ring in lanes:
            given += await self._serve(account_id, ring=ring, room=min(share, max(room - given, 0)))
        return given

    async def _serve(self, account_id: str, *, ring: int, room: int) -> int:
        """Gives one lane as many turns as there are slots and room, and lets it rest until the next."""
        now = self._now()
        if room == 0:
            await self._store.posts.wake_lane(account_id, at=now)
            return 0
        slots = await self._slots(account_id, limit=min(room, self._budget.per_minute[Call.VIDEO_INIT]), now=now)
        if not slots:
            free_at = await self._budget.free_at(account_id, Call.VIDEO_INIT, now=now)
            await self._store.posts.rest_lane(account_id, ring=ring, until=max(free_at, now), now=now)
            return 0
        contexts = await self._store.posts.claim_in_lane(account_id, now=now, lease=now + self._lease, limit=len(slots))
        for context, slot in zip(contexts, slots, strict=False):
            self._start(context, slot)
        for slot in slots[len(contexts) :]:
            await self._budget.unused(slot, now=now)
        await self._store.posts.rest_lane(account_id, ring=ring, until=now, now=now)
        return len(contexts)

    async def _slots(self, account_id: str, *, limit: int, now: datetime) -> list[Slot]:
        slots: list[Slot] = []
        for _ in range(limit):
            slot = await self._budget.take(account_id, Call.VIDEO_INIT, hold=self._lease, now=now)
            if slot is None:
                break
            slots.append(slot)
        return slots

    def _start(self, context: Context, slot: Slot | None) -> None:
        run = Run(self._store, self._broker, context.post, context.publication)
        if slot is not None and (note := waited(context.post, now=self._now())) is not None:
            run.tell(note)
        task = asyncio.create_task(self._drive.run(run, slot), name=f"drive-{context.post.id}")
        self._driving.add(task)
        task.add_done_callback(self._driving.discard)

    async def _drain(self) -> None:
        if not self._driving:
            return
        _, late = await asyncio.wait(self._driving, timeout=DRAIN_S)
        for task in late:
            task.cancel()
        if late:
            log.info("posts.interrupted", count=len(late))
            await asyncio.gather(*late, return_exceptions=True)
