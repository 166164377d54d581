"""Whoever uses the house in the campaign `leaks`: asks, keeps every answer, and remembers every secret it comes by."""

import asyncio
import io
import json
import secrets
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import aiohttp
from aiohttp import web
from PIL import Image

from bench.campaign.errors import CampaignError
from bench.campaign.leak_scan import Place, Secret
from deploy.house import House
from libs.runtime.web import HttpServer


class Witness:
    """Every answer of the api, ingest and the hosted page becomes a place to look into."""

    def __init__(self, house: House, http: aiohttp.ClientSession, operator_key: str) -> None:
        self.house = house
        self.http = http
        self.operator_key = operator_key
        self.places: list[Place] = []
        self.secrets: set[Secret] = set()
        self.jobs: set[bytes] = set()
        """The bodies that were sent to the broker."""

    def remember(self, kind: str, value: str, *shown_by: str) -> str:
        """A secret, and the only answers that may show it."""
        known = next((one for one in self.secrets if one.value == value), None)
        if known is not None:
            self.secrets.discard(known)
            shown_by = (*known.shown_by, *shown_by)
        self.secrets.add(Secret(kind, value, frozenset(shown_by)))
        return value

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
        data: bytes | None = None,
        program: str = "api",
        shows: str = "",
    ) -> dict[str, Any]:
        """Asks as `key`, the operator unless told ("": nobody). `shows` is the kind of secret the answer exists for."""
        given = {"Authorization": f"Bearer {self.operator_key if key is None else key}"} if key != "" else {}
        given |= headers or {}
        sent: dict[str, Any] = {"data": data} if data is not None else {"json": body} if body is not None else {}
        url = path if "://" in path else self.house.urls[program] + path
        async with self.http.request(method, url, headers=given, allow_redirects=False, **sent) as reply:
            content = await reply.read()
            name = self._keep(f"{method} {path.partition('?')[0]} -> {reply.status}", reply.headers, content)
        answer: dict[str, Any] = {}
        with suppress(ValueError):
            answer = json.loads(content)
        if shows and isinstance(answer.get("secret"), str):
            self.remember(shows, answer["secret"], name)
        return answer | {"status": reply.status, "location": reply.headers.get("Location", "")}

    async def do(self, method: str, path: str, body: Any = None, **more: Any) -> dict[str, Any]:
        """Asks for what has to succeed: else the campaign would look for secrets that never were."""
        answer = await self.ask(method, path, body, **more)
        if not 200 <= answer["status"] < 300:
            raise CampaignError(f"{method} {path.partition('?')[0]} answered {answer['status']} {answer.get('errors')}")
        return answer

    async def raw(self, program: str, sent: bytes) -> None:
        """Bytes that are no proper HTTP, and what is answered to them."""
        host, port = self.house.urls[program].removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(sent)
        writer.write_eof()
        with suppress(ConnectionError, TimeoutError):
            async with asyncio.timeout(5):
                self._keep(f"raw bytes to {program}", {}, await reader.read())
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    async def sim(self, method: str, path: str, body: Any = None) -> Any:
        """A string of the simulator; its answers are TikTok's own and no place of ours."""
        async with self.http.request(method, f"{self.house.urls['simulator']}/_sim/{path}", json=body) as reply:
            return await reply.json(content_type=None)

    def _keep(self, name: str, headers: Mapping[str, str], content: bytes) -> str:
        name = f"answer {len(self.places)}: {name}"
        said = "\n".join(f"{header}: {value}" for header, value in headers.items())
        self.places.append(Place(name, said.encode() + b"\n\n" + content))
        return name


class Shelf:
    """A customer's file server whose URLs are signed, which repeats them in what it says, as many do."""

    def __init__(self, film: bytes) -> None:
        self.film = film
        picture = io.BytesIO()
        Image.effect_noise((720, 960), 40).convert("RGB").save(picture, "JPEG")
        self._files = {"film.mp4": (film, "video/mp4"), "photo.jpg": (picture.getvalue(), "image/jpeg")}
        app = web.Application()
        app.router.add_get("/{name}", self._serve)
        self._server = HttpServer(app, host="127.0.0.1", port=0)

    async def __aenter__(self) -> "Shelf":
        await self._server.start()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._server.stop()

    def signed(self, witness: Witness, name: str) -> str:
        """A URL whose query is a secret."""
        signature = witness.remember("signed media URL", secrets.token_urlsafe(32))
        return f"{self._server.url}/{name}?X-Amz-Expires=900&X-Amz-Signature={signature}"

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        if name in self._files:
            body, kind = self._files[name]
            return web.Response(body=body, content_type=kind)
        if name == "moved":
            return web.Response(status=302, headers={"Location": f"/gone?{request.query_string}"})
        if name == "cut":
            request.transport.abort()  # type: ignore[union-attr]
        if name == "text":
            return web.Response(text=f"not a film: {request.url}", content_type="video/mp4")
        return web.Response(status=403, text=f"SignatureDoesNotMatch: {request.url}", reason=f"no {name}")
