"""Works the replays that customers asked for: batch by batch, at their pace, from wherever the last worker stopped."""

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
                except (Unavailable, Contended) as error:
                    await patience.after(error, stop)
                    continue
                patience.over()
                if sent is None:
                    await wait_for_stop(stop, min(REST_S, self._idle_s))
                    await first_of(bell.wait(self._idle_s), stop.wait())
                    continue
                if sent:
                    log.info("replay.batch", count=sent)
                    self._dispatch.set()
