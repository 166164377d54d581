"""One POST over aiohttp's connector: the calls that its `ClientSession` makes, and none of what it does between them.

A delivery follows no redirect, keeps no cookie, and takes no proxy, netrc or second try from anywhere: the session's
code for all that has nothing left to do, and was a sixth of what a delivery costs. These calls are the session's own
way to a connection, so `pyproject.toml` holds aiohttp to the minor version whose session was read for them, and every
claim of this room's tests about deliveries is made of them.
"""

import asyncio
from collections.abc import Mapping
from typing import Final, NamedTuple

from aiohttp import ClientRequest, ClientResponse, ClientSession, ClientTimeout, ConnectionTimeoutError
from yarl import URL


class AnswerLimits(NamedTuple):
    """What an answer may hold before it is no answer: bytes of a header line, header lines, bytes read ahead."""

    line_bytes: int = 8_190
    headers: int = 100
    read_ahead_bytes: int = 16 * 1024


LIMITS: Final = AnswerLimits()


async def exchange(
    session: ClientSession, url: URL, *, body: bytes, headers: Mapping[str, str], timeout: ClientTimeout
) -> ClientResponse:
    """The answer's head; its body may still be on its way. Only `timeout.connect` is counted here: the caller bounds
    the whole, body included.

    Raises what `ClientSession.request` raises; after that nothing is left open.
    """
    connector = session.connector
    if connector is None:
        raise RuntimeError("this session is closed")
    loop = asyncio.get_running_loop()
    request = ClientRequest("POST", url, headers=headers, data=body, loop=loop, session=session)
    try:
        connection = await connector.connect(request, [], timeout)
    except TimeoutError as exc:
        raise ConnectionTimeoutError("no connection in time") from exc
    protocol = connection.protocol
    if protocol is None:
        raise RuntimeError("a connector hands out open connections only")
    try:
        protocol.set_response_params(
            read_until_eof=True,
            auto_decompress=False,
            read_bufsize=LIMITS.read_ahead_bytes,
            max_line_size=LIMITS.line_bytes,
            max_field_size=LIMITS.line_bytes,
            max_headers=LIMITS.headers,
        )
        response = await request.send(connection)
        try:
            await response.start(connection)
        except BaseException:
            response.close()
            raise
    except BaseException:
        connection.close()
        raise
    return response
