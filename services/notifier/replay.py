"""Works the replays that customers asked for: step by step, at their pace, from wherever the last worker stopped."""

import asyncio
from collections.abc import Callable
from datetime import datetime

import structlog

from libs.broker.port import Broker
from libs.runtime.workers import Patience, first_of, wait_for_stop
from libs.store.errors import Contended, Unavailable
from libs.store.store import Store

log = structlog.get_logger()

REST_S = 0.2
"""A bell rings for every event: so often one is looked for that tells of a replay."""
LEAST_S = 0.05
"""What is due and not to be had is in the hands of another notifier."""


class Replayer:
    """The loop. `dispatch` is told when there is something to send."""

    def __init__(
        self, store: Store, broker: Broker, dispatch: asyncio.Event, *, now: Callable[[], datetime], idle_s: float
    ) -> None:
        self._store = store
        self._broker = broker
        self._dispatch = dispatch
        self._now = now
        self._idle_s = idle_s

    async def run(self, stop: asyncio.Event) -> None:
        patience = Patience("replay")
        async with self._broker.listen("notifier") as bell:
            while not stop.is_set():
                try:
                    sent = await self._store.replays.work(now=self._now())
                    wait_s = await self._wait_s() if sent is None else 0.0
                except (Unavailable, Contended) as error:
                    await patience.after(error, stop)
                    continue
                patience.over()
                if sent is None:
                    await wait_for_stop(stop, min(REST_S, wait_s))
                    await first_of(bell.wait(max(wait_s - REST_S, 0.0)), stop.wait())
                    continue
                if sent:
                    log.info("replay.batch", count=sent)
                    self._dispatch.set()

    async def _wait_s(self) -> float:
        look = await self._store.replays.next_look()
        if look is None:
            return self._idle_s
        return min(max((look - self._now()).total_seconds(), LEAST_S), self._idle_s)
