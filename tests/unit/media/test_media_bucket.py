"""What the S3 store does when the server behind it misbehaves: a scripted server, real sockets."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager

import pytest
from aiohttp import web

from libs.media.errors import StorageFailed
from libs.media.storage import MediaStorage, open_storage

BODY = random.Random(3).randbytes(3_000_000)
E_TAG = '"first"'

Answer = Callable[[web.Request, int, int], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def bucket(answer: Answer) -> AsyncIterator[MediaStorage]:
    """A store over a server whose HEAD is right and whose GETs are ``answer(request, first, end)``."""

    async def handle(request: web.Request) -> web.StreamResponse:
        if request.method == "HEAD":
            return web.Response(headers={"ETag": E_TAG, "Last-Modified": DATE, "Content-Length": str(len(BODY))})
        asked = request.http_range
        assert request.headers["If-Match"] == E_TAG
        return await answer(request, asked.start or 0, asked.stop or len(BODY))

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0]
    storage = open_storage(f"s3://media?endpoint=http://{host}:{port}")
    try:
        yield storage
    finally:
        await storage.close()
        await runner.cleanup()


DATE = "Fri, 20 Nov 2026 10:00:00 GMT"


def partial(first: int, end: int) -> dict[str, str]:
    return {
        "ETag": E_TAG,
        "Last-Modified": DATE,
        "Content-Range": f"bytes {first}-{end - 1}/{len(BODY)}",
        "Content-Length": str(end - first),
    }


async def cut_off(request: web.Request, first: int, end: int, *, after: int) -> web.StreamResponse:
    response = web.StreamResponse(status=206, headers=partial(first, end))
    await response.prepare(request)
    await response.write(BODY[first : first + after])
    assert request.transport is not None
    request.transport.close()
    return response


async def whole(first: int, end: int) -> web.StreamResponse:
    return web.Response(status=206, headers=partial(first, end), body=BODY[first:end])


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test-secret")


async def read(storage: MediaStorage, *, first: int, last: int) -> bytes:
    async with aclosing(await storage.open_range("object", first=first, last=last)) as pieces:
        return b"".join([piece async for piece in pieces])


async def test_a_read_whose_connections_break_goes_on_where_it_was() -> None:
    asked: list[int] = []

    async def answer(request: web.Request, first: int, end: int) -> web.StreamResponse:
        asked.append(first)
        return await (cut_off(request, first, end, after=700_000) if len(asked) < 4 else whole(first, end))

    async with bucket(answer) as storage:
        got = await read(storage, first=11, last=len(BODY) - 2)

    assert got == BODY[11:-1]
    assert asked == sorted(asked)


async def test_an_object_replaced_under_a_reader_fails_the_read_instead_of_mixing_bytes() -> None:
    async def answer(request: web.Request, first: int, end: int) -> web.StreamResponse:
        return web.Response(status=412, text="<Error><Code>PreconditionFailed</Code></Error>")

    async with bucket(answer) as storage:
        with pytest.raises(StorageFailed):
            await read(storage, first=0, last=len(BODY) - 1)


async def test_an_error_from_the_store_does_not_quote_what_the_server_said() -> None:
    async def answer(request: web.Request, first: int, end: int) -> web.StreamResponse:
        return web.Response(status=403, text="<Error><Code>AccessDenied</Code><Secret>hush</Secret></Error>")

    async with bucket(answer) as storage:
        with pytest.raises(StorageFailed) as failed:
            await read(storage, first=0, last=9)

    assert "hush" not in str(failed.value)
