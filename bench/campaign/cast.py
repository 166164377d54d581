"""The programs of a campaign, each with its environment and its ports."""

import asyncio
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import aiohttp

from bench.campaign.errors import NeverReady
from bench.campaign.ground import Ground
from bench.campaign.program import ROOT, Program
from bench.campaign.script import Leases
from deploy.process import free_port
from libs.model.key import new_secret
from libs.store.vault import new_key

CLIENT_KEY = "awproving01"
NOTIFIER_CONCURRENCY = 32
_KNOBS = (
    # What TikTok leaves to each app or creator, wide enough for many inits of few accounts; its limits per minute stay.
    "audited=true,daily_post_cap=1000,pending_share_cap=1000,"
    # A receiver that is dead for a second is tried again soon.
    "webhook_timeout_real_s=4,webhook_retry_first_s=0.5,webhook_retry_max_s=4,"
    "processing_s=0.4,public_id_delay_s=1"
)


@dataclass(slots=True)
class Keys:
    """Secrets of one campaign."""

    client_secret: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    encryption: str = field(default_factory=new_key)
    operator: str = field(default_factory=new_secret)


class Cast:
    """Starts every program, and ends those it started. `leases` None leaves the programs their own."""

    def __init__(self, ground: Ground, *, seed: int, replicas: int, leases: Leases | None = None) -> None:
        self._ground = ground
        self.keys = Keys()
        self.http = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), trust_env=False)
        ports = {name: free_port() for name in ("simulator", "api", "ingest")}
        self.urls = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
        common = self._common(leases)
        box = {
            "SIMULATOR_PORT": str(ports["simulator"]),
            "SIMULATOR_SEED": str(seed),
            "SIMULATOR_HISTORY": "200000",
            "SIMULATOR_KNOBS": _KNOBS,
            "WEBHOOK_URL": f"{self.urls['ingest']}/webhooks/tiktok",
        }
        self.simulator = self._program("simulator", "simulator", common | box, ports["simulator"])
        self.api = self._program("api", "api", common | {"API_PORT": str(ports["api"])}, ports["api"])
        self.struck: dict[str, list[Program]] = {
            "ingest": [
                self._program("ingest", "ingest", common | {"INGEST_PORT": str(ports["ingest"])}, ports["ingest"])
            ]
        }
        for kind in ("publisher", "notifier"):
            self.struck[kind] = []
            for n in range(1, replicas + 1):
                port = free_port()
                environ = common | {f"{kind.upper()}_PORT": str(port)}
                self.struck[kind].append(self._program(f"{kind}-{n}", kind, environ, port))

    @property
    def ours(self) -> list[Program]:
        """All but the simulator."""
        return [self.api, *(program for programs in self.struck.values() for program in programs)]

    async def __aenter__(self) -> Self:
        try:
            async with asyncio.TaskGroup() as group:
                for program in (self.simulator, *self.ours):
                    group.create_task(program.start(self.http))
        except BaseException:
            await self.__aexit__(None, None, None)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for program in (*self.ours, self.simulator):
            program.kill()
        await self.http.close()

    async def leave(self) -> dict[str, int | None]:
        """SIGTERM to all of ours; their exit codes, None for one that had to be killed."""
        codes = await asyncio.gather(*(program.stop() for program in self.ours))
        return {program.name: code for program, code in zip(self.ours, codes, strict=True)}

    def _program(self, name: str, module: str, environ: Mapping[str, str], port: int) -> Program:
        return Program(
            name,
            f"services.{module}",
            environ=environ,
            url=f"http://127.0.0.1:{port}",
            folder=self._ground.folder / "programs",
        )

    def _common(self, leases: Leases | None) -> dict[str, str]:
        settings = common(self._ground, self.keys, self.urls) | {
            "NOTIFIER_CONCURRENCY": str(NOTIFIER_CONCURRENCY),
            # Few enough that deliveries wait in line, where a strike finds them.
            "NOTIFIER_ENDPOINT_CONCURRENCY": "6",
        }
        if leases is not None:
            settings |= {
                "PUBLISHER_LEASE_S": str(leases.publisher),
                "PUBLISHER_CHUNK_TIMEOUT_S": str(leases.chunk),
                "NOTIFIER_LEASE_S": str(leases.notifier),
            }
        return settings


def common(ground: Ground, keys: Keys, urls: Mapping[str, str]) -> dict[str, str]:
    """What every program of a campaign is told; `urls` has the simulator's."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "PYTHONPATH": str(ROOT),
        "LOG_LEVEL": "info",
        "LOG_FORMAT": "json",
        "DATABASE_URL": ground.database_url,
        "RABBITMQ_URL": ground.rabbitmq_url or "",
        "TIKTOK_API_URL": urls["simulator"],
        "TIKTOK_AUTH_URL": urls["simulator"],
        "TIKTOK_CLIENT_KEY": CLIENT_KEY,
        "TIKTOK_CLIENT_SECRET": keys.client_secret,
        "TIKTOK_AUDITED": "true",
        "CLIPWIRE_ENCRYPTION_KEYS": keys.encryption,
        "OPERATOR_KEY": keys.operator,
        "MEDIA_URL": (ground.folder / "media").as_uri(),
        "EGRESS_ALLOW": "127.0.0.0/8",
    }


async def all_ready(cast: Cast, *, within: float) -> float:
    """Seconds until every program of ours says it is ready again. Raises `NeverReady`."""
    longest = 0.0
    for program in cast.ours:
        left = within - longest
        if left <= 0:
            raise NeverReady(f"{program.name} was not ready again within {within:g} s")
        longest += await program.wait_for(cast.http, "/readyz", within=left)
    return longest
