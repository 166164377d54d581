"""One of our programs as a process of its own, and what a supervisor would do to it, and worse."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import aiohttp

from bench.campaign.errors import NeverReady
from deploy.process import Leash, command_line

ROOT = Path(__file__).resolve().parents[2]
READY_S = 60.0
POLL_S = 0.05
_END_S = 20.0
_TAIL_BYTES = 3_000


class Program:
    """`python -m <module>` on one port, with nothing of our own environment but what is given.

    It runs in a session of its own, so that Ctrl-C is the campaign's to act on, and on a leash: it ends when we do.
    """

    def __init__(self, name: str, module: str, *, environ: Mapping[str, str], url: str, folder: Path) -> None:
        """`folder` is its working directory (a `.env` of the checkout must not reach it) and takes its log."""
        self.name = name
        self.url = url
        self.log = folder / f"{name}.log"
        self.free = False
        """Up, and nobody is about to strike it."""
        self.deaths: list[int] = []
        """Exit codes of ends that nobody asked for."""
        self._module = module
        self._environ = dict(environ)
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._leash: Leash | None = None

    @property
    def pid(self) -> int:
        if self._process is None:
            raise NeverReady(f"{self.name} was never started")
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    async def start(self, http: aiohttp.ClientSession, *, ready: bool = True) -> float:
        """Starts it and waits until it is ready (or only answers); returns the seconds that took."""
        began = time.monotonic()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", self._module],
                env=self._environ,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._leash = Leash(-self._process.pid, signal.SIGKILL)
        await self.wait_for(http, "/readyz" if ready else "/healthz", within=READY_S)
        self.free = True
        return time.monotonic() - began

    async def wait_for(self, http: aiohttp.ClientSession, path: str, *, within: float) -> float:
        """Until `path` answers 200; returns the seconds. Raises `NeverReady`."""
        began = time.monotonic()
        while await self.status(http, path) != 200:
            if not self.alive:
                raise NeverReady(f"{self.name} ended while it was starting:\n{self.tail()}")
            if time.monotonic() - began > within:
                raise NeverReady(f"{self.name} did not answer {path} with 200 within {within:g} s:\n{self.tail()}")
            await asyncio.sleep(POLL_S)
        return time.monotonic() - began

    async def status(self, http: aiohttp.ClientSession, path: str) -> int:
        """Its answer's status; 0 when there was none."""
        try:
            async with http.get(self.url + path, timeout=aiohttp.ClientTimeout(total=5)) as answer:
                return answer.status
        except (aiohttp.ClientError, TimeoutError, OSError):
            return 0

    def give(self, name: str, value: str) -> None:
        """Another setting, from its next start on."""
        self._environ[name] = value

    def kill(self) -> None:
        """SIGKILL, also while it is frozen."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait(_END_S)
        self._let_go()

    def freeze(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        if self.alive:
            os.kill(self.pid, signal.SIGCONT)

    async def stop(self) -> int | None:
        """SIGTERM, as an orderly supervisor would; its exit code, or None when it had to be killed."""
        if self._process is None:
            return None
        self.free = False
        if self._process.poll() is None:
            self._process.terminate()
        try:
            return await asyncio.to_thread(self._process.wait, _END_S)
        except subprocess.TimeoutExpired:
            return None
        finally:
            self.kill()

    def reap(self) -> None:
        """Notes an end that nobody asked for."""
        if self.free and self._process is not None and (code := self._process.poll()) is not None:
            self.free = False
            self.deaths.append(code)
            self._let_go()

    def tail(self) -> str:
        return self.log.read_bytes()[-_TAIL_BYTES:].decode(errors="replace") if self.log.exists() else ""

    def _let_go(self) -> None:
        if self._leash is not None:
            self._leash.release()
            self._leash = None


def rss_mb(pid: int) -> float | None:
    """Resident megabytes of a process, where /proc tells; None elsewhere or when it has gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return None
    line = next((line for line in status.splitlines() if line.startswith("VmRSS:")), None)
    return int(line.split()[1]) / 1024 if line and command_line(pid) else None
