"""Noisy neighbours: a fifth of a hundred endpoints hang until their timeout, and later a million deliveries wait for
one that is dead. The others must hardly notice: neither how many they get in a second, nor how soon.

One notifier at its defaults. Every round is played twice, in quiet and with the noise, by turns, so that whatever else
the machine does falls on both. Quiet means that only the others have work: the noisy ones' share is not handed to them.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from statistics import median

import aiohttp

from bench.campaign.errors import CampaignError
from bench.campaign.ground import Ground
from bench.campaign.neighbours import Neighbours
from bench.campaign.report import Part, Table
from bench.child import program

ENDPOINTS, HANGING = 100, 20
EACH, ROUNDS, PACED_S, PACE_PER_S, WAITING = 200, 5, 12.0, 200, 1_000_000
TIMEOUT_S = 5.0
JUDGED_FROM = 0.25
"""Below this scale a round is over too soon to tell speeds apart; that the others got theirs meanwhile is judged."""
LATE_S = 120.0


@dataclass(slots=True)
class Found:
    """What quiet and noisy rounds found, by turns: deliveries a second, and all the delays in seconds."""

    rates: list[float] = field(default_factory=list)
    delays: list[float] = field(default_factory=list)

    def p99(self) -> float:
        return sorted(self.delays)[int(0.99 * (len(self.delays) - 1))]


async def run(*, scale: float, seed: int, say: Callable[[str], None], keep: bool = False) -> Part:
    """The campaign; `scale` 1 is 16,000 deliveries in each round, and a million for the dead endpoint."""
    part = Part(f"noisy neighbours, scale {scale:g}, seed {seed}")
    each, rounds = max(3, round(EACH * scale)), max(1, round(ROUNDS * min(1.0, scale)))
    paced = max(100, round(PACE_PER_S * PACED_S * min(1.0, scale)))
    async with AsyncExitStack() as parts:
        ground = await parts.enter_async_context(Ground(rabbit=None))
        ground.keep = keep
        http = await parts.enter_async_context(aiohttp.ClientSession(trust_env=False))
        sink = await parts.enter_async_context(
            program("bench.sink", name="sink", folder=ground.folder / "programs", environ={})
        )
        url = (await sink.hear())["urls"][0]
        town = await parts.enter_async_context(
            Neighbours.gathered(ground, sink, http, url=url, count=ENDPOINTS, timeout_s=TIMEOUT_S)
        )
        healthy, hanging = town.endpoints[HANGING:], town.endpoints[:HANGING]
        quiet, noisy = Found(), Found()
        for n in range(rounds):
            for found, noise in ((quiet, ()), (noisy, hanging)):
                say(f"round {n + 1} of {rounds}, {len(noise)} endpoints hang: {each} deliveries to each")
                found.rates.append(await _drain(part, town, healthy, noise, each=each))
                say(f"round {n + 1} of {rounds}, {len(noise)} endpoints hang: {PACE_PER_S} a second")
                found.delays += await _pace(town, healthy, noise, count=paced)
        judged = scale >= JUDGED_FROM
        ratio, rise = median(noisy.rates) / median(quiet.rates), noisy.p99() / quiet.p99()
        _hold(
            part, "while a fifth hangs the others keep 90 % of their throughput", ratio >= 0.9, f"{ratio:.3f}", judged
        )
        _hold(part, "and their p99 rises by 20 % at most", rise <= 1.2, f"{rise:.3f}", judged)
        waiting = max(2_000, round(WAITING * scale))
        before, after = await _beside_dead(part, town, healthy, each=each, rounds=rounds, waiting=waiting, say=say)
        kept = median(after) / median(before)
        what = f"while {waiting} deliveries wait for a dead endpoint the others keep 90 % of their throughput"
        _hold(part, what, kept >= 0.9, f"{kept:.3f}", judged)
        ground.keep = keep and not part.kept
    rows = {"quiet": quiet.rates, "a fifth hangs": noisy.rates, "quiet, later": before, "one is dead": after}
    rates = Table("deliveries a second to the others", ("", "min", "median", "max"))
    rates.rows += [(name, round(min(found)), round(median(found)), round(max(found))) for name, found in rows.items()]
    delays = Table("from recorded to first byte, ms", ("", "p99"))
    delays.rows += [("quiet", round(quiet.p99() * 1000)), ("a fifth hangs", round(noisy.p99() * 1000))]
    part.tables += [rates, delays]
    return part


def _hold(part: Part, what: str, kept: bool, found: str, judged: bool) -> None:
    if judged:
        part.hold(what, kept, found)
    else:
        part.notes.append(f"not judged below scale {JUDGED_FROM:g}: {what}: {found}")


async def _drain(part: Part, town: Neighbours, healthy: Sequence[str], noise: Sequence[str], *, each: int) -> float:
    """Deliveries a second to the healthy ones while everything that waits is let go at once."""
    await town.hang(noise)
    wanted = await town.fill([*healthy, *noise], each=each, counted=healthy)
    await town.let_go([*healthy, *noise])
    arrivals = await town.arrived(wanted, within=LATE_S)
    times = sorted(arrivals[id_] for id_ in wanted)
    if noise:
        part.hold(
            "the others had all of theirs before those that hang were given up",
            await town.count("attempts", noise) < HANGING * each, f"{await town.hung()} requests hung meanwhile",
        )  # fmt: skip
    return len(times) / (times[-1] - times[0])


async def _pace(town: Neighbours, healthy: Sequence[str], noise: Sequence[str], *, count: int) -> list[float]:
    """Seconds from record to first byte, of events for healthy endpoints that come at a steady pace."""
    await town.fill([], each=0, counted=[])
    await town.hang(noise)
    await town.let_go([*healthy, *noise])
    recorded = await town.flow([*healthy, *noise], rate=PACE_PER_S, count=count)
    wanted = {id_: at for id_, (endpoint, at) in recorded.items() if endpoint not in noise}
    arrivals = await town.arrived(list(wanted), within=LATE_S)
    return [arrivals[id_] - at for id_, at in wanted.items()]


async def _beside_dead(
    part: Part,
    town: Neighbours,
    healthy: Sequence[str],
    *,
    each: int,
    rounds: int,
    waiting: int,
    say: Callable[[str], None],
) -> tuple[list[float], list[float]]:
    before, after, left = [], [], []
    for n in range(rounds):
        say(f"round {n + 1} of {rounds}, nobody is dead: {each} deliveries to each")
        before.append(await _drain(part, town, healthy, (), each=each))
        say(f"round {n + 1} of {rounds}, {waiting} deliveries wait for a dead endpoint: {each} to each of the others")
        dead = await town.bury(waiting)
        wanted = await town.fill(healthy, each=each, counted=healthy, keep=dead)
        began = time.time()
        await town.let_go([*healthy, dead])
        arrivals = await town.arrived(wanted, within=LATE_S)
        times = sorted(arrivals[id_] for id_ in wanted)
        if times[0] < began - 1:
            raise CampaignError("deliveries came before they were let go")
        after.append(len(times) / (times[-1] - times[0]))
        left.append(await town.count("deliveries", [dead]))
    part.hold("and every one of those still waits", min(left) == waiting, f"{min(left)} of {waiting}")
    return before, after
