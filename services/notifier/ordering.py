"""Keeps endpoints that are told in order supplied: makes their deliveries, and gives out the turns."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import structlog

from libs.broker.port import Broker
from libs.model.delivery import DeliveryState
from libs.runtime.workers import Patience, first_of, wait_for_stop
from libs.store.deliveries import Settled
from libs.store.errors import Contended, Unavailable
from libs.store.store import Store
from services.notifier.fanout import match

log = structlog.get_logger()

ENDED_MAX = 10_000
"""Deliveries remembered as ended; beyond that every lane is looked at instead."""
REST_S = 0.2
"""Without an endpoint that is told in order, so often one is looked for: the bell rings for every event."""
SWEEP_EVERY = timedelta(seconds=60)


class Turns:
    """The loop. `dispatch` is told when there is something to send."""

    def __init__(
        self, store: Store, broker: Broker, dispatch: asyncio.Event, *, now: Callable[[], datetime], idle_s: float
    ) -> None:
        self._store = store
        self._broker = broker
        self._dispatch = dispatch
        self._now = now
        self._idle_s = idle_s
        self._endpoints: frozenset[str] = frozenset()
        self._ended: list[str] = []
        self._settled = asyncio.Event()
        self._swept: datetime | None = None

    def settled(self, batch: Sequence[Settled]) -> None:
        """These tries are saved: whoever comes next in their lanes is given the turn. Costs nothing without order."""
        if not self._endpoints:
            return
        ended = [
            one.delivery.id
            for one in batch
            if one.delivery.endpoint_id in self._endpoints and one.verdict.state is not DeliveryState.PENDING
        ]
        if ended:
            self._ended += ended
            self._settled.set()

    async def run(self, stop: asyncio.Event) -> None:
        patience = Patience("turns")
        async with self._broker.listen("notifier") as bell:
            while not stop.is_set():
                try:
                    busy = await self.turn()
                except (Unavailable, Contended) as error:
                    self._swept = None  # what had ended may be forgotten: the sweep finds it
                    await patience.after(error, stop)
                    continue
                patience.over()
                if not self._endpoints:
                    await wait_for_stop(stop, min(REST_S, self._idle_s))
                if not busy:
                    await first_of(bell.wait(self._idle_s), self._settled.wait(), stop.wait())

    async def turn(self) -> bool:
        """Once around; True when there may be more at once."""
        now = self._now()
        self._settled.clear()
        endpoints = await self._store.ordering.endpoints()
        if endpoints != self._endpoints:
            self._endpoints, self._swept = endpoints, None  # of new ones something may have ended unheard
        if not endpoints:
            return False
        given = await self._give(now)
        fed = await self._store.ordering.feed(match, now=now)
        if given or fed:
            self._dispatch.set()
        return fed > 0

    async def _give(self, now: datetime) -> int:
        ended, self._ended = self._ended, []
        if len(ended) > ENDED_MAX or self._swept is None or now - self._swept >= SWEEP_EVERY:
            given = await self._store.ordering.sweep(now=now)
            self._swept = now
            return given
        return await self._store.ordering.advance(ended, now=now) if ended else 0
