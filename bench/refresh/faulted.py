"""Ten thousand refreshes that TikTok spoils, none of which may cost a good account its connection."""

import asyncio
import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

from bench.campaign.report import Part, Table, sample
from bench.child import Child
from bench.publish.strike import Creator
from bench.refresh.scene import Scene, good

REFRESHES = 10_000
BLOCKS = 4
"""Between them every account is refreshed once without a fault, so that it goes on with other tokens."""
EACH = 6
"""Accounts for each fault."""
TIMEOUTS = 3
"""Refreshes in a row of each account whose refreshes time out: each takes fourteen real seconds."""
SPOILT: dict[str, dict[str, Any]] = {
    "reset before": {"do": "reset"},
    "reset after": {"do": "reset_after"},
    "500": {"do": "status", "status": 500},
    "503": {"do": "status", "status": 503},
    "502 after": {"do": "status_after", "status": 502},
    "429": {"do": "status", "status": 429},
    "half of the answer": {"do": "truncated_body"},
    "200 and garbage": {"do": "garbage_after"},
    "200 and server_error": {"do": "error", "oauth_error": "server_error"},
    "200 and temporarily_unavailable": {"do": "error", "oauth_error": "temporarily_unavailable"},
    "200 and invalid_request": {"do": "error", "oauth_error": "invalid_request"},
    "200 and invalid_client": {"do": "error", "oauth_error": "invalid_client"},
    "200 and unauthorized_client": {"do": "error", "oauth_error": "unauthorized_client"},
    "200 and an unknown error": {"do": "error", "oauth_error": "quota_of_moons_exceeded"},
}
SILENT: dict[str, dict[str, Any]] = {
    "timeout before": {"do": "hang", "seconds": 30},
    "timeout after": {"do": "hang_after", "seconds": 30},
}


async def faulted(part: Part, scene: Scene, *, scale: float) -> None:
    """Every fault for accounts of its own, several replicas at it; then each account has to be as good as before."""
    # Whether a lost answer killed the token is TikTok's to say; here it did not, so nobody may be asked to reconnect.
    await scene.knobs(refresh_rotation="grace", oauth_error_status=200)
    each, blocks = max(1, round(EACH * scale)), BLOCKS if scale >= 1 else 1
    kinds = {**SPOILT, **(SILENT if scale >= 1 else {})}
    cast = {kind: await scene.accounts(each) for kind in kinds}
    times = math.ceil(REFRESHES * scale / (len(SPOILT) * each * blocks))
    asked: Counter[str] = Counter()
    bad: list[str] = []
    async with scene.worker("one") as one, scene.worker("two") as two:
        for _ in range(blocks):
            for kind, creators in cast.items():
                await scene.fault(creators, **kinds[kind])
            halves = await asyncio.gather(
                *(_spoil(worker, cast, part_, times) for worker, part_ in ((one, 0), (two, 1)))
            )
            for half in halves:
                asked.update(half)
            await scene.calm()
            bad += await good(scene, one, [creator for creators in cast.values() for creator in creators])
    told = sum([sum((await scene.told(creators)).values()) for creators in cast.values()])
    found = f"{asked.total():,} spoilt refreshes of {each * len(kinds)} accounts, {told} asked to reconnect"
    part.hold("0 false disconnects", not told and not bad, f"{found}; not good {sample(bad)}")
    enough = asked.total() >= REFRESHES * scale
    part.hold("refreshes spoilt", enough, f"{asked.total():,} of at least {round(REFRESHES * scale):,}")
    part.tables.append(Table("Spoilt", ("how", "refreshes"), sorted(asked.items())))


async def _spoil(worker: Child, cast: dict[str, list[Creator]], half: int, times: int) -> Counter[str]:
    """How many refreshes of each kind failed. Every second account is each replica's."""
    mine = {kind: [creator.id for creator in creators[half::2]] for kind, creators in cast.items()}
    usual = [id_ for kind, ids in mine.items() if kind in SPOILT for id_ in ids]
    silent = [id_ for kind, ids in mine.items() if kind in SILENT for id_ in ids]
    ends = await worker.ask("refresh", accounts=usual, times=times)
    if silent:
        ends |= await worker.ask("refresh", accounts=silent, times=TIMEOUTS)
    return Counter({kind: sum(ends[id_].get("later", 0) for id_ in ids) for kind, ids in mine.items()})


async def really_over(part: Part, scene: Scene, *, scale: float) -> None:
    """What is over at TikTok is told once: by that alone zero false disconnects mean anything."""
    creators: Sequence[Creator] = await scene.accounts(max(2, round(20 * scale)))
    ids = [creator.id for creator in creators]
    for creator in creators:
        await scene.crew.sim("POST", f"accounts/{creator.open_id}/expire?refresh=1")
    async with scene.worker("late") as worker:
        await worker.ask("refresh", accounts=ids, times=2)
    states, told = await scene.states(creators), await scene.told(creators)
    right = [id_ for id_ in ids if states[id_] == "reauthorization_required" and told.get(id_) == 1]
    part.hold("a grant that is over is told of once", len(right) == len(ids), f"{len(right)} of {len(ids)}")
