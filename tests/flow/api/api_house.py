"""The api over real parts, and a suspicious ear on every answer it gives."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import orjson

from libs.broker.memory import MemoryBroker, MemoryBus
from libs.egress import Guard, GuardedClient, parse_allow
from libs.media.finding import VideoProbe
from libs.media.port import MediaStorage
from libs.media.storage import open_storage
from libs.media.workers import Workers
from libs.model.key import Capability, new_secret
from libs.runtime.clock import SyncedClock, SystemClock
from libs.runtime.program import Program
from libs.runtime.settings import load
from libs.runtime.sync import read_once
from libs.store.store import Store
from libs.store.vault import new_key
from libs.tiktok.client import TikTokClient
from services.api.app import build, ensure_operator_key
from services.api.settings import ApiSettings
from tests.documented import check

PAGES = "/oauth/"
"""What is for a creator's browser."""
PROBLEM_MEMBERS = {"type", "title", "status", "code", "detail", "retryable", "request_id", "instance"}


FILM = VideoProbe(
    size=3, container="mp4", mime="video/mp4", codec="h264", profile="High", pixel_format="yuv420p", width=720,
    height=1280, rotation=0, duration_ms=9_000, frames=270, average_frame_rate=30.0, nominal_frame_rate=30.0,
    variable_frame_rate=False, audio_codec=None, audio_channels=None, audio_sample_rate=None, truncated=False,
    damaged=False,
)  # fmt: skip
"""What a look into a file that TikTok takes found."""


@dataclass
class House:
    """A running api. Every answer is checked: no secret in it, no 5xx unless `faults`, errors as whole problems,
    and nothing that the OpenAPI document does not say."""

    settings: ApiSettings
    store: Store
    broker: MemoryBroker
    storage: MediaStorage
    media_folder: Path
    clock: SyncedClock
    program: Program
    http: httpx.AsyncClient
    operator: str
    secrets: set[str] = field(default_factory=set)
    statuses: set[int] = field(default_factory=set)
    faults: bool = False

    def now(self) -> datetime:
        return self.clock.now()

    async def call(
        self, method: str, path: str, *, key: str | None = None, body: Any = None, **more: Any
    ) -> httpx.Response:
        """One request with `key` (the operator's unless given; "" sends none)."""
        headers = {"Authorization": f"Bearer {key or self.operator}"} if key != "" else {}
        headers |= more.pop("headers", {})
        return await self.http.request(method, path, json=body, headers=headers, **more)

    async def get(self, path: str, *, key: str | None = None, **more: Any) -> httpx.Response:
        return await self.call("GET", path, key=key, **more)

    async def post(self, path: str, body: Any = None, *, key: str | None = None, **more: Any) -> httpx.Response:
        return await self.call("POST", path, key=key, body=body, **more)

    async def make(self, path: str, body: Any = None, *, key: str | None = None, **more: Any) -> dict[str, Any]:
        """POSTs what must succeed; what is shown once becomes a secret from then on."""
        response = await self.post(path, body, key=key, **more)
        assert response.status_code in (200, 201, 202), response.text
        made: dict[str, Any] = response.json()
        self.secrets |= {made["secret"]} if made.get("secret") else set()
        return made

    async def customer(self, name: str = "Acme") -> str:
        return str((await self.make("/v1/customers", {"name": name}))["id"])

    async def key(self, customer_id: str | None, **grants: str) -> str:
        """A key of that customer, with every grant unless named."""
        every = {str(capability): "full" for capability in Capability}
        body: dict[str, Any] = {"name": "test", "grants": grants or every}
        if customer_id:
            body["customer_id"] = customer_id
        return str((await self.make("/v1/keys", body))["secret"])

    async def account(self, customer_id: str, *, open_id: str = "-000creator", **more: Any) -> str:
        return str(
            (await self.make("/v1/accounts", self.grant(customer_id=customer_id, open_id=open_id, **more)))["id"]
        )

    def grant(self, **more: Any) -> dict[str, Any]:
        """A body for POST /v1/accounts, whose tokens must never be seen again."""
        tokens = {
            "access_token": f"act.{len(self.secrets)}.planted",
            "refresh_token": f"rft.{len(self.secrets)}.planted",
        }
        self.secrets |= set(tokens.values())
        scopes = ["user.info.basic", "video.publish", "video.upload"]
        return {"open_id": "-000creator", "expires_in": 86400, "scopes": scopes} | tokens | more

    async def video(self, customer_id: str, *, sha256: bytes | None = None) -> str:
        """A row of media without bytes: enough for everything but sending it. Unlike any other, unless told."""
        from libs.model.ids import new_id

        id_ = new_id("med", self.now())
        await self.store.media.create(
            id_=id_, customer_id=customer_id, key=f"{customer_id}/{id_}", size=3,
            sha256=sha256 or secrets.token_bytes(32), content_type="video/mp4", probe=asdict(FILM), now=self.now(),
        )  # fmt: skip
        return id_

    def hear(self, response: httpx.Response, body: bytes) -> None:
        self.statuses.add(response.status_code)
        text = body.decode(errors="replace")
        said = text + str(response.headers)
        assert response.status_code < 500 or self.faults, text
        assert response.headers["X-Request-Id"]
        assert "Traceback" not in text
        leaked = [secret for secret in self.secrets if secret in said]
        assert not leaked, f"{response.request.method} {response.request.url} leaked: {text}"
        request, path = response.request, response.request.url.path
        if (
            response.status_code >= 400
            and not path.endswith("z")
            and request.method != "HEAD"
            and not path.startswith(PAGES)
        ):
            assert response.headers["Content-Type"].startswith("application/problem+json"), text
            problem = orjson.loads(body)
            assert problem.keys() >= PROBLEM_MEMBERS, text
            assert problem["status"] == response.status_code
            assert problem["request_id"] == response.headers["X-Request-Id"]
        check(request.method, path, response.status_code, response.headers, body)

    async def raw(self, data: bytes, *, hang_up: bool = False, wait_s: float = 30.0) -> bytes:
        """What the server says to bytes that no client would send: one answer, with the 1xx before it."""
        host, port = self.program.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        try:
            writer.write(data)
            if hang_up:
                writer.write_eof()
            async with asyncio.timeout(wait_s):
                return await _answer(reader)
        finally:
            writer.transport.abort()  # what the server did not read would keep it open


