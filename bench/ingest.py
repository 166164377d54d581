"""Durable accepted webhooks per second of one ingest process ÷ a bare aiohttp handler that only reads the body."""

import secrets
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import asdict
from typing import Any

from bench.child import BenchError, Child, program
from bench.ground import Database, Ground
from bench.hook import Series
from bench.plan import Plan
from bench.report import Figure, Measured, Memory, Spread
from bench.scene import ours
from bench.watch import Shares, look, shares

NAME = "ingest"
TARGET = 0.55
CONNECTIONS = 256
MOST_PER_S = 45_000
"""Requests made ahead for each second; no aiohttp handler answers as many."""


async def measure(ground: Ground, plan: Plan, say: Callable[[str], None]) -> Measured:
    """Ours and bare take turns under the same generator, which signs every webhook and never sends one twice."""
    async with AsyncExitStack() as parts:
        database = await parts.enter_async_context(ground.database())
        bare = await parts.enter_async_context(
            program("bench.bare", name="bare-server", folder=ground.folder, environ={}, arguments=["server"])
        )
        bare_port = (await bare.hear())["port"]
        load = await parts.enter_async_context(program("bench.load", name="load", folder=ground.folder, environ={}))
        await load.hear()
        ingest = await parts.enter_async_context(ours("ingest", ground, database))
        before = ingest.child.usage()
        bare_rates, our_rates, bare_costs, our_costs, seen = [], [], [], [], []
        for n in range(plan.rounds):
            say(f"ingest: round {n + 1} of {plan.rounds}, the bare handler")
            done, cost, _ = await _flood(load, bare, bare_port, plan, database, most=MOST_PER_S)
            bare_rates.append(_rate(done))
            bare_costs.append(cost)
            say(f"ingest: round {n + 1} of {plan.rounds}, ours")
            most = int(bare_rates[-1] * 1.2)
            rate, cost, share = await _ours(load, ingest.child, ingest.port, plan, database, most=most)
            our_rates.append(rate)
            our_costs.append(cost)
            seen.append(share)
        after = ingest.child.usage()
    ratios = [mine / limit for mine, limit in zip(our_rates, bare_rates, strict=True)]
    middle = sorted(zip(ratios, seen, strict=True), key=lambda pair: pair[0])[len(ratios) // 2][1]
    figure = Figure(
        "ingest: durable accepted webhooks",
        "/s",
        Spread(tuple(our_rates)),
        Spread(tuple(bare_rates)),
        Spread(tuple(ratios)),
        TARGET,
        limit=middle.limit("ingest", helpers=["load"]),
        details={"connections": CONNECTIONS, "cores": [share.words() for share in seen]},
        costs=(Spread(tuple(our_costs)), Spread(tuple(bare_costs))),
    )
    return Measured([figure], [Memory(NAME, "ingest", before.rss_mb, after.rss_mb)])


async def _ours(
    load: Child, ingest: Child, port: int, plan: Plan, database: Database, *, most: int
) -> tuple[float, float, Shares]:
    await database.execute("truncate receipts, facts")
    await database.execute("checkpoint")
    done, cost, used = await _flood(load, ingest, port, plan, database, most=most)
    for table in ("receipts", "facts"):
        kept = await database.value(f"select count(*) from {table}")
        if kept != done["accepted"]:
            raise BenchError(f"{done['accepted']} webhooks were accepted and {kept} {table} are kept")
    return _rate(done), cost, used


async def _flood(
    load: Child, server: Child, port: int, plan: Plan, database: Database, *, most: int
) -> tuple[dict[str, Any], float, Shares]:
    """What the generator counted, the server's microseconds of CPU for each webhook, and who used the machine."""
    series = Series(secrets.token_hex(4), 0, int(most * (plan.seconds + 1)))
    await load.ask(
        "prepare", host="127.0.0.1", port=port, path="/webhooks/tiktok", connections=CONNECTIONS, series=asdict(series)
    )
    backends = await database.backends()
    watched = {"ingest": server.pid, "load": load.pid}
    before = look(watched, backends)  # only now: making the webhooks is the generator's work alone
    done = await load.ask("flood", seconds=plan.seconds)
    after = look(watched, backends)
    cost = after.named["ingest"].cost_since(before.named["ingest"], count=done["accepted"])
    if set(done["answers"]) != {"200"}:
        raise BenchError(f"webhooks were not all accepted: {done['answers']}")
    if done["exhausted"]:
        raise BenchError("the generator ran out of webhooks; this machine is faster than it was made for")
    return done, cost, shares(before, after)


def _rate(done: dict[str, Any]) -> float:
    return float(done["counted"] / done["seconds"])
