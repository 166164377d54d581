"""A socket reader that survives properties no library can read.

RabbitMQ passes on what a publisher wrote: a timestamp in microseconds (year 55840), an id that is not UTF-8. The
decoder below aiormq raises on those and tears the connection down, the broker delivers the same message to the next
connection, and one stranger's message has stopped the consumer for good. (Tried on RabbitMQ 3.10 with pamqp 4.0.)
So each content header is tried here first, and one that cannot be read is rewritten before the library sees it.
"""

import asyncio
import struct
from contextlib import suppress
from typing import Any

import aiormq
import pamqp.frame
from pamqp.commands import Basic
from pamqp.constants import FRAME_HEADER
from pamqp.header import ContentHeader
from yarl import URL

UNREADABLE_HEADER = "x-clipwire-unreadable-properties"

_FRAME_START = 7  # type, channel, size of the payload; one end byte follows the payload
_BODY_SIZE = slice(4, 12)


def readable(frame: bytes) -> bytes:
    """`frame`, or, when it is a content header that cannot be decoded, one that can.

    Channel and body size stay. The properties in front of the unreadable one stay as well (AMQP's order: content
    type and encoding, headers, delivery mode, priority, correlation id, reply-to, expiration, message id, timestamp,
    …), the others are gone, and the header `x-clipwire-unreadable-properties` says so.
    """
    if frame[:1] != bytes([FRAME_HEADER]):
        return frame
    try:
        pamqp.frame.unmarshal(frame)
    except Exception:  # anything the decoder throws at a stranger's bytes: ValueError, OverflowError, RecursionError
        return _rewritten(frame)
    return frame


def _rewritten(frame: bytes) -> bytes:
    _, channel, _ = struct.unpack(">BHI", frame[:_FRAME_START])
    payload = frame[_FRAME_START:-1]
    (body_size,) = struct.unpack(">Q", payload[_BODY_SIZE].rjust(8, b"\0"))
    try:
        return _marked(_read_so_far(payload), channel=channel, body_size=body_size)
    except Exception:  # readable, and yet not writable: then nothing of it can be trusted
        return _marked(Basic.Properties(), channel=channel, body_size=body_size)


def _read_so_far(payload: bytes) -> Basic.Properties:
    header = ContentHeader()
    with suppress(Exception):  # the same failure again; until then it fills in one property after the other
        header.unmarshal(payload)
    return header.properties


def _marked(properties: Basic.Properties, *, channel: int, body_size: int) -> bytes:
    properties.headers = {**(properties.headers or {}), UNREADABLE_HEADER: True}
    frame = bytes(pamqp.frame.marshal(ContentHeader(body_size=body_size, properties=properties), channel))
    pamqp.frame.unmarshal(frame)
    return frame


class FrameReader(asyncio.StreamReader):
    """A stream reader that takes whole frames off the socket and serves their mended bytes."""

    def __init__(self, *, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop=loop)
        self._mended = b""

    async def readexactly(self, n: int) -> bytes:
        while len(self._mended) < n:
            self._mended += await self._next_frame()
        taken, self._mended = self._mended[:n], self._mended[n:]
        return taken

    def at_eof(self) -> bool:
        return not self._mended and super().at_eof()

    async def _next_frame(self) -> bytes:
        start = await super().readexactly(_FRAME_START)
        if start.startswith(b"AMQP"):  # no frame: the server names the protocol version it would have liked
            return start
        (size,) = struct.unpack(">I", start[3:])
        return readable(start + await super().readexactly(size + 1))


class FrameTransport(aiormq.TransportFactory):
    """Opens the socket for aiormq, with a `FrameReader` on it. TLS when the URL says `amqps`."""

    async def create(self, url: URL, **kwargs: Any) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        host, port = url.host, url.port
        if host is None or port is None:
            raise ValueError("a RabbitMQ URL needs a host")
        provider: aiormq.SSLContextProvider = kwargs["ssl_context_provider"]
        tls = await provider.get_context() if url.scheme == "amqps" else None
        loop = asyncio.get_running_loop()
        reader = FrameReader(loop=loop)
        transport, protocol = await loop.create_connection(
            lambda: asyncio.StreamReaderProtocol(reader, loop=loop), host, port, ssl=tls
        )
        return reader, asyncio.StreamWriter(transport, protocol, reader, loop)
