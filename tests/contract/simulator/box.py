"""A simulator on a clock that stands still, and the calls a client makes, in one line each."""

import io
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import aiohttp

from libs.runtime.clock import ManualClock
from services.simulator.app import Simulator, build
from services.simulator.knobs import Knobs
from services.simulator.settings import SimulatorSettings
from tests.eventually import eventually

START = datetime(2026, 2, 4, 11, 41, 13, tzinfo=UTC)
KEY, SECRET = "awsimkey01", "sim_client_secret"
WEB_URI = "https://app.example/cb"
CHUNK = 5_242_880
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def data(self) -> Any:
        return self.json["data"]

    @property
    def code(self) -> str:
        """`error.code` of the envelope, or the OAuth `error`."""
        error = self.json["error"]
        return str(error if isinstance(error, str) else error["code"])

    @property
    def message(self) -> str:
        return str(self.json["error"]["message"])


@dataclass
class Box:
    """Everything a test does to TikTok."""

    simulator: Simulator
    clock: ManualClock
    http: aiohttp.ClientSession

    @property
    def url(self) -> str:
        return self.simulator.url

    async def call(self, method: str, path: str, **options: Any) -> Reply:
        options.setdefault("allow_redirects", False)
        url = path if path.startswith("http") else self.url + path
        async with self.http.request(method, url, **options) as response:
            return Reply(response.status, response.headers, (await response.read()).decode("utf-8", "replace"))

    async def sim(self, method: str, path: str, body: Any = None) -> Any:
        """The scripting API; fails loudly."""
        reply = await self.call(method, f"/_sim/{path}", json=body)
        assert reply.status < 300, reply.text
        return reply.json if reply.text else None

    async def account(self, **state: Any) -> dict[str, Any]:
        made: dict[str, Any] = await self.sim("POST", "accounts", state)
        return made

    async def token(self, **state: Any) -> str:
        return str((await self.account(**state))["access_token"])

    async def turn(self, **knobs: Any) -> None:
        await self.sim("PATCH", "settings", knobs)

    async def fault(self, do: str, **more: Any) -> None:
        await self.sim("POST", "faults", {"do": do, **more})

    async def post(self, path: str, token: str | None, body: Any = None, **options: Any) -> Reply:
        """One JSON call of the v2 API; `path` without `/v2/`."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return await self.call("POST", f"/v2/{path}", json=body, headers=headers, **options)

    async def form(self, path: str, **fields: str) -> Reply:
        return await self.call("POST", f"/v2/oauth/{path}/", data=fields)

    async def app_form(self, path: str, **fields: str) -> Reply:
        return await self.form(path, client_key=KEY, client_secret=SECRET, **fields)

    async def user(self, token: str, fields: str) -> Reply:
        return await self.call("GET", f"/v2/user/info/?fields={fields}", headers={"Authorization": f"Bearer {token}"})

    async def init(self, token: str, *, size: int = 1000, **post_info: Any) -> Reply:
        info = {"privacy_level": "SELF_ONLY", **post_info}
        return await self.post("post/publish/video/init/", token, {"post_info": info, "source_info": whole(size)})

    async def inbox(self, token: str, *, size: int = 1000, **more: Any) -> Reply:
        return await self.post("post/publish/inbox/video/init/", token, {"source_info": whole(size), **more})

    async def photos(self, token: str, *, mode: str = "DIRECT_POST", count: int = 1, **changes: Any) -> Reply:
        urls = [f"{self.url}/_sim/sample-{n + 1}.jpg" for n in range(count)]
        info = {"title": "Trip", "privacy_level": "SELF_ONLY"} if mode == "DIRECT_POST" else {"title": "Trip"}
        source = {"source": "PULL_FROM_URL", "photo_cover_index": 0, "photo_images": urls}
        body = {"media_type": "PHOTO", "post_mode": mode, "post_info": info, "source_info": source, **changes}
        return await self.post("post/publish/content/init/", token, body)

    async def pull(self, token: str, url: str, **post_info: Any) -> Reply:
        info = {"privacy_level": "SELF_ONLY", **post_info}
        source = {"source": "PULL_FROM_URL", "video_url": url}
        return await self.post("post/publish/video/init/", token, {"post_info": info, "source_info": source})

    async def put(
        self, upload_url: str, data: bytes, *, first: int = 0, total: int | None = None, **headers: str
    ) -> Reply:
        """One chunk; `headers` replace the usual ones."""
        total = len(data) if total is None else total
        usual = {"Content-Type": "video/mp4", "Content-Range": f"bytes {first}-{first + len(data) - 1}/{total}"}
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {name: value for name, value in {**usual, **given}.items() if value}
        return await self.call(
            "PUT", upload_url, data=io.BytesIO(data), headers={"Content-Length": str(len(data)), **sent}
        )

    async def upload(self, reply: Reply, data: bytes = b"v" * 1000) -> str:
        """Puts the whole file of an accepted init; its publish_id."""
        assert (await self.put(reply.data["upload_url"], data)).status == 201
        return str(reply.data["publish_id"])

    async def status(self, token: str, publish_id: str) -> Reply:
        return await self.post("post/publish/status/fetch/", token, {"publish_id": publish_id})

    async def until(self, token: str, publish_id: str, status: str) -> dict[str, Any]:
        """Waits for real work (probes, pulls); time itself stands still unless it is advanced."""

        async def reached() -> dict[str, Any]:
            seen = await self.sim("GET", f"publications/{publish_id}")
            assert seen["status"] == status, seen
            return dict((await self.status(token, publish_id)).data)

        return await eventually(reached)

    async def publication(self, publish_id: str) -> dict[str, Any]:
        found: dict[str, Any] = await self.sim("GET", f"publications/{publish_id}")
        return found

    def advance(self, seconds: float) -> None:
        self.clock.advance(seconds)

    async def webhooks(self, event: str | None = None, *, answered: int = 0) -> list[dict[str, Any]]:
        """Webhooks as TikTok sees them, oldest first; waits until `answered` of them were delivered."""

        async def found() -> list[dict[str, Any]]:
            rows = (await self.sim("GET", "webhooks?limit=1000"))["webhooks"][::-1]
            rows = [row for row in rows if event in (None, row["event"])]
            assert sum(row["state"] == "delivered" for row in rows) >= answered, rows
            return rows

        return await eventually(found) if answered else await found()

    async def listen(self, name: str = "ingest") -> None:
        """Sends the app's webhooks to a scripted customer, which answers 200."""
        await self.turn(webhook_url=f"{self.url}/_sim/customer/{name}")

    async def code(
        self, *, username: str, scope: str = "user.info.basic,video.publish", **query: str
    ) -> dict[str, Any]:
        """What the consent page sends back when the creator agrees."""
        url = authorize_url(self.url, scope=scope, **query)
        sent: dict[str, Any] = await self.sim("POST", "authorize", {"url": url, "username": username})
        return sent


