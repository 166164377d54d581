"""`caps`: three times as many posts a day as TikTok takes of a creator, for seven virtual days.

Of two creators: one is told of the cap by creator_info and the init, the other by the `fail_reason` of what was taken.

Time is the simulator's, and passes only when nobody has anything to do at this moment: to the next alarm or the next
post, whichever comes first.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from bench.campaign.crew import Crew
from bench.campaign.errors import NeverReady
from bench.campaign.ground import Ground
from bench.campaign.report import Part, Table, sample
from bench.campaign.world import World, see

DAYS, CAP, TIMES = 7, 15, 3
DAY_S = 86_400
CODE = "spam_risk_too_many_posts"
TOLD = ("init", "fail_reason")
"""Where TikTok says that a creator's day is full."""
HEAD = ("told at", "days", "posts", "cap", "published", "waiting", "refused by TikTok", "creator_info", "inits")
PATIENCE_S = 60.0
CALM_S = 0.02
STEP_S = 0.5
"""Beyond an alarm, so that it has come for everybody."""

_DUE = """
select (select count(*) from posts where alarm <= $1 and not in_lane)
     + (select count(*) from post_lanes where alarm <= $1)
     + (select count(*) from posts where state in ('initializing', 'uploading'))
     + (select count(*) from posts where state = 'processing')
     -- Claimed and not said to be on its way yet: its alarm is a lease and not its slot.
     + (select count(*) from posts where state = 'queued' and not in_lane and alarm is distinct from slot_at
        and alarm between $1 + interval '65 seconds' and $1 + interval '90 seconds')
     + (select count(*) from facts where settled_at is null and publish_id <> '') as n
"""
_NEXT = """
select least((select min(alarm) from posts where alarm > $1 and not in_lane),
             (select min(alarm) from post_lanes where alarm > $1))
"""


async def run(*, scale: float, seed: int, say: Callable[[str], None], keep: bool = False) -> Part:
    """The campaign. Below scale 1 it has fewer days, two at least, and a smaller cap."""
    part = Part(f"caps, scale {scale:g}, seed {seed}")
    days, cap = max(2, round(DAYS * scale)), CAP if scale >= 1 else 3
    async with Ground(rabbit=None) as ground:
        ground.keep = keep
        async with Crew(ground, seed=seed, publishers=[{}, {}], knobs="processing_s=0", virtual=True) as crew:
            creators = dict(zip(TOLD, await crew.creators(len(TOLD)), strict=True))
            for told, (_, open_id) in creators.items():
                await crew.sim("PATCH", f"accounts/{open_id}", {"daily_post_cap": cap, "cap_told": told})
            began = await crew.now()
            accounts = [account_id for account_id, _ in creators.values()]
            posts = await _live(crew, accounts, days=days, per_day=cap * TIMES, seed=seed, began=began, say=say)
            world = await see(crew.http, crew.urls["simulator"])
            table = Table("The days of each creator", HEAD, [])
            for told, (account_id, open_id) in creators.items():
                day = _Days(told, account_id, open_id, posts[account_id], days=days, cap=cap)
                table.rows.append(await _judge(part, crew, world, day))
            part.hold("nothing was published twice", not world.duplicates, sample(world.duplicates))
            part.tables.append(table)
        ground.keep = keep and not part.kept
    return part


async def _live(
    crew: Crew,
    accounts: Sequence[str],
    *,
    days: int,
    per_day: int,
    seed: int,
    began: datetime,
    say: Callable[[str], None],
) -> dict[str, list[str]]:
    """Posts of every account at the same random times of every day; their ids in order. The last day ends like every
    other."""
    dice = Random(f"{seed}:caps")
    times = sorted(day * DAY_S + dice.uniform(0, DAY_S) for day in range(days) for _ in range(per_day))
    posts: dict[str, list[str]] = {account_id: [] for account_id in accounts}
    for day in range(days):
        say(f"day {day + 1} of {days}, {sum(map(len, posts.values()))} posts so far")
        for at in [at for at in times if day * DAY_S <= at < (day + 1) * DAY_S]:
            await _pass(crew, until=began + timedelta(seconds=at))
            for account_id, made in zip(accounts, await crew.posts(accounts), strict=True):
                posts[account_id].append(made)
        await _pass(crew, until=began + timedelta(seconds=(day + 1) * DAY_S))
    return posts


