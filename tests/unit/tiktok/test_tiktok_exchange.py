"""The exchange over real sockets: what has left this machine, how long it may take, how much memory it holds."""

import asyncio
import gc
import json
import socket
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

import httpx
import pytest

from libs.tiktok.client import TikTokClient
from libs.tiktok.errors import NoReply, TikTokError, WrongLength
from libs.tiktok.upload import ChunkKind
from tests.unit.tiktok.tiktok_script import EVERY_CALL, LOG_ID, TOKEN, ok

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
MIB = 1024 * 1024


TURNS = 10
"""Of the loop, until both ends of a connection are closed: a transport closes a turn after it was asked to.

A client that gave up in a handshake closes when it sees the other end gone: httpcore lets go of its socket then.
"""


@asynccontextmanager
async def listening(handle: Handler) -> AsyncIterator[str]:
    """A raw server on a free port; every connection is closed when `handle` returns, and with the block."""
    serving: set[asyncio.Task[None]] = set()
    transports: list[asyncio.WriteTransport] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = cast("asyncio.Task[None]", asyncio.current_task())
        serving.add(task)
        transports.append(writer.transport)
        try:
            await handle(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client hung up, as several tests want
        finally:
            serving.discard(task)
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=4 * MIB)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.close()
        left = list(serving)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        for transport in transports:
            transport.abort()  # one that still has bytes for a client who left would never close by itself
        for _ in range(TURNS):
            await asyncio.sleep(0)


def client_of(url: str) -> TikTokClient:
    return TikTokClient(api_url=url, auth_url=url)


async def head(reader: asyncio.StreamReader) -> bytes:
    return await reader.readuntil(b"\r\n\r\n")


