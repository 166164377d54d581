"""One POST and its answer, read to a cap."""

import asyncio
from collections.abc import Mapping
from time import perf_counter
from typing import Final

from aiohttp import ClientResponse, ClientSession, ClientTimeout, StreamReader
from yarl import URL

from libs.egress.dial import DIAL, Dial
from libs.egress.exchange import exchange
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
    response: ClientResponse | None = None
    token = DIAL.set(dial)
    try:
        async with asyncio.timeout(timeout.total):
            response = await exchange(session, url, body=body, headers=headers, timeout=timeout)
            dial.answered = perf_counter()
            content = response.content
            if content.is_eof():  # the body came with its headers, as small ones do: nothing to wait for
                return _answered(response, dial, content.read_nowait(_READ_BODY_BYTES))
            return _answered(response, dial, await _read_body(content))
    except FAILURES as exc:
        if response is None:
            return failed(exc, dial)
        response.close()
        return failed(exc, dial, status=response.status, retry_after=_retry_after(response))
    except BaseException:
        if response is not None:
            response.close()
        raise
    finally:
        DIAL.reset(token)


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


def _answered(response: ClientResponse, dial: Dial, body: bytes) -> Answered:
    whole = response.content.at_eof()
    if not whole:
        # What is left unread would have to be read before the next request could use the connection.
        response.close()
    return Answered(
        response.status,
        kept_headers(response.headers),
        body[:KEPT_BODY_BYTES],
        not whole or len(body) > KEPT_BODY_BYTES,
        _retry_after(response),
        timings(dial),
    )


def _retry_after(response: ClientResponse) -> str | None:
    retry_after = response.headers.get("Retry-After")
    return retry_after and printable(retry_after)


async def _read_body(content: StreamReader) -> bytes:
    body = bytearray()
    while len(body) < _READ_BODY_BYTES:
        chunk = await content.read(_READ_BODY_BYTES - len(body))
        if not chunk:
            break
        body += chunk
    return bytes(body)
