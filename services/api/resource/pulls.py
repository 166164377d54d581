"""Where TikTok pulls media from, and the file that proves the place is ours. The only routes that need no key.

A pull URL is a secret of its own: unguessable, of one publication, and gone once that publication is settled. A fetch
is recorded before its first byte is sent (libs/model/pull.py says what for). Whatever is not served is 404.
"""

import re
from collections.abc import Awaitable, Callable
from contextlib import aclosing

import structlog
from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from libs.media.errors import MediaError
from libs.model.key import digest
from libs.store.pulls import Served
from services.api.call import Desk
from services.api.settings import PROOF

log = structlog.get_logger()

_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
_PLACE = re.compile(r"([0-9]{1,2})\.[a-z0-9]{2,4}")
_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")
Slice = tuple[int, int]
"""First and last byte, both inclusive."""


def add_pull_routes(app: web.Application, desk: Desk) -> None:
    """`/pull/…` for media, and each site-verification file at the root and beneath `/pull/`, as TikTok's portal asks
    for the prefix itself or for one above it."""
    app.router.add_route("GET", "/pull/{token}/{name}", _handler(_pull, desk))
    app.router.add_route("HEAD", "/pull/{token}/{name}", _handler(_pull, desk))
    for token in desk.settings.tiktok_site_verification:
        for folder in ("", "/pull"):
            app.router.add_get(f"{folder}/tiktok{token}.txt", _file(f"{PROOF}{token}"), allow_head=True)


def _handler(handle: Callable[[web.Request, Desk], Awaitable[web.StreamResponse]], desk: Desk) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        return await handle(request, desk)

    return handler


def _file(text: str) -> Handler:
    async def handler(_: web.Request) -> web.StreamResponse:
        return web.Response(text=text, content_type="text/plain")

    return handler


async def _pull(request: web.Request, desk: Desk) -> web.StreamResponse:
    token, named = request.match_info["token"], _PLACE.fullmatch(request.match_info["name"])
    if not _TOKEN.fullmatch(token) or named is None:
        raise web.HTTPNotFound
    hash_, now = digest(token), desk.clock.now()
    served = await desk.store.pulls.find(hash_, int(named[1]), now=now)
    if served is None:
        raise web.HTTPNotFound
    headers = {hdrs.ACCEPT_RANGES: "bytes", hdrs.CACHE_CONTROL: "private, no-store"}
    try:
        part = sliced(request.headers.get(hdrs.RANGE), size=served.size)
    except Unsatisfiable:
        return web.Response(status=416, headers=headers | {hdrs.CONTENT_RANGE: f"bytes */{served.size}"})
    first, last = part or (0, served.size - 1)
    if part is not None:
        headers[hdrs.CONTENT_RANGE] = f"bytes {first}-{last}/{served.size}"
    response = web.StreamResponse(status=200 if part is None else 206, headers=headers)
    response.content_type, response.content_length = served.content_type, last - first + 1
    if request.method == hdrs.METH_HEAD:
        await response.prepare(request)
        return response
    if not await desk.store.pulls.fetched(hash_, now=now):
        raise web.HTTPNotFound  # revoked since it was found
    return await _send(request, response, desk, served, first=first, last=last)


async def _send(
    request: web.Request, response: web.StreamResponse, desk: Desk, served: Served, *, first: int, last: int
) -> web.StreamResponse:
    """Streams the bytes. What fails midway breaks the connection off: half a file must not look whole."""
    pieces = await desk.storage.open_range(served.key, first=first, last=last)
    log.info("pull.fetched", post=served.post_id, publication=served.n, first=first, last=last)
    async with aclosing(pieces):
        await response.prepare(request)
        try:
            async for piece in pieces:
                await response.write(piece)
        except MediaError as error:
            log.warning("pull.broke", post=served.post_id, publication=served.n, why=type(error).__name__)
            if request.transport is not None:
                request.transport.abort()
            return response
    await response.write_eof()
    return response


class Unsatisfiable(Exception):
    """The range asked for begins past the end of the file."""


def sliced(header: str | None, *, size: int) -> Slice | None:
    """The one range asked for; None for the whole file (no range, several, or nothing we can read: all may be ignored,
    RFC 9110 14.2). Raises `Unsatisfiable`."""
    match = _RANGE.fullmatch(header.strip()) if header else None
    if match is None or match[0] == "bytes=-":
        return None
    begin, end = match[1], match[2]
    if not begin:
        if int(end) == 0 or size == 0:
            raise Unsatisfiable
        return max(0, size - int(end)), size - 1
    first = int(begin)
    if end and int(end) < first:
        return None
    if first >= size:
        raise Unsatisfiable
    return first, min(int(end), size - 1) if end else size - 1
