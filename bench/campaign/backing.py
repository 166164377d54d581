"""`backing` (issue line 9): RabbitMQ and Postgres go away and come back while posts and webhooks flow."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bench.campaign import script
from bench.campaign.drain import come_to_rest
from bench.campaign.errors import CampaignError
from bench.campaign.journal import Answer
from bench.campaign.outage import ACCOUNTS, DARK_S, Course, endure
from bench.campaign.play import REPLICAS, Play, Say, judge, playing, watched
from bench.campaign.report import Part, Table, quantiles, sample
from bench.campaign.script import Outage, Size
from deploy.rabbitmq import RabbitProgram

REST_S = 300.0
ACCEPT_S = 120.0
QUEUED_SHARE = 0.4
SETTLED_QUEUES_S = 8.0
"""RabbitMQ 3.10 may lose a quorum queue that is killed in its first seconds."""
BETWEEN_S = 1.0
PREFETCH = 64
"""Jobs one publisher has in hand at most (services/publisher/jobs.py)."""

# A worker whose database is away says so and starts again; nothing else may be said at that level.
TOLERATED: frozenset[str] = frozenset()


@dataclass(slots=True)
class Away:
    """Whether a server is away right now, and which."""

    server: str = ""


async def run(*, scale: float, seed: int, rabbit: RabbitProgram, say: Say, keep: bool = False) -> Part:
    """The campaign. Raises `CampaignError` when it cannot be played at all."""
    part = Part(f"backing, scale {scale:g}, seed {seed}")
    size = _load(script.size(scale))
    outages = script.plan_outages(size, seed=seed)
    away, courses = Away(), list[Course]()
    async with playing(
        part, "backing", size=size, seed=seed, rabbit=rabbit, queued_share=QUEUED_SHARE, faults=(), keep=keep
    ) as play:
        pids = {program.name: program.pid for program in play.cast.ours}

        def outages_so_far() -> str:
            return f"outages {len(courses)}/{len(outages)}" + (f", {away.server} is away" if away.server else "")

        async with watched(play, say=say, more=outages_so_far, lanes=lambda: away.server != "postgres"):
            await _break(part, play, outages, courses, away, size=size, seed=seed)
            rest = await come_to_rest(
                play.ledger, play.cast.http, simulator=play.simulator, queue=play.queue, within=REST_S
            )
        same = pids == {program.name: program.pid for program in play.cast.ours if program.alive}
        part.hold("nothing of ours was restarted", same, f"{len(pids)} programs")
        _answers(part, play, courses)
        _recovery(part, courses)
        hits = REPLICAS * sum(1 for outage in outages if outage.server == "postgres")
        _, said = await judge(part, play, rest, hits=hits, tolerated=TOLERATED)
        returned, dark = said.count("job.returned"), sum(c.up_from - c.gone_at for c in courses if not c.rabbit)
        most = REPLICAS * (PREFETCH * sum(1 for c in courses if not c.rabbit) + dark)
        part.hold(
            "consumers paused before they gave jobs back", returned <= most, f"{returned:,} given back, {dark:.0f} s"
        )
        part.tables += [_courses(courses), _doors(play, courses)]
    return part


def _load(size: Size) -> Size:
    """Work for as long as it takes: the plan is longer than the outages, and what is not begun in time is not sent."""
    rate = 20 if size.small else 4
    return replace(
        size,
        posts=size.posts * rate,
        hooks=size.hooks * rate,
        seconds=size.seconds * rate,
        # TikTok's six inits a minute of each account must not be what we wait for.
        accounts=max(size.accounts, ACCOUNTS),
        large=0,
    )


async def _break(
    part: Part, play: Play, outages: Sequence[Outage], courses: list[Course], away: Away, *, size: Size, seed: int
) -> None:
    stop = asyncio.Event()
    until = time.monotonic() + size.seconds + ACCEPT_S

    async def one_after_the_other() -> None:
        try:
            kills_queues = any(outage.hard and outage.server == "rabbitmq" for outage in outages)
            await asyncio.sleep(SETTLED_QUEUES_S if kills_queues else BETWEEN_S)
            for n, outage in enumerate(outages):
                away.server = outage.server
                courses.append(await endure(play, outage, n=n))
                away.server = ""
                await asyncio.sleep(BETWEEN_S)
        finally:
            stop.set()

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(one_after_the_other())
            group.create_task(play.posts.run(script.plan_posts(size, seed=seed), until=until, stop=stop))
            group.create_task(play.hooks.run(script.plan_hooks(size, seed=seed), until=until, stop=stop))
    except* CampaignError as errors:
        part.hold("the campaign went through", False, "; ".join(str(error) for error in errors.exceptions))


def _answers(part: Part, play: Play, courses: Sequence[Course]) -> None:
    """What the doors said while a server was away (design section 4's table)."""
    for rabbit, good, what in (
        (True, {200, 201}, "RabbitMQ down: every post was answered 200 or 201, every webhook 200"),
        (False, {503}, "Postgres down: every post and every webhook was answered 503"),
    ):
        dark = [answer for course in courses if course.rabbit is rabbit for answer in _dark(play, course)]
        wrong = [f"{a.door} {a.status}" for a in dark if a.status not in good]
        part.hold(what, bool(dark) and not wrong, f"{len(dark):,} answers, wrong {sample(wrong)}")
    mute = [f"{a.door} after {a.ended - a.began:.1f} s" for a in play.journal.answers if a.status == 0]
    part.hold("every call was answered", not mute, sample(mute))
    unready = [f"{c.outage.server}: {name}" for c in courses for name in c.believed_ready]
    part.hold(f"readiness told of it within {DARK_S:g} s, and health stayed", not unready, sample(unready))
    blind = [f"{c.outage.server} {c.canary_post_s} {c.canary_hook_s}" for c in courses
             if c.rabbit and (c.canary_post_s is None or c.canary_hook_s is None)]  # fmt: skip
    part.hold("RabbitMQ down: alarms published a post and told of a webhook meanwhile", not blind, sample(blind))


def _dark(play: Play, course: Course) -> list[Answer]:
    return [a for door in ("post", "webhook") for a in play.journal.between(door, course.gone_at, course.up_from)]


def _recovery(part: Part, courses: Sequence[Course]) -> None:
    late = [f"{c.outage.server}: {c.left}" for c in courses if c.left]
    part.hold("after each outage all caught up by itself", bool(courses) and not late, sample(late))


def _courses(courses: Sequence[Course]) -> Table:
    table = Table(
        "Outages (seconds; the last three times since the server was back)",
        (
            "server",
            "how",
            "away",
            "post meanwhile",
            "webhook meanwhile",
            "all ready",
            "new post out",
            "backlog done",
            "last of it",
        ),
    )
    for c in courses:
        how = "killed" if c.outage.hard else "stopped"
        times = (c.canary_post_s, c.canary_hook_s, c.ready_s, c.first_post_s, c.backlog_s)
        shown = [round(t, 1) if t is not None else "–" for t in times]
        last = max(c.last, key=lambda kind: c.last[kind], default="–")
        table.rows.append((c.outage.server, how, round(c.up_from - c.gone_at, 1), *shown, last))
    return table


def _doors(play: Play, courses: Sequence[Course]) -> Table:
    table = Table("Answers while a server was away", ("away", "door", "status", "times", "seconds p50", "p95", "max"))
    for rabbit, name in ((True, "rabbitmq"), (False, "postgres")):
        dark = [answer for course in courses if course.rabbit is rabbit for answer in _dark(play, course)]
        for door, status in sorted({(a.door, a.status) for a in dark}):
            mine = [a.ended - a.began for a in dark if (a.door, a.status) == (door, status)]
            table.rows.append((name, door, status, len(mine), *quantiles(mine)))
    return table
