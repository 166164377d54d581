"""One publisher uploading: a file of 4 GB beside a bare streaming PUT of the same bytes, and fifty files at once.

The file is sparse and goes through the whole publisher: claim, creator, init, chunk after chunk with its save between
them, to an upload host that only counts. What is measured is the time from the begin of the first chunk to the end of
the last and how far the process grows meanwhile; the fifty are held in flight by the host's pace.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.child import BenchError, Child, Usage, program
from bench.crowd import Crowd, gather
from bench.ground import Database, Ground
from bench.plan import Plan
from bench.report import Figure, Measured, Memory, Spread
from bench.scene import Running, ours
from bench.watch import Shares, look, shares
from libs.media.finding import VideoProbe
from libs.media.limits import MediaLimits
from libs.media.port import PIECE_BYTES
from libs.model.accept import plan as accept
from libs.model.ids import new_id
from libs.model.post_request import PostRequest
from libs.model.problem import Problem
from libs.store.media import Media
from libs.tiktok.chunks import plan as chunks_of

NAME = "publisher"
TARGET = 0.8
GROWTH_MB = 100.0
EACH_MB = 3.0
"""What the settings promise of an upload in flight."""
MAX_SIZE = MediaLimits().video_max_bytes
BYTES_PER_PLANNED_S = MAX_SIZE // 4
"""So that the usual plan sends all of the largest video there is."""
ROUNDS_MOST = 3
AT_ONCE, WAITING = 50, 10
MANY_BYTES = 64_000_000
PACE = 1_000_000.0
LATE_S = 300.0
LOOK_S = 0.02
ASK_S = 0.5
"""The upload host is asked rarely: answering costs it as much as a megabyte."""


@dataclass(frozen=True, slots=True)
class Scene:
    """TikTok, a publisher, a bare sender, and whose posts it is about."""

    database: Database
    crowd: Crowd
    tiktok: Child
    url: str
    bare: Child
    publisher: Running
    folder: Path

    async def media(self, size: int) -> Media:
        """A sparse video of that size, as if it had been uploaded and found fit."""
        now, customer_id = await self.database.store.now(), self.crowd.customers[0]
        id_ = new_id("med", now)
        path = self.folder / customer_id / id_
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            file.truncate(size)
        return await self.database.store.media.create(
            id_=id_, customer_id=customer_id, key=f"{customer_id}/{id_}", size=size, sha256=bytes(32),
            content_type="video/mp4", probe=asdict(_probe(size)), now=now,
        )  # fmt: skip

    async def post(self, media: Media, *, accounts: Sequence[str]) -> None:
        """A post of it for each account."""
        store, now = self.database.store, await self.database.store.now()
        request = PostRequest.model_validate({
            "account_ids": list(accounts), "kind": "video", "media": [media.id], "privacy_level": "SELF_ONLY"
        })  # fmt: skip
        known = await store.accounts.get_many(accounts, customer_id=None)
        plan = accept(
            request, customer_id=media.customer_id, key=new_id("post", now), accounts=known, media=[media.id],
            fit=[media.id], audited=True, now=now,
        )  # fmt: skip
        if isinstance(plan, Problem):
            raise BenchError(f"the post is refused: {plan}")
        await store.posts.accept(plan.posts, request_hash=plan.request_hash, events=plan.events)

    async def seen(self, *, whole: int = 0, open_: int = 0) -> dict[str, float]:
        """What TikTok has, once so many uploads are whole or so many chunks are on their way."""
        deadline = time.monotonic() + LATE_S
        while (seen := await self.tiktok.ask("seen"))["whole"] < whole or seen["open"] < open_:
            if time.monotonic() > deadline:
                raise BenchError(f"uploads do not get on: {seen}\n{self.publisher.child.tail()}")
            await asyncio.sleep(ASK_S)
        return seen


async def measure(ground: Ground, plan: Plan, say: Callable[[str], None]) -> Measured:
    """Rounds of ours and bare by turns, then fifty at once."""
    size = min(MAX_SIZE, int(BYTES_PER_PLANNED_S * plan.seconds))
    ours_mb, bare_mb, others_mb, growths, seen_shares = [], [], [], [], list[Shares]()
    async with AsyncExitStack() as parts:
        scene = await _open(parts, ground)
        media = await scene.media(size)
        for n in range(min(plan.rounds, ROUNDS_MOST)):
            say(f"publisher: round {n + 1}, {size / 1e9:.1f} GB by a bare PUT")
            others_mb.append(await _bare(scene, media, by="aiohttp"))
            bare_mb.append(await _bare(scene, media, by="httpx"))
            say(f"publisher: round {n + 1}, {size / 1e9:.1f} GB by the publisher")
            speed, growth, share = await _one(scene, media)
            ours_mb.append(speed)
            growths.append(growth)
            seen_shares.append(share)
        say(f"publisher: {AT_ONCE} at once")
        before, most = await _many(scene)
    ratios = [mine / limit for mine, limit in zip(ours_mb, bare_mb, strict=True)]
    middle = sorted(zip(ratios, seen_shares, strict=True), key=lambda pair: pair[0])[len(ratios) // 2][1]
    details = {"bytes": size, "chunks": chunks_of(size).count, "bare": "httpx", "bare aiohttp, MB/s": others_mb}
    figures = [
        Figure(
            f"publisher: one file of {size / 1e9:.1f} GB, chunk after chunk", "MB/s", Spread(tuple(ours_mb)),
            Spread(tuple(bare_mb)), Spread(tuple(ratios)), TARGET,
            limit=middle.limit("publisher", helpers=["tiktok"]), details=details,
        ),
        Figure("publisher: growth of the process by that file", "MB", Spread(tuple(growths)), below=GROWTH_MB,
               details=details),
        Figure(f"publisher: memory of each of {AT_ONCE} uploads in flight", "MB",
               Spread(((most - before) / AT_ONCE,)), below=EACH_MB, details={"rss_before_mb": before, "rss_mb": most}),
    ]  # fmt: skip
    return Measured(figures, [Memory(f"{NAME}, {AT_ONCE} in flight", "publisher", before, most)])


async def _open(parts: AsyncExitStack, ground: Ground) -> Scene:
    database = await parts.enter_async_context(ground.database())
    tiktok = await parts.enter_async_context(program("bench.tiktok", name="tiktok", folder=ground.folder, environ={}))
    url = str((await tiktok.hear())["url"])
    bare = await parts.enter_async_context(
        program("bench.bare", name="bare-upload", folder=ground.folder, environ={}, arguments=["upload"])
    )
    await bare.hear()
    crowd = await gather(database, urls=[url], accounts_each=AT_ONCE + WAITING)
    publisher = await parts.enter_async_context(
        ours("publisher", ground, database, tiktok_url=url, PUBLISHER_CONCURRENCY=str(AT_ONCE))
    )
    return Scene(database, crowd, tiktok, url, bare, publisher, ground.folder / "media")


async def _bare(scene: Scene, media: Media, *, by: str) -> float:
    """Megabytes a second."""
    path, ranges = scene.folder / media.key, list(chunks_of(media.size).ranges())
    url = f"{scene.url}/upload?upload_id=0"
    done = await scene.bare.ask("put", by=by, url=url, path=str(path), ranges=ranges, piece_bytes=PIECE_BYTES)
    await scene.tiktok.ask("forget")
    return float(media.size / 1e6 / done["seconds"])


async def _one(scene: Scene, media: Media) -> tuple[float, float, Shares]:
    """Megabytes a second, the megabytes the process grew by, and who used the machine."""
    backends, child = await scene.database.backends(), scene.publisher.child
    watched = {"publisher": child.pid, "tiktok": scene.tiktok.pid}
    await scene.tiktok.ask("forget")
    before, peak, at = child.usage(), _rss(child.usage()), look(watched, backends)
    await scene.post(media, accounts=scene.crowd.accounts[:1])
    whole = asyncio.create_task(scene.seen(whole=1))
    while not whole.done():
        peak = max(peak, _rss(child.usage()))
        await asyncio.sleep(LOOK_S)
    seen = await whole
    used = shares(at, look(watched, backends))
    if seen["bytes"] != media.size:
        raise BenchError(f"{seen['bytes']} of {media.size} bytes arrived")
    return media.size / 1e6 / (seen["last"] - seen["first"]), peak - _rss(before), used


async def _many(scene: Scene) -> tuple[float, float]:
    """The publisher's megabytes before, and the most while every upload it may have is in the middle of a chunk, and as
    many more wait as are not to begin meanwhile.
    """
    await scene.tiktok.ask("forget")
    await scene.tiktok.ask("pace", bytes_per_s=PACE)
    child, media = scene.publisher.child, await scene.media(MANY_BYTES)
    before = most = _rss(child.usage())
    await scene.post(media, accounts=scene.crowd.accounts)
    await scene.seen(open_=AT_ONCE)
    until = time.monotonic() + 5.0
    while time.monotonic() < until:
        most = max(most, _rss(child.usage()))
        if (seen := await scene.tiktok.ask("seen"))["open"] > AT_ONCE:
            raise BenchError(f"{seen['open']} uploads are in flight, and the setting allows {AT_ONCE}")
        await asyncio.sleep(ASK_S)
    await scene.tiktok.ask("pace", bytes_per_s=0)
    await scene.seen(whole=AT_ONCE + WAITING)
    return before, most


def _rss(usage: Usage) -> float:
    if usage.rss_mb is None:
        raise BenchError("memory can only be read where there is /proc")
    return usage.rss_mb


def _probe(size: int) -> VideoProbe:
    """A minute of upright H.264."""
    return VideoProbe(
        size=size, container="mp4", mime="video/mp4", codec="h264", profile="High", pixel_format="yuv420p", width=1080,
        height=1920, rotation=0, duration_ms=60_000, frames=1_800, average_frame_rate=30.0, nominal_frame_rate=30.0,
        variable_frame_rate=False, audio_codec="aac", audio_channels=2, audio_sample_rate=48_000, truncated=False,
        damaged=False,
    )  # fmt: skip