async def _pass(crew: Crew, *, until: datetime) -> None:
    """Lets time pass, from one thing that is due to the next."""
    while True:
        now = await _calm(crew)
        if now >= until:
            return
        due = await crew.database.fetchval(_NEXT, now)
        to = min(until, due + timedelta(seconds=STEP_S)) if due is not None else until
        await crew.advance(max((to - now).total_seconds(), 0.0) + 0.001)


async def _calm(crew: Crew) -> datetime:
    """What time it is, once nothing is due. A token that ran out meanwhile is refreshed by whoever needs it."""
    patience = time.monotonic() + PATIENCE_S
    while True:
        now = await crew.now()
        if not await crew.database.fetchval(_DUE, now):
            return now
        if time.monotonic() > patience:
            raise NeverReady(f"nothing comes to rest:\n{crew.publishers[0].tail()}")
        await asyncio.sleep(CALM_S)


@dataclass(frozen=True, slots=True)
class _Days:
    """What one creator was to live through: its posts in the order they came."""

    told: str
    account_id: str
    open_id: str
    posts: list[str]
    days: int
    cap: int


async def _judge(part: Part, crew: Crew, world: World, lived: _Days) -> tuple[object, ...]:
    """Its row of the table."""
    asked = ("creator_info/query", "video/init")
    calls = [call for endpoint in asked for call in await crew.calls(f"{endpoint}&open_id={lived.open_id}")]
    taken = sorted((p for p in world.publications if p["open_id"] == lived.open_id), key=lambda one: one["created_at"])
    refused = sorted(
        [call["at"] for call in calls if call["code"] == CODE]
        + [one["created_at"] for one in taken if one["fail_reason"] == CODE]
    )
    of_account, by = "select id from posts where account_id = $1", lived.account_id
    learned = await crew.database.fetchval(
        f"select min(at) from timeline where kind = 'reslotted' and post_id in ({of_account})", by
    )

    def hold(promise: str, kept: object, measured: object) -> None:
        part.hold(f"cap told at {lived.told}: {promise}", bool(kept), measured)

    # The first is what it was learned from, also where our clock was a moment behind TikTok's when that was written.
    after = [at for at in refused[1:] if datetime.fromisoformat(at) > learned] if learned else refused
    hold("TikTok was over its cap once, and so it was learned", len(refused) >= 1 and learned, f"{len(refused)}")
    hold(f"no {CODE} after the cap was learned", not after, sample(after))
    post_of = {row["publish_id"]: row["post_id"] for row in await crew.database.fetch(
        "select publish_id, post_id from publications where publish_id is not null")}  # fmt: skip
    out = [one for one in taken if one["status"] == "PUBLISH_COMPLETE"]
    order = [post_of[one["publish_id"]] for one in out]
    turned = [f"place {n + 1}" for n, post in enumerate(order) if post != lived.posts[n]]
    hold("TikTok got them in the order they came", not turned, f"{len(order)} posts, out of place {sample(turned)}")
    most = lived.days * lived.cap
    hold("all that TikTok takes went out", most - lived.cap < len(order) <= most, f"{len(order)} of at most {most}")
    times = [datetime.fromisoformat(one["created_at"]).timestamp() for one in out]
    full = max((sum(1 for other in times if at <= other < at + DAY_S) for at in times), default=0)
    hold("never more than the cap in 24 hours", full <= lived.cap, f"{full} of {lived.cap}")
    states = Counter({row["state"]: row["n"] for row in await crew.database.fetch(
        "select state, count(*) as n from posts where account_id = $1 group by state", by)})  # fmt: skip
    hold("what did not go out waits for its slot", set(states) <= {"published", "queued"}, dict(states))
    untold = await crew.database.fetchval(
        "select count(*) from posts p where account_id = $1 and state = 'queued' and (slot_at is null or not exists ("
        "select 1 from events e where e.post_id = p.id and e.type = 'post.retrying'))", by
    )  # fmt: skip
    hold("and its customer was told when", untold == 0, f"{untold} untold")
    counts = Counter(call["endpoint"] for call in calls)
    return (lived.told, lived.days, len(lived.posts), lived.cap, len(order), states["queued"], len(refused),
            counts["creator_info/query"], counts["video/init"])  # fmt: skip
