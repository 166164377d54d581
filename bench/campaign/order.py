"""Order and replay: notifiers are killed while an endpoint is told in order and another is told everything again.

One customer has two endpoints. `ordered` hears each account's events one after the other, though a tenth of the tries
is answered 500; `plain` hears all as they come, is then given a rate, and hears all once more by a replay that asks for
more. A sink remembers what it answered 200, and when.
"""

import asyncio
import itertools
import math
import time
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random

import aiohttp
import orjson
from aiohttp import web

from bench.campaign.ear import listening
from bench.campaign.ground import Ground
from bench.campaign.notifiers import REPLICAS, STALLED_S, UNSAVED, Notifiers, settled, until
from bench.campaign.report import Part, Table, sample
from libs import signing
from libs.model.endpoint import Endpoint, EndpointState, Order, Secret
from libs.model.event import Event, EventType, event
from libs.model.ids import new_id
from libs.model.sample import DATA
from libs.store.replays import Selection
from libs.store.store import Store
from libs.store.vault import new_key

EVENTS, ACCOUNTS, FAILS = 100_000, 250, 0.1
STRIKE_S, STRIKE_SOON_S = (3.0, 9.0), (0.8, 1.6)
"""Seconds between two kills, and in a small campaign, which is over soon."""
SMALL = 0.1
RATE_PER_S, ASKED_PER_S, PACED_S = 500.0, 1000, 5.0
"""What `plain` takes while it hears the replay, what the replay asks for, and how long a small one is to last."""
STRETCHES_S = (1.0, 10.0)
"""How long stretches are in which no more may come than the rate allows, and a second's worth besides: a claim takes so
much, which goes out when its process comes to it, perhaps just before the next."""
AT_ONCE = tuple(timedelta(0) for _ in range(20))


class Ear:
    """Counts, for each endpoint and event, the answers 200, and keeps the order of the first ones by account."""

    def __init__(self, *, seed: int) -> None:
        self.answered: dict[str, Counter[int]] = {"ordered": Counter(), "plain": Counter()}
        self.order: dict[int, list[int]] = defaultdict(list)
        self.tries = 0
        self.failed = 0
        self.paced: list[float] = []
        """When each try of `plain` came, in seconds."""
        self._random = Random(f"{seed}:ear")

    async def hear(self, request: web.Request) -> web.Response:
        name, data = request.match_info["name"], orjson.loads(await request.read())["data"]
        self.tries += 1
        if name == "plain":
            self.paced.append(time.monotonic())
        if name == "ordered" and self._random.random() < FAILS:
            self.failed += 1
            return web.Response(status=500)
        n = data["n"]
        self.answered[name][n] += 1
        if name == "ordered" and self.answered[name][n] == 1:
            self.order[data["lane"]].append(n)
        return web.Response()

    @property
    def inversions(self) -> list[str]:
        return [
            f"{after} before {before} of account {account}"
            for account, heard in self.order.items()
            for after, before in itertools.pairwise(heard)
            if after > before
        ]


async def run(*, scale: float, seed: int, say: Callable[[str], None], keep: bool = False) -> Part:
    """The campaign; `scale` 1 is 100,000 events to each endpoint."""
    part = Part(f"order and replay, scale {scale:g}, seed {seed}")
    count, key, ear = max(250, round(EVENTS * scale)), new_key(), Ear(seed=seed)
    async with Ground(rabbit=None) as ground, aiohttp.ClientSession(trust_env=False) as http:
        ground.keep = keep
        store = Store(ground.database_url, program="prove", encryption_keys=[key])
        await store.open()
        runner, port = await listening(ear.hear)
        campaign = Notifiers(ground, key=key, seed=seed, http=http, gap_s=STRIKE_SOON_S if scale < SMALL else STRIKE_S)
        try:
            customer_id = await _furnish(store, port)
            await campaign.start()
            say(f"{count} events to two endpoints, {REPLICAS} notifiers are killed meanwhile")
            striking = asyncio.create_task(campaign.strike())
            began = time.monotonic()
            await _record(store, customer_id, count, seed=seed)
            await until(
                lambda: len(ear.answered["ordered"]) + len(ear.answered["plain"]) == 2 * count, lambda: ear.tries
            )
            told_s, told_kills = time.monotonic() - began, campaign.kills
            await settled(ground.database_url)
            before = Counter(ear.answered["plain"])
            say(f"told in {told_s:.0f} s; now everything again")
            rate, first = min(RATE_PER_S, count / PACED_S), len(ear.paced)
            total = await _replay(store, customer_id, rate=rate)
            await until(lambda: len(ear.answered["plain"] - before) == count, lambda: ear.tries)
            replay = await _finished(store, customer_id)
            striking.cancel()
        finally:
            campaign.end()
            await runner.cleanup()
            await store.close()
        _judge(part, ear, before, count=count, kills=campaign.kills, told_kills=told_kills)
        judge_pace(part, ear.paced[first:], rate=rate)
        once = total == replay == count
        part.hold("the replay counted and sent again each delivery once", once, f"{replay} of {total}")
        ground.keep = keep and not part.kept
    head = ("events", "accounts", "tries", "answered 500", "kills", "told in s")
    row = (count, ACCOUNTS, ear.tries, ear.failed, campaign.kills, round(told_s, 1))
    part.tables.append(Table("what happened", head, [row]))
    return part


