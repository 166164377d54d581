"""Events to other systems: published to RabbitMQ and crossed off after its confirm (design section 3)."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import structlog

from libs.broker.message import Message
from libs.broker.port import Broker
from libs.broker.topology import CLIPWIRE
from libs.runtime.workers import Patience, first_of, wait_for_stop
from libs.store.errors import Contended, Unavailable
from libs.store.events import Relayed
from libs.store.store import Store

log = structlog.get_logger()

BATCH = 500
LINGER_S = 0.02
"""A moment after the bell, so that a burst makes one batch and not many: each costs two commits."""
PUBLISH_S = 20.0
LEASE = timedelta(seconds=30)
KEPT_S = (0.5, 1.0, 2.0, 4.0, 8.0, 8.0)
"""Pauses between tries to cross off what went out: together nearly a lease."""
AGAIN = timedelta(seconds=1)
"""An event that RabbitMQ did not take is due again so soon; while RabbitMQ is away nothing is claimed."""


class Relay:
    """The loop. At least once: a crash between the confirm and the crossing off publishes again, with the same id."""

    def __init__(
        self,
        store: Store,
        broker: Broker,
        *,
        now: Callable[[], datetime],
        idle_s: float,
        kept_s: Sequence[float] = KEPT_S,
    ) -> None:
        self._store = store
        self._broker = broker
        self._now = now
        self._idle_s = idle_s
        self._kept_s = kept_s

    async def run(self, stop: asyncio.Event) -> None:
        patience = Patience("relay")
        async with self._broker.listen("notifier") as bell:
            while not stop.is_set():
                if not self._broker.connected:
                    await wait_for_stop(stop, self._idle_s)
                    continue
                try:
                    done = await self.relay()
                except (Unavailable, Contended) as error:
                    await patience.after(error, stop)
                    continue
                patience.over()
                if done < BATCH:
                    await first_of(bell.wait(self._idle_s), stop.wait())
                    await wait_for_stop(stop, LINGER_S)

    async def relay(self) -> int:
        """One batch; how many events were published."""
        now = self._now()
        events = await self._store.events.claim_relay(now=now, lease=now + LEASE, limit=BATCH)
        if not events:
            return 0
        messages = [
            Message(body=event.body.encode(), routing_key=f"event.{event.type}", message_id=event.id, type=event.type)
            for event in events
        ]
        verdicts = await self._broker.publish_many(messages, exchange=CLIPWIRE, mandatory=False, timeout=PUBLISH_S)
        done = [event for event, verdict in zip(events, verdicts, strict=True) if verdict is None]
        if done:
            await self._cross_off(done)
        refused = [event for event, verdict in zip(events, verdicts, strict=True) if verdict is not None]
        if refused:
            log.warning("events.not_relayed", count=len(refused))
            await self._store.events.relay_again(refused, at=self._now() + AGAIN)
        return len(done)

    async def _cross_off(self, done: Sequence[Relayed]) -> None:
        """They did go out: while the store is away this is kept in hand, about as long as their lease."""
        for pause_s in self._kept_s:
            try:
                return await self._store.events.relayed(done)
            except (Unavailable, Contended):
                await asyncio.sleep(pause_s)
        return await self._store.events.relayed(done)
