"""How long an event takes from its record to its first byte at the customer, at steady paces, with one notifier; how
its memory grows the while; and how long one event takes to ten thousand endpoints."""

import asyncio
import os
import time
from collections.abc import Callable
from contextlib import AsyncExitStack

from bench.child import BenchError, Child, program
from bench.crowd import Crowd, gather, published
from bench.ground import Database, Ground, Rabbit
from bench.plan import Plan
from bench.report import Figure, Measured, Memory, Spread
from bench.scene import ours
from bench.watch import look, shares
from libs.broker.open import open_broker
from libs.broker.port import Broker

NAME = "pace"
PACES = (200, 1_000)
ENDPOINTS = 10_000
"""`CLIPWIRE_BENCH_ENDPOINTS` takes fewer for a try."""
SOAK_PER_S = 200
GROWTH_MB = 8.0
TICK_S = 0.005
LATE_S = 120.0


async def measure(ground: Ground, plan: Plan, say: Callable[[str], None]) -> Measured:
    """Events are recorded here and the bell is rung as the publisher does; the rest is the notifier's."""
    async with AsyncExitStack() as parts:
        database = await parts.enter_async_context(ground.database())
        rabbit = await ground.rabbitmq()
        if not isinstance(rabbit, Rabbit):
            raise BenchError(f"a bell needs RabbitMQ: {rabbit}")
        broker = open_broker(rabbit.url, prefix=rabbit.prefix, name="clipwire-bench")
        await broker.start()
        parts.push_async_callback(broker.close)
        sink = await parts.enter_async_context(program("bench.sink", name="sink", folder=ground.folder, environ={}))
        urls = (await sink.hear())["urls"]
        crowd = await gather(database, urls=urls, accounts_each=4)
        notifier = await parts.enter_async_context(ours("notifier", ground, database, rabbit=rabbit))
        scene = (database, broker, crowd, sink)
        figures: list[Figure] = []
        await _pace(*scene, rate=100, seconds=1.0)  # warm
        for rate in PACES:
            say(f"pace: {rate} events a second")
            watched, backends = {"notifier": notifier.child.pid, "sink": sink.pid}, await database.backends()
            before = look(watched, backends)
            delays = await _pace(*scene, rate=rate, seconds=plan.seconds * plan.rounds)
            used = shares(before, look(watched, backends)).words()
            for name, part in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
                value = delays[int(part * (len(delays) - 1))] * 1_000
                limit = f"cores used: {used}" if name == "p99" else ""
                name = f"notifier: recorded to first byte at {rate}/s, {name}"
                figures.append(Figure(name, "ms", Spread((value,)), limit=limit, details={"events": len(delays)}))
        say(f"pace: memory over {plan.soak_s:g} s at {SOAK_PER_S} a second")
        figures.append(await _soak(*scene, notifier.child, seconds=plan.soak_s))
        figures += await _fan_out(database, broker, crowd, sink, urls[0], say)
        after = notifier.child.usage()
    return Measured(figures, [Memory(NAME, "notifier", None, after.rss_mb)])


async def _pace(
    database: Database, broker: Broker, crowd: Crowd, sink: Child, *, rate: float, seconds: float
) -> list[float]:
    """Seconds of each event, sorted."""
    await sink.ask("forget")
    recorded: dict[str, float] = {}
    count, began = int(rate * seconds), time.monotonic()
    while len(recorded) < count:
        due = min(count, int((time.monotonic() - began) * rate) + 1) - len(recorded)
        if due:
            now = await database.store.now()
            events = [published(crowd, len(recorded) + n, now=now) for n in range(due)]
            await database.store.events.record(events, now=now)
            await broker.ring("notifier")
            recorded |= {event.id: now.timestamp() for event in events}
        await asyncio.sleep(TICK_S)
    await _arrived(sink, count)
    came: dict[str, float] = {}
    for id_, at in (await sink.ask("arrivals"))["arrivals"]:
        came.setdefault(id_, at)
    if missing := recorded.keys() - came.keys():
        raise BenchError(f"{len(missing)} of {count} events never came")
    return sorted(came[id_] - at for id_, at in recorded.items())


async def _soak(
    database: Database, broker: Broker, crowd: Crowd, sink: Child, notifier: Child, *, seconds: float
) -> Figure:
    """Megabytes that the notifier grew by after the first fifth, while as much came as went."""
    sizes = []
    for _ in range(10):
        await _pace(database, broker, crowd, sink, rate=SOAK_PER_S, seconds=seconds / 10)
        sizes.append(notifier.usage().rss_mb or 0.0)
    grown = sizes[-1] - sizes[1]
    details = {"seconds": seconds, "per_second": SOAK_PER_S, "rss_mb": [round(size, 1) for size in sizes]}
    return Figure("notifier: memory grown while events flow", "MB", Spread((grown,)), below=GROWTH_MB, details=details)


async def _fan_out(
    database: Database, broker: Broker, crowd: Crowd, sink: Child, url: str, say: Callable[[str], None]
) -> list[Figure]:
    """One event of a customer with very many endpoints: until its deliveries are there, and until all went out."""
    count = int(os.environ.get("CLIPWIRE_BENCH_ENDPOINTS", ENDPOINTS))
    say(f"pace: an endpoint {count:,} times")
    await database.execute(
        "insert into endpoints (id, customer_id, url, events, state, secrets, secret_ends, created_at, updated_at)"
        " select 'end_' || lpad(n::text, 26, '0'), customer_id, $2 || '/' || n, events, state, secrets, secret_ends,"
        " created_at, updated_at from endpoints, generate_series(1, $3::int) n where id = $1",
        crowd.endpoints[0], url, count - 1,
    )  # fmt: skip
    await database.execute(
        "insert into endpoint_lanes (endpoint_id) select id from endpoints on conflict (endpoint_id) do nothing"
    )
    await database.execute("vacuum (analyze) endpoints, endpoint_lanes")
    await sink.ask("forget")
    began, now = time.time(), await database.store.now()
    event = published(crowd, 0, now=now)
    await database.store.events.record([event], now=now)
    await broker.ring("notifier")
    while not await database.value("select exists (select from deliveries where event_id = $1)", event.id):
        if time.time() - began > LATE_S:
            raise BenchError("the event is not fanned out")
        await asyncio.sleep(TICK_S)
    there = time.time() - began
    made = await database.value("select count(*) from deliveries where event_id = $1", event.id)
    await _arrived(sink, count)
    told = await sink.ask("told")
    if made != count:
        raise BenchError(f"{made} deliveries of {count}")
    details = {"endpoints": count}
    return [
        Figure("notifier: fan-out of one event, deliveries there", "s", Spread((there,)), details=details),
        Figure(
            "notifier: fan-out of one event, last first byte", "s", Spread((told["last"] - began,)), details=details
        ),
    ]


async def _arrived(sink: Child, count: int) -> None:
    deadline = time.monotonic() + LATE_S
    while (came := (await sink.ask("count"))["count"]) < count:
        if time.monotonic() > deadline:
            raise BenchError(f"{came} of {count} deliveries came within {LATE_S:g} s")
        await asyncio.sleep(TICK_S)
