"""`looks`: how soon a post's end at TikTok is known here; first with webhooks, then with every one of them lost.

In real time. Each post stays in processing for a time of its own, and how long after its end the customer's event is
recorded is what counts. Without webhooks there are accounts with as many posts as can be heard of in time, and one with
more, whose posts take turns.
"""

import asyncio
import statistics
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from random import Random

from bench.campaign.burst import most_in
from bench.campaign.crew import Crew
from bench.campaign.errors import NeverReady
from bench.campaign.ground import Ground
from bench.campaign.report import Part, Table
from bench.campaign.world import see
from libs.model.roster import CALLS, TURN, YOUNG_MOST

WITH_S, WITHOUT_S = 2.0, 15.0
BUSY_S = 5.0
"""What a small run has in addition: it is played beside others, on whatever machine there is."""
HOOKED, ACCOUNTS, MANY = 200, 10, 20
STUCK_S = (20.0, 90.0)
"""How long posts are in processing."""
PER_MINUTE = 6
PATIENCE_S = 500.0
POLL_S = 1.0
_TOLD = """
select u.publish_id, p.account_id, e.occurred_at as at from posts p
join events e on e.post_id = p.id and e.type = 'post.published'
join publications u on u.post_id = p.id and u.n = p.publication where p.id = any($1::text[])
"""


async def run(*, scale: float, seed: int, say: Callable[[str], None], keep: bool = False) -> Part:
    """The campaign. In a small one the accounts have six posts, which need no second minute of inits."""
    part, small = Part(f"looks, scale {scale:g}, seed {seed}"), scale < 0.5
    accounts, each, many = max(1, round(ACCOUNTS * scale)), YOUNG_MOST - small, 0 if small else round(MANY * scale)
    busy_s = BUSY_S if small else 0.0
    with_s, without_s = WITH_S + busy_s, WITHOUT_S + busy_s
    async with Ground(rabbit=None) as ground:
        ground.keep = keep
        async with Crew(ground, seed=seed, publishers=[{}, {}], knobs="processing_s=0") as crew:
            say("with webhooks")
            count = max(20, round(HOOKED * scale))
            ids = [account_id for account_id, _ in await crew.creators(-(-count // 4))]
            delays = await _delays(crew, await crew.posts((ids * 4)[:count]))
            part.hold(f"with webhooks known in under {with_s:g} s (p95)", _at(delays, 0.95) < with_s, _shown(delays))
            say("with every webhook lost")
            await crew.sim("POST", "faults", {"do": "drop", "count": None})
            await _silence(part, crew, accounts=accounts, each=each, many=many, seed=seed, within_s=without_s)
        ground.keep = keep and not part.kept
    return part


async def _silence(part: Part, crew: Crew, *, accounts: int, each: int, many: int, seed: int, within_s: float) -> None:
    dice = Random(f"{seed}:looks")
    few, crowd = await crew.creators(accounts), await crew.creators(bool(many))
    for creators, most in ((few, each), (crowd, many)):
        for open_id, n in [(open_id, n) for _, open_id in creators for n in range(most)]:
            stick = {"do": "stick", "seconds": dice.uniform(*STUCK_S), "open_id": open_id, "skip": n}
            await crew.sim("POST", "faults", stick)
    before = len(await crew.calls("status/fetch"))
    posts = await crew.posts([id_ for id_, _ in few] * each + [id_ for id_, _ in crowd] * many)
    delays = await _delays(crew, posts[: accounts * each])
    part.hold(f"without webhooks known within {within_s:g} s, {each} posts on each of {accounts} accounts",
              max(delays) <= within_s, _shown(delays))  # fmt: skip
    table = Table("Seconds from TikTok's end to the customer's event, without webhooks", (
        "posts of an account", "accounts", "posts", "p50", "p95", "max"))  # fmt: skip
    table.rows.append((each, accounts, len(delays), *(round(_at(delays, part), 1) for part in (0.5, 0.95, 1))))
    if many:
        slow = await _delays(crew, posts[accounts * each :])
        turn_s = many * TURN.total_seconds()
        part.hold(f"{many} posts of one account take turns", max(slow) <= max(turn_s, within_s), _shown(slow))
        table.rows.append((many, 1, len(slow), *(round(_at(slow, part), 1) for part in (0.5, 0.95, 1))))
    part.tables.append(table)
    await _judge_calls(part, crew, before, posts=len(posts))


async def _judge_calls(part: Part, crew: Crew, before: int, *, posts: int) -> None:
    calls = await crew.calls("status/fetch")
    busiest = 0
    for open_id in {call["open_id"] for call in calls}:
        times = sorted(datetime.fromisoformat(call["at"]).timestamp() for call in calls if call["open_id"] == open_id)
        busiest = max(busiest, most_in(times, window_s=60.0))
    part.hold(f"never more than {CALLS} status calls of a token in 60 s", busiest <= CALLS, f"{busiest} at most")
    limited = sum(1 for call in calls if call["code"] == "rate_limit_exceeded")
    part.hold("TikTok never said rate_limit_exceeded to one", limited == 0, limited)
    asked = len(calls) - before
    part.hold("without webhooks it was asked, and more than once", asked > 2 * posts, f"{asked} calls, {posts} posts")
    world = await see(crew.http, crew.urls["simulator"])
    lost = all(not hook["attempts"] for hook in world.webhooks if hook["state"] == "dropped")
    part.hold("the webhooks really were lost", lost and any(h["state"] == "dropped" for h in world.webhooks), lost)


async def _delays(crew: Crew, posts: Sequence[str]) -> list[float]:
    """Seconds from each publication's end at TikTok to the event, once all are published."""
    until = time.monotonic() + PATIENCE_S
    while len(told := await crew.database.fetch(_TOLD, list(posts))) < len(posts):
        if time.monotonic() > until:
            raise NeverReady(f"{len(told)} of {len(posts)} posts are published:\n{crew.publishers[0].tail()}")
        await asyncio.sleep(POLL_S)
    world = await see(crew.http, crew.urls["simulator"])
    ended = {one["publish_id"]: _end(one) for one in world.publications}
    return [(row["at"] - ended[row["publish_id"]]) / timedelta(seconds=1) for row in told]


def _end(publication: dict[str, object]) -> datetime:
    history = publication["history"]
    assert isinstance(history, list)
    return datetime.fromisoformat(next(line["at"] for line in history if "PUBLISH_COMPLETE" in line["what"]))


def _at(delays: Sequence[float], part: float) -> float:
    ordered = sorted(delays)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


def _shown(delays: Sequence[float]) -> str:
    return (f"{len(delays)} posts: p50 {statistics.median(delays):.2f}, p95 {_at(delays, 0.95):.2f}, "
            f"max {max(delays):.2f} s")  # fmt: skip
