"""Child processes: started with an environment of their own, watched, asked, and always ended."""

import asyncio
import json
import math
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

from bench.script import LINE_MAX
from deploy.process import Leash

ROOT = Path(__file__).resolve().parent.parent
ASK_S = 120.0
READY_S = 30.0
END_S = 20.0
_TICKS = os.sysconf("SC_CLK_TCK")


class BenchError(Exception):
    """A measurement cannot be made, or cannot be believed; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process has used so far. `cpu_s` is user and system time; None where /proc is missing."""

    at: float
    cpu_s: float | None
    rss_mb: float | None

    def share_since(self, before: "Usage") -> float | None:
        """The part of one core used since, 1.0 being a whole one."""
        if self.cpu_s is None or before.cpu_s is None or self.at <= before.at:
            return None
        return (self.cpu_s - before.cpu_s) / (self.at - before.at)

    def cost_since(self, before: "Usage", *, count: int) -> float:
        """Microseconds of CPU for each of `count` things done since; NaN where /proc is missing."""
        if self.cpu_s is None or before.cpu_s is None or not count:
            return math.nan
        return (self.cpu_s - before.cpu_s) / count * 1e6


class Child:
    """One running child."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, log: Path) -> None:
        self.name = name
        self._process = process
        self._log = log

    @property
    def pid(self) -> int:
        return self._process.pid

    def usage(self) -> Usage:
        return usage_of(self.pid)

    async def hear(self) -> dict[str, Any]:
        """The next line of a measuring process."""
        assert self._process.stdout is not None
        async with asyncio.timeout(ASK_S):
            line = await self._process.stdout.readline()
        if not line:
            raise BenchError(f"{self.name} ended early:\n{self.tail()}")
        words: dict[str, Any] = json.loads(line)
        return words

    async def ask(self, do: str, **more: Any) -> dict[str, Any]:
        """One command to a measuring process, and its answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": do, **more}).encode() + b"\n")
        await self._process.stdin.drain()
        return await self.hear()

    async def ready(self, url: str) -> None:
        """Until a program of ours answers its readiness check."""
        opener = build_opener(ProxyHandler({}))  # loopback only: no proxy setting has a say
        deadline = time.monotonic() + READY_S
        while True:
            if self._process.returncode is not None:
                raise BenchError(f"{self.name} ended at its start:\n{self.tail()}")
            try:
                await asyncio.to_thread(opener.open, f"{url}/readyz", timeout=2)
            except (URLError, OSError) as error:
                if time.monotonic() > deadline:
                    raise BenchError(f"{self.name} is not ready: {error}\n{self.tail()}") from error
                await asyncio.sleep(0.05)
            else:
                return

    async def stop(self) -> None:
        """Asks it to end, and sees to it."""
        for number, seconds in ((signal.SIGTERM, END_S), (signal.SIGKILL, 5.0)):
            if self._process.returncode is None:
                self._process.send_signal(number)
                try:
                    async with asyncio.timeout(seconds):
                        await self._process.wait()
                except TimeoutError:
                    continue
        if self._process.returncode is None:
            raise BenchError(f"{self.name} (process {self.pid}) does not end")

    def tail(self) -> str:
        return self._log.read_text(errors="replace")[-2_000:].strip()


@asynccontextmanager
async def program(
    module: str, *, name: str, folder: Path, environ: Mapping[str, str], arguments: Sequence[str] = ()
) -> AsyncIterator[Child]:
    """`python -m module` between the start and the end of the block; its log is `folder`/`name`.log.

    Runs in `folder`, out of reach of anybody's `.env`, with nothing of our environment but `PATH` and `environ`.
    """
    log = folder / f"{name}.log"
    with log.open("ab") as errors:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            module,
            *arguments,
            cwd=folder,
            env={"PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": str(ROOT), **environ},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
            limit=LINE_MAX,
            start_new_session=True,
        )
    child, leash = Child(name, process, log), Leash(process.pid, signal.SIGTERM)
    try:
        yield child
    finally:
        await child.stop()
        await asyncio.to_thread(leash.release)


def usage_of(pid: int) -> Usage:
    """Read from /proc; elsewhere unknown."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        cpu_s = (int(fields[11]) + int(fields[12])) / _TICKS
        rss_mb = int(fields[21]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    except OSError:
        return Usage(time.monotonic(), None, None)
    return Usage(time.monotonic(), cpu_s, rss_mb)


def machine_busy() -> tuple[float, float] | None:
    """(busy, all) seconds of every core together since boot; None where /proc is missing."""
    try:
        ticks = [int(n) for n in Path("/proc/stat").read_text().partition("\n")[0].split()[1:9]]
    except OSError:
        return None
    idle = ticks[3] + ticks[4]
    return ((sum(ticks) - idle) / _TICKS, sum(ticks) / _TICKS)
