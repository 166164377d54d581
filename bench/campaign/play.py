"""One pass of a campaign while it runs: who plays, who sends, who listens; and the promises every campaign holds."""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

from bench.campaign import audit, logs, script
from bench.campaign.audit import Books
from bench.campaign.cast import NOTIFIER_CONCURRENCY, Cast
from bench.campaign.drain import Rest, dead_jobs
from bench.campaign.ground import Ground
from bench.campaign.hooks import Hooks
from bench.campaign.jobs import JobQueue
from bench.campaign.journal import Journal
from bench.campaign.ledger import Ledger
from bench.campaign.logs import Said
from bench.campaign.posts import Posts
from bench.campaign.report import Part, sample
from bench.campaign.scene import LARGE_BYTES, Scene, ask, padded, set_scene
from bench.campaign.script import Film
from bench.campaign.sink import Sink
from bench.campaign.world import World, see
from deploy.rabbitmq import RabbitProgram

SETTLE_BATCH = 200
"""Tries the notifier saves at once (services/notifier/settle.py)."""
CUSTOMERS = 3
REPLICAS = 2
PATIENT_S = 15.0
"""A lane is asleep past due work when nothing came for so long."""
SAY_EVERY_S = 5.0

Say = Callable[[str], None]


@dataclass(slots=True)
class Play:
    """Everything of one pass."""

    ground: Ground
    cast: Cast
    ledger: Ledger
    sink: Sink
    scene: Scene
    posts: Posts
    hooks: Hooks
    queue: JobQueue | None
    began: float = field(default_factory=time.monotonic)
    asleep: set[str] = field(default_factory=set)

    @property
    def journal(self) -> Journal:
        return self.hooks.journal

    @property
    def simulator(self) -> str:
        return self.cast.urls["simulator"]


@asynccontextmanager
async def playing(
    part: Part,
    name: str,
    *,
    size: script.Size,
    seed: int,
    rabbit: RabbitProgram | None,
    queued_share: float,
    faults: Sequence[dict[str, Any]],
    keep: bool,
) -> AsyncIterator[Play]:
    """Servers, programs, customers and senders, ready to begin; all ended at the end, the folder kept if a promise of
    `part` was broken or `keep` says so."""
    async with Ground(rabbit=rabbit) as ground:
        ground.keep = True
        async with Cast(ground, seed=seed, replicas=REPLICAS, leases=size.leases) as cast:
            sink = Sink([f"customer{n}" for n in range(CUSTOMERS)], seed=seed)
            await sink.start()
            queue = JobQueue(lambda: ground.rabbitmq_url or "") if rabbit is not None else None
            try:
                if queue is not None:
                    await queue.tap()  # before anything happens that could be told
                scene = await set_scene(
                    cast, sink, accounts=size.accounts, large=size.large > 0, timeout_s=size.leases.endpoint
                )
                for fault in faults:
                    await ask(cast.http, "POST", f"{cast.urls['simulator']}/_sim/faults", json=fault)
                posts, hooks = _senders(cast, scene, queue, name=name, seed=seed, queued_share=queued_share)
                yield Play(ground, cast, Ledger(ground.database_url), sink, scene, posts, hooks, queue)
            finally:
                await sink.stop()
                if queue is not None:
                    await queue.close()
        ground.keep = keep or not part.kept
        if ground.keep:
            part.notes.append(f"logs and data are kept in {ground.folder}")


def _senders(
    cast: Cast, scene: Scene, queue: JobQueue | None, *, name: str, seed: int, queued_share: float
) -> tuple[Posts, Hooks]:
    journal = Journal()
    posts = Posts(
        http=cast.http,
        url=f"{cast.urls['api']}/v1/posts",
        operator_key=cast.keys.operator,
        scene=scene,
        journal=journal,
        queue=queue,
        run_name=f"{name}-{seed}",
        queued_share=queued_share,
    )
    hooks = Hooks(
        http=cast.http,
        url=f"{cast.urls['ingest']}/webhooks/tiktok",
        secret=cast.keys.client_secret,
        scene=scene,
        simulator=cast.urls["simulator"],
        journal=journal,
        random=Random(f"{seed}:senders"),
    )
    return posts, hooks


