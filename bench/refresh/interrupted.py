"""Refreshes whose worker is frozen or killed between TikTok's deed and the save, and reconnects meanwhile."""

import asyncio
import os
import signal
from collections.abc import Sequence

from bench.campaign.report import Part, Table, sample
from bench.child import Child
from bench.publish.strike import Creator
from bench.refresh.scene import LEASE_OVER_S, Scene, good

SCALE = 20
ON_ITS_WAY_S = 1.0
"""How long a refresh is on its way to TikTok: its worker is struck before, and its answer finds nobody who reads it."""
STRUCK_S = 0.5
ROTATIONS = ("same", "grace", "rotate")
"""Fact sheet 1.2: whether the old refresh token is good after a refresh is not documented."""


async def interrupted(part: Part, scene: Scene, *, scale: float) -> None:
    """Frozen past the lease, reconnected meanwhile, and killed: each under every rotation TikTok may have."""
    table = Table("Interrupted", ("strike", "old token", "accounts", "good in the end", "asked to reconnect"))
    count = max(1, round(SCALE * scale))
    async with scene.worker("witness") as witness:
        for rotation in ROTATIONS:
            await scene.knobs(refresh_rotation=rotation)
            await _frozen(part, table, scene, witness, rotation, count)
            await _reconnected(part, table, scene, witness, rotation, count)
            await _killed(part, table, scene, witness, rotation, count)
    await scene.knobs(refresh_rotation="grace")
    part.tables.append(table)


async def _frozen(part: Part, table: Table, scene: Scene, witness: Child, rotation: str, count: int) -> None:
    creators = await scene.accounts(count)
    async with scene.worker(f"frozen-{rotation}") as sleeper:
        answer = await _begun(scene, sleeper, creators)
        os.kill(sleeper.pid, signal.SIGSTOP)
        await asyncio.sleep(ON_ITS_WAY_S)
        await scene.calm()
        # The lease is over: somebody else refreshes, with the token that is stored.
        await witness.ask("refresh", accounts=[creator.id for creator in creators], later_s=LEASE_OVER_S)
        os.kill(sleeper.pid, signal.SIGCONT)
        await answer
    bad = await good(scene, witness, creators)
    asked = sum((await scene.told(creators)).values())
    table.rows.append(("frozen past the lease", rotation, count, count - len(bad), asked))
    part.hold(f"a worker that froze past its lease lost no live token ({rotation})", not bad, sample(bad))
    if rotation != "rotate":
        part.hold(f"nobody was asked to reconnect because of it ({rotation})", not asked, f"{asked} of {count}")
        return
    # The token that was stored had died, and the live one was in the sleeper's hands: asking was right, until it woke.
    last = await scene.last_told(creators)
    silent = [creator.id for creator in creators if last.get(creator.id) != "account.connected"]
    what = "who was asked to reconnect and came back was told so"
    part.hold(what, asked == count and not silent, f"{asked} of {count} asked; not told {sample(silent)}")


async def _reconnected(part: Part, table: Table, scene: Scene, witness: Child, rotation: str, count: int) -> None:
    creators = await scene.accounts(count)
    async with scene.worker(f"reconnected-{rotation}") as sleeper:
        answer = await _begun(scene, sleeper, creators)
        os.kill(sleeper.pid, signal.SIGSTOP)
        await asyncio.sleep(ON_ITS_WAY_S)
        await scene.calm()
        await scene.reconnect(creators)
        os.kill(sleeper.pid, signal.SIGCONT)
        await answer
    bad = await good(scene, witness, creators)
    asked = sum((await scene.told(creators)).values())
    table.rows.append(("reconnected meanwhile", rotation, count, count - len(bad), asked))
    part.hold(f"a reconnect during a refresh lost no live token ({rotation})", not bad and not asked, sample(bad))


async def _killed(part: Part, table: Table, scene: Scene, witness: Child, rotation: str, count: int) -> None:
    creators = await scene.accounts(count)
    ids = [creator.id for creator in creators]
    async with scene.worker(f"killed-{rotation}") as victim:
        answer = await _begun(scene, victim, creators)
        os.kill(victim.pid, signal.SIGSTOP)
        await asyncio.sleep(ON_ITS_WAY_S)  # TikTok has done it, and its answer waits in the victim's socket
        os.kill(victim.pid, signal.SIGKILL)
        answer.cancel()
        await asyncio.gather(answer, return_exceptions=True)
    await scene.calm()
    ends = await witness.ask("refresh", accounts=ids, later_s=LEASE_OVER_S)
    told, states = await scene.told(creators), await scene.states(creators)
    if rotation == "rotate":
        right = [id_ for id_ in ids if states[id_] == "reauthorization_required" and told.get(id_) == 1]
        part.hold("a crash between reply and save is told where the old token is dead: reconnection is asked for once",
                  len(right) == count, f"{len(right)} of {count}; {dict(list(ends.items())[:2])}")  # fmt: skip
        table.rows.append(("killed before the save", rotation, count, 0, sum(told.values())))
        return
    bad = await good(scene, witness, creators)
    table.rows.append(("killed before the save", rotation, count, count - len(bad), sum(told.values())))
    survived = not bad and not told
    part.hold(
        f"a crash between reply and save is survived where the old token lives ({rotation})", survived, sample(bad)
    )


async def _begun(scene: Scene, worker: Child, creators: Sequence[Creator]) -> "asyncio.Task[object]":
    """The worker's answer, once TikTok has heard of every refresh and done none of them."""
    await scene.fault(creators, do="latency", seconds=ON_ITS_WAY_S, count=1)
    ids = [creator.id for creator in creators]
    answer: asyncio.Task[object] = asyncio.create_task(worker.ask("refresh", accounts=ids))
    async with asyncio.timeout(STRUCK_S * 20):
        while not all([await scene.refreshes(creator) for creator in creators]):
            await asyncio.sleep(0.02)
    return answer
