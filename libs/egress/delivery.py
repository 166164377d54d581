"""One POST and its answer, read to a cap."""

from collections.abc import Mapping
from time import perf_counter
from typing import Final

from aiohttp import ClientResponse, ClientSession, ClientTimeout, StreamReader
from yarl import URL

from libs.egress.dial import DIAL, Dial
from libs.egress.failure import FAILURES, failed, timings
from libs.egress.headers import kept_headers, printable
from libs.egress.outcome import Answered, Failed, FailureKind, Outcome

KEPT_BODY_BYTES: Final = 16 * 1024
# Reading a little past what is kept saves the connection of a customer who answers with a whole page.
_READ_BODY_BYTES: Final = 64 * 1024
# A connection the other side had already closed shows itself within a round trip; a later end is this request's.
_STALE_WITHIN_S: Final = 1.0


async def deliver(
    session: ClientSession, url: URL, *, body: bytes, headers: Mapping[str, str], timeout: ClientTimeout, dial: Dial
) -> Outcome:
    """POST to a URL the guard has read. Raises nothing but cancellation for what happens on the way."""
    token = DIAL.set(dial)
    try:
        response = await session.post(url, data=body, headers=headers, timeout=timeout, allow_redirects=False)
    except FAILURES as exc:
        return failed(exc, dial)
    finally:
        DIAL.reset(token)
    dial.answered = perf_counter()
    return await _answered(response, dial)


def was_stale(outcome: Outcome, dial: Dial) -> bool:
    """Whether the request met a reused connection that the other side had already closed."""
    return (
        isinstance(outcome, Failed)
        and outcome.kind is FailureKind.RESET
        and outcome.status is None
        and outcome.timings.reused
        and dial.connected is not None
        and perf_counter() - dial.connected < _STALE_WITHIN_S
    )


async def _answered(response: ClientResponse, dial: Dial) -> Outcome:
    retry_after = response.headers.get("Retry-After")
    if retry_after is not None:
        retry_after = printable(retry_after)
    whole = False
    try:
        content = response.content
        if content.is_eof():  # it came with its headers, as small answers do: nothing to wait for
            body, whole = content.read_nowait(_READ_BODY_BYTES), content.at_eof()
        else:
            body, whole = await _read_body(content)
    except FAILURES as exc:
        return failed(exc, dial, status=response.status, retry_after=retry_after)
    finally:
        if not whole:
            # What is left unread would have to be read before the next request could use the connection.
            response.close()
    return Answered(
        status=response.status,
        headers=kept_headers(response.headers),
        body=body[:KEPT_BODY_BYTES],
        truncated=not whole or len(body) > KEPT_BODY_BYTES,
        retry_after=retry_after,
        timings=timings(dial),
    )


async def _read_body(content: StreamReader) -> tuple[bytes, bool]:
    """The body up to the bytes read, and whether that was all of it."""
    body = bytearray()
    while len(body) < _READ_BODY_BYTES:
        chunk = await content.read(_READ_BODY_BYTES - len(body))
        if not chunk:
            return bytes(body), True
        body += chunk
    return bytes(body), content.at_eof()
