"""The programs of this campaign: a simulator whose clock all follow, the doors, and two watches of publishers."""

import asyncio
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import aiohttp

from bench.campaign.cast import Keys, common
from bench.campaign.ground import Ground
from bench.campaign.program import Program
from bench.campaign.scene import ask
from bench.publish.wire import Wire
from deploy.process import free_port

KNOBS = (
    "audited=true,daily_post_cap=1000000,pending_share_cap=1000000,processing_s=0.2,public_id_delay_s=1,"
    # Hours pass between rounds; tokens are changed where that is the strike, and then the old one is good for a while.
    "access_token_ttl_s=30000000,refresh_rotation=grace,refresh_grace_s=1000000,"
    "webhook_timeout_real_s=4,webhook_retry_first_s=2,webhook_retry_max_s=60"
)
CHUNK_TIMEOUT_S = 5
SETTINGS = {
    "PUBLISHER_LEASE_S": "40",
    "PUBLISHER_CHUNK_TIMEOUT_S": str(CHUNK_TIMEOUT_S),
    "PUBLISHER_CONCURRENCY": "100",
    "PUBLISHER_IDLE_S": "0.2",
}
_KEPT_FILE_BYTES = 4_000_000


class Crew:
    """Starts every program, and ends those it started. `watch` are the publishers at work, `relief` the others.

    Only one watch works at a time; the other is not up, or frozen with nothing in its hands.
    """

    def __init__(self, ground: Ground, *, seed: int, size: int) -> None:
        self.keys = Keys()
        self.http = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=64), trust_env=False)
        ports = {name: free_port() for name in ("simulator", "api", "ingest")}
        self.urls = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
        database = urlsplit(ground.database_url)
        self.wire = Wire(database.hostname or "", database.port or 5432)
        self._ground, self._database = ground, database
        shared = common(ground, self.keys, self.urls) | {
            "CLIPWIRE_CLOCK": self.urls["simulator"], "PUBLIC_URL": self.urls["api"], "LOG_LEVEL": "warning",
        }  # fmt: skip
        box = {
            "SIMULATOR_PORT": str(ports["simulator"]),
            "SIMULATOR_SEED": str(seed),
            "SIMULATOR_HISTORY": "200000",
            "SIMULATOR_KEEP_FILE_BYTES": str(_KEPT_FILE_BYTES),
            "SIMULATOR_KNOBS": KNOBS,
            "WEBHOOK_URL": f"{self.urls['ingest']}/webhooks/tiktok",
        }
        self._doors = [
            self._program("simulator", shared | box, ports["simulator"]),
            self._program("api", shared | {"API_PORT": str(ports["api"])}, ports["api"]),
            self._program("ingest", shared | {"INGEST_PORT": str(ports["ingest"])}, ports["ingest"]),
        ]
        self.environ, self._size = shared, size
        """What every program is told."""
        self.watch: list[Program] = []
        self.relief: list[Program] = []

    async def __aenter__(self) -> Self:
        try:
            await self.wire.start()
            await self._doors[0].start(self.http)
            self.watch, self.relief = (self._publishers(name) for name in ("first", "second"))
            await asyncio.gather(*(one.start(self.http) for one in (*self._doors[1:], *self.watch)))
        except BaseException:
            await self.__aexit__(None, None, None)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for program in (*self.watch, *self.relief, *self._doors):
            program.kill()
        await self.wire.stop()
        await self.http.close()

    @property
    def programs(self) -> list[Program]:
        return [*self.watch, *self.relief, *self._doors]

    async def sim(self, method: str, path: str, body: Any = None) -> Any:
        """Pulls a string of the simulator."""
        return await ask(self.http, method, f"{self.urls['simulator']}/_sim/{path}", json=body)

    async def api(self, method: str, path: str, body: Any = None, *, data: Any = None) -> Any:
        url = f"{self.urls['api']}/v1/{path}"
        return await ask(self.http, method, url, key=self.keys.operator, json=body, data=data)

    async def kill(self) -> None:
        """SIGKILL for the watch, all at once as far as one can."""
        await asyncio.gather(*(asyncio.to_thread(program.kill) for program in self.watch))

    async def start(self) -> None:
        """Whoever of the watch is not up."""
        await asyncio.gather(*(program.start(self.http) for program in self.watch if not program.alive))

    async def change_watch(self) -> None:
        """The watch freezes in the middle of what it does; the relief goes on."""
        for program in self.watch:
            program.freeze()
        self.watch, self.relief = self.relief, self.watch
        for program in self.watch:
            program.thaw()
        await self.start()

    def wake(self) -> None:
        """The frozen go on as if nothing had happened."""
        for program in self.relief:
            program.thaw()

    def sleep(self) -> None:
        """The relief freezes again, when nobody has anything in hand."""
        for program in self.relief:
            program.freeze()

    def _publishers(self, watch: str) -> list[Program]:
        place = self._database
        url = place._replace(netloc=f"{place.username}:{place.password}@127.0.0.1:{self.wire.port}").geturl()
        found = []
        for n in range(1, self._size + 1):
            port = free_port()
            environ = self.environ | SETTINGS | {"PUBLISHER_PORT": str(port), "DATABASE_URL": url}
            found.append(self._program("publisher", environ, port, name=f"publisher-{watch}-{n}"))
        return found

    def _program(self, module: str, environ: dict[str, str], port: int, *, name: str = "") -> Program:
        url, folder = f"http://127.0.0.1:{port}", self._ground.folder / "programs"
        return Program(name or module, f"services.{module}", environ=environ, url=url, folder=folder)
