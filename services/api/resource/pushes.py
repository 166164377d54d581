"""Where a file is sent that was promised: an address of its own, good for one whole PUT.

It needs no key, for it is one. For stores that have no such addresses themselves. What is not awaited is 404.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from typing import Final

from aiohttp import web

from libs.model.key import digest
from libs.model.problem import FieldError, Refusal, invalid
from libs.store.errors import StoreError
from services.api.call import Desk
from services.api.upload import pieces

PATH: Final = "/push/{token}"
SHOWN_EVERY_S: Final = 2.0
"""How old the progress is that others see."""
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")


def add_push_route(app: web.Application, desk: Desk) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        return await _push(request, desk)

    app.router.add_route("PUT", PATH, handler, expect_handler=_not_yet)


async def _push(request: web.Request, desk: Desk) -> web.StreamResponse:
    token = request.match_info["token"]
    hash_ = digest(token)
    arrival = await desk.store.arrivals.awaited(hash_, now=desk.clock.now()) if _TOKEN.fullmatch(token) else None
    if arrival is None or arrival.size is None:
        raise web.HTTPNotFound
    if request.content_length not in (None, arrival.size):
        raise Refusal(invalid([_not_as_promised(request.content_length or 0, arrival.size)]))
    async with aclosing(pieces(request)) as chunks:
        stored = await desk.storage.put(
            arrival.sent_to,
            _told(chunks, hash_, desk),
            max_bytes=arrival.size,
            content_type="application/octet-stream",
            expected_bytes=arrival.size,
        )
    if stored.size != arrival.size:
        await desk.storage.delete(arrival.sent_to)
        raise Refusal(invalid([_not_as_promised(stored.size, arrival.size)]))
    sent = await desk.store.arrivals.sent(hash_, now=desk.clock.now())
    if not sent:
        raise web.HTTPNotFound
    return web.Response(status=204)


async def _told(chunks: AsyncIterator[bytes], hash_: bytes, desk: Desk) -> AsyncIterator[bytes]:
    """The same pieces; how many bytes they were is told now and then."""
    loop = asyncio.get_running_loop()
    received, told_at = 0, loop.time()
    async for chunk in chunks:
        received += len(chunk)
        if loop.time() - told_at >= SHOWN_EVERY_S:
            told_at = loop.time()
            with suppress(StoreError):  # the bytes come whether or not anybody can be told how many
                await desk.store.arrivals.received(hash_, received, now=desk.clock.now())
        yield chunk


def _not_as_promised(found: int, size: int) -> FieldError:
    detail = "The file has another size than was said."
    return FieldError("size", "not_as_promised", detail, size, found, "Send the file that was promised, whole.")


async def _not_yet(_: web.Request) -> None:
    """`Expect: 100-continue` is answered by whoever reads the body, once it is known to be wanted."""
