"""The relay over a store that goes away between RabbitMQ's confirm and the crossing off."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from libs.broker.message import Message
from libs.broker.port import Broker
from libs.model.ids import new_id
from libs.store.errors import Contended, Unavailable
from libs.store.events import Relayed
from libs.store.store import Store
from services.notifier.relay import Relay

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Scripted:
    """A store with one event to relay, whose crossing off fails as scripted; and a broker that confirms everything."""

    failures: deque[Exception]
    waiting: list[Relayed] = field(
        default_factory=lambda: [Relayed(new_id("evt", NOW), NOW.date(), "post.failed", "{}")]
    )
    published: list[str | None] = field(default_factory=list)
    crossed_off: list[str] = field(default_factory=list)

    @property
    def events(self) -> "Scripted":
        return self

    async def claim_relay(self, **_: Any) -> list[Relayed]:
        return self.waiting

    async def publish_many(self, messages: Sequence[Message], **_: Any) -> list[None]:
        self.published += [message.message_id for message in messages]
        return [None for _ in messages]

    async def relayed(self, done: Sequence[Relayed]) -> None:
        if self.failures:
            raise self.failures.popleft()
        self.crossed_off += [event.id for event in done]

    def relay(self, *, kept_s: Sequence[float]) -> Relay:
        return Relay(cast(Store, self), cast(Broker, self), now=lambda: NOW, idle_s=1.0, kept_s=kept_s)


async def test_what_went_out_is_crossed_off_once_the_store_is_back_and_not_published_again() -> None:
    scripted = Scripted(deque([Unavailable("away"), Contended("in the way"), Unavailable("away")]))

    assert await scripted.relay(kept_s=(0, 0, 0)).relay() == 1

    assert scripted.published == scripted.crossed_off == [scripted.waiting[0].id]


async def test_a_store_that_stays_away_is_told_to_whoever_runs_the_relay() -> None:
    scripted = Scripted(deque(Unavailable("away") for _ in range(3)))

    async with asyncio.timeout(5):
        with pytest.raises(Unavailable):
            await scripted.relay(kept_s=(0, 0)).relay()

    assert scripted.crossed_off == []
