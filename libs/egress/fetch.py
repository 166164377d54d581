"""Downloads: media that customers name, streamed under bounds."""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
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
class Redirected:
    """The other side points elsewhere; nothing was followed."""

    status: int
    url: str | None
    """Absolute, not yet judged; None when the answer names no usable place. May hold secrets: do not log."""
    timings: Timings


class Download:
    """An open answer of any status but a redirect; its body is read once, through `chunks()`."""

    __slots__ = (
        "_dial",
        "_max_bytes",
        "_response",
        "first_byte",
        "headers",
        "length",
        "status",
        "timings",
        "whole_length",
    )

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

    def __init__(
        self, response: ClientResponse, dial: Dial, *, first_byte: int, whole: int | None, max_bytes: int
    ) -> None:
        self.status = response.status
        self.headers = kept_headers(response.headers)
        self.first_byte = first_byte
        self.length = response.content_length
        self.whole_length = whole
        self.timings = timings(dial)
        self._response = response
        self._dial = dial
        self._max_bytes = max_bytes

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body in pieces of at most 64 KiB.

        Raises `DownloadBroken` when it stalls, ends early or grows beyond `max_bytes`; what came before is kept.
        """
        taken = 0
        content = self._response.content
        while True:
            try:
                chunk = await content.read(_CHUNK_BYTES)
            except FAILURES as exc:
                raise DownloadBroken(failed(exc, self._dial, status=self.status)) from exc
            if not chunk:
                return
            taken += len(chunk)
            if taken > self._max_bytes:
                raise DownloadBroken(too_large(self._max_bytes, self._dial, status=self.status))
            yield chunk


@asynccontextmanager
async def open_download(
    session: ClientSession,
    target: Target,
    *,
    headers: Mapping[str, str],
    range_from: int,
    max_bytes: int,
    timeout: ClientTimeout,
    dial: Dial,
) -> AsyncIterator[Download | Redirected | Failed]:
    """One GET of a read URL; the connection is closed on leaving unless the body was read to its end."""
    ranged = {**headers, "Range": f"bytes={range_from}-"} if range_from else headers
    token = DIAL.set(dial)
    try:
        response = await session.get(target.url, headers=ranged, timeout=timeout, allow_redirects=False)
    except FAILURES as exc:
        response = None
        failure = failed(exc, dial)
    finally:
        DIAL.reset(token)
    if response is None:
        yield failure
        return
    dial.answered = perf_counter()
    try:
        yield _opened(response, target, dial, range_from=range_from, max_bytes=max_bytes)
    finally:
        if response.content.at_eof():
            response.release()
        else:
            response.close()


def _opened(
    response: ClientResponse, target: Target, dial: Dial, *, range_from: int, max_bytes: int
) -> Download | Redirected | Failed:
    if response.status in _REDIRECTS:
        return Redirected(response.status, _place(response, target), timings(dial))
    first_byte, whole = 0, response.content_length
    if response.status == 206:
        span = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
        if span is None or int(span["first"]) != range_from:
            return Failed(
                kind=FailureKind.PROTOCOL,
                detail="the answer holds another range than was asked for",
                timings=timings(dial),
                status=response.status,
            )
        first_byte, whole = range_from, None if span["whole"] == "*" else int(span["whole"])
    if (response.content_length or 0) > max_bytes:
        return too_large(max_bytes, dial, status=response.status)
    return Download(response, dial, first_byte=first_byte, whole=whole, max_bytes=max_bytes)


def _place(response: ClientResponse, target: Target) -> str | None:
    location = response.headers.get("Location")
    if not location or len(location) > LONGEST_URL:
        return None
    try:
        return urljoin(str(target.url), location)
    except ValueError:
        return None
