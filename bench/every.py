"""Every campaign, each in a process of its own, two at a time: most of one is waiting for leases to end."""

import asyncio
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

AT_ONCE = 2
LIMIT_S = 600.0
"""How long a campaign may take at its small scale; the others get a working day."""
DAY_S = 8 * 3600.0
END_S = 20.0
COULD_NOT_RUN = 2
"""The exit code of a campaign that was not judged; 1 is that of a broken promise."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How one campaign ended."""

    name: str
    code: int
    seconds: float

    def line(self) -> str:
        word = {0: "kept", 1: "BROKEN"}.get(self.code, "could not be run")
        return f"  {self.name:<12} {word:<16} {self.seconds:4.0f} s"


async def play_every(
    commands: Sequence[tuple[str, Sequence[str]]], *, limit_s: float, say: Callable[[str], None], at_once: int = AT_ONCE
) -> int:
    """Runs the commands by name and tells each one's whole output when it has ended; the worst exit code."""
    turns, began = asyncio.Semaphore(at_once), time.monotonic()

    async def one(name: str, command: Sequence[str]) -> Ended:
        async with turns:
            since = time.monotonic()
            code, said = await _run(command, limit_s)
        ended = Ended(name, code, time.monotonic() - since)
        say(f"\n== {name}\n{said.rstrip()}")
        return ended

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(name, command)) for name, command in commands]
    ended = [task.result() for task in tasks]
    say("\n".join(["", *(one.line() for one in ended), f"{time.monotonic() - began:.0f} s"]))
    return max(
        (min(one.code, COULD_NOT_RUN) if one.code >= 0 else COULD_NOT_RUN for one in ended), default=COULD_NOT_RUN
    )


async def _run(command: Sequence[str], limit_s: float) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said = asyncio.create_task(process.communicate())
    try:
        async with asyncio.timeout(limit_s):
            out, _ = await asyncio.shield(said)
    except TimeoutError:
        await _end(process)
        heard, _ = await asyncio.wait([said], timeout=END_S)  # what it left behind may hold its output open
        out = said.result()[0] if heard else b""
        said.cancel()
        return COULD_NOT_RUN, f"{out.decode(errors='replace')}\nnot over within {limit_s:.0f} s"
    except asyncio.CancelledError:
        await _end(process)
        raise
    return int(process.returncode or 0), out.decode(errors="replace")


async def _end(process: asyncio.subprocess.Process) -> None:
    """As Ctrl-C would, so that it puts its servers away; what does not heed that is killed."""
    if process.returncode is not None:
        return
    process.send_signal(signal.SIGINT)
    try:
        async with asyncio.timeout(END_S):
            await process.wait()
    except TimeoutError:
        process.kill()
