"""The PUT of a chunk: what is sent, what each answer means, and that the body keeps its promise."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from libs.tiktok.chunks import plan
from libs.tiktok.client import TikTokClient
from libs.tiktok.errors import NoReply, WrongLength
from libs.tiktok.upload import ChunkKind
from tests.each import each
from tests.unit.tiktok.tiktok_script import API, UPLOAD_URL, Scripted


async def blocks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


def chunk(first: int = 0, last: int = 9, total: int = 20) -> dict[str, Any]:
    return {"first": first, "last": last, "total": total, "content_type": "video/mp4", "timeout": 5}


async def test_a_chunk_is_sent_as_the_sheet_shows_without_the_accounts_token() -> None:
    scripted = Scripted(206, b"", {"content-range": "bytes 0-10/20"})

    async with scripted.client() as client:
        answer = await client.put_chunk(UPLOAD_URL, blocks(b"01234", b"", b"56789"), **chunk())

    request = scripted.request
    assert (request.method, str(request.url)) == ("PUT", UPLOAD_URL)
    assert request.headers["content-type"] == "video/mp4"
    assert request.headers["content-length"] == "10"
    assert request.headers["content-range"] == "bytes 0-9/20"
    assert "transfer-encoding" not in request.headers and "authorization" not in request.headers
    assert request.content == b"0123456789"
    assert (answer.kind, answer.received, answer.trace.status) == (ChunkKind.ACCEPTED, 10, 206)
    assert answer.trace.call == "put_chunk"


@each(
    ("status", "last", "header", "kind", "received"),
    [
        (206, 9, "bytes 0-10/20", ChunkKind.ACCEPTED, 10),
        (206, 9, None, ChunkKind.ACCEPTED, None),
        (201, 19, "bytes 0-20/20", ChunkKind.COMPLETE, 20),
        (201, 19, None, ChunkKind.COMPLETE, None),
        (206, 19, "bytes 0-20/20", ChunkKind.COMPLETE, 20),
        (206, 19, "bytes 0-10/20", ChunkKind.ACCEPTED, 10),
        (200, 9, None, ChunkKind.ACCEPTED, None),
        (204, 9, "bytes 0-10/20", ChunkKind.ACCEPTED, 10),
        (200, 19, None, ChunkKind.COMPLETE, None),
        (204, 19, "bytes 0-20/20", ChunkKind.COMPLETE, 20),
        (200, 19, "bytes 0-10/20", ChunkKind.ACCEPTED, 10),
        (416, 9, "bytes 0-10/20", ChunkKind.RESYNC, 10),
        (416, 9, None, ChunkKind.RESYNC, None),
        (416, 9, "bytes 0-10/21", ChunkKind.RESYNC, None),
        (416, 9, "nonsense", ChunkKind.RESYNC, None),
        (403, 9, None, ChunkKind.EXPIRED, None),
        (404, 9, None, ChunkKind.UNKNOWN_TASK, None),
        (400, 9, None, ChunkKind.BAD, None),
        (408, 9, None, ChunkKind.TROUBLE, None),
        (429, 9, None, ChunkKind.TROUBLE, None),
        (500, 9, None, ChunkKind.TROUBLE, None),
        (502, 9, None, ChunkKind.TROUBLE, None),
        (599, 9, None, ChunkKind.TROUBLE, None),
        (405, 9, None, ChunkKind.UNEXPECTED, None),
        (302, 9, None, ChunkKind.UNEXPECTED, None),
        (202, 9, None, ChunkKind.UNEXPECTED, None),
    ],
)
@each("body", [b"", b"<html>", b"null", b'{"error":', b"\xff" * 2_000_000])
async def test_a_chunks_answer_is_judged_by_status_and_progress_alone(
    status: int, last: int, header: str | None, kind: ChunkKind, received: int | None, body: bytes
) -> None:
    headers = {"content-range": header} if header is not None else {}
    first = last - 9

    async with Scripted(status, body, headers).client() as client:
        answer = await client.put_chunk(UPLOAD_URL, blocks(b"0123456789"), **chunk(first, last))

    assert (answer.kind, answer.received) == (kind, received)


async def test_an_answer_whose_body_breaks_off_is_still_the_answer() -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"<html>"
        raise httpx.ReadError("reset")

    transport = httpx.MockTransport(lambda _: httpx.Response(201, content=broken()))
    async with TikTokClient(api_url=API, auth_url=API, transport=transport) as client:
        answer = await client.put_chunk(UPLOAD_URL, blocks(b"0123456789"), **chunk())

    assert answer.kind is ChunkKind.COMPLETE


@pytest.mark.parametrize(
    ("parts", "said"),
    [((b"0123",), "fewer"), ((), "fewer"), ((b"0123456789", b"x"), "more"), ((b"0123456789x",), "more")],
)
async def test_a_body_of_another_length_than_its_range_is_an_error_of_its_own(
    parts: tuple[bytes, ...], said: str
) -> None:
    async with Scripted(206, b"").client() as client:
        with pytest.raises(WrongLength, match=said) as caught:
            await client.put_chunk(UPLOAD_URL, blocks(*parts), **chunk())

    assert caught.value.may_have_taken_effect


@pytest.mark.parametrize("raised", [OSError("disk"), TimeoutError("storage"), RuntimeError("bug")])
async def test_what_the_body_raises_is_raised_as_it_is(raised: Exception) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"0123"
        raise raised

    async with Scripted(206, b"").client() as client:
        with pytest.raises(type(raised)) as caught:
            await client.put_chunk(UPLOAD_URL, broken(), **chunk())

    assert caught.value is raised


@pytest.mark.parametrize(
    "url", ["", "not a url", "/upload", "ftp://x/y", "http://upload.example/u", "https://x:port/u?upload_token=5e0c"]
)
async def test_an_upload_url_that_is_none_or_loses_tls_is_refused_without_being_shown(url: str) -> None:
    scripted = Scripted(206, b"")

    async with scripted.client() as client:
        with pytest.raises(ValueError, match="upload_url") as caught:
            await client.put_chunk(url, blocks(b"0123456789"), **chunk())

    assert scripted.seen == []
    assert "5e0c" not in str(caught.value)


async def test_a_range_outside_the_file_is_refused() -> None:
    async with Scripted(206, b"").client() as client:
        with pytest.raises(ValueError, match="no such range"):
            await client.put_chunk(UPLOAD_URL, blocks(b"0123456789"), **chunk(15, 24))


async def test_a_reset_during_a_chunk_does_not_show_the_upload_token() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise httpx.WriteError(f"broken pipe to {request.url}")

    async with TikTokClient(api_url=API, auth_url=API, transport=httpx.MockTransport(answer)) as client:
        with pytest.raises(NoReply) as caught:
            await client.put_chunk(UPLOAD_URL, blocks(b"0123456789"), **chunk())

    assert "upload_token=[redacted]" in str(caught.value)


async def test_a_whole_plan_arrives_in_order_and_complete() -> None:
    size, held = 64_000_001, 0

    async def receive(request: httpx.Request) -> httpx.Response:
        nonlocal held
        assert request.headers["content-range"].startswith(f"bytes {held}-")
        async for part in request.stream:  # type: ignore[union-attr]
            held += len(part)
        status = 201 if held == size else 206
        return httpx.Response(status, headers={"content-range": f"bytes 0-{held}/{size}"})

    async def zeros(count: int) -> AsyncIterator[bytes]:
        block = bytes(1_000_000)
        for at in range(0, count, len(block)):
            yield block[: count - at]

    made = plan(size)
    async with TikTokClient(api_url=API, auth_url=API, transport=httpx.MockTransport(receive)) as client:
        answers = [
            await client.put_chunk(UPLOAD_URL, zeros(last - first + 1), **chunk(first, last, size))
            for first, last in made.ranges()
        ]

    assert [made.resume(answer.received or 0) for answer in answers] == [1, 2]
    assert [answer.kind for answer in answers] == [ChunkKind.ACCEPTED, ChunkKind.COMPLETE]
