"""`chunks`: a publisher is killed in the middle of every chunk of an upload. What TikTok had before, it gets once.

Everybody lives in the simulator's time, so that the lease of the dead one ends when the campaign says so.
"""

import asyncio
import time
from collections.abc import Callable
from random import Random
from typing import Any

from bench.campaign.crew import Crew
from bench.campaign.errors import NeverReady
from bench.campaign.ground import Ground
from bench.campaign.report import Part, Table, sample
from bench.campaign.scene import padded
from bench.campaign.world import see
from libs.tiktok.chunks import plan

CHUNKS, CHUNK_BYTES = 20, 32_000_000
BYTES_PER_S = 64_000_000
CHUNK_TIMEOUT_S = 60
LEASE_S = CHUNK_TIMEOUT_S + 31
PATIENCE_S = 60.0
LOOK_S = 0.02


async def run(*, scale: float, seed: int, say: Callable[[str], None], keep: bool = False) -> Part:
    """The campaign: a file of `CHUNKS` chunks at scale 1, three at least."""
    part = Part(f"chunks, scale {scale:g}, seed {seed}")
    count, dice = max(3, round(CHUNKS * scale)), Random(f"{seed}:chunks")
    publishers = [{"PUBLISHER_CHUNK_TIMEOUT_S": str(CHUNK_TIMEOUT_S)}]
    knobs = f"bytes_per_s={BYTES_PER_S}"
    async with Ground(rabbit=None) as ground:
        ground.keep = keep
        async with Crew(ground, seed=seed, publishers=publishers, knobs=knobs, virtual=True) as crew:
            video = padded(await crew.sim("GET", "sample.mp4"), count * CHUNK_BYTES + 12_345)
            await crew.upload(video)
            [(account_id, _)] = await crew.creators(1)
            [post_id] = await crew.posts([account_id])
            say(f"{count} chunks, and a kill in each")
            struck = [await _strike(crew, chunk, dice) for chunk in range(1, count + 1)]
            state = await _ended(crew, post_id)
            await _judge(part, crew, state, size=len(video), struck=struck)
        ground.keep = keep and not part.kept
    return part


async def _strike(crew: Crew, chunk: int, dice: Random) -> int:
    """Kills the publisher while it sends that chunk (they count from 1), and starts it again; how many calls there were
    by then."""
    publisher = crew.publishers[0]

    async def begun() -> bool:
        return any(call["chunk"] == chunk for call in await crew.calls("upload"))

    await _until(begun, crew, f"chunk {chunk} never began")
    await asyncio.sleep(dice.uniform(0, CHUNK_BYTES / BYTES_PER_S))
    publisher.kill()
    seen = len(await crew.calls("upload"))
    await crew.advance(LEASE_S)
    await publisher.start(crew.http)
    return seen


async def _ended(crew: Crew, post_id: str) -> str:
    async def settled() -> bool:
        return (await crew.api("GET", f"posts/{post_id}"))["state"] in ("published", "failed", "unconfirmed")

    await _until(settled, crew, "the post never ended")
    return str((await crew.api("GET", f"posts/{post_id}"))["state"])


async def _until(done: Callable[[], Any], crew: Crew, what: str) -> None:
    until = time.monotonic() + PATIENCE_S
    while not await done():
        if time.monotonic() > until:
            raise NeverReady(f"{what}:\n{crew.publishers[0].tail()}")
        await asyncio.sleep(LOOK_S)


async def _judge(part: Part, crew: Crew, state: str, *, size: int, struck: list[int]) -> None:
    calls, chunks = await crew.calls("upload"), plan(size)
    world = await see(crew.http, crew.urls["simulator"])
    [publication] = world.publications or [{}]
    part.hold("the post is published", state == "published", state)
    part.hold("one init was enough", len(world.publications) == 1, len(world.publications))
    upload = publication["upload"]
    whole = upload["received"] == size and sum(upload["chunks"]) == size
    part.hold("TikTok has every byte once", whole, f"{upload['received']:,} of {size:,}")
    back = []
    for n in struck:
        before = max(call["chunk"] for call in calls[:n])
        after = [call["chunk"] for call in calls[n:]]
        if after and after[0] < before:
            back.append(f"chunk {after[0]} after a kill in {before}")
    part.hold("after each kill it goes on with the chunk it was killed in, or the next", not back, sample(back))
    extra = sum(call["received_bytes"] for call in calls) - size
    most = len(struck) * chunks.chunk_size
    part.hold("each kill costs at most one chunk sent again", extra <= most, f"{extra:,} bytes, at most {most:,}")
    part.hold("every chunk was struck", len(struck) == chunks.count, f"{len(struck)} kills, {chunks.count} chunks")
    puts = len(calls)
    cut = sum(1 for call in calls if call["outcome"] == "client_gone")
    part.tables.append(
        Table("Upload", ("chunks", "kills", "PUTs", "cut in the middle", "bytes", "sent again", "per kill"),
              [(chunks.count, len(struck), puts, cut, size, extra, extra // len(struck))])
    )  # fmt: skip
