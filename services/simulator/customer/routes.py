"""HTTP of the customer in a box: deliveries in, scripts and inbox beside them."""

import asyncio
import zlib
from collections.abc import AsyncIterator

from aiohttp import web

from libs.runtime.clock import Clock
from services.simulator.customer.inbox import MAX_BODY, Customers, Received, Reply, Setup
from services.simulator.script.shape import answer, body_as, not_found, number
from services.simulator.wire.held import Held, pause
from services.simulator.wire.socket import cut

PIECE = 64 * 1024


class CustomerRoutes:
    """`/_sim/customer/{name}`: POST delivers, PUT tells it what to do, GET looks."""

    def __init__(self, customers: Customers, clock: Clock, held: Held) -> None:
        self._customers = customers
        self._clock = clock
        self._held = held

    def mount(self, app: web.Application) -> None:
        path = "/_sim/customer/{name:[A-Za-z0-9_.-]{1,64}}"
        app.router.add_get("/_sim/customer", self.everyone)
        app.router.add_put(path, self.setup)
        app.router.add_get(path, self.summary)
        app.router.add_delete(path, self.forget)
        app.router.add_get(path + "/inbox", self.inbox)
        app.router.add_delete(path + "/inbox", self.empty)
        app.router.add_post(path, self.deliver)
        app.router.add_post(path + "/{tail:.*}", self.deliver)

    async def everyone(self, _: web.Request) -> web.Response:
        return answer({"customers": self._customers.listing()})

    async def setup(self, request: web.Request) -> web.Response:
        """Another answer is one from now on: what waits to be answered the old way waits no longer."""
        name = request.match_info["name"]
        customer, wanted = self._customers.named(name), await body_as(Setup, request)
        customer.setup(wanted)
        if wanted.answer is not None or wanted.script is not None:
            self._held.let_go(_held_as(name))
        return answer(customer.summary())

    async def summary(self, request: web.Request) -> web.Response:
        return answer(self._customers.named(request.match_info["name"]).summary())

    async def forget(self, request: web.Request) -> web.Response:
        return web.Response(status=204) if self._customers.forget(request.match_info["name"]) else not_found("customer")

    async def inbox(self, request: web.Request) -> web.Response:
        """Oldest first, after `?after=seq`, at most `?limit=` (newest kept), narrowed by `?type=` and `?id=`."""
        customer = self._customers.named(request.match_info["name"])
        after, limit = number(request, "after", 0), number(request, "limit", 1000)
        kind, message_id = request.query.get("type"), request.query.get("id")
        rows = [got.shown() for got in customer.inbox if got.seq > after]
        rows = [row for row in rows if kind in (None, row["type"]) and message_id in (None, row["id"])]
        return answer({**customer.summary(), "items": rows[-limit:] if limit else []})

    async def empty(self, request: web.Request) -> web.Response:
        customer = self._customers.named(request.match_info["name"])
        customer.inbox.clear()
        customer.ids.clear()
        customer.total = customer.bad = 0
        return web.Response(status=204)

    async def deliver(self, request: web.Request) -> web.StreamResponse:
        customer = self._customers.named(request.match_info["name"])
        reply = customer.next_reply()
        body = await request.content.read(MAX_BODY + 1)
        while len(body) <= MAX_BODY and (more := await request.content.read(MAX_BODY + 1 - len(body))):
            body += more
        headers = {name.lower(): value for name, value in request.headers.items()}
        got = customer.receive(
            method=request.method, path=request.path_qs, headers=headers, body=body, reply=reply, now=self._clock.now()
        )
        with self._held.waiting(_held_as(request.match_info["name"])) as go:
            return await self._reply(request, reply, got, go)

    async def _reply(self, request: web.Request, reply: Reply, got: Received, go: asyncio.Event) -> web.StreamResponse:
        if reply.delay_s:
            await pause(go, reply.delay_s)
        if reply.reset:
            return cut(request)
        headers = {**reply.headers, "X-Received": str(got.seq)}
        status = reply.status
        if reply.retry_after is not None:
            headers["Retry-After"] = reply.retry_after
        if reply.redirect is not None:
            headers["Location"] = reply.redirect
            status = status if 300 <= status < 400 else 302
        if reply.huge_header_bytes:
            headers["X-Huge"] = "x" * reply.huge_header_bytes
        if reply.gzip_bomb_bytes:
            headers["Content-Encoding"] = "gzip"
        if not (reply.slow_s or reply.huge_bytes or reply.gzip_bomb_bytes):
            return web.Response(status=status, body=reply.body.encode(), headers=headers)
        response = web.StreamResponse(status=status, headers=headers)
        await response.prepare(request)
        async for piece in self._pieces(reply, go):
            await response.write(piece)
        await response.write_eof()
        return response

    async def _pieces(self, reply: Reply, go: asyncio.Event) -> AsyncIterator[bytes]:
        if reply.gzip_bomb_bytes:
            packer = zlib.compressobj(wbits=31)
            for _ in range(reply.gzip_bomb_bytes // PIECE + 1):
                if packed := packer.compress(bytes(PIECE)):
                    yield packed
            yield packer.flush()
        elif reply.huge_bytes:
            for _ in range(reply.huge_bytes // PIECE + 1):
                yield b"x" * PIECE
        else:
            for byte in reply.body.encode() or b"slow":
                yield bytes((byte,))
                await pause(go, reply.slow_s)


def _held_as(name: str) -> str:
    return f"customer {name}"
