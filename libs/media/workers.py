"""The bounded pool of worker processes: strangers' files are opened there, and may kill what opens them."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, Final, Self

import structlog

from libs.media.errors import StorageError, StorageFailed, StorageFull, WorkerLost, WorkersBusy
from libs.media.finding import Reason, Unreadable
from libs.media.frame import HEADER_BYTES, BadFrame, body_length, packed, unpacked

_START_S: Final = 30
_END_S: Final = 10
_COMPLAINT_BYTES: Final = 2_000
_TRIES: Final = 2
_FOREIGN_KILLS: Final = frozenset({-signal.SIGKILL, -signal.SIGTERM, -signal.SIGHUP})
_COMMAND: Final = (sys.executable, "-s", "-P", "-m", "libs.media.worker")
_KEPT_ENVIRONMENT: Final = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TMPDIR")

Report = Callable[[float], None]
log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class JobLimits:
    """What one job may use. ``memory_bytes`` is address space, of which an idle worker has about 300 MB already."""

    wall_s: float
    cpu_s: int
    memory_bytes: int
    output_bytes: int = 64 << 10


class Workers:
    """At most ``size`` processes, started when first needed and kept.

    Conversions hold a place for minutes: give them a pool of their own, or probes will wait behind them.

    Every job runs under ``JobLimits`` in a process without our environment (no secrets), without core dumps, and where
    the system allows without network. A process that crashes or overruns is replaced; so is one after
    ``jobs_per_worker`` jobs, or after a job that took ``long_job_s``, since heaps do not shrink. Works under asyncio
    and uvloop, from any kind of parent program. Use as ``async with``.
    """

    def __init__(
        self,
        *,
        size: int = 2,
        wait_s: float = 60,
        jobs_per_worker: int = 200,
        long_job_s: float = 10,
        command: Sequence[str] = _COMMAND,
    ) -> None:
        self._places = asyncio.Semaphore(size)
        self._wait_s = wait_s
        self._jobs_per_worker = jobs_per_worker
        self._long_job_s = long_job_s
        self._command = tuple(command)
        self._idle: list[_Worker] = []
        self._closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Stop the idle processes; those at work stop when their job ends or is cancelled."""
        self._closed = True
        while self._idle:
            await self._idle.pop().stop()

    async def run(
        self, job: str, arguments: Mapping[str, Any], *, limits: JobLimits, report: Report | None = None
    ) -> dict[str, Any] | Unreadable:
        """The worker's answer, or why the file made it end. ``report`` is called with the part done, 0 … 1.

        Raises ``WorkersBusy`` when no place became free in time, ``WorkerLost`` when no worker could be started, and
        ``StorageFull`` or ``StorageFailed`` when this machine kept it from reading or writing its files.
        Cancelling the caller kills the process.
        """
        message = {**arguments, "job": job, "limits": asdict(limits)}
        async with self._place():
            for _ in range(_TRIES):
                outcome = await self._attempt(message, limits=limits, report=report)
                match outcome:
                    case _Killed():
                        # Neither by us nor by a fault of its own: perhaps the system was short of memory.
                        log.warning("media_worker.killed", job=job)
                    case _:
                        return outcome
        return Unreadable(reason=Reason.CRASHED, detail="whatever reads it is killed by the system")

    @contextlib.asynccontextmanager
    async def _place(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._wait_s):
                await self._places.acquire()
        except TimeoutError as exc:
            raise WorkersBusy(waited_s=self._wait_s) from exc
        try:
            yield
        finally:
            self._places.release()

    async def _attempt(
        self, message: Mapping[str, Any], *, limits: JobLimits, report: Report | None
    ) -> dict[str, Any] | Unreadable | _Killed:
        worker = self._idle.pop() if self._idle else await _Worker.start(self._command)
        begun = time.monotonic()
        reusable = False
        try:
            async with asyncio.timeout(limits.wall_s):
                result = await worker.ask(message, report)
            reusable = result.get("reason") not in (Reason.MEMORY, Reason.CRASHED)
            if result.get("reason") == Reason.CRASHED:
                log.warning("media_worker.failed", job=message["job"], detail=str(result.get("detail"))[:200])
            if result.get("kind") == "trouble":
                raise _trouble(int(result["errno"]))
            return result
        except TimeoutError:
            return Unreadable(reason=Reason.TIME, detail=f"reading it took longer than {limits.wall_s:g} s")
        except BadFrame:
            return _verdict(None, job=message["job"])
        except (EOFError, OSError):
            return _verdict(await worker.end(), job=message["job"])
        finally:
            fresh = worker.jobs < self._jobs_per_worker and time.monotonic() - begun < self._long_job_s
            if reusable and fresh and not self._closed:
                self._idle.append(worker)
            else:
                await worker.stop()


