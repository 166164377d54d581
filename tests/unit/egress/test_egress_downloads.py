"""Media fetches: streamed, bounded, resumable, and never led elsewhere."""

import asyncio

import pytest

from libs.egress import Download, DownloadBroken, Failed, FailureKind, Reason, Redirected

BODY = bytes(range(256)) * 4_000


def serve_file(body=BODY, *, honours_ranges=True, head=b"", answer_range=None):
    async def script(exchange):
        while request := await exchange.request():
            start = 0
            for row in request.split(b"\r\n"):
                if row.lower().startswith(b"range: bytes=") and honours_ranges:
                    start = int(row[13:].rstrip(b"-"))
            status = b"206 Partial Content" if start else b"200 OK"
            if start:
                shown = answer_range or b"bytes %d-%d/%d" % (start, len(body) - 1, len(body))
                span = b"Content-Range: %b\r\n" % shown
            else:
                span = b""
            part = body[start:]
            await exchange.answer(
                b"HTTP/1.1 %b\r\n%b%bContent-Length: %d\r\n\r\n" % (status, head, span, len(part)), part
            )

    return script


async def fetch(client, url, **options):
    """Everything of one download: what `get` gave, and the bytes."""
    settings = {"max_bytes": 10_000_000, "timeout_s": 5} | options
    async with client.get(url, **settings) as got:
        body = b"".join([chunk async for chunk in got.chunks()]) if isinstance(got, Download) else b""
    return got, body


async def broken_fetch(client, url, **options):
    """The failure in the middle of one download, and the bytes before it."""
    settings = {"max_bytes": 10_000_000, "timeout_s": 5} | options
    taken = b""
    async with client.get(url, **settings) as got:
        try:
            async for chunk in got.chunks():
                taken += chunk
        except DownloadBroken as broken:
            return broken.failed, taken
    raise AssertionError("the download did not break")


async def test_a_file_arrives_whole_in_bounded_pieces_and_the_connection_is_reused(serve, make_client):
    server = await serve(serve_file(head=b"Content-Type: video/mp4\r\nETag: x\r\n"))
    client = make_client()
    sizes = []

    for _ in range(3):
        async with client.get(server.url, max_bytes=len(BODY), timeout_s=5) as got:
            pieces = [chunk async for chunk in got.chunks()]
        assert isinstance(got, Download)
        assert b"".join(pieces) == BODY
        sizes += [len(piece) for piece in pieces]

    assert (got.status, got.first_byte, got.length, got.whole_length) == (200, 0, len(BODY), len(BODY))
    assert got.headers["content-type"] == "video/mp4"
    assert max(sizes) <= 65_536
    assert server.connections == 1


async def test_a_download_resumes_from_a_byte(serve, make_client):
    server = await serve(serve_file())

    got, body = await fetch(make_client(), server.url, range_from=1_000)

    assert isinstance(got, Download)
    assert (got.status, got.first_byte, got.length, got.whole_length) == (206, 1_000, len(BODY) - 1_000, len(BODY))
    assert body == BODY[1_000:]


async def test_a_server_that_ignores_ranges_is_seen_to_start_at_zero(serve, make_client):
    server = await serve(serve_file(honours_ranges=False))

    got, body = await fetch(make_client(), server.url, range_from=1_000)

    assert isinstance(got, Download)
    assert (got.status, got.first_byte) == (200, 0)
    assert body == BODY


@pytest.mark.parametrize("shown", [b"bytes 5-9/10", b"bytes */10", b"items 1000-2000/3000", b"x" * 400])
async def test_another_range_than_asked_for_is_a_failure_not_a_corrupt_file(serve, make_client, shown):
    server = await serve(serve_file(answer_range=shown))

    got, _ = await fetch(make_client(), server.url, range_from=1_000)

    assert isinstance(got, Failed) and got.kind is FailureKind.PROTOCOL


async def test_an_announced_length_beyond_the_bound_is_refused_before_the_body(serve, make_client):
    server = await serve(serve_file())

    got, _ = await fetch(make_client(), server.url, max_bytes=len(BODY) - 1)

    assert isinstance(got, Failed)
    assert (got.kind, got.status) == (FailureKind.BODY_TOO_LARGE, 200)


