"""Notifiers as processes of their own, and who strikes them: kills, and freezes that outlast the lease."""

import asyncio
import os
import time
from collections.abc import Callable
from random import Random

import aiohttp
import asyncpg

from bench.campaign.errors import Misplayed
from bench.campaign.ground import Ground
from bench.campaign.program import ROOT, Program
from deploy.process import free_port

REPLICAS = 2
CONCURRENCY, SETTLE_BATCH, LEASE_S = 64, 500, 6.0
UNSAVED = CONCURRENCY + SETTLE_BATCH
"""What one strike can leave sent and not saved: requests under way, and a batch that is being saved."""
FROZEN_S = (LEASE_S + 1, LEASE_S + 3)
STALLED_S = 90.0


class Notifiers:
    """Two of them over one database; `kills` and `freezes` count the strikes that fell."""

    def __init__(
        self,
        ground: Ground,
        *,
        key: str,
        seed: int,
        http: aiohttp.ClientSession,
        gap_s: tuple[float, float],
        freezes: float = 0.0,
    ) -> None:
        """`gap_s` bounds the time between two strikes, `freezes` is the part of them that are no kills."""
        self._http = http
        self._random = Random(f"{seed}:strikes")
        self._gap_s = gap_s
        self._part_frozen = freezes
        self.kills = 0
        self.freezes = 0
        environ = {
            "PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": str(ROOT), "LOG_LEVEL": "warning",
            "LOG_FORMAT": "json", "DATABASE_URL": ground.database_url, "CLIPWIRE_ENCRYPTION_KEYS": key,
            "EGRESS_ALLOW": "127.0.0.0/8", "NOTIFIER_CONCURRENCY": str(CONCURRENCY),
            "NOTIFIER_ENDPOINT_CONCURRENCY": str(CONCURRENCY), "NOTIFIER_LEASE_S": str(LEASE_S),
            "NOTIFIER_IDLE_S": "0.2",
        }  # fmt: skip
        self.programs = []
        for n in range(REPLICAS):
            port = free_port()
            self.programs.append(
                Program(
                    f"notifier-{n}", "services.notifier", environ=environ | {"NOTIFIER_PORT": str(port)},
                    url=f"http://127.0.0.1:{port}", folder=ground.folder / "programs",
                )
            )  # fmt: skip

    @property
    def strikes(self) -> int:
        return self.kills + self.freezes

    async def start(self) -> None:
        for program in self.programs:
            await program.start(self._http)

    async def strike(self) -> None:
        """Strikes one after the other, for ever."""
        while True:
            await asyncio.sleep(self._random.uniform(*self._gap_s))
            program = self._random.choice(self.programs)
            if self._random.random() < self._part_frozen:
                await self._freeze(program)
            else:
                program.kill()
                self.kills += 1
                await asyncio.sleep(self._random.uniform(0, 1))
                await program.start(self._http)

    async def _freeze(self, program: Program) -> None:
        program.freeze()
        self.freezes += 1
        try:
            await asyncio.sleep(self._random.uniform(*FROZEN_S))
        finally:
            program.thaw()
        await program.wait_for(self._http, "/readyz", within=60.0)

    def end(self) -> None:
        for program in self.programs:
            program.kill()


async def until(done: Callable[[], bool], heard: Callable[[], int]) -> None:
    """Until it is so, or nothing has been heard for long: then the judge says what is missing."""
    last, since = -1, time.monotonic()
    while not done() and time.monotonic() - since < STALLED_S:
        if heard() != last:
            last, since = heard(), time.monotonic()
        await asyncio.sleep(0.1)


async def settled(url: str) -> None:
    """Until every answer is saved: what was told by a notifier that was killed then is sent again when its lease ends,
    and a replay selects what has an end. Raises `Misplayed` when that takes too long."""
    connection = await asyncpg.connect(url, timeout=STALLED_S)
    try:
        async with asyncio.timeout(STALLED_S):
            while await connection.fetchval("select exists (select from deliveries where state = 'pending')"):
                await asyncio.sleep(0.2)
    except TimeoutError as error:
        raise Misplayed(f"deliveries are still pending {STALLED_S:g} s after the last was answered") from error
    finally:
        await connection.close()
