"""Where the document is: `/v1/openapi.json` for machines, `/docs` and `/docs/rules` for people. No key is asked for."""

import asyncio
from collections.abc import Sequence

import orjson
from aiohttp import web

from services.api.openapi.document import openapi
from services.api.openapi.page import HEADERS, page
from services.api.openapi.rules import rules
from services.api.route import Route

_CACHED = {"Cache-Control": "public, max-age=300"}


class Document:
    """Made when it is first asked for, beside the event loop, and kept."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._routes = routes
        self._made: asyncio.Future[tuple[bytes, bytes, bytes]] | None = None

    def add_to(self, app: web.Application) -> None:
        app.router.add_get("/v1/openapi.json", self._json)
        app.router.add_get("/docs", self._page)
        app.router.add_get("/docs/rules", self._rules)

    async def _json(self, _: web.Request) -> web.Response:
        body, *_pages = await self._all()
        return web.Response(body=body, content_type="application/json", headers=_CACHED)

    async def _page(self, _: web.Request) -> web.Response:
        _body, shown, _rules = await self._all()
        return web.Response(body=shown, content_type="text/html", charset="utf-8", headers=HEADERS)

    async def _rules(self, _: web.Request) -> web.Response:
        *_others, shown = await self._all()
        return web.Response(body=shown, content_type="text/html", charset="utf-8", headers=HEADERS)

    async def _all(self) -> tuple[bytes, bytes, bytes]:
        if self._made is None:
            self._made = asyncio.ensure_future(asyncio.to_thread(self._make))
        return await asyncio.shield(self._made)  # whoever asked first may hang up

    def _make(self) -> tuple[bytes, bytes, bytes]:
        document = openapi(self._routes)
        return orjson.dumps(document), page(document), rules(document)
