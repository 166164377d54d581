"""Lanes, replay and consumers under fire: notifiers are killed, and frozen until their leases end and somebody else has
gone on, while events are told to several endpoints and then once more by a replay. A consumer that pulls dies before it
acknowledges, now and then, while a transaction with an event of its own stays open across a thousand commits.

A sink remembers what it answered 200, under which id, and the hash of the body.
"""

import asyncio
import hashlib
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random

import aiohttp
import orjson
from aiohttp import web

from bench.campaign.ear import listening
from bench.campaign.ground import Ground
from bench.campaign.notifiers import STALLED_S, UNSAVED, Notifiers, settled, until
from bench.campaign.puller import Puller
from bench.campaign.report import Part, Table, sample
from libs import signing
from libs.model.endpoint import Endpoint, EndpointState, Secret
from libs.model.event import Event, EventType, event
from libs.model.ids import new_id
from libs.model.sample import DATA
from libs.store.replays import Selection
from libs.store.store import Store
from libs.store.vault import new_key

EVENTS, ENDPOINTS, FAILS, SLOW = 20_000, 5, 0.05, 0.1
QUICK_S, SLOW_S = (0.0, 0.03), (0.1, 0.4)
"""A customer takes a moment, so that a sender can be struck between sending and hearing the answer."""
STRIKE_S, STRIKE_SOON_S = (2.0, 6.0), (0.6, 1.2)
FREEZES = 0.4
SMALL = 0.1
BATCH = 50
AT_ONCE = tuple(timedelta(0) for _ in range(20))


class Ear:
    """`answered[endpoint][n]`: answers 200 to event n."""

    def __init__(self, *, seed: int) -> None:
        self.answered: dict[str, Counter[int]] = {f"end-{n}": Counter() for n in range(ENDPOINTS)}
        self.said: dict[int, set[tuple[str, bytes]]] = defaultdict(set)
        self.tries = 0
        self._random = Random(f"{seed}:ear")

    async def hear(self, request: web.Request) -> web.Response:
        body = await request.read()
        n = orjson.loads(body)["data"]["n"]
        self.tries += 1
        self.said[n].add((request.headers["webhook-id"], hashlib.sha256(body).digest()))
        fails = self._random.random() < FAILS
        if not fails:
            self.answered[request.match_info["name"]][n] += 1
        await asyncio.sleep(self._random.uniform(*(SLOW_S if self._random.random() < SLOW else QUICK_S)))
        return web.Response(status=500 if fails else 200)

    @property
    def told(self) -> int:
        return sum(len(answered) for answered in self.answered.values())

    def since(self, before: dict[str, Counter[int]]) -> int:
        """How many were answered again."""
        return sum(len(self.answered[name] - before[name]) for name in before)

    def copied(self) -> dict[str, Counter[int]]:
        return {name: Counter(answered) for name, answered in self.answered.items()}


async def run(*, scale: float, seed: int, say: Callable[[str], None], keep: bool = False) -> Part:
    """The campaign; `scale` 1 is 20,000 events to five endpoints, told twice, and a consumer that hears them all."""
    part = Part(f"notifier, scale {scale:g}, seed {seed}")
    count, key, ear = max(100, round(EVENTS * scale)), new_key(), Ear(seed=seed)
    async with Ground(rabbit=None) as ground, aiohttp.ClientSession(trust_env=False) as http:
        ground.keep = keep
        store = Store(ground.database_url, program="prove", encryption_keys=[key])
        await store.open()
        runner, port = await listening(ear.hear)
        gap_s = STRIKE_SOON_S if scale < SMALL else STRIKE_S
        notifiers = Notifiers(ground, key=key, seed=seed, http=http, gap_s=gap_s, freezes=FREEZES)
        try:
            customer_id = await _furnish(store, port)
            puller = await Puller.create(store, customer_id, commits=max(50, round(1000 * min(1.0, scale))), seed=seed)
            await notifiers.start()
            say(f"{count} events to {ENDPOINTS} endpoints; notifiers are killed and frozen meanwhile")
            striking, began = asyncio.create_task(notifiers.strike()), time.monotonic()
            expected = [*range(count), *await _flow(store, customer_id, count, puller, ground.database_url)]
            wanted = ENDPOINTS * len(expected)
            await until(lambda: ear.told == wanted and notifiers.strikes > 0, lambda: ear.tries)
            told_s = time.monotonic() - began
            await settled(ground.database_url)
            before = ear.copied()
            say(f"told in {told_s:.0f} s with {notifiers.strikes} strikes; now everything again")
            total = await _replay(store, customer_id)
            await until(lambda: ear.since(before) == wanted, lambda: ear.tries)
            replayed = await _finished(store, customer_id)
            striking.cancel()
            await asyncio.gather(striking, return_exceptions=True)
            ids = await puller.finish(len(expected))
        finally:
            notifiers.end()
            await runner.cleanup()
            await store.close()
        strikes = notifiers.strikes
        _judge(part, ear, before, expected, strikes=strikes)
        part.hold(
            "the replay counted and sent again each delivery once",
            total == replayed == wanted,
            f"{replayed} of {total}",
        )
        puller.judge(part, ids, {next(iter(said))[0] for said in ear.said.values()})
        struck = notifiers.kills > 0 and (notifiers.freezes > 0 or scale < SMALL)
        part.hold(
            "something was killed and something frozen", struck, f"{notifiers.kills} kills, {notifiers.freezes} freezes"
        )
        ground.keep = keep and not part.kept
    head = ("events", "endpoints", "tries", "kills", "freezes", "told in s", "consumer's deaths")
    row = (len(expected), ENDPOINTS, ear.tries, notifiers.kills, notifiers.freezes, round(told_s, 1), puller.deaths)
    part.tables.append(Table("what happened", head, [row]))
    return part