def _trouble(number: int) -> StorageError:
    if number in (errno.ENOSPC, errno.EDQUOT):
        return StorageFull(free_bytes=0, needed_bytes=None)
    return StorageFailed(f"the media worker could not read or write its files: {os.strerror(number)}")


class _Killed:
    """The worker was killed from outside."""


def _verdict(code: int | None, *, job: str) -> Unreadable | _Killed:
    if code in _FOREIGN_KILLS:
        return _Killed()
    log.warning("media_worker.died", job=job, exit_code=code)
    if code == -signal.SIGXCPU:
        return Unreadable(reason=Reason.TIME, detail="reading it takes more processor time than allowed")
    return Unreadable(reason=Reason.CRASHED, detail="reading it crashed the reader")


class _Worker:
    """One process and its pipe."""

    def __init__(self, process: asyncio.subprocess.Process, complaints: IO[bytes]) -> None:
        self._process = process
        self._complaints = complaints
        self.jobs = 0

    @classmethod
    async def start(cls, command: Sequence[str]) -> _Worker:
        complaints = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process that writes it
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=complaints,
                cwd="/",
                env=_environment(),
                start_new_session=True,  # Ctrl-C in a terminal is for the service, which then stops its workers
            )
        except OSError as exc:
            complaints.close()
            raise WorkerLost(f"the media worker could not be started: {exc.strerror}") from exc
        worker = cls(process, complaints)
        try:
            async with asyncio.timeout(_START_S):
                await worker._receive()
        except (TimeoutError, EOFError, OSError, BadFrame) as exc:
            said = worker._said()
            await worker.stop()
            raise WorkerLost(f"the media worker did not start: {said}") from exc
        except BaseException:
            await worker.stop()
            raise
        return worker

    async def ask(self, message: Mapping[str, Any], report: Report | None) -> dict[str, Any]:
        """Its result; raises EOFError, OSError or BadFrame when it died or went mad."""
        self.jobs += 1
        assert self._process.stdin is not None  # noqa: S101 - we asked for the pipe
        self._process.stdin.write(packed(message))
        await self._process.stdin.drain()
        while True:
            reply = await self._receive()
            if isinstance(result := reply.get("result"), dict):
                return result
            if report is not None and isinstance(done := reply.get("progress"), int | float):
                report(min(1.0, max(0.0, float(done))))

    async def end(self) -> int | None:
        """Its exit code once it has ended by itself; None if it has not within a moment."""
        try:
            async with asyncio.timeout(_END_S):
                return await self._process.wait()
        except TimeoutError:
            return None

    async def stop(self) -> None:
        """Kill it and see it gone. There is nothing in a worker worth a gentle end."""
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
        assert self._process.stdin is not None  # noqa: S101 - we asked for the pipe
        self._process.stdin.close()
        try:
            await asyncio.shield(self._process.wait())
        finally:
            self._complaints.close()

    async def _receive(self) -> dict[str, Any]:
        assert self._process.stdout is not None  # noqa: S101 - we asked for the pipe
        header = await self._process.stdout.readexactly(HEADER_BYTES)
        return unpacked(await self._process.stdout.readexactly(body_length(header)))

    def _said(self) -> str:
        end = self._complaints.seek(0, os.SEEK_END)
        self._complaints.seek(max(0, end - _COMPLAINT_BYTES))
        lines = self._complaints.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"


def _environment() -> dict[str, str]:
    """Nothing of ours but what Python needs to start: settings hold secrets."""
    kept = {name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ}
    root = str(Path(__file__).resolve().parents[2])
    # One malloc arena: otherwise every thread of a codec reserves 64 MB of the address space that is limited.
    return {**kept, "PYTHONPATH": root, "LC_ALL": "C.UTF-8", "MALLOC_ARENA_MAX": "1"}
