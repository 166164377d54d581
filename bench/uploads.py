"""A video of 4 GiB through the api ÷ the same upload to a bare aiohttp handler, and what it does to the api's memory.

The bare handler writes what comes into a file, syncs it and answers; ours also hashes it, looks into it and makes its
row. A handler that only reads is measured beside them: what the loopback and aiohttp's parser take.
"""

import asyncio
import os
import struct
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Self

from bench.child import BenchError, Child, program
from bench.corpus.video import Clip
from bench.ground import Database, Ground
from bench.plan import Plan
from bench.report import Figure, Measured, Memory, Spread
from bench.scene import ours
from bench.watch import look, shares
from libs.model.ids import new_id
from libs.model.key import new_secret
from services.api.app import ensure_operator_key

NAME = "uploads"
TARGET = 0.7
GROWTH_MB = 100
SIZE = 4 * 1024**3
"""As much as TikTok takes (fact sheet 4.4); `CLIPWIRE_BENCH_UPLOAD_BYTES` takes less for a try."""
ROUNDS = 3
LOOK_S = 0.05
MEGABYTE = 10**6


async def measure(ground: Ground, plan: Plan, say: Callable[[str], None]) -> Measured:
    """Ours and bare take turns under the same sender."""
    size = int(os.environ.get("CLIPWIRE_BENCH_UPLOAD_BYTES", SIZE))
    async with AsyncExitStack() as parts:
        database = await parts.enter_async_context(ground.database())
        say(f"uploads: making a video of {size / 2**30:.1f} GiB")
        film, sink = ground.folder / "film.mp4", ground.folder / "bare.mp4"
        _padded(film, size)
        parts.callback(film.unlink)
        parts.callback(sink.unlink, missing_ok=True)
        bare = await parts.enter_async_context(
            program("bench.bare", name="bare-upload", folder=ground.folder, environ={}, arguments=["server"])
        )
        bare_port = (await bare.hear())["port"]
        sender = await parts.enter_async_context(
            program("bench.sender", name="sender", folder=ground.folder, environ={})
        )
        await sender.hear()
        api = await parts.enter_async_context(ours("api", ground, database))
        key, customer = new_secret(), await _customer(database)
        await ensure_operator_key(database.store, key, await database.store.now())
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "video/mp4"}
        place = f"/v1/media?customer_id={customer}"
        before = api.child.usage()
        rates: dict[str, list[float]] = {"read": [], "kept": [], "ours": []}
        costs: dict[str, list[float]] = {"read": [], "kept": [], "ours": []}
        most, seen = before.rss_mb or 0.0, ""
        for n in range(min(plan.rounds, ROUNDS)):
            for name, path in (("read", "/upload"), ("kept", f"/upload?into={sink.name}")):
                say(f"uploads: round {n + 1}, bare, {name}")
                cpu = bare.usage()
                rates[name].append(await _rate(sender, bare_port, path, {}, film, size))
                costs[name].append(bare.usage().cost_since(cpu, count=size // MEGABYTE))
                sink.unlink(missing_ok=True)
            say(f"uploads: round {n + 1}, ours")
            backends = await database.backends()
            watched = {"api": api.child.pid, "sender": sender.pid}
            was = look(watched, backends)
            cpu = api.child.usage()
            async with Peak(api.child) as peak:
                rates["ours"].append(await _rate(sender, api.port, place, headers, film, size))
            costs["ours"].append(api.child.usage().cost_since(cpu, count=size // MEGABYTE))
            seen = shares(was, look(watched, backends)).limit("api", helpers=["sender"])
            most = max(most, peak.rss_mb)
            await _forget(database, ground.folder / "media")
        after = api.child.usage()
    ratios = [mine / bare for mine, bare in zip(rates["ours"], rates["kept"], strict=True)]
    reading = [mine / bare for mine, bare in zip(rates["ours"], rates["read"], strict=True)]
    growth = most - (before.rss_mb or 0.0)
    details = {"bytes": size, "grew_mb": round(growth, 1), "grew_mb_at_most": GROWTH_MB}
    figures = [
        Figure("uploads: through the api, beside a bare one kept", "MB/s", Spread(tuple(rates["ours"])),
               Spread(tuple(rates["kept"])), Spread(tuple(ratios)), TARGET, limit=seen, details=details,
               costs=(Spread(tuple(costs["ours"])), Spread(tuple(costs["kept"])))),
        Figure("uploads: through the api, beside a bare one dropped", "MB/s", Spread(tuple(rates["ours"])),
               Spread(tuple(rates["read"])), Spread(tuple(reading)), details=details),
        Figure("uploads: the api's memory grew by at most", "MB", Spread((growth,)), below=GROWTH_MB),
    ]  # fmt: skip
    memory = [Memory(NAME, "api", before.rss_mb, after.rss_mb), Memory(NAME, "api, at most", before.rss_mb, most)]
    return Measured(figures, memory)


class Peak:
    """The most memory a process had at any look while in the block."""

    def __init__(self, child: Child) -> None:
        self._child = child
        self._looking: asyncio.Task[None] | None = None
        self.rss_mb = 0.0

    async def __aenter__(self) -> Self:
        self._looking = asyncio.create_task(self._look())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)

    async def _look(self) -> None:
        while True:
            self.rss_mb = max(self.rss_mb, self._child.usage().rss_mb or 0.0)
            await asyncio.sleep(LOOK_S)


async def _rate(sender: Child, port: int, path: str, headers: dict[str, str], film: Path, size: int) -> float:
    """Megabytes a second, from the first byte of the request to the last of its answer."""
    done = await sender.ask("send", port=port, path=path, headers=headers, file=str(film))
    if done["status"] not in (200, 201):
        raise BenchError(f"an upload was answered {done['status']}: {done['answer'][-500:]}")
    return float(size / MEGABYTE / done["seconds"])


async def _customer(database: Database) -> str:
    now = await database.store.now()
    return (await database.store.customers.create(id_=new_id("cus", now), name="bench", now=now)).id


async def _forget(database: Database, media: Path) -> None:
    """Room for the next one."""
    await database.execute("delete from media")
    for path in media.glob("cus_*/med_*"):
        path.unlink()


def _padded(film: Path, size: int) -> None:
    """A real film of a few seconds, filled up to `size` with a box that players pass over. A hole: it costs no disk."""
    Clip().write(film)
    made = film.stat().st_size
    with film.open("ab") as file:
        file.write(struct.pack(">I4sQ", 1, b"free", size - made))
        file.truncate(size)
