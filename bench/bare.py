"""`python -m bench.bare server|client|upload`: the bare limits. What aiohttp does on this machine when nothing else is
done.

The server's handlers read the body, or keep it as a file, and answer 200. The client is a loop of POSTs that read their
answers, as many at once as asked for. The upload is a loop of PUTs that stream a file's chunks, by httpx, which our
client of TikTok is made of, or by aiohttp. All on the loop our programs run on.
"""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import httpx
from aiohttp import ClientSession, TCPConnector, web

from bench.child import BenchError
from bench.script import Answer, converse

WARM_S = 0.5
HEADERS = {"Content-Type": "application/json"}


async def _read_body(request: web.Request) -> web.Response:
    await request.read()
    return web.Response(status=200)


async def _take_file(request: web.Request) -> web.Response:
    """Reads a body of any size; when a file is named, writes it there and syncs it, as whoever keeps it has to."""
    if into := request.query.get("into"):
        with open(into, "wb") as file:
            async for piece in request.content.iter_any():
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
    else:
        async for _ in request.content.iter_any():
            continue
    return web.Response(status=200)


async def _server() -> tuple[dict[str, Any], Answer]:
    app = web.Application()
    app.router.add_post("/webhooks/tiktok", _read_body)
    app.router.add_post("/upload", _take_file)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()

    async def answer(command: dict[str, Any]) -> dict[str, Any]:
        return {}

    return {"port": runner.addresses[0][1]}, answer


async def _client() -> tuple[dict[str, Any], Answer]:
    async def answer(command: dict[str, Any]) -> dict[str, Any]:
        if command.pop("do") != "post":
            raise BenchError("the bare client knows only post")
        return await _post(**command)

    return {"started": True}, answer


async def _post(*, urls: list[str], body: str, at_once: int, seconds: float) -> dict[str, Any]:
    counted, counting, until = 0, False, time.perf_counter() + WARM_S + seconds

    async def loop(url: str, session: ClientSession) -> None:
        nonlocal counted
        while time.perf_counter() < until:
            async with session.post(url, data=content, headers=HEADERS) as response:
                await response.read()
                if response.status != 200:
                    raise BenchError(f"the sink answered {response.status}")
            counted += counting

    content = body.encode()
    async with ClientSession(connector=TCPConnector(limit=at_once)) as session, asyncio.TaskGroup() as group:
        for n in range(at_once):
            group.create_task(loop(urls[n % len(urls)], session))
        await asyncio.sleep(WARM_S)
        counting, began, cpu = True, time.perf_counter(), time.process_time()
        await asyncio.sleep(seconds)
        counting, took, used = False, time.perf_counter() - began, time.process_time() - cpu
    return {"counted": counted, "seconds": took, "cpu_s": used}


async def _upload() -> tuple[dict[str, Any], Answer]:
    async def answer(command: dict[str, Any]) -> dict[str, Any]:
        if command.pop("do") != "put":
            raise BenchError("the bare upload knows only put")
        return await _put(**command)

    return {"started": True}, answer


async def _put(*, by: str, url: str, path: str, ranges: Sequence[tuple[int, int]], piece_bytes: int) -> dict[str, Any]:
    """The file's ranges one after the other; the file is read on the loop, which costs least while it is in memory."""
    file = os.open(Path(path), os.O_RDONLY)
    try:
        async with (
            ClientSession(connector=TCPConnector(limit=1)) as session,
            httpx.AsyncClient(trust_env=False, timeout=60) as client,
        ):
            began, cpu = time.perf_counter(), time.process_time()
            for first, last in ranges:
                headers = {
                    "Content-Type": "video/mp4",
                    "Content-Length": str(last - first + 1),
                    "Content-Range": f"bytes {first}-{last}/{ranges[-1][1] + 1}",
                }
                body = _pieces(file, first, last, piece_bytes)
                if by == "httpx":
                    status = (await client.put(url, content=body, headers=headers)).status_code
                else:
                    async with session.put(url, data=body, headers=headers) as response:
                        await response.read()
                        status = response.status
                if status not in (201, 206):
                    raise BenchError(f"the upload host answered {status}")
            return {"seconds": time.perf_counter() - began, "cpu_s": time.process_time() - cpu}
    finally:
        os.close(file)


async def _pieces(file: int, first: int, last: int, piece_bytes: int) -> AsyncIterator[bytes]:
    at = first
    while at <= last:
        piece = os.pread(file, min(piece_bytes, last + 1 - at), at)
        at += len(piece)
        yield piece


if __name__ == "__main__":
    converse({"server": _server, "client": _client, "upload": _upload}[sys.argv[1]])
