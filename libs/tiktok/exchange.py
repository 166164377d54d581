"""One HTTP exchange: a request out, a bounded reply in, all within one deadline; or the proof of how far it came.

It speaks to an httpx transport and not through `httpx.AsyncClient`, which logs every URL (an upload URL is a secret),
keeps cookies of one account for the next, and takes from the environment what nobody asked for.
"""

import asyncio
import time
import zlib
from collections.abc import AsyncIterable, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

import httpx

from libs.tiktok.errors import NoReply, Unreadable, redact
from libs.tiktok.wire import Trace

MAX_BODY = 1024 * 1024
"""Longest reply that is read, in bytes, packed and unpacked. TikTok's largest, twenty videos, has about 100 kB."""
CONNECT_S = 10.0
"""A connection not open by then will not be; the rest of the deadline is for TikTok to think."""
DRAIN_S = 2.0
"""How long an unwanted body may take before its connection is given up instead."""

# httpx raises these before there is a connection to write to.
_UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply. `body` is unpacked, and empty when it was not wanted."""

    trace: Trace
    status: int
    headers: httpx.Headers
    body: bytes


Reader = Callable[[httpx.Response], Awaitable[bytes]]
"""Takes what is wanted of a reply's body: `whole` or `nothing`."""


class _Closable(Protocol):
    async def aclose(self) -> None: ...


class _Unfit(Exception):
    """The body cannot be taken; carries why."""


async def exchange(
    transport: httpx.AsyncBaseTransport, request: httpx.Request, *, call: str, timeout: float, read: Reader
) -> Answer:
    """Send the request and take the reply, all in `timeout` seconds.

    Raises NoReply when no complete reply came, Unreadable when it is too large or packed in an unknown way. What the
    request's own body iterator raises passes through as it is.
    """
    started = time.monotonic()
    line = _Line()
    # Connecting ends a little ahead of the deadline, so that it and not the deadline says what went wrong.
    early = min(CONNECT_S, timeout * 0.9)
    limits = {"connect": early, "pool": early, "read": timeout, "write": timeout}
    request.extensions |= {"timeout": limits, "trace": line.follow}

    def trace(status: int | None = None) -> Trace:
        return Trace(call=call, elapsed_ms=round((time.monotonic() - started) * 1000), status=status)

    deadline = asyncio.timeout(timeout)
    try:
        async with deadline:
            try:
                response = await transport.handle_async_request(request)
            except asyncio.CancelledError:
                await line.hang_up()
                raise
            try:
                body = await read(response)
            finally:
                await response.aclose()
    except TimeoutError as error:
        if not deadline.expired():
            raise  # the body iterator's own
        raise NoReply(f"no reply within {timeout:g} s", trace=trace(), sent=line.sent) from error
    except _UNSENT as error:
        raise NoReply(_describe(error), trace=trace(), sent=False) from error
    except httpx.TransportError as error:
        raise NoReply(_describe(error), trace=trace(), sent=True) from error
    except _Unfit as unfit:
        raise Unreadable(str(unfit), trace=trace(response.status_code)) from unfit
    status = response.status_code
    return Answer(trace=trace(status), status=status, headers=response.headers, body=body)


async def whole(response: httpx.Response) -> bytes:
    """The body, unpacked: here and up to a bound, so that a small reply cannot unfold into a large one."""
    raw = bytearray()
    async for part in _raw(response):
        raw += part
        if len(raw) > MAX_BODY:
            raise _Unfit("the reply is too large")
    match response.headers.get("content-encoding", "").strip().lower():
        case "" | "identity":
            return bytes(raw)
        case "gzip":
            return _unpack(raw)
        case _:
            raise _Unfit("the reply is packed in a way that was not asked for")


async def nothing(response: httpx.Response) -> bytes:
    """No body. It is drained, so that the connection can serve again; one that does not end costs the connection."""
    size = 0
    try:
        async with asyncio.timeout(DRAIN_S):
            async for part in _raw(response):
                size += len(part)
                if size > MAX_BODY:
                    break
    except (TimeoutError, httpx.TransportError):
        pass  # the status line was the answer, and it has come
    return b""


class _Line:
    """Follows httpcore's own trace, to know when a deadline passes whether the request had begun to leave."""

    def __init__(self) -> None:
        self._followed = False
        self._writing = False
        self._greeting: _Closable | None = None

    async def follow(self, step: str, said: dict[str, Any]) -> None:
        self._followed = True
        self._writing |= step.endswith("send_request_headers.started")
        if step.endswith("connect_tcp.complete"):
            self._greeting = said["return_value"]
        elif step.endswith("start_tls.complete"):
            self._greeting = None  # the pool's from here on

    async def hang_up(self) -> None:
        """Close a connection whose TLS handshake was broken off: cancelled there, httpcore forgets it, open."""
        if self._greeting is not None and not self._writing:
            await self._greeting.aclose()

    @property
    def sent(self) -> bool:
        """True unless httpcore told its steps and had not come to writing."""
        return self._writing or not self._followed


def _raw(response: httpx.Response) -> AsyncIterable[bytes]:
    """The body as it came. Not `aiter_raw`, which refuses the replies that a mock transport gives whole."""
    if not isinstance(response.stream, httpx.AsyncByteStream):
        raise TypeError("an async transport answers with an async stream")
    return response.stream


def _unpack(raw: bytearray) -> bytes:
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        body = unpacker.decompress(raw, MAX_BODY)
    except zlib.error as error:
        raise _Unfit("the reply is not the gzip it says it is") from error
    if not unpacker.eof:
        raise _Unfit("the reply is too large or ends early")
    return body


def _describe(error: httpx.TransportError) -> str:
    said = redact(str(error))
    return f"{type(error).__name__}: {said}" if said else type(error).__name__
