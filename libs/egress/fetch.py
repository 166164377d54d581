"""Downloads: media that customers name, streamed under bounds."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import Final
from urllib.parse import urljoin

from aiohttp import ClientResponse, ClientSession, ClientTimeout

from libs.egress.dial import DIAL, Dial
from libs.egress.errors import DownloadBroken
from libs.egress.failure import FAILURES, failed, timings, too_large
from libs.egress.guard import LONGEST_URL, Target
from libs.egress.headers import kept_headers
from libs.egress.outcome import Failed, FailureKind, Timings

_CHUNK_BYTES: Final = 64 * 1024
_REDIRECTS: Final = frozenset({300, 301, 302, 303, 305, 307, 308})
_CONTENT_RANGE: Final = re.compile(r"bytes (?P<first>[0-9]{1,18})-[0-9]{1,18}/(?P<whole>[0-9]{1,18}|\*)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one download may cost."""

    max_bytes: int
    total_s: float
    connect_s: float
    idle_s: float


@dataclass(frozen=True, slots=True)
class Redirected:
    """The other side points elsewhere; nothing was followed."""

    status: int
    url: str | None = field(repr=False)
    """Absolute, not yet judged; None when the answer names no usable place. May hold secrets."""
    timings: Timings


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """An open answer of any status but a redirect; its body is read once, through `chunks()`."""

    status: int
    headers: Mapping[str, str]
    """As `Answered.headers`."""
    first_byte: int
    """Where in the file this body begins: 0, or `range_from` when the other side honoured it."""
    length: int | None
    """Bytes of this body, if announced."""
    whole_length: int | None
    """Bytes of the whole file, if announced."""
    timings: Timings
    """Until the headers."""
    _response: ClientResponse = field(repr=False)
    _dial: Dial = field(repr=False)
    _limits: Limits = field(repr=False)

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body in pieces of at most 64 KiB.

        Raises `DownloadBroken` when it stalls, ends early or grows beyond its bytes; what came before stands.
        """
        taken = 0
        while chunk := await self._next_chunk():
            taken += len(chunk)
            if taken > self._limits.max_bytes:
                raise DownloadBroken(too_large(self._limits.max_bytes, self._dial, status=self.status))
            yield chunk

    async def _next_chunk(self) -> bytes:
        try:
            # Our own clock: aiohttp 3.14 drops its read timeout when its parser fails, and then waits for nothing.
            async with asyncio.timeout(self._limits.idle_s):
                return await self._response.content.read(_CHUNK_BYTES)
        except FAILURES as exc:
            raise DownloadBroken(failed(exc, self._dial, status=self.status)) from exc


@asynccontextmanager
async def open_download(
    session: ClientSession, target: Target, *, headers: Mapping[str, str], range_from: int, limits: Limits, dial: Dial
) -> AsyncIterator[Download | Redirected | Failed]:
    """One GET of a read URL; the connection is closed on leaving unless the body was read to its end."""
    opened = await _open(session, target, headers=headers, range_from=range_from, limits=limits, dial=dial)
    if isinstance(opened, Failed):
        yield opened
        return
    try:
        yield _read_head(opened, target, range_from=range_from, limits=limits, dial=dial)
    finally:
        if not opened.content.at_eof():
            opened.close()


async def _open(
    session: ClientSession, target: Target, *, headers: Mapping[str, str], range_from: int, limits: Limits, dial: Dial
) -> ClientResponse | Failed:
    timeout = ClientTimeout(total=limits.total_s, connect=limits.connect_s, sock_read=limits.idle_s)
    ranged = {**headers, "Range": f"bytes={range_from}-"} if range_from else headers
    token = DIAL.set(dial)
    try:
        response = await session.get(target.url, headers=ranged, timeout=timeout, allow_redirects=False)
    except FAILURES as exc:
        return failed(exc, dial)
    finally:
        DIAL.reset(token)
    dial.answered = perf_counter()
    return response


def _read_head(
    response: ClientResponse, target: Target, *, range_from: int, limits: Limits, dial: Dial
) -> Download | Redirected | Failed:
    status, length = response.status, response.content_length
    if status in _REDIRECTS:
        return Redirected(status, _place(response, target), timings(dial))
    first_byte, whole = 0, length
    if status == 206:
        span = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
        if span is None or int(span["first"]) != range_from:
            detail = "the answer holds another range than was asked for"
            return Failed(kind=FailureKind.PROTOCOL, detail=detail, timings=timings(dial), status=status)
        first_byte, whole = range_from, None if span["whole"] == "*" else int(span["whole"])
    if length is not None and length > limits.max_bytes:
        return too_large(limits.max_bytes, dial, status=status)
    return Download(
        status=status,
        headers=kept_headers(response.headers),
        first_byte=first_byte,
        length=length,
        whole_length=whole,
        timings=timings(dial),
        _response=response,
        _dial=dial,
        _limits=limits,
    )


def _place(response: ClientResponse, target: Target) -> str | None:
    location = response.headers.get("Location")
    if not location or len(location) > LONGEST_URL:
        return None
    try:
        return urljoin(str(target.url), location)
    except ValueError:
        return None
