"""From events to deliveries: one for every endpoint of the customer that wants the type, or was asked to be tested."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime

import structlog

from libs.broker.port import Broker
from libs.model.endpoint import about, hears, tested, wanted
from libs.model.ids import born, new_id
from libs.runtime.workers import Patience, first_of
from libs.store.deliveries import Outgoing, Subscription
from libs.store.errors import Contended, Unavailable
from libs.store.store import Store

log = structlog.get_logger()

BATCH = 500


class FanOut:
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
        patience = Patience("fan_out")
        async with self._broker.listen("notifier") as bell:
            while not stop.is_set():
                try:
                    done = await self.fan_out()
                except Unavailable as error:
                    await patience.after(error, stop)
                    continue
                patience.over()
                if done < BATCH:
                    await first_of(bell.wait(self._idle_s), stop.wait())

    async def fan_out(self) -> int:
        """One batch; how many events it was. The bell also rings for deliveries to send again by hand."""
        try:
            events, deliveries = await self._store.deliveries.fan_out(match, now=self._now(), limit=BATCH)
        except Contended:
            return BATCH
        if events:
            log.debug("events.fanned_out", events=events, deliveries=deliveries)
        self._dispatch.set()
        return events


def match(event: Outgoing, subscriptions: Sequence[Subscription]) -> list[tuple[str, str]]:
    """(delivery id, endpoint id) for every endpoint that wants the event; ids are born when the event was.

    An endpoint is not told of its own failing: that would wait with all else until it is over. A test goes to the
    endpoint that it was asked for also where that does not want it: a person wants it.
    """
    when, itself, asked = born(event.id), about(event.key, event.type), tested(event.key, event.type)
    return [
        (new_id("dlv", when), s.endpoint_id)
        for s in subscriptions
        if s.endpoint_id == asked
        or (wanted(s.events, event.type) and hears(s.accounts, event.account_id) and s.endpoint_id != itself)
    ]