@asynccontextmanager
async def watched(play: Play, *, say: Say, more: Callable[[], str], lanes: Callable[[], bool]) -> AsyncIterator[None]:
    """While inside: says how it goes, notes who dies of itself, and, while `lanes` says so, which lanes oversleep."""
    watching = asyncio.create_task(_watch(play, say=say, more=more, lanes=lanes))
    try:
        yield
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


async def _watch(play: Play, *, say: Say, more: Callable[[], str], lanes: Callable[[], bool]) -> None:
    spoke = play.began
    while True:
        await asyncio.sleep(0.5)
        for program in (*play.cast.ours, play.cast.simulator):
            program.reap()
        now = time.monotonic()
        if now - spoke < SAY_EVERY_S:
            continue
        spoke = now
        left: object = "the ledger is away"
        if lanes():
            play.asleep.update(await play.ledger.asleep(grace_s=PATIENT_S))
            left = await play.ledger.undone()
        say(
            f"[{now - play.began:4.0f} s] posts {play.posts.done}, webhooks {play.hooks.done}, {more()}, "
            f"heard {play.sink.received:,}, duplicates {play.sink.duplicates}, left {left}"
        )


async def judge(part: Part, play: Play, rest: Rest, *, hits: int, tolerated: frozenset[str]) -> tuple[World, Said]:
    """What every campaign promises, once it has come to rest; ends the programs. `hits` bounds the duplicates, and
    `tolerated` names log lines of level error that the faults explain."""
    cast, sink = play.cast, play.sink
    part.hold("everything came to rest", not rest.left, rest.left or f"{rest.seconds:.0f} s after the last was sent")
    passed = await play.ledger.passed(grace_s=5.0)
    part.hold("no row has an alarm that passed", not passed, sample(passed))
    part.hold("no lane slept past due work", not play.asleep, sample(sorted(play.asleep)))
    world, books = await see(cast.http, play.simulator), await Books.read(play.ledger)
    wrong = world.health["unscripted_errors"] or world.health["job_failures"]
    part.hold("TikTok's simulator is well", not wrong, world.health)
    audit.audit_hooks(part, books, play.hooks.sent, world)
    audit.audit_posts(part, books, play.posts.asked, world, await _films(play))
    part.hold("the same request again was the same post", not play.posts.flaws, sample(play.posts.flaws))
    audit.audit_events(part, books, play.posts.asked, play.hooks.sent, sink)
    each = NOTIFIER_CONCURRENCY + SETTLE_BATCH
    found = f"{sink.duplicates:,} of at most {hits} × {each} = {hits * each:,}"
    part.hold("duplicates stay within strikes × (concurrency + settle batch)", sink.duplicates <= hits * each, found)
    flaws = play.journal.flaws()
    part.hold("every answer was one that may be given", not flaws, dict(flaws) or f"{len(play.journal.answers):,}")
    if play.queue is not None:
        await _judge_queue(part, play.queue, books)
    said = await _leave(part, play, tolerated=tolerated)
    return world, said


async def _films(play: Play) -> dict[Film, str]:
    """The SHA-256 of what TikTok has to have."""
    video = await ask(play.cast.http, "GET", play.scene.video_url)
    small = hashlib.sha256(video).hexdigest()
    large = hashlib.sha256(padded(video, LARGE_BYTES)).hexdigest() if play.scene.large else ""
    return {Film.LIBRARY: small, Film.ADDRESS: small, Film.LARGE: large}


async def _judge_queue(part: Part, queue: JobQueue, books: Books) -> None:
    dead = await dead_jobs(queue)
    part.hold("publisher.jobs.dead is empty", dead == 0, f"{dead} messages")
    ids = {row["id"] for row in books.events}
    await queue.drain_tap()
    missing = sorted(ids - queue.relayed)
    part.hold("every event was relayed to RabbitMQ", not missing, f"{len(ids):,} events, missing {sample(missing)}")


async def _leave(part: Part, play: Play, *, tolerated: frozenset[str]) -> Said:
    cast = play.cast
    codes = await cast.leave()
    deaths = {program.name: program.deaths for program in (*cast.ours, cast.simulator) if program.deaths}
    well = not deaths and set(codes.values()) == {0}
    part.hold("nobody died of itself, and all left when asked", well, deaths or codes)
    said = logs.read(program.log for program in cast.ours)
    errors = {event: times for event, times in said.errors.items() if event not in tolerated}
    part.hold("no program met an error of its own", not errors, errors or "no such line")
    part.notes += [f"{event}: {said.examples[event]}" for event in errors]
    return said
