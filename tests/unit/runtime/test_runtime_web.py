"""The HTTP shell: what it answers to what is not HTTP, and that it repeats no secret."""

import asyncio
import io
import json
import socket
from collections.abc import AsyncIterator
from functools import partial

import pytest
import pytest_asyncio
from aiohttp import web

from libs.runtime import logs
from libs.runtime.web import CannotListen, HttpServer, make_app
from tests.eventually import eventually


async def body(request: web.Request) -> web.Response:
    return web.Response(body=await request.read())


async def broken(_: web.Request) -> web.Response:
    raise LookupError("cw_thesecretkey")


@pytest_asyncio.fixture
async def server() -> AsyncIterator[HttpServer]:
    async def unwell() -> str | None:
        return "on strike"

    app = make_app("test", checks={"well": _well, "unwell": unwell})
    app.router.add_post("/body", body)
    app.router.add_get("/broken", broken)
    serving = HttpServer(app, host="127.0.0.1", port=0)
    await serving.start()
    yield serving
    await serving.stop()


async def test_an_address_that_cannot_be_had_names_the_setting_and_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        for host, port, said in [
            ("127.0.0.1", taken, f"API_PORT: 127.0.0.1:{taken} is taken by another program; .* set API_PORT"),
            ("192.0.2.1", 0, "API_HOST: no program can listen on 192.0.2.1:0 here"),
        ]:
            with pytest.raises(CannotListen, match=said):
                await HttpServer(make_app("test"), host=host, port=port, settings="API").start()


async def _well() -> str | None:
    return None


async def say(server: HttpServer, text: bytes) -> tuple[int, bytes, bytes]:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        writer.write(text)
        async with asyncio.timeout(10):
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(int(h.split(b":")[1]) for h in head.split(b"\r\n") if h.lower().startswith(b"content-length"))
            return int(head.split(b" ", 2)[1]), head, await reader.readexactly(length)
    finally:
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize("format_", ["json", "console"])
async def test_an_unreadable_request_is_answered_with_a_problem_that_repeats_nothing(
    server: HttpServer, format_: logs.Format
) -> None:
    lines = io.StringIO()
    logs.configure(level="debug", format=format_, stream=lines)

    status, _, answer = await say(
        server, b"GET /healthz HTTP/1.1\r\nHost: x\r\nAuthorization: cw_thesecretkey\x01\r\n\r\n"
    )

    problem = json.loads(answer)
    assert (status, problem["code"]) == (400, "unreadable_request")
    assert problem["detail"] and problem["request_id"].startswith("req_")
    assert b"cw_thesecretkey" not in answer
    assert "cw_thesecretkey" not in lines.getvalue()


async def test_a_handler_that_breaks_is_500_without_its_words(server: HttpServer) -> None:
    status, _, answer = await say(server, b"GET /broken HTTP/1.1\r\nHost: x\r\n\r\n")

    assert (status, json.loads(answer)["code"]) == (500, "internal_error")
    assert b"cw_thesecretkey" not in answer


async def test_a_compressed_body_arrives_as_it_was_sent(server: HttpServer) -> None:
    raw = b"POST /body HTTP/1.1\r\nHost: x\r\nContent-Encoding: br\r\nContent-Length: 3\r\n\r\n\x00\xff!"

    assert (await say(server, raw))[2] == b"\x00\xff!"


async def test_readiness_names_what_is_wrong_and_health_does_not_ask(server: HttpServer) -> None:
    ready = await say(server, b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n")
    alive = await say(server, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")

    assert (ready[0], json.loads(ready[2])["wrong"]) == (503, {"unwell": "on strike"})
    assert alive[0] == 200


async def test_every_answer_has_a_request_id_and_a_tame_one_is_kept(server: HttpServer) -> None:
    mine = await say(server, b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Request-Id: abc-1\r\n\r\n")
    wild = await say(server, b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Request-Id: a b<script>\r\n\r\n")

    assert b"X-Request-Id: abc-1" in mine[1]
    assert b"script" not in wild[1]
    assert b"X-Request-Id: req_" in wild[1]


def test_a_traceback_on_the_console_shows_no_local_variables() -> None:
    lines = io.StringIO()
    logs.configure(format="console", stream=lines)
    secret = "cw_" + "thesecretkey"

    try:
        raise LookupError(len(secret))
    except LookupError:
        import structlog

        structlog.get_logger().exception("thing.broke")

    assert "LookupError" in lines.getvalue()
    assert secret not in lines.getvalue()


async def test_an_address_that_is_a_secret_is_not_in_the_log_of_what_broke() -> None:
    """Whoever hangs up in the middle of an upload has an address that is still good."""
    lines, left = io.StringIO(), asyncio.Event()
    logs.configure(level="debug", format="json", stream=lines)
    secret = "Zb1kq0-VtY7dJ8yqX2mWc4rT9aPo3LsE5uHgN6iFv_Q"

    async def breaks(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        left.set()
        raise ConnectionResetError("gone")

    app = make_app("test")
    app.router.add_put("/push/{token}", breaks)
    app.router.add_put("/worse/{token}", broken)
    serving = HttpServer(app, host="127.0.0.1", port=0)
    await serving.start()
    try:
        for place in ("worse", "push"):
            _, writer = await asyncio.open_connection("127.0.0.1", serving.port)
            writer.write(f"PUT /{place}/{secret} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n".encode())
            await writer.drain()
            await eventually(partial(_says, lines, f"/{place}/..."))
            writer.close()
            await writer.wait_closed()
    finally:
        await serving.stop()

    assert left.is_set()
    assert "request.left" in lines.getvalue() and "request.broke" in lines.getvalue()
    assert secret not in lines.getvalue()


def _says(lines: io.StringIO, words: str) -> bool:
    return words in lines.getvalue()