def _judge(part: Part, ear: Ear, before: dict[str, Counter[int]], expected: list[int], *, strikes: int) -> None:
    bound = strikes * UNSAVED
    missing = [f"{n} at {name}" for name, heard in before.items() for n in expected if n not in heard]
    part.hold("every event reached every endpoint", not missing, sample(missing))
    lost = [f"{n} at {name}" for name, heard in ear.answered.items() for n in expected if heard[n] <= before[name][n]]
    part.hold("every event came again by the replay", not lost, sample(lost))
    twice = sum(times - 1 for heard in before.values() for times in heard.values())
    again = sum(ear.answered[name][n] - before[name][n] - 1 for name in before for n in expected)
    part.hold("sent twice at most what the strikes can leave unsaved", twice + again <= bound,
              f"{twice} told and {again} replayed, of at most {bound}")  # fmt: skip
    odd = [n for n, said in ear.said.items() if len(said) != 1]
    part.hold("every try of an event had one id and one body", not odd, sample(odd))
    ids = {id_ for said in ear.said.values() for id_, _ in said}
    part.hold("no id was given to two events", len(ids) == len(ear.said), f"{len(ids)} ids of {len(ear.said)} events")


async def _furnish(store: Store, port: int) -> str:
    now = await store.now()
    customer_id = (await store.customers.create(id_=new_id("cus", now), name="prove", now=now)).id
    for n in range(ENDPOINTS):
        secret, url = Secret(signing.new_secret().reveal()), f"http://127.0.0.1:{port}/end-{n}"
        endpoint = Endpoint(
            new_id("end", now), customer_id, url, ("*",), EndpointState.ENABLED, (secret,), schedule=AT_ONCE
        )
        await store.endpoints.create(endpoint, now=now)
    return customer_id


async def _flow(store: Store, customer_id: str, count: int, puller: Puller, url: str) -> list[int]:
    """Records the events while a slow transaction is open and the consumer pulls; the numbers of what came besides."""
    slow = asyncio.create_task(puller.slow_transaction(url, first=count, make=told))
    for first in range(0, count, BATCH):
        now = await store.now()
        await store.events.record([told(n, customer_id, now) for n in range(first, min(first + BATCH, count))], now=now)
        await puller.pull()
    return await slow


def told(n: int, customer_id: str, now: datetime) -> Event:
    """The event of that number."""
    data = DATA[EventType.WEBHOOK_TEST] | {"n": n}
    return event(EventType.WEBHOOK_TEST, key=f"prove:{n}", now=now, data=data, customer_id=customer_id)


async def _replay(store: Store, customer_id: str) -> int:
    now = await store.now()
    selection = Selection(customer_id, now - timedelta(days=1), now + timedelta(days=1), ("delivered", "exhausted"))
    made = await store.replays.create(new_id("rpl", now), selection, per_second=5000, now=now)
    assert made is not None
    return int(made["total"])


async def _finished(store: Store, customer_id: str) -> int:
    """How many the replay sent again, once it is done."""
    async with asyncio.timeout(STALLED_S):
        while True:
            (found,) = await store.replays.page(customer_id=customer_id, before=None, limit=1)
            if found["state"] == "done":
                return int(found["replayed"])
            await asyncio.sleep(0.2)
