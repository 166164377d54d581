"""One outage: a server goes, canaries are sent into the dark, it comes back, and we wait until all caught up."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import aiohttp

from bench.campaign.drain import waiting_jobs
from bench.campaign.errors import NeverReady
from bench.campaign.play import Play
from bench.campaign.program import Program
from bench.campaign.script import Film, HookKind, HookPlan, Outage, PostPlan

DARK_S = 3.0
"""How long readiness may take to notice."""
LIGHT_S = 25.0
"""How long a canary in the dark may take, and the server stays away for it."""
CAUGHT_UP_S = 150.0
ACCOUNTS = 24
_POLL_S = 0.1
_CANARY = 1_000_000
"""Numbers of canaries, far from those of the plan."""

# What was there before `$1` and is not done. A delivery that the customer refused is not late, it waits its turn.
_BEHIND = """
select (select count(*) from posts where created_at < $1
        and state in ('scheduled', 'queued', 'initializing', 'uploading', 'processing')) as posts,
       (select count(*) from facts f where heard_at < $1 and settled_at is null
        and (publish_id = '' or exists (select from publications p where p.publish_id = f.publish_id))) as facts,
       (select count(*) from events where occurred_at < $1 and fan_out_at is not null) as fan_outs,
       (select count(*) from events where occurred_at < $1 and relay_at is not null) as relays,
       (select count(*) from deliveries where created_at < $1 and state = 'pending' and tries = 0) as deliveries
"""


@dataclass(slots=True)
class Course:
    """How an outage went. Moments are `time.monotonic()` seconds; None where something did not happen in time."""

    outage: Outage
    gone_at: float
    up_from: float = 0.0
    """When it was started again."""
    canary_post_s: float | None = None
    """From a post's acceptance in the dark to its `post.published` in the dark; of RabbitMQ's outages only."""
    canary_hook_s: float | None = None
    ready_s: float | None = None
    first_post_s: float | None = None
    backlog_s: float | None = None
    left: dict[str, int] = field(default_factory=dict)
    last: dict[str, float] = field(default_factory=dict)
    """When each kind of the backlog was last seen, in seconds since the server was back."""
    believed_ready: set[str] = field(default_factory=set)

    @property
    def rabbit(self) -> bool:
        return self.outage.server == "rabbitmq"


async def endure(play: Play, outage: Outage, *, n: int) -> Course:
    """Takes a server away and brings it back; returns once everything from before has caught up, or did not in time."""
    rabbit, postgres = play.ground.rabbit, play.ground.postgres
    if rabbit is None:
        raise NeverReady("backing needs a RabbitMQ of its own")
    server = rabbit if outage.server == "rabbitmq" else postgres
    await asyncio.to_thread(server.kill if outage.hard else server.stop)
    course = Course(outage, gone_at=time.monotonic())
    async with asyncio.TaskGroup() as group:
        group.create_task(_dark(course, play))
        if course.rabbit:
            group.create_task(_canary_post(course, play, n=n))
            group.create_task(_canary_hook(course, play, n=n))
        await asyncio.sleep(outage.seconds)
    course.up_from = time.monotonic()
    await asyncio.to_thread(server.start)
    await _recover(course, play, n=n)
    return course


async def _dark(course: Course, play: Play) -> None:
    """Health stays, readiness goes: asked of every program for as long as the outage is meant to last."""
    await asyncio.sleep(min(DARK_S, course.outage.seconds / 2))
    while time.monotonic() - course.gone_at < course.outage.seconds - 0.5:
        for program in play.cast.ours:
            health, ready = await program.status(play.cast.http, "/healthz"), await _wrong(program, play.cast.http)
            if health != 200 or ready is None or _check_name(course) not in ready:
                course.believed_ready.add(f"{program.name} (health {health}, wrong {ready})")
        await asyncio.sleep(0.5)


def _check_name(course: Course) -> str:
    return "broker" if course.rabbit else "store"


async def _wrong(program: Program, http: aiohttp.ClientSession) -> dict[str, str] | None:
    """What `/readyz` says is wrong; None when it says that nothing is, or nothing at all."""
    try:
        async with http.get(f"{program.url}/readyz", timeout=aiohttp.ClientTimeout(total=6)) as answer:
            said = await answer.json()
            return dict(said["wrong"]) if answer.status == 503 else None
    except (aiohttp.ClientError, TimeoutError):
        return None


async def _canary_post(course: Course, play: Play, *, n: int) -> None:
    """A post that is accepted and published while RabbitMQ is away."""
    asked = await play.posts.send(_plan(_CANARY + 2 * n), by_queue=False, until=time.monotonic() + LIGHT_S)
    course.canary_post_s = await _within(LIGHT_S, lambda: _told(play, asked.post_id))


async def _canary_hook(course: Course, play: Play, *, n: int) -> None:
    """A webhook that is accepted and told to its customer while RabbitMQ is away."""
    hook = HookPlan(_CANARY + n, 0.0, 0, HookKind.UNKNOWN)
    await play.hooks.run([hook], until=time.monotonic() + LIGHT_S)
    marker = f"hook-{hook.n}"

    async def heard() -> bool:
        return any(
            each.type == "tiktok.unrecognized" and each.body["data"]["content"].get("marker") == marker
            for each in play.sink.heard.values()
        )

    course.canary_hook_s = await _within(LIGHT_S, heard)


async def _recover(course: Course, play: Play, *, n: int) -> None:
    back = time.monotonic()
    moment = datetime.now(UTC)

    async def first_post() -> None:
        asked = await play.posts.send(_plan(_CANARY + 2 * n + 1), by_queue=False, until=back + CAUGHT_UP_S)
        if await _within(CAUGHT_UP_S, lambda: _told(play, asked.post_id)) is not None:
            course.first_post_s = time.monotonic() - back

    async def ready() -> None:
        async def all_ready() -> bool:
            return all([await program.status(play.cast.http, "/readyz") == 200 for program in play.cast.ours])

        course.ready_s = await _within(CAUGHT_UP_S, all_ready)

    async def backlog() -> None:
        async def caught_up() -> bool:
            row = (await play.ledger.rows(_BEHIND, moment))[0]
            course.left = {name: count for name, count in row.items() if count}
            if play.queue is not None and (jobs := await waiting_jobs(play.queue)) > 1:
                course.left["jobs"] = jobs
            course.last.update(dict.fromkeys(course.left, time.monotonic() - back))
            return not course.left

        course.backlog_s = await _within(CAUGHT_UP_S, caught_up)

    async with asyncio.TaskGroup() as group:
        for work in (first_post(), ready(), backlog()):
            group.create_task(work)


def _plan(n: int) -> PostPlan:
    return PostPlan(n, 0.0, account=n % ACCOUNTS, film=Film.LIBRARY, inbox=False, public=False, twice=False)


async def _told(play: Play, post_id: str | None) -> bool:
    return play.sink.told("post.published", post_id or "") is not None


async def _within(seconds: float, check: Callable[[], Awaitable[bool]]) -> float | None:
    """Seconds until `check` is true; None when it is not in time."""
    began = time.monotonic()
    while not await check():
        if time.monotonic() - began > seconds:
            return None
        await asyncio.sleep(_POLL_S)
    return time.monotonic() - began