async def test_an_unannounced_length_is_cut_at_the_bound(serve, make_client):
    async def endless(exchange):
        await exchange.request()
        await exchange.answer(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            await exchange.answer(b"x" * 65_536)

    server = await serve(endless)

    failure, taken = await broken_fetch(make_client(), server.url, max_bytes=300_000)

    assert failure.kind is FailureKind.BODY_TOO_LARGE
    assert 0 < len(taken) <= 300_000


async def stall(exchange):
    await exchange.request()
    await exchange.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
    await exchange.until_closed()


async def cut(exchange):
    await exchange.request()
    await exchange.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")


async def garble(exchange):
    await exchange.request()
    await exchange.answer(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n")
    gone = asyncio.create_task(exchange.reader.read(1))
    await asyncio.wait([gone], timeout=0.05)
    await exchange.answer(b"zz\r\n")
    await gone


@pytest.mark.parametrize(
    ("script", "kinds"),
    [
        (stall, {FailureKind.TIMEOUT}),
        (cut, {FailureKind.RESET}),
        (garble, {FailureKind.TIMEOUT, FailureKind.PROTOCOL, FailureKind.RESET}),
    ],
)
async def test_a_body_that_stops_halfway_breaks_the_download_soon_after_what_came(serve, make_client, script, kinds):
    server = await serve(script)

    failure, taken = await broken_fetch(make_client(), server.url, timeout_s=30, idle_timeout_s=0.3)

    assert taken == b"half"
    assert failure.kind in kinds
    assert failure.status == 200
    assert failure.timings.total_ms < 3_000


async def test_a_download_left_early_does_not_leave_its_rest_to_the_next(serve, make_client):
    server = await serve(serve_file())
    client = make_client()

    async with client.get(server.url, max_bytes=len(BODY), timeout_s=5) as got:
        async for _ in got.chunks():
            break
    _, body = await fetch(client, server.url)

    assert body == BODY
    assert server.connections == 2


@pytest.mark.parametrize(
    ("location", "url"),
    [
        (b"/elsewhere?x=1", "http://127.0.0.1:{port}/elsewhere?x=1"),
        (b"//10.0.0.1/x", "http://10.0.0.1/x"),
        (b"http://169.254.169.254/latest", "http://169.254.169.254/latest"),
        (b"file:///etc/passwd", "file:///etc/passwd"),
        (b"http://[", None),
        (b"", None),
        (b"/" + b"a" * 4_000, None),
    ],
)
async def test_a_redirect_is_handed_back_for_the_guard_to_judge(serve, make_client, location, url):
    async def redirect(exchange):
        await exchange.request()
        await exchange.answer(b"HTTP/1.1 302 Found\r\nLocation: " + location + b"\r\nContent-Length: 0\r\n\r\n")

    server = await serve(redirect)
    client = make_client()

    got, _ = await fetch(client, server.url)

    assert isinstance(got, Redirected)
    assert got.url == (url and url.format(port=server.port))
    assert "elsewhere" not in repr(got)
    if url and "127.0.0.1" not in url:
        again, _ = await fetch(client, url)
        assert isinstance(again, Failed) and again.kind is FailureKind.BLOCKED


async def test_an_error_status_is_a_download_whose_status_the_caller_reads(serve, make_client):
    async def missing(exchange):
        await exchange.request()
        await exchange.answer(b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno")

    server = await serve(missing)

    got, body = await fetch(make_client(), server.url)

    assert isinstance(got, Download)
    assert (got.status, body) == (404, b"no")


@pytest.mark.parametrize(
    ("url", "headers", "reason"),
    [
        ("https://127.0.0.1#x", {}, Reason.FRAGMENT),
        ("http://10.0.0.1/", {}, Reason.ADDRESS),
        ("http://127.0.0.1/", {"Host": "x"}, Reason.HEADER),
    ],
)
async def test_a_refused_download_is_a_value(make_client, url, headers, reason):
    got, _ = await fetch(make_client(), url, headers=headers)

    assert isinstance(got, Failed)
    assert got.refusal is not None and got.refusal.reason is reason


async def test_the_caller_leaving_with_an_error_closes_the_connection(serve, make_client):
    closed = asyncio.Event()

    async def watch(exchange):
        await stall(exchange)
        closed.set()

    server = await serve(watch)
    client = make_client()

    with pytest.raises(ZeroDivisionError):
        async with client.get(server.url, max_bytes=100, timeout_s=5):
            _ = 1 / 0

    await asyncio.wait_for(closed.wait(), 2)


async def test_the_whole_time_bounds_a_download_that_never_pauses(serve, make_client):
    async def drip(exchange):
        await exchange.request()
        await exchange.answer(b"HTTP/1.1 200 OK\r\n\r\n")
        gone = asyncio.create_task(exchange.reader.read(1))
        while not gone.done():
            await exchange.answer(b"x")
            await asyncio.wait([gone], timeout=0.02)

    server = await serve(drip)

    failure, taken = await broken_fetch(make_client(), server.url, timeout_s=0.3, idle_timeout_s=5)

    assert failure.kind is FailureKind.TIMEOUT
    assert taken
    assert failure.timings.total_ms < 3_000
