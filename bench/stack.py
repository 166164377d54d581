"""The whole stack as in production: a webhook in at ingest, through publisher and notifier, out at the customer.

Each webhook tells that one waiting post is published, so each makes one event and one signed delivery. There is no bare
limit to set beside these figures: nothing else does all of it.
"""

import asyncio
import secrets
import time
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from typing import Any

from bench.child import BenchError, Child, Usage, program
from bench.crowd import Crowd, gather, send_posts
from bench.ground import Database, Ground, Rabbit
from bench.hook import Series
from bench.plan import Plan
from bench.report import Figure, Measured, Memory, Spread
from bench.scene import Running, ours
from bench.watch import look, shares

NAME = "stack"
PROGRAMS = ("ingest", "publisher", "notifier")
CONNECTIONS = 64
AHEAD = 2_000
"""Webhooks between the generator and the customers in the sustained flow: enough that nobody waits for work."""
PACE_PER_S = 200
SUSTAINED = 1_000
"""Webhooks of the sustained flow for each second of the plan; the backlog is as large."""
LATE_S = 120.0
LOOK_S = 0.05

_RECORDED = """
select e.id, extract(epoch from e.occurred_at)::float8 as at, p.publish_id
from events e join publications p using (post_id)
where p.publish_id = any($1::text[]) and e.type = 'post.published'
"""


@dataclass(frozen=True, slots=True)
class Scene:
    """Everybody between TikTok and the customers."""

    database: Database
    crowd: Crowd
    load: Child
    sink: Child
    sink_url: str
    programs: Mapping[str, Running]

    async def series(self, count: int, *, connections: int = CONNECTIONS) -> Series:
        """`count` posts that wait for TikTok's word, and the generator ready to give it."""
        series = Series(secrets.token_hex(4), 0, count, accounts=len(self.crowd.accounts))
        await send_posts(self.database, self.crowd, series)
        await self.database.execute("vacuum (analyze) posts, publications")
        await self.load.ask(
            "prepare", host="127.0.0.1", port=self.programs["ingest"].port, path="/webhooks/tiktok",
            connections=connections, series=asdict(series),
        )  # fmt: skip
        await self.sink.ask("forget")
        return series

    async def arrived(self, count: int) -> dict[str, Any]:
        """What the customers got, once it is `count` different events; each of them once."""
        deadline = time.monotonic() + LATE_S
        while (came := (await self.sink.ask("count"))["count"]) < count:
            if time.monotonic() > deadline:
                raise BenchError(f"{came} of {count} events reached the customers within {LATE_S:g} s")
            await asyncio.sleep(LOOK_S)
        told = await self.sink.ask("arrivals")
        if not told["count"] == told["distinct"] == count:
            raise BenchError(f"{count} events: {told['count']} deliveries came, {told['distinct']} different ones")
        return told


async def measure(ground: Ground, plan: Plan, say: Callable[[str], None]) -> Measured:
    """Sustained, then a backlog drained, then how long one event takes at a steady pace."""
    count = int(SUSTAINED * plan.seconds)
    async with AsyncExitStack() as parts:
        scene = await _open(parts, ground, say)
        before = _usage(scene)
        flows, floods = [], []
        for n in range(plan.rounds):
            say(f"stack: round {n + 1} of {plan.rounds}, {count} webhooks through the whole stack")
            flows.append(await _flow(scene, count))
            say(f"stack: round {n + 1} of {plan.rounds}, a backlog of {count}")
            floods.append(await _drain(scene, count))
        say(f"stack: {PACE_PER_S} events a second")
        delays, limit = await _pace(scene, int(PACE_PER_S * plan.seconds * plan.rounds))
        after = _usage(scene)
        rabbit = await ground.rabbitmq()
    carrier = rabbit.origin if isinstance(rabbit, Rabbit) else f"no RabbitMQ ({rabbit})"
    details = {"webhooks": count, "customers": len(scene.crowd.customers), "broker": carrier}
    figures = [
        Figure("stack: webhook in to customer out, sustained", "/s", Spread(tuple(flows)), details=details),
        Figure("stack: backlog drained", "/s", Spread(tuple(floods)), details=details),
        *(
            Figure(f"stack: recorded to first byte at {PACE_PER_S}/s, {name}", "ms", Spread((value,)), details=details)
            for name, value in delays.items()
        ),
    ]
    figures[-1] = Figure(figures[-1].name, "ms", figures[-1].ours, limit=limit, details=details)
    memory = [Memory(NAME, name, before[name].rss_mb, after[name].rss_mb) for name in PROGRAMS]
    return Measured(figures, memory)


async def _open(parts: AsyncExitStack, ground: Ground, say: Callable[[str], None]) -> Scene:
    say("stack: starting RabbitMQ and the programs")
    database = await parts.enter_async_context(ground.database())
    rabbit = await ground.rabbitmq()
    sink = await parts.enter_async_context(program("bench.sink", name="sink", folder=ground.folder, environ={}))
    urls = (await sink.hear())["urls"]
    load = await parts.enter_async_context(program("bench.load", name="load", folder=ground.folder, environ={}))
    await load.hear()
    crowd = await gather(database, urls=urls, accounts_each=4)
    running = {
        name: await parts.enter_async_context(
            ours(name, ground, database, rabbit=rabbit if isinstance(rabbit, Rabbit) else None)
        )
        for name in PROGRAMS
    }
    return Scene(database, crowd, load, sink, urls[0], running)


async def _flow(scene: Scene, count: int) -> float:
    """Events a second, with at most `AHEAD` on their way, from the first webhook to the last customer."""
    await scene.series(count)
    sent = await scene.load.ask("flow", count=count, ahead=AHEAD, sink=scene.sink_url)
    told = await scene.arrived(count)
    return float(count / (told["last"] - sent["began"]))


async def _drain(scene: Scene, count: int) -> float:
    """Events a second while only what had piled up is worked off: ingest took webhooks faster than the rest works."""
    await scene.series(count, connections=CONNECTIONS)
    sent = await scene.load.ask("flow", count=count, ahead=count, sink=None)
    told = await scene.arrived(count)
    left = sum(1 for _, at in told["arrivals"] if at > sent["ended"])
    if not left:
        raise BenchError("nothing piled up: the stack is as fast as the generator")
    return float(left / (told["last"] - sent["ended"]))


async def _pace(scene: Scene, count: int) -> tuple[dict[str, float], str]:
    """Milliseconds from an event's record to its first byte at the customer, and who used the machine meanwhile."""
    series = await scene.series(count)
    backends = await scene.database.backends()
    watched = {name: running.child.pid for name, running in scene.programs.items()}
    before = look(watched, backends)
    await scene.load.ask("pace", rate=PACE_PER_S, count=count)
    used = shares(before, look(watched, backends))
    came = dict((await scene.arrived(count))["arrivals"])
    ids = [series.publish_id(n) for n in range(count)]
    recorded = await scene.database.pool.fetch(_RECORDED, ids)
    delays = sorted((came[row["id"]] - row["at"]) * 1_000 for row in recorded)
    if len(delays) != count:
        raise BenchError(f"{count} events were recorded and {len(delays)} are found")
    at = {"p50": 0.50, "p95": 0.95, "p99": 0.99}
    return {name: delays[int(part * (count - 1))] for name, part in at.items()}, f"cores used: {used.words()}"


def _usage(scene: Scene) -> dict[str, Usage]:
    return {name: running.child.usage() for name, running in scene.programs.items()}
