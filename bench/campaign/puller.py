"""A customer who pulls: reads a feed from a durable place, works, acknowledges, and dies before that now and then."""

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from random import Random
from typing import Self

import asyncpg

from bench.campaign.notifiers import STALLED_S
from bench.campaign.report import Part, sample
from libs.model.event import Event
from libs.model.ids import new_id
from libs.store.consumers import Consumer
from libs.store.events import record_events
from libs.store.store import Store

PAGE = 20
DIES = 0.2
SERVER_S = 30.0


class Puller:
    """`heard` counts how often each event was worked on."""

    def __init__(self, store: Store, consumer: Consumer, *, commits: int, seed: int) -> None:
        self._store = store
        self._consumer = consumer
        self._commits = commits
        self._random = Random(f"{seed}:puller")
        self._turn = asyncio.Lock()
        self.heard: Counter[str] = Counter()
        self.deaths = 0
        self.slow_id = ""

    @classmethod
    async def create(cls, store: Store, customer_id: str, *, commits: int, seed: int) -> Self:
        now = await store.now()
        made = await store.consumers.create(
            id_=new_id("con", now), customer_id=customer_id, name="prove", events=["*"], cursor=None, most=9, now=now
        )
        assert made is not None
        return cls(store, made, commits=commits, seed=seed)

    async def pull(self) -> int:
        """One page; how many events it was. Whoever dies before acknowledging gets it again."""
        async with self._turn:  # one reader: two would hear the same
            return await self._pull()

    async def _pull(self) -> int:
        consumer = await self._store.consumers.get(self._consumer.name, customer_id=self._consumer.customer_id)
        assert consumer is not None
        found = await self._store.events.feed(
            customer_id=consumer.customer_id, cursor=consumer.cursor, limit=self._random.randint(1, PAGE)
        )
        self.heard.update(item.id for item in found)
        if found and self._random.random() < DIES:
            self.deaths += 1
        elif found:
            await self._store.consumers.acknowledge(consumer, found[-1].cursor, now=await self._store.now())
        return len(found)

    async def slow_transaction(self, url: str, *, first: int, make: Callable[[int, str, datetime], Event]) -> list[int]:
        """Records event `first` and stays open while as many commits as wanted, one event each, go past it; returns the
        numbers of all of them.
        """
        customer_id = str(self._consumer.customer_id)
        connection = await asyncpg.connect(url, timeout=SERVER_S, command_timeout=SERVER_S)
        try:
            async with connection.transaction():
                now = await self._store.now()
                late = make(first, customer_id, now)
                await record_events(connection, [late], now=now)
                self.slow_id = late.id
                for n in range(first + 1, first + 1 + self._commits):
                    now = await self._store.now()
                    await self._store.events.record([make(n, customer_id, now)], now=now)
                    await self.pull()
        finally:
            await connection.close(timeout=SERVER_S)
        return list(range(first, first + 1 + self._commits))

    async def finish(self, count: int) -> set[str]:
        """Pulls until everything came, or nothing comes any more; the ids of what came."""
        async with asyncio.timeout(2 * STALLED_S):
            quiet = 0
            while len(self.heard) < count and quiet < 200:
                quiet = 0 if await self.pull() else quiet + 1
                await asyncio.sleep(0 if not quiet else 0.05)
        return set(self.heard)

    def judge(self, part: Part, ids: set[str], wanted: set[str]) -> None:
        part.hold("the consumer heard every event", wanted <= ids, sample(sorted(wanted - ids)))
        part.hold("and the one of the slow transaction", self.slow_id in ids, f"{self._commits} commits went past it")
        part.hold("it died before acknowledging", self.deaths > 0, f"{self.deaths} times")
        twice = sum(times - 1 for times in self.heard.values())
        part.hold("heard twice at most a page for each of its deaths", twice <= self.deaths * PAGE,
                  f"{twice} of at most {self.deaths * PAGE}")  # fmt: skip
