"""Durable signed deliveries per second of one notifier process ÷ a bare aiohttp client loop against the same sink."""

import asyncio
import time
from collections.abc import Callable
from contextlib import AsyncExitStack

from bench.child import BenchError, Child, program
from bench.crowd import BATCH, Crowd, gather, published
from bench.ground import Database, Ground
from bench.plan import Plan
from bench.report import Figure, Measured, Memory, Spread
from bench.scene import ours
from bench.watch import Shares, look, shares

NAME = "notifier"
TARGET = 0.6
ENDPOINT_CONCURRENCY = 50
"""The notifier's own default; the bare client has as many requests under way."""
FILL_S = 120.0
DRAIN_S = 120.0
LOOK_S = 0.02


async def measure(ground: Ground, plan: Plan, say: Callable[[str], None]) -> Measured:
    """A backlog is recorded, fanned out, held back and let go; bare posts such bodies to the same sink."""
    async with AsyncExitStack() as parts:
        database = await parts.enter_async_context(ground.database())
        sink = await parts.enter_async_context(program("bench.sink", name="sink", folder=ground.folder, environ={}))
        urls = (await sink.hear())["urls"]
        bare = await parts.enter_async_context(
            program("bench.bare", name="bare-client", folder=ground.folder, environ={}, arguments=["client"])
        )
        await bare.hear()
        crowd = await gather(database, urls=urls, accounts_each=4)
        body = published(crowd, 0, now=await database.store.now()).body
        notifier = await parts.enter_async_context(ours("notifier", ground, database))
        before = notifier.child.usage()
        bare_rates, our_rates, bare_costs, our_costs, seen = [], [], [], [], []
        rate, cost = await _bare(bare, urls, body, plan, say, "before the first round")
        for n in range(plan.rounds):
            count = int(rate * plan.seconds * 0.7)
            say(f"notifier: round {n + 1} of {plan.rounds}, a backlog of {count} deliveries")
            await _fill(database, crowd, count)
            say(f"notifier: round {n + 1} of {plan.rounds}, ours")
            our_rate, our_cost, share = await _drain(database, crowd, count, sink, notifier.child)
            our_rates.append(our_rate)
            our_costs.append(our_cost)
            seen.append(share)
            next_rate, next_cost = await _bare(bare, urls, body, plan, say, f"after round {n + 1} of {plan.rounds}")
            # A machine that others share is never twice the same: ours is set beside what came before it and after it.
            bare_rates.append((rate + next_rate) / 2)
            bare_costs.append((cost + next_cost) / 2)
            rate, cost = next_rate, next_cost
        after = notifier.child.usage()
    ratios = [mine / limit for mine, limit in zip(our_rates, bare_rates, strict=True)]
    middle = sorted(zip(ratios, seen, strict=True), key=lambda pair: pair[0])[len(ratios) // 2][1]
    figure = Figure(
        "notifier: durable signed deliveries",
        "/s",
        Spread(tuple(our_rates)),
        Spread(tuple(bare_rates)),
        Spread(tuple(ratios)),
        TARGET,
        limit=middle.limit("notifier", helpers=["sink"]),
        details={"endpoints": len(urls), "cores": [share.words() for share in seen]},
        costs=(Spread(tuple(our_costs)), Spread(tuple(bare_costs))),
    )
    return Measured([figure], [Memory(NAME, "notifier", before.rss_mb, after.rss_mb)])


async def _bare(
    bare: Child, urls: list[str], body: str, plan: Plan, say: Callable[[str], None], when: str
) -> tuple[float, float]:
    """What the bare client does in a second, and its microseconds of CPU for each."""
    say(f"notifier: the bare client, {when}")
    done = await bare.ask("post", urls=urls, body=body, at_once=ENDPOINT_CONCURRENCY * len(urls), seconds=plan.seconds)
    return done["counted"] / done["seconds"], done["cpu_s"] / done["counted"] * 1e6


async def _fill(database: Database, crowd: Crowd, count: int) -> None:
    """Records events; the notifier fans them out and relays them, and its endpoints are held back meanwhile."""
    await database.execute("truncate deliveries, attempts, events, event_keys")
    now = await database.store.now()
    for endpoint in crowd.endpoints:
        await database.store.endpoints.disable(endpoint, customer_id=None, reason="held back", now=now)
    for first in range(0, count, BATCH):
        now = await database.store.now()
        told = [published(crowd, n, now=now) for n in range(first, min(first + BATCH, count))]
        await database.store.events.record(told, now=now)
    await _until(
        database,
        "select not exists (select from events where fan_out_at is not null or relay_at is not null)",
        within=FILL_S,
        what="the backlog is not fanned out",
    )
    await database.execute("vacuum (analyze) deliveries, events")
    await database.execute("checkpoint")


async def _drain(
    database: Database, crowd: Crowd, count: int, sink: Child, notifier: Child
) -> tuple[float, float, Shares]:
    """From the first request at the sink until the last delivery is durably delivered: the rate, the notifier's
    microseconds of CPU for each, and who used the machine."""
    await sink.ask("forget")
    backends = await database.backends()
    watched = {"notifier": notifier.pid, "sink": sink.pid}
    before = look(watched, backends)
    now = await database.store.now()
    for endpoint in crowd.endpoints:
        await database.store.endpoints.enable(endpoint, customer_id=None, now=now)
    while (came := (await sink.ask("count"))["count"]) < count:
        await asyncio.sleep(LOOK_S)
        if time.time() - now.timestamp() > DRAIN_S:
            raise BenchError(f"the backlog does not drain: {came} of {count} deliveries came")
    pending = "select not exists (select from deliveries where alarm is not null)"
    await _until(database, pending, within=DRAIN_S, what="deliveries that went out are not saved")
    ended = time.time()
    after = look(watched, backends)
    cost = after.named["notifier"].cost_since(before.named["notifier"], count=count)
    told = await sink.ask("told")
    delivered = await database.value("select count(*) from deliveries where state = 'delivered'")
    attempts = await database.value("select count(*) from attempts")
    if not told["count"] == told["distinct"] == delivered == attempts == count:
        raise BenchError(
            f"{count} deliveries: {told['count']} came, {told['distinct']} different ones, "
            f"{delivered} are delivered, with {attempts} attempts"
        )
    return count / (ended - told["first"]), cost, shares(before, after)


async def _until(database: Database, question: str, *, within: float, what: str) -> None:
    deadline = time.monotonic() + within
    while not await database.value(question):
        if time.monotonic() > deadline:
            raise BenchError(f"{what} within {within:g} s")
        await asyncio.sleep(LOOK_S)
