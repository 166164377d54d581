"""TikTok, the door and any number of publishers, each a process, and what is needed to post through them."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, Self

import aiohttp
import asyncpg

from bench.campaign.cast import CLIENT_KEY, Keys
from bench.campaign.ground import Ground
from bench.campaign.program import ROOT, Program
from bench.campaign.scene import ask, connect
from deploy.process import free_port

AT_ONCE = 20
KNOBS = "audited=true,daily_post_cap=1000000,check_media=false,processing_s=0.4,public_id_delay_s=null"
"""Its limits per minute stay; what happens once in a day is out of the way."""


class Crew:
    """Between `async with` and its end. `publishers` has the environment of each beside the common one."""

    def __init__(
        self,
        ground: Ground,
        *,
        seed: int,
        publishers: Sequence[Mapping[str, str]],
        module: str = "services.publisher",
        knobs: str = "",
        webhooks: bool = True,
        virtual: bool = False,
    ) -> None:
        """`virtual`: everybody lives in the simulator's time, which `advance` moves."""
        self._ground = ground
        self.keys = Keys()
        self.http = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=AT_ONCE * 2), trust_env=False)
        ports = {name: free_port() for name in ("simulator", "api", "ingest")}
        self.urls = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
        common = self._common() | ({"CLIPWIRE_CLOCK": self.urls["simulator"]} if virtual else {})
        box = {
            "SIMULATOR_PORT": str(ports["simulator"]),
            "SIMULATOR_SEED": str(seed),
            "SIMULATOR_HISTORY": "200000",
            "SIMULATOR_KNOBS": ",".join(filter(None, (KNOBS, knobs))),
            "WEBHOOK_URL": f"{self.urls['ingest']}/webhooks/tiktok" if webhooks else "",
        }
        self.simulator = self._program("simulator", "services.simulator", common | box, ports["simulator"])
        self.others = [
            self._program("api", "services.api", common | {"API_PORT": str(ports["api"])}, ports["api"]),
            self._program("ingest", "services.ingest", common | {"INGEST_PORT": str(ports["ingest"])}, ports["ingest"]),
        ]
        self.publishers = []
        for n, more in enumerate(publishers, 1):
            port = free_port()
            environ = common | {"PUBLISHER_PORT": str(port), **more}
            self.publishers.append(self._program(f"publisher-{n}", module, environ, port))
        self.customer_id = ""
        self.media_id = ""
        self.count = 0
        """Posts made; each has its own title."""

    @property
    def ours(self) -> list[Program]:
        """All but the simulator."""
        return [*self.others, *self.publishers]

    async def __aenter__(self) -> Self:
        try:
            await self.simulator.start(self.http)
            async with asyncio.TaskGroup() as group:
                for program in self.ours:
                    group.create_task(program.start(self.http))
            self.database = await asyncpg.connect(self._ground.database_url, timeout=10, command_timeout=60)
            made = await self.api("POST", "customers", {"name": "prove"})
            self.customer_id = made["id"]
            await self.upload(await self.sim("GET", "sample.mp4"))
        except BaseException:
            await self.__aexit__(None, None, None)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for program in (*self.ours, self.simulator):
            program.kill()
        if hasattr(self, "database"):
            await self.database.close()
        await self.http.close()

    async def api(self, method: str, path: str, body: Any = None) -> Any:
        return await ask(self.http, method, f"{self.urls['api']}/v1/{path}", key=self.keys.operator, json=body)

    async def sim(self, method: str, path: str, body: Any = None) -> Any:
        return await ask(self.http, method, f"{self.urls['simulator']}/_sim/{path}", json=body)

    async def upload(self, video: bytes) -> str:
        """Makes this the video that is posted from now on."""
        url = f"{self.urls['api']}/v1/media?customer_id={self.customer_id}"
        self.media_id = (await ask(self.http, "POST", url, key=self.keys.operator, data=video))["id"]
        return self.media_id

    async def creators(self, count: int) -> list[tuple[str, str]]:
        """New creators, connected: our id of each and TikTok's."""
        turns, first = asyncio.Semaphore(AT_ONCE), len((await self.sim("GET", "accounts"))["accounts"])

        async def one(n: int) -> tuple[str, str]:
            async with turns:
                return await connect(
                    self.http, self.urls, self.keys.operator, customer_id=self.customer_id, username=f"creator{n}"
                )

        return list(await asyncio.gather(*(one(first + n) for n in range(count))))

    async def posts(self, accounts: Sequence[str], **more: Any) -> list[str]:
        """A post for each account named, in this order as far as order can be had; their ids."""
        turns = asyncio.Semaphore(AT_ONCE)

        async def one(account_id: str) -> str:
            async with turns:
                return await self._post(account_id, more)

        return list(await asyncio.gather(*map(one, accounts)))

    async def _post(self, account_id: str, more: Mapping[str, Any]) -> str:
        self.count += 1
        usual = {
            "customer_id": self.customer_id,
            "account_id": account_id,
            "kind": "video",
            "media": [self.media_id],
            "privacy_level": "SELF_ONLY",
            "title": f"post {self.count}",
        }
        made = await self.api("POST", "posts", usual | dict(more))
        return str(made["id"])

    async def now(self) -> datetime:
        """What time it is at TikTok."""
        return datetime.fromisoformat((await self.sim("GET", "clock"))["now"])

    async def advance(self, seconds: float) -> None:
        await self.sim("POST", "clock/advance", {"seconds": seconds})

    async def calls(self, endpoint: str) -> list[dict[str, Any]]:
        """What TikTok was asked there, oldest first."""
        found: list[dict[str, Any]] = (await self.sim("GET", f"calls?endpoint={endpoint}&limit=200000"))["calls"]
        return found

    def _program(self, name: str, module: str, environ: Mapping[str, str], port: int) -> Program:
        folder = self._ground.folder / "programs"
        return Program(name, module, environ=environ, url=f"http://127.0.0.1:{port}", folder=folder)

    def _common(self) -> dict[str, str]:
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "PYTHONPATH": str(ROOT),
            "LOG_LEVEL": "info",
            "LOG_FORMAT": "json",
            "DATABASE_URL": self._ground.database_url,
            "TIKTOK_API_URL": self.urls["simulator"],
            "TIKTOK_AUTH_URL": self.urls["simulator"],
            "TIKTOK_CLIENT_KEY": CLIENT_KEY,
            "TIKTOK_CLIENT_SECRET": self.keys.client_secret,
            "TIKTOK_AUDITED": "true",
            "CLIPWIRE_ENCRYPTION_KEYS": self.keys.encryption,
            "OPERATOR_KEY": self.keys.operator,
            "MEDIA_URL": (self._ground.folder / "media").as_uri(),
            "EGRESS_ALLOW": "127.0.0.0/8",
        }