def _judge(part: Part, ear: Ear, before: Counter[int], *, count: int, kills: int, told_kills: int) -> None:
    for name in ("ordered", "plain"):
        missing = [n for n in range(count) if n not in ear.answered[name]]
        part.hold(f"every event reached the {name} endpoint", not missing, sample(missing))
    part.hold("no event of an account came before an older one", not ear.inversions, sample(ear.inversions))
    bound = kills * UNSAVED
    twice = sum(times - 1 for times in (*ear.answered["ordered"].values(), *before.values()))
    again = sum(ear.answered["plain"][n] - before[n] - 1 for n in range(count))
    part.hold("sent twice at most what a kill can leave unsaved", twice <= max(bound, 0), f"{twice} of at most {bound}")
    part.hold("sent twice by the replay at most as much", 0 <= again <= bound, f"{again} of at most {bound}")
    part.hold("something was killed", kills > 0, f"{told_kills} while told, {kills - told_kills} while replayed")


def judge_pace(part: Part, came: Sequence[float], *, rate: float) -> None:
    for seconds in STRETCHES_S:
        most, allowed = most_within(came, seconds), math.ceil(rate * (seconds + 1))
        what = f"no {seconds:g} s of the replay saw more than its endpoint's {rate:g} a second and a second's worth"
        part.hold(what, most <= allowed, f"{most} of at most {allowed}")


def most_within(came: Sequence[float], seconds: float) -> int:
    """How many of these times, the earliest first, lie within so many seconds at most."""
    return max((n + 1 - bisect_right(came, at - seconds) for n, at in enumerate(came)), default=0)


async def _furnish(store: Store, port: int) -> str:
    now = await store.now()
    customer_id = (await store.customers.create(id_=new_id("cus", now), name="prove", now=now)).id
    for name, ordering in (("ordered", Order.ACCOUNT), ("plain", Order.NONE)):
        secret = Secret(signing.new_secret().reveal())
        url = f"http://127.0.0.1:{port}/{name}"
        endpoint = Endpoint(
            new_id("end", now), customer_id, url, ("*",), EndpointState.ENABLED, (secret,), description=name,
            schedule=AT_ONCE, ordering=ordering,
        )  # fmt: skip
        await store.endpoints.create(endpoint, now=now)
    return customer_id


async def _record(store: Store, customer_id: str, count: int, *, seed: int) -> None:
    """In batches, one after the other: what is of one account is committed in its order."""
    chance, n = Random(f"{seed}:events"), 0
    while n < count:
        size = min(chance.randint(1, ACCOUNTS), count - n)
        now = await store.now()
        await store.events.record([_event(each, customer_id, now) for each in range(n, n + size)], now=now)
        n += size


def _event(n: int, customer_id: str, now: datetime) -> Event:
    lane = n % ACCOUNTS
    # Of one transaction the order is that of the ids: those of one account are further apart than a batch is long.
    return event(
        EventType.WEBHOOK_TEST, key=f"prove:{n}", now=now, data=DATA[EventType.WEBHOOK_TEST] | {"n": n, "lane": lane},
        customer_id=customer_id, account_id=f"acc_{lane}",
    )  # fmt: skip


async def _replay(store: Store, customer_id: str, *, rate: float) -> int:
    """Gives `plain` this rate and begins the replay; how many deliveries it counted."""
    now = await store.now()
    plain = next(
        one
        for one in await store.endpoints.page(customer_id=customer_id, before=None, limit=9)
        if one.description == "plain"
    )
    selection = Selection(customer_id, now - timedelta(days=1), now + timedelta(days=1), ("delivered",), None, plain.id)
    await store.endpoints.change(
        plain.id, customer_id=customer_id, edit=lambda endpoint: replace(endpoint, rate_per_s=rate), now=now
    )
    made = await store.replays.create(new_id("rpl", now), selection, per_second=ASKED_PER_S, now=now)
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
