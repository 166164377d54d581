"""One keep-alive connection of the load generator: a request out, its answer in, nothing else.

Raw protocol over uvloop: an HTTP client library would be slower than the servers it measures.
"""

import asyncio
import re
from collections.abc import Callable
from typing import cast

_LENGTH = re.compile(rb"content-length: *([0-9]+)", re.IGNORECASE)


class Line(asyncio.Protocol):
    """`answered(line, status)` is called for each answer; status 0 means that the connection is lost."""

    def __init__(self, answered: Callable[["Line", int], None]) -> None:
        self._answered = answered
        self._transport: asyncio.Transport | None = None
        self._part = b""
        self.number: int | None = None
        """The caller's number of the request that waits for its answer."""
        self.sent_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but its ancestors

    def send(self, request: bytes, *, number: int) -> None:
        assert self._transport is not None
        self.number = number
        self._transport.write(request)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        if self._part:
            data = self._part + data
        end = data.find(b"\r\n\r\n")
        if end < 0 or len(data) < end + 4 + _length(data[:end]):
            self._part = data
            return
        self._part = b""
        self._answered(self, int(data[9:12]))

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self.number is not None:
            self._answered(self, 0)


def _length(head: bytes) -> int:
    if b"Content-Length: 0" in head:  # nearly always, and cheaper than the search
        return 0
    found = _LENGTH.search(head)
    return int(found[1]) if found else 0
