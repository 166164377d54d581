"""Asks the probe process about files: one at a time, with a deadline, and a new process after a crash."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import structlog

from services.simulator.engine.spool import Spool
from services.simulator.world.record import Kind

log = structlog.get_logger()

DEADLINE_S = 60.0
REMEMBERED = 1_000
_SCRIPT = Path(__file__).with_name("probe.py")


class Prober:
    """`facts` never raises for a bad file: what is wrong with it is its `problem`.

    The same bytes are probed once. Cover frames go to the spool's folder; the oldest of `REMEMBERED` files go first.
    """

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._process: asyncio.subprocess.Process | None = None
        self._lock = asyncio.Lock()
        self._known: dict[tuple[str, str, int], dict[str, Any]] = {}

    async def facts(self, path: Path, *, sha256: str, kind: Kind, cover_ms: int = 0) -> dict[str, Any]:
        """What the probe saw, and for a video the path of its cover frame (`cover`)."""
        key = (sha256, kind.value, cover_ms)
        if key in self._known:
            return self._known[key]
        cover = self._spool.folder / f"cover-{sha256}-{cover_ms}.jpg"
        request = {"path": str(path), "kind": kind.value, "cover": str(cover), "cover_ms": cover_ms}
        async with self._lock:
            found = await self._ask(request)
        if kind is Kind.VIDEO and not found.get("problem"):
            found["cover"] = str(cover)
        if found.get("problem") != _GAVE_UP:
            self._known[key] = found
            while len(self._known) > REMEMBERED:
                oldest = self._known.pop(next(iter(self._known)))
                _remove_cover(oldest)
        return found

    async def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        process = await self._running()
        try:
            async with asyncio.timeout(DEADLINE_S):
                line = await _exchange(process, json.dumps(request).encode() + b"\n")
            found = json.loads(line) if line else None
        except (TimeoutError, OSError, ValueError) as error:
            log.warning("probe.failed", error=repr(error))
            found = None
        except BaseException:
            await self.close()  # cancelled half way: the next answer would be this one's
            raise
        if isinstance(found, dict):
            return found
        await self.close()
        return {"problem": _GAVE_UP}

    async def _running(self) -> asyncio.subprocess.Process:
        if self._process is None or self._process.returncode is not None:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-I",
                str(_SCRIPT),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
            )
        return self._process

    async def close(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.returncode is None:
            process.kill()
        await process.wait()
        if process.stdin is not None:
            process.stdin.close()


async def _exchange(process: asyncio.subprocess.Process, line: bytes) -> bytes:
    if process.stdin is None or process.stdout is None:
        raise OSError("the probe has no pipes")
    process.stdin.write(line)
    await process.stdin.drain()
    return await process.stdout.readline()


def _remove_cover(found: dict[str, Any]) -> None:
    if "cover" in found:
        Path(found["cover"]).unlink(missing_ok=True)


_GAVE_UP = "the probe crashed or took too long"