async def _answer(reader: asyncio.StreamReader) -> bytes:
    said = b""
    while line := await reader.readline():
        said += line
        head = said.rpartition(b"HTTP/1.1 ")[2]
        if line == b"\r\n" and not head.startswith(b"1"):
            length = next(row for row in head.splitlines() if row.lower().startswith(b"content-length:"))
            return said + await reader.readexactly(int(length.partition(b":")[2]))
    return said


def body_of(raw: bytes) -> dict[str, Any]:
    """The JSON body of a raw answer."""
    found: dict[str, Any] = orjson.loads(raw.rpartition(b"\r\n\r\n")[2])
    return found


async def _lookup(name: str) -> Sequence[str]:
    match name:
        case "hooks.acme.example":
            return ["93.184.215.14"]
        case "inside.acme.example":
            return ["93.184.215.14", "10.0.0.7"]
        case _:
            raise OSError("no such name")


@asynccontextmanager
async def open_house(
    database_url: str,
    folder: Path,
    *,
    storage: MediaStorage | None = None,
    workers: Workers | None = None,
    **environ: str,
) -> AsyncIterator[House]:
    """Starts the api on a free port and stops it. `storage` and `workers` are for faults; else they are real."""
    settings = load(ApiSettings, {
        "DATABASE_URL": database_url, "CLIPWIRE_ENCRYPTION_KEYS": new_key(), "MEDIA_URL": f"file://{folder}/media",
        "API_PORT": "0", "TIKTOK_CLIENT_KEY": "awhousekey1", "EGRESS_ALLOW": "127.0.0.0/8",
        "TIKTOK_CLIENT_SECRET": "planted-client-secret", "TIKTOK_API_URL": "http://127.0.0.1:9", **environ,
    })  # fmt: skip
    async with AsyncExitStack() as parts:
        keys = [key.get_secret_value() for key in settings.clipwire_encryption_keys]
        store = Store(database_url, program="api", encryption_keys=keys, size=5)
        await store.open()
        parts.push_async_callback(store.close)
        broker = MemoryBroker(MemoryBus(), prefix="")
        await broker.start()
        storage = storage or open_storage(settings.media_url)
        parts.push_async_callback(storage.close)
        guard = Guard(allow=parse_allow(settings.egress_allow))
        egress = await parts.enter_async_context(GuardedClient(guard=guard, user_agent="test", lookup=_lookup))
        workers = await parts.enter_async_context(workers or Workers(size=1))
        clock = SyncedClock(SystemClock())
        await read_once(clock, store.now)
        operator = new_secret()
        await ensure_operator_key(store, operator, clock.now())
        tiktok = await parts.enter_async_context(
            TikTokClient(api_url=settings.tiktok_api_url, auth_url=settings.tiktok_auth_url)
        )
        program = build(
            settings,
            store=store,
            broker=broker,
            storage=storage,
            egress=egress,
            workers=workers,
            tiktok=tiktok,
            clock=clock,
        )
        await program.start()
        parts.push_async_callback(program.stop)
        http = await parts.enter_async_context(httpx.AsyncClient(base_url=program.url, verify=False, timeout=20))
        house = House(
            settings, store, broker, storage, folder / "media", clock, program, http, operator, secrets={operator}
        )

        async def hear(response: httpx.Response) -> None:
            house.hear(response, await response.aread())

        http.event_hooks["response"].append(hear)
        yield house
