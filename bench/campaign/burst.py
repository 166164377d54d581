"""`burst`: many posts at once. On one token by publishers whose clocks disagree, to a TikTok that answers when it
likes; then on many tokens, where nobody is served at another's expense.

Everything takes its real time: the database's clock, by which replicas agree, is no simulator's.
"""

import asyncio
import statistics
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from bench.campaign import logs
from bench.campaign.crew import Crew
from bench.campaign.errors import NeverReady
from bench.campaign.ground import Ground
from bench.campaign.report import Part, Table, quantiles, sample
from bench.campaign.world import see

POSTS, PER_MINUTE, LATENCY_S = 20, 6, 5.0
SKEWS_S = (-30.0, -10.0, 10.0, 30.0)
ACCOUNTS, EACH, CONCURRENCY, MANY = 200, 5, 4, 400
DISTANCE_S = 0.2
"""How far off TikTok is while many tokens take turns: with nothing to wait for, whose turn comes when would be the
machine's choice of processes, not ours of accounts."""
CALLS = ("creator_info/query", "video/init", "upload", "status/fetch")
PATIENCE_S = 420.0
POLL_S = 0.5
_FINISHED = """
select p.account_id, extract(epoch from e.occurred_at)::float8 as at
from posts p join events e on e.post_id = p.id and e.type = 'post.published' where p.id = any($1::text[]) order by at
"""
_STATES = "select state, count(*) as n from posts where id = any($1::text[]) group by state"

Say = Callable[[str], None]


async def run(*, scale: float, seed: int, say: Say, keep: bool = False) -> Part:
    """The campaign. At least so many posts go to one token that they do not fit into one minute."""
    part = Part(f"burst, scale {scale:g}, seed {seed}")
    posts, accounts = max(PER_MINUTE + 2, round(POSTS * scale)), max(8, round(ACCOUNTS * scale))
    at_once = max(2, round(CONCURRENCY * scale))
    # Without RabbitMQ no bell rings between programs: they look instead, more often than a finish may be off.
    usual = {"PUBLISHER_CONCURRENCY": str(at_once), "PUBLISHER_IDLE_S": "0.1"}
    publishers = [{"PROVE_SKEW_S": str(skew_s), **usual} for skew_s in SKEWS_S]
    async with Ground(rabbit=None) as ground:
        ground.keep = keep
        async with Crew(ground, seed=seed, publishers=publishers, module="bench.campaign.skewed") as crew:
            say(f"{posts} posts on one token, {len(publishers)} publishers, clocks {SKEWS_S} s off")
            await _one_token(part, crew, posts)
            say(f"{EACH} posts on each of {accounts} tokens")
            await _many_tokens(part, crew, accounts, in_flight=at_once * len(publishers))
            await _judge_calls(part, crew)
            said = logs.read(program.log for program in crew.ours)
            part.hold("no program met an error of its own", not said.errors, dict(said.errors) or "no such line")
            skewed = said.count("clock.skewed")
            part.hold("every publisher's clock was wrong", skewed == len(publishers), f"{skewed} of {len(publishers)}")
        ground.keep = keep and not part.kept
    return part


async def _one_token(part: Part, crew: Crew, count: int) -> None:
    [(account_id, open_id)] = await crew.creators(1)
    began = time.monotonic()
    async with _latency(crew, jitter_s=LATENCY_S):
        posts = await crew.posts([account_id] * count)
        states = await _finished(crew, posts)
    took = time.monotonic() - began
    part.hold(f"{count} of {count} posts of one token are published", states == {"published": count}, dict(states))
    inits = [call for call in await crew.calls("video/init") if call["open_id"] == open_id]
    most = most_in(_times(inits), window_s=60.0)
    part.hold("TikTok never saw more than 6 inits of it in 60 s", most <= PER_MINUTE, f"{most} in the busiest 60 s")
    part.hold("a minute's inits were all used", most == PER_MINUTE and len(inits) >= count, f"{len(inits)} inits")
    rows = [(count, len(inits), most, round(took, 1), f"0 to {LATENCY_S:g}", str(SKEWS_S))]
    head = ("posts", "inits", "most in 60 s", "seconds", "latency s", "clocks off s")
    part.tables.append(Table("One token", head, list(rows)))