def reply(body: bytes, *, status: str = "200 OK", length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    return f"HTTP/1.1 {status}\r\nContent-Length: {size}\r\n\r\n".encode() + body


async def no_reply(url: str, *, timeout: float = 5) -> NoReply:
    async with client_of(url) as client:
        with pytest.raises(NoReply) as caught:
            await client.creator_info(TOKEN, timeout=timeout)
    return caught.value


async def test_a_refused_connection_proves_that_nothing_was_sent() -> None:
    with socket.socket() as held:  # bound and never listened on: nobody else can answer there
        held.bind(("127.0.0.1", 0))
        error = await no_reply(f"http://127.0.0.1:{held.getsockname()[1]}")

    assert not error.sent and not error.may_have_taken_effect


async def test_a_tls_handshake_that_never_ends_proves_that_nothing_was_sent() -> None:
    async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    async with listening(silent) as url:
        error = await no_reply(url.replace("http://", "https://"), timeout=0.3)

    assert not error.sent


async def test_a_handshake_broken_off_leaves_no_open_connection() -> None:
    greeted, gone = asyncio.Event(), asyncio.Event()

    async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read(1)
        greeted.set()
        await reader.read()
        gone.set()

    gc.disable()  # it would close what was forgotten
    try:
        async with listening(silent) as url, client_of(url.replace("http://", "https://")) as client:
            call = asyncio.create_task(client.creator_info(TOKEN, timeout=30))
            async with asyncio.timeout(5):
                await greeted.wait()
                call.cancel()
                await asyncio.wait([call])
                await gone.wait()
    finally:
        gc.enable()

    assert call.cancelled()


async def test_a_deadline_that_passes_while_connecting_proves_that_nothing_was_sent() -> None:
    class NeverConnects(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            await request.extensions["trace"]("connection.connect_tcp.started", {})
            await asyncio.Event().wait()
            raise AssertionError

    async with TikTokClient(api_url="http://t", auth_url="http://t", transport=NeverConnects()) as client:
        with pytest.raises(NoReply) as caught:
            await client.creator_info(TOKEN, timeout=0.5)  # time to begin connecting, on a busy machine too

    assert not caught.value.sent
    assert "no reply within 0.5 s" in str(caught.value)


async def test_a_deadline_in_a_transport_that_tells_no_steps_proves_nothing() -> None:
    async def hang(_: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError

    async with TikTokClient(api_url="http://t", auth_url="http://t", transport=httpx.MockTransport(hang)) as client:
        with pytest.raises(NoReply) as caught:
            await client.creator_info(TOKEN, timeout=0.05)

    assert caught.value.sent


async def test_a_reset_before_the_reply_may_have_taken_effect() -> None:
    async def slam(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await head(reader)

    async with listening(slam) as url:
        assert (await no_reply(url)).sent


async def test_a_reset_in_the_middle_of_the_reply_may_have_taken_effect() -> None:
    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head(reader)
        writer.write(reply(json.dumps(ok({})).encode(), length=5000))

    async with listening(cut) as url:
        assert (await no_reply(url)).sent


async def test_a_reply_that_is_no_http_may_have_taken_effect() -> None:
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head(reader)
        writer.write(b"SSH-2.0-OpenSSH\r\n\r\n")

    async with listening(babble) as url:
        assert (await no_reply(url)).sent


@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"])
async def test_silence_and_a_slow_drip_both_end_at_the_deadline(start: bytes) -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head(reader)
        writer.write(start)
        while start:
            await asyncio.sleep(0.01)  # the drip is the subject
            writer.write(b" ")
            await writer.drain()
        await reader.read()

    async with listening(drip) as url:
        error = await no_reply(url, timeout=0.3)

    assert error.sent
    assert error.elapsed_ms >= 250


async def test_being_cancelled_is_no_error_of_tiktoks() -> None:
    async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    async with listening(silent) as url, client_of(url) as client:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await client.creator_info(TOKEN, timeout=30)


async def test_one_connection_serves_many_calls() -> None:
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        while True:
            asked = await head(reader)
            length = int(asked.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            await reader.readexactly(length)
            if asked.startswith(b"PUT"):
                writer.write(reply(b"<html></html>", status="206 Partial Content"))
            else:
                writer.write(reply(json.dumps(ok({"status": "FAILED"})).encode()))

    async with listening(serve) as url, client_of(url) as client:
        for _ in range(3):
            answer = await client.status_fetch(TOKEN, "p1", timeout=5)
            assert answer.log_id == LOG_ID
            chunk = await client.put_chunk(
                f"{url}/upload", zeros(10), first=0, last=9, total=20, content_type="video/mp4", timeout=5
            )
            assert chunk.kind is ChunkKind.ACCEPTED

    assert connections == 1


async def zeros(count: int) -> AsyncIterator[bytes]:
    for at in range(0, count, MIB):
        yield bytes(min(MIB, count - at))


async def test_a_64_mb_chunk_streams_with_its_length_promised_and_little_memory() -> None:
    size = 64_000_000
    seen: dict[str, Any] = {}

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen["head"] = (await head(reader)).lower()
        left = size
        while left:
            left -= len(await reader.read(min(left, MIB)))
        seen["left"] = left
        writer.write(
            b"HTTP/1.1 201 Created\r\nContent-Range: bytes 0-%d/%d\r\nContent-Length: 0\r\n\r\n" % (size, size)
        )

    async with listening(take) as url, client_of(url) as client:
        tracemalloc.start()
        try:
            answer = await client.put_chunk(
                f"{url}/upload", zeros(size), first=0, last=size - 1, total=size, content_type="video/mp4", timeout=50
            )
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

    assert (answer.kind, answer.received) == (ChunkKind.COMPLETE, size)
    assert b"content-length: 64000000\r\n" in seen["head"]
    assert b"transfer-encoding" not in seen["head"]
    assert peak < 16 * MIB


async def test_no_log_at_any_level_shows_a_token_or_an_upload_url(caplog: pytest.LogCaptureFixture) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head(reader)
        writer.write(reply(b"", status="500 Trouble"))

    caplog.set_level("DEBUG")
    async with listening(serve) as url:
        for call in EVERY_CALL.values():
            async with client_of(url) as client:
                with pytest.raises(TikTokError):
                    await call(client)
        async with client_of(url) as client:
            await client.put_chunk(
                f"{url}/u?upload_token=5e0c", zeros(1), first=0, last=0, total=1, content_type="video/mp4", timeout=5
            )

    assert "send_request_headers" in caplog.text
    assert not any(secret in caplog.text for secret in ("simAAA111", "simBBB222", "s3cr3t", "5e0c", "Zx9"))


async def test_an_answer_that_comes_before_the_chunk_is_all_sent_is_heard() -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head(reader)
        writer.write(reply(b"", status="416 Range Not Satisfiable"))
        await writer.drain()
        while await reader.read(MIB):
            pass

    size = 8 * MIB
    async with listening(refuse) as url, client_of(url) as client:
        answer = await client.put_chunk(
            f"{url}/upload", zeros(size), first=0, last=size - 1, total=size, content_type="video/mp4", timeout=10
        )

    assert answer.kind is ChunkKind.RESYNC


async def test_a_short_body_is_not_counted_as_sent_whole() -> None:
    got: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def take(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await head(reader)
        got.set_result(await reader.read())

    async with listening(take) as url, client_of(url) as client:
        with pytest.raises(WrongLength, match="fewer bytes"):
            await client.put_chunk(
                f"{url}/upload", zeros(9), first=0, last=9, total=20, content_type="video/mp4", timeout=5
            )
        async with asyncio.timeout(5):
            assert await got == bytes(9)
