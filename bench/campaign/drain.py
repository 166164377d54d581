"""Waiting until everything has come to rest: nothing unsent, unsettled, undelivered or on its way."""

import asyncio
import time
from dataclasses import dataclass, field

import aiohttp
from pika.exceptions import AMQPError

from bench.campaign.jobs import DEAD, JOBS, JobQueue
from bench.campaign.ledger import Ledger
from bench.campaign.scene import ask

CALM_S = 2.5
"""How long it has to stay so: a public id comes a second after a publication, and its webhook after that."""
_POLL_S = 0.5


@dataclass(slots=True)
class Rest:
    """`left` is what had not come to rest in time; empty when all had. `order` says when each kind was last seen."""

    seconds: float
    left: dict[str, int]
    last_seen: dict[str, float] = field(default_factory=dict)


async def come_to_rest(
    ledger: Ledger, http: aiohttp.ClientSession, *, simulator: str, queue: JobQueue | None, within: float
) -> Rest:
    """Waits until nothing is left to do, at most `within` seconds."""
    began = time.monotonic()
    calm_since: float | None = None
    last_seen: dict[str, float] = {}
    while True:
        left = await unfinished(ledger, http, simulator=simulator, queue=queue)
        now = time.monotonic()
        for name in left:
            last_seen[name] = round(now - began, 1)
        calm_since = None if left else calm_since or now
        if calm_since is not None and now - calm_since >= CALM_S:
            return Rest(calm_since - began, {}, last_seen)
        if now - began > within:
            return Rest(now - began, left, last_seen)
        await asyncio.sleep(_POLL_S)


async def unfinished(
    ledger: Ledger, http: aiohttp.ClientSession, *, simulator: str, queue: JobQueue | None
) -> dict[str, int]:
    """What is left to do, by kind."""
    left = await ledger.undone()
    if queue is not None and (jobs := await waiting_jobs(queue)):
        left["jobs"] = jobs
    if not left and (hooks := await _pending_hooks(http, simulator)):
        left["tiktok's webhooks"] = hooks
    return left


async def waiting_jobs(queue: JobQueue) -> int:
    try:
        return await queue.waiting(JOBS)
    except (AMQPError, OSError):
        return 1  # cannot be asked, so cannot be called empty


async def dead_jobs(queue: JobQueue) -> int:
    return await queue.waiting(DEAD)


async def _pending_hooks(http: aiohttp.ClientSession, simulator: str) -> int:
    shown = await ask(http, "GET", f"{simulator}/_sim/webhooks?limit=1000000")
    return sum(1 for row in shown["webhooks"] if row["state"] in ("pending", "held"))
