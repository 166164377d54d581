"""`refresh` (issue line 4): the crowd, the interrupted and the spoilt."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack

from bench.campaign.errors import Misplayed
from bench.campaign.ground import Ground
from bench.campaign.report import Part, Table, sample
from bench.child import BenchError
from bench.publish.crew import Crew
from bench.refresh.faulted import faulted, really_over
from bench.refresh.interrupted import interrupted
from bench.refresh.scene import SHORT_S, Scene

PROCESSES, TASKS = 4, 25
EXPIRIES = 20

Say = Callable[[str], None]


async def run(*, scale: float, seed: int, say: Say, keep: bool = False) -> Part:
    """The campaign. Raises `CampaignError` when it cannot be played at all."""
    part = Part(f"refresh, scale {scale:g}, seed {seed}")
    async with Ground(rabbit=None, disposable=True) as ground:
        ground.keep = True
        async with Crew(ground, seed=seed, size=0) as crew:
            customer = (await crew.api("POST", "customers", {"name": "refresh"}))["id"]
            scene = Scene(ground, crew, customer)
            try:
                await _crowd(part, scene, scale=scale)
                say("the crowd has its tokens")
                await interrupted(part, scene, scale=scale)
                say("the frozen woke, the killed are gone")
                await faulted(part, scene, scale=scale)
                await really_over(part, scene, scale=scale)
            except BenchError as error:
                raise Misplayed(str(error)) from error
        ground.keep = keep or not part.kept
        if ground.keep:
            part.notes.append(f"logs and data are kept in {ground.folder}")
    return part


async def _crowd(part: Part, scene: Scene, *, scale: float) -> None:
    """A hundred workers in several processes find the token of one account at its end, again and again."""
    creators = await scene.accounts(max(1, round(EXPIRIES * scale)), expires_in=SHORT_S)
    await scene.fault(creators, do="latency", seconds=0.3)
    calls, tokens, got = [], [], 0
    async with AsyncExitStack() as stack:
        workers = [await stack.enter_async_context(scene.worker(f"crowd-{n}")) for n in range(PROCESSES)]
        for creator in creators:
            answers = await asyncio.gather(*(w.ask("use", accounts=[creator.id], tasks=TASKS) for w in workers))
            found = [answer[creator.id] for answer in answers]
            got += sum(sum(each.values()) for each in found)
            tokens.append(len({token for each in found for token in each}))
            calls.append(await scene.refreshes(creator))
    await scene.calm()
    wanted = PROCESSES * TASKS
    many = [count for count in calls if count != 1]
    part.hold(f"{wanted} workers at a token's end make exactly one refresh call", not many,
              f"{len(calls)} expiries, calls {sample(many) if many else 'one each'}")  # fmt: skip
    same = got == wanted * len(creators) and set(tokens) == {1}
    part.hold("all of them went on with the one new token", same, f"{got:,} tokens handed out")
    part.tables.append(Table("Crowd", ("expiries", "workers", "refresh calls"), [(len(calls), wanted, sum(calls))]))
