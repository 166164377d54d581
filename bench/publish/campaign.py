"""`publish` (issue line 1): every step of every kind of post, struck in every way."""

from collections.abc import Callable
from contextlib import AsyncExitStack

from bench.campaign import logs
from bench.campaign.ground import Ground
from bench.campaign.ledger import Ledger
from bench.campaign.report import Part, Table
from bench.campaign.world import see
from bench.publish.crew import Crew
from bench.publish.judge import fates, judge
from bench.publish.plan import PUBLISHERS, Kind, plan_rounds, plan_runs
from bench.publish.play import Rounds
from bench.publish.rest import Time
from bench.publish.scene import set_scene
from bench.publish.stops import Stops

RUNS = 1_000
FEW = 40
"""With fewer runs than this one publisher is as good as three."""

Say = Callable[[str], None]


async def run(*, scale: float, seed: int, say: Say, keep: bool = False) -> Part:
    """The campaign. Raises `CampaignError` when it cannot be played at all."""
    part = Part(f"publish, scale {scale:g}, seed {seed}")
    runs = plan_runs(scale=scale, seed=seed)
    rounds = plan_rounds(runs)
    size = PUBLISHERS if len(runs) > FEW else 1
    async with Ground(rabbit=None, disposable=True) as ground:
        ground.keep = True
        stops, ledger = Stops(ground.database_url), Ledger(ground.database_url)
        async with Crew(ground, seed=seed, size=size) as crew, AsyncExitStack() as tools:
            time = Time(crew, ground.database_url)
            for tool in (stops, time):
                await tool.open()
                tools.push_async_callback(tool.close)
            scene = await set_scene(crew, large=any(run.kind is Kind.CHUNKS for run in runs))
            house = Rounds(crew, stops, time, ledger, scene)
            for n, each in enumerate(rounds, start=1):
                await house.play(each)
                said = f"round {n} of {len(rounds)} ({each.tactic}), {house.played.seconds[each.tactic]:.0f} s of them"
                say(f"{said}: {len(house.played.struck):,} of {len(house.played.posts):,} posts struck")
            world = await see(crew.http, crew.urls["simulator"])
            found = await fates(ledger, runs, house.played, world)
            judge(part, found, scene, world, at_least=round(RUNS * scale))
            _programs(part, crew)
            part.tables.append(_took(house))
        ground.keep = keep or not part.kept
        if ground.keep:
            part.notes.append(f"logs and data are kept in {ground.folder}")
    return part


def _programs(part: Part, crew: Crew) -> None:
    for program in crew.programs:
        program.reap()
    deaths = {program.name: program.deaths for program in crew.programs if program.deaths}
    part.hold("nobody died of itself", not deaths, deaths or f"{len(crew.programs)} programs")
    said = logs.read(program.log for program in crew.programs if program.log.exists())
    part.hold("no program met an error of its own", not said.errors, dict(said.errors) or "no such line")
    part.notes += [f"{event}: {said.examples[event]}" for event in said.errors]


def _took(house: Rounds) -> Table:
    table = Table("Time", ("what", "seconds"))
    table.rows = [(f"rounds of {tactic}", round(spent)) for tactic, spent in house.played.seconds.items()]
    table.rows.append(("virtual time passed over", round(house.time.jumped_s)))
    return table
