"""One POST over aiohttp's connector: the calls that its `ClientSession` makes, and none of what it does between them.

A delivery follows no redirect, keeps no cookie, and takes no proxy, netrc or second try from anywhere: the session's
code for all that has nothing left to do, and was an eighth of what a delivery costs. These calls are the session's own
way to a connection, so `pyproject.toml` holds aiohttp to the minor version whose session was read for them, and every
claim of this room's tests about deliveries is made of them.
"""

import asyncio
from collections.abc import Mapping
from typing import Final, TypedDict

from aiohttp import ClientRequest, ClientResponse, ClientSession, ClientTimeout, ConnectionTimeoutError
from yarl import URL


class Reading(TypedDict):
    """How aiohttp reads an answer, by the names that both its session and its protocol give."""

    auto_decompress: bool
    read_bufsize: int
    max_line_size: int
    max_field_size: int
    max_headers: int


READING: Final = Reading(
    auto_decompress=False, read_bufsize=16 * 1024, max_line_size=8_190, max_field_size=8_190, max_headers=100
)
"""Bytes read ahead, bytes of a line of the head, lines of it: beyond them an answer is none."""


async def exchange(
    session: ClientSession, url: URL, *, body: bytes, headers: Mapping[str, str], timeout: ClientTimeout
) -> ClientResponse:
    """The answer's head; its body may still be on its way. Only `timeout.connect` is counted here: the caller bounds
    the whole, body included.

    Raises what `libs.egress.failure.failed` reads; after that nothing is left open.
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
        protocol.set_response_params(read_until_eof=True, **READING)
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
