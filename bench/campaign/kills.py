"""`kills` (issue line 8): programs are killed and frozen at random while posts and webhooks flow."""

import asyncio
import time
from random import Random

from bench.campaign import script
from bench.campaign.chaos import Chaos
from bench.campaign.drain import Rest, come_to_rest
from bench.campaign.errors import CampaignError
from bench.campaign.logs import Said
from bench.campaign.play import Play, Say, judge, playing, watched
from bench.campaign.program import rss_mb
from bench.campaign.report import Part, Table, quantiles
from bench.campaign.world import World
from deploy.rabbitmq import RabbitProgram

REST_S = 420.0
ACCEPT_S = 180.0
"""How long after the last strike a sender keeps trying."""
QUEUED_SHARE = 0.8
"""Posts that come through RabbitMQ, when there is one."""

# What TikTok itself does meanwhile: slow calls, lost replies, webhooks lost, doubled and late.
FAULTS = (
    {"do": "latency", "endpoint": "video/init", "seconds": 0.6, "probability": 0.3, "count": None},
    {"do": "latency", "endpoint": "upload", "seconds": 1.0, "probability": 0.3, "count": None},
    {"do": "reset_after", "endpoint": "video/init", "probability": 0.02, "count": None},
    {"do": "reset_after", "endpoint": "upload", "probability": 0.03, "count": None},
    {"do": "status", "endpoint": "status/fetch", "status": 502, "probability": 0.03, "count": None},
    {"do": "drop", "probability": 0.04, "count": None},
    {"do": "duplicate", "times": 2, "seconds": 1, "probability": 0.05, "count": None},
    {"do": "delay", "seconds": 4, "probability": 0.05, "count": None},
)


async def run(*, scale: float, seed: int, rabbit: RabbitProgram | None, say: Say, keep: bool = False) -> Part:
    """One pass, with RabbitMQ or, without its program, without. Raises `CampaignError` when it cannot be played."""
    part = Part(f"kills, {'RabbitMQ' if rabbit else 'memory broker'}, scale {scale:g}, seed {seed}")
    size = script.size(scale)
    async with playing(
        part, "kills", size=size, seed=seed, rabbit=rabbit, queued_share=QUEUED_SHARE, faults=FAULTS, keep=keep
    ) as play:
        chaos = Chaos(play.cast, Random(f"{seed}:chaos"))

        def strikes() -> str:
            return f"strikes {len(chaos.blows)}/{size.strikes}"

        async with watched(play, say=say, more=strikes, lanes=lambda: True):
            await _strike(part, play, chaos, size=size, seed=seed)
            flowed = time.monotonic() - play.began
            rest = await come_to_rest(
                play.ledger, play.cast.http, simulator=play.simulator, queue=play.queue, within=REST_S
            )
        rss = {program.name: rss_mb(program.pid) for program in play.cast.ours}
        hits = chaos.count("notifier", freeze=False) + chaos.count("notifier", freeze=True)
        world, said = await judge(part, play, rest, hits=hits, tolerated=frozenset())
        part.tables += [_strikes(chaos), _flow(play, world, said, rest, flowed=flowed), _answers(play), _ends(rest)]
        part.tables.append(_sizes(rss))
    return part


async def _strike(part: Part, play: Play, chaos: Chaos, *, size: script.Size, seed: int) -> None:
    until = time.monotonic() + size.seconds * 2 + ACCEPT_S
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(chaos.run(script.plan_strikes(size, seed=seed)))
            group.create_task(play.posts.run(script.plan_posts(size, seed=seed), until=until))
            group.create_task(play.hooks.run(script.plan_hooks(size, seed=seed), until=until))
    except* CampaignError as errors:
        part.hold("everything sent was accepted at last", False, "; ".join(str(error) for error in errors.exceptions))


def _strikes(chaos: Chaos) -> Table:
    table = Table("Strikes", ("program", "killed", "frozen", "longest freeze s", "ready again s p50", "p95", "max"))
    for target in script.TARGETS:
        mine = [blow for blow in chaos.blows if blow.target == target]
        longest = max((blow.seconds for blow in mine if blow.freeze), default=0.0)
        kills, freezes = chaos.count(target, freeze=False), chaos.count(target, freeze=True)
        table.rows.append((target, kills, freezes, round(longest, 1), *quantiles([blow.ready_s for blow in mine])))
    kills = sum(1 for blow in chaos.blows if not blow.freeze)
    table.rows.append(("all", kills, len(chaos.blows) - kills, "", "", "", ""))
    return table


def _flow(play: Play, world: World, said: Said, rest: Rest, *, flowed: float) -> Table:
    sink = play.sink
    inits = sum(times for (endpoint, code), times in world.calls.items() if "init" in endpoint and code == "ok")
    limited = sum(times for (_, code), times in world.calls.items() if code == "rate_limit_exceeded")
    table = Table("Flow", ("what", "number"))
    table.rows = [
        ("seconds of strikes and sending", round(flowed)),
        ("seconds until everything rested", round(rest.seconds)),
        ("posts accepted", len(play.posts.asked)),
        ("  tries by REST", sum(play.journal.statuses("post").values())),
        ("webhooks signed here, accepted", len(play.hooks.sent)),
        ("  tries", play.hooks.tries),
        ("webhooks of the simulator, accepted", len(world.accepted)),
        ("  tries", sum(len(hook["attempts"]) for hook in world.webhooks)),
        ("inits at TikTok", inits),
        ("  of them never whole", sum(1 for pub in world.publications if pub["status"] == "PROCESSING_UPLOAD")),
        ("TikTok said rate_limit_exceeded", limited),
        ("customer events", len(sink.heard)),
        ("deliveries received", sink.received),
        ("  refused by the customer on purpose", sink.refused),
        ("  duplicates", sink.duplicates),
        ("drives dropped because another had the post", said.count("post.lost")),
        ("facts that waited for their publication", said.count("facts.unmatched")),
    ]
    return table


def _answers(play: Play) -> Table:
    table = Table("Answers", ("door", "status", "times"))
    table.rows = [
        (door, status or "none", times)
        for door in ("post", "webhook")
        for status, times in sorted(play.journal.statuses(door).items())
    ]
    return table


def _ends(rest: Rest) -> Table:
    return Table("Last seen unfinished, seconds after the last was sent", ("what", "s"), sorted(rest.last_seen.items()))


def _sizes(rss: dict[str, float | None]) -> Table:
    rows: list[tuple[object, ...]] = [(name, round(mb) if mb else "–") for name, mb in rss.items()]
    return Table("Programs at the end", ("program", "RSS MB"), rows)
