"""A simulator, our client to it, and an ear for its webhooks: what the TikTok contract tests stand on."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from aiohttp import web

from libs.runtime.web import HttpServer
from libs.tiktok.chunks import ChunkPlan
from libs.tiktok.client import TikTokClient
from libs.tiktok.events import Event
from libs.tiktok.oauth import App
from libs.tiktok.posting import PublishStatus, Status, UploadSlot
from libs.tiktok.signature import HEADER, Verdict, verify
from libs.tiktok.upload import ChunkAnswer
from libs.tiktok.webhooks import Notification, parse
from services.simulator.app import Simulator, build
from services.simulator.knobs import Knobs
from services.simulator.settings import SimulatorSettings
from tests.eventually import eventually

APP = App(client_key="awsimkey01", client_secret="sim_client_secret")
T = 10.0


@dataclass
class Ear:
    """Does with a webhook what a receiver does, by our own reading of the sheet."""

    heard: list[Notification] = field(default_factory=list)
    verdicts: set[Verdict] = field(default_factory=set)

    async def hear(self, request: web.Request) -> web.Response:
        raw = await request.read()
        notification = parse(raw)
        assert isinstance(notification, Notification), notification
        header = request.headers.get(HEADER)
        secrets, now = ("an older one", APP.client_secret), notification.create_time
        self.verdicts.add(verify(raw, header, secrets=secrets, now=now, max_age_s=60, max_ahead_s=60))
        self.heard.append(notification)
        return web.Response()

    def of(self, event: Event) -> list[Notification]:
        return [notification for notification in self.heard if notification.event == event]


@dataclass
class Box:
    """A simulator, our client to it, and the strings that move it."""

    simulator: Simulator
    client: TikTokClient
    ear: Ear
    strings: httpx.AsyncClient

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        answer = await self.strings.request(method, f"/_sim/{path}", json=body)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    async def account(self, **state: Any) -> dict[str, Any]:
        made: dict[str, Any] = await self.ask("POST", "accounts", state)
        return made

    async def token(self, **state: Any) -> str:
        return str((await self.account(**state))["access_token"])

    async def sample(self) -> bytes:
        return (await self.strings.get("/_sim/sample.mp4")).content

    async def upload(self, slot: UploadSlot, data: bytes, made: ChunkPlan) -> list[ChunkAnswer]:
        return [await self.put(slot, data, first, last) for first, last in made.ranges()]

    async def put(self, slot: UploadSlot, data: bytes, first: int, last: int) -> ChunkAnswer:
        return await self.client.put_chunk(
            slot.upload_url.get_secret_value(),
            blocks(data[first : last + 1]),
            first=first,
            last=last,
            total=len(data),
            content_type="video/mp4",
            timeout=T,
        )

    async def until(self, token: str, publish_id: str, status: PublishStatus) -> Status:
        async def reached() -> Status:
            now = (await self.client.status_fetch(token, publish_id, timeout=T)).value
            assert now.status == status
            return now

        return await eventually(reached)


async def blocks(data: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(data), 1 << 20):
        yield data[at : at + (1 << 20)]


@asynccontextmanager
async def open_box() -> AsyncIterator[Box]:
    """An audited app whose posts are processed at once; everything is closed afterwards."""
    ear = Ear()
    app = web.Application()
    app.router.add_post("/hook", ear.hear)
    receiver = HttpServer(app, host="127.0.0.1", port=0)
    await receiver.start()
    knobs = Knobs(audited=True, processing_s=0.0, public_id_delay_s=0.0, limit_status=1000)
    settings = SimulatorSettings(
        _env_file=None, simulator_port=0, webhook_url=f"{receiver.url}/hook", simulator_knobs=knobs
    )
    async with build(settings) as simulator:
        client = TikTokClient(api_url=simulator.url, auth_url=simulator.url)
        async with client, httpx.AsyncClient(base_url=simulator.url, trust_env=False, verify=False) as strings:
            yield Box(simulator, client, ear, strings)
    await receiver.stop()
