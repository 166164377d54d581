"""Readiness is answered in time, whatever a check is waiting for."""

import asyncio
import json

import aiohttp

from libs.runtime.web import HttpServer, make_app


async def test_a_check_that_does_not_let_go_is_not_waited_for() -> None:
    """A query to a server that hangs cannot be cancelled quickly either: readiness took thirteen seconds to say so."""
    let_go = asyncio.Event()

    async def clinging() -> str | None:
        while not let_go.is_set():
            try:
                await let_go.wait()
            except asyncio.CancelledError:
                continue
        return None

    server = HttpServer(make_app("test", checks={"store": clinging}, check_s=0.05), host="127.0.0.1", port=0)
    await server.start()
    try:
        async with asyncio.timeout(5), aiohttp.ClientSession() as http, http.get(f"{server.url}/readyz") as answer:
            assert answer.status == 503
            assert json.loads(await answer.read())["wrong"] == {"store": "no answer within 0.05 s"}
    finally:
        let_go.set()
        await server.stop()