def authorize_url(base: str, **query: str) -> str:
    usual = {
        "client_key": KEY,
        "response_type": "code",
        "scope": "user.info.basic,video.publish",
        "redirect_uri": WEB_URI,
        "state": "xyz",
    }
    given = {name: value for name, value in {**usual, **query}.items() if value}
    return f"{base}/v2/auth/authorize/?{urlencode(given)}"


def whole(size: int) -> dict[str, Any]:
    """A single-chunk FILE_UPLOAD."""
    return {"source": "FILE_UPLOAD", "video_size": size, "chunk_size": size, "total_chunk_count": 1}


def chunked(size: int, chunk: int, count: int) -> dict[str, Any]:
    return {"source": "FILE_UPLOAD", "video_size": size, "chunk_size": chunk, "total_chunk_count": count}


@asynccontextmanager
async def open_box(**knobs: Any) -> AsyncIterator[Box]:
    """Bytes are taken for good unless `check_media=True`; the clock moves only by `advance`."""
    clock = ManualClock(START)
    given = Knobs(**{"check_media": False, **knobs})
    settings = SimulatorSettings(_env_file=None, simulator_port=0, simulator_knobs=given)
    async with build(settings, clock=clock) as simulator, aiohttp.ClientSession() as http:
        yield Box(simulator, clock, http)