async def _many_tokens(part: Part, crew: Crew, count: int, *, in_flight: int) -> None:
    creators = await crew.creators(count)
    for program in crew.publishers:
        program.freeze()  # until all are there: they are to be due at once
    posts = await crew.posts([account_id for _ in range(EACH) for account_id, _ in creators])
    async with _latency(crew, seconds=DISTANCE_S):
        for program in crew.publishers:
            program.thaw()
        states = await _finished(crew, posts)
    total = count * EACH
    part.hold(f"{total} of {total} posts of {count} tokens are published", states == {"published": total}, dict(states))
    finished: dict[str, list[float]] = defaultdict(list)
    for row in await crew.database.fetch(_FINISHED, posts):
        finished[row["account_id"]].append(row["at"])
    start, end = min(min(at) for at in finished.values()), max(max(at) for at in finished.values())
    table = Table(f"Many tokens: how far each account's k-th finish is from the median, % of {end - start:.0f} s", (
        "k", "median s", "p50", "p95", "max"))  # fmt: skip
    worst, span = 0.0, max(end - start, 1e-3)  # a few may be heard of in one commit
    for k in range(EACH):
        times = [at[k] - start for at in finished.values() if len(at) == EACH]
        middle = statistics.median(times)
        off = [100 * abs(at - middle) / span for at in times]
        worst = max(worst, *off)
        table.rows.append((k + 1, round(middle, 1), *quantiles(off)))
    part.tables.append(table)
    # Turns one by one: the first account's k-th is a whole round before the last one's, half a round to each side.
    bound = 100 * (0.5 / EACH + in_flight / total)
    if total >= MANY:  # a few are over before the second in which their webhooks are heard together
        part.hold(
            f"fair: every finish is within {50 / EACH:.0f}% of the span of its median, and the share that is in flight",
            worst <= bound,
            f"{worst:.1f}% at most, {bound:.1f}% allowed",
        )
    tokens = {open_id for _, open_id in creators}
    lead = longest_lead([call["open_id"] for call in await crew.calls("video/init") if call["open_id"] in tokens])
    part.hold("nobody's turn comes two rounds before another's", lead <= 2, f"a lead of {lead} at most")


def longest_lead(turns: Sequence[str]) -> int:
    """By how many turns anybody was ever ahead of another who still had some to come."""
    left, had, longest = Counter(turns), Counter[str](), 0
    for who in turns:
        had[who] += 1
        left[who] -= 1
        longest = max([longest, *(had[who] - had[other] for other, more in left.items() if more)])
    return longest


async def _judge_calls(part: Part, crew: Crew) -> None:
    world = await see(crew.http, crew.urls["simulator"])
    part.hold("nothing was published twice", not world.duplicates, sample(world.duplicates))
    limited = Counter({key: n for key, n in world.calls.items() if key[1] == "rate_limit_exceeded"})
    part.hold("TikTok never said rate_limit_exceeded", not limited, dict(limited) or "0")
    part.tables.append(
        Table("Calls", ("endpoint", "code", "times"), [(*key, n) for key, n in sorted(world.calls.items())])
    )


@asynccontextmanager
async def _latency(crew: Crew, **latency: float) -> AsyncIterator[None]:
    """TikTok answers so late until the end of the block."""
    for endpoint in CALLS:
        await crew.sim("POST", "faults", {"do": "latency", "count": None, "endpoint": endpoint} | latency)
    yield
    for fault in (await crew.sim("GET", "faults"))["faults"]:
        await crew.sim("DELETE", f"faults/{fault['id']}")


async def _finished(crew: Crew, posts: Sequence[str]) -> Counter[str]:
    """How many are in which state, once none is on its way."""
    until = time.monotonic() + PATIENCE_S
    while True:
        states = Counter({row["state"]: row["n"] for row in await crew.database.fetch(_STATES, posts)})
        if not set(states) - {"published", "failed", "cancelled", "unconfirmed"}:
            return states
        if time.monotonic() > until:
            return states
        for program in crew.ours:
            if not program.alive:
                raise NeverReady(f"{program.name} ended:\n{program.tail()}")
        await asyncio.sleep(POLL_S)


def _times(calls: Sequence[dict[str, Any]]) -> list[float]:
    return sorted(datetime.fromisoformat(call["at"]).timestamp() for call in calls)


def most_in(times: Sequence[float], *, window_s: float) -> int:
    """The most of these sorted moments that lie within any window of that length."""
    most, first = 0, 0
    for last, at in enumerate(times):
        while at - times[first] >= window_s:
            first += 1
        most = max(most, last - first + 1)
    return most
