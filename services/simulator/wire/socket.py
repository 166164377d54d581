"""How an answer leaves, whole or broken. Waits here are real seconds: they are meant for real sockets."""

import asyncio
import socket
import struct

from aiohttp import web

from services.simulator.wire.answer import Answer
from services.simulator.wire.held import pause

_LOOK_S = 0.1


def cut(http: web.Request) -> web.Response:
    """Resets the connection (RST); the response returned here is never seen."""
    transport = http.transport
    if transport is not None:
        sock = transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    return web.Response()


async def hang(http: web.Request, seconds: float, closing: asyncio.Event) -> web.Response:
    """Silence for `seconds`, or until the client gives up or the simulator stops; then a cut."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while loop.time() < deadline and not closing.is_set():
        if http.transport is None or http.transport.is_closing():
            break
        await asyncio.sleep(min(_LOOK_S, max(0.0, deadline - loop.time())))
    return cut(http)


def whole(answer: Answer) -> web.Response:
    return web.Response(
        status=answer.status, body=answer.body, headers={**answer.headers, "Content-Type": answer.content_type}
    )


async def drip(http: web.Request, answer: Answer, seconds: float, go: asyncio.Event) -> web.StreamResponse:
    """The whole answer, one byte every `seconds`; all that is left after `go`."""
    response = await _begin(http, answer)
    for byte in answer.body:
        await response.write(bytes((byte,)))
        await pause(go, seconds)
    await response.write_eof()
    return response


async def truncate(http: web.Request, answer: Answer) -> web.StreamResponse:
    """Half of what Content-Length promised, then the end."""
    response = await _begin(http, answer)
    await response.write(answer.body[: len(answer.body) // 2])
    if http.transport is not None:
        http.transport.close()
    return response


async def _begin(http: web.Request, answer: Answer) -> web.StreamResponse:
    response = web.StreamResponse(status=answer.status, headers=answer.headers)
    response.content_length = len(answer.body)
    response.headers["Content-Type"] = answer.content_type
    await response.prepare(http)
    return response
