"""What the other side may do to us, and the value that comes of it: slow, endless, huge, broken, untrusted."""

import asyncio
import gzip
import socket
import ssl
from time import perf_counter

import pytest

from libs.egress import (
    KEPT_BODY_BYTES,
    LARGEST_SENT_BODY,
    Answered,
    Failed,
    FailureKind,
    Guard,
    GuardedClient,
    Pool,
    Reason,
)

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


async def post(client, url, *, body=b"{}", timeout_s=5.0, connect_timeout_s=2.0):
    return await client.post(url, body=body, headers={}, timeout_s=timeout_s, connect_timeout_s=connect_timeout_s)


def say(*pieces, forever=None, then_close=False):
    """A script: read a request, send the pieces, then repeat `forever`, close, or hold the line."""

    async def script(exchange):
        while await exchange.request():
            await exchange.answer(*pieces)
            while forever is not None:
                await exchange.answer(forever)
            if then_close:
                return
        await exchange.until_closed()

    return script


@pytest.mark.parametrize("status", [*range(200, 600, 7), 204, 304, 410, 429, 502, 503, 504, 599])
async def test_every_final_status_is_an_answer(serve, make_client, status):
    body = b"" if status in {204, 304} else b"ok"
    server = await serve(say(b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body)))

    outcome = await post(make_client(), server.url)

    assert isinstance(outcome, Answered)
    assert (outcome.status, outcome.body, outcome.truncated) == (status, body, False)


async def test_interim_statuses_are_passed_over(serve, make_client):
    server = await serve(say(b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", OK))

    outcome = await post(make_client(), server.url)

    assert isinstance(outcome, Answered) and outcome.status == 200


@pytest.mark.parametrize(
    ("sent", "seen"),
    [("120", "120"), ("Fri, 20 Nov 2026 12:00:00 GMT", "Fri, 20 Nov 2026 12:00:00 GMT"), ("x" * 4000, "x" * 512)],
)
async def test_retry_after_is_handed_on_unread_and_bounded(serve, make_client, sent, seen):
    server = await serve(say(f"HTTP/1.1 503 X\r\nRetry-After: {sent}\r\nContent-Length: 0\r\n\r\n".encode()))

    outcome = await post(make_client(), server.url)

    assert isinstance(outcome, Answered)
    assert outcome.retry_after == outcome.headers["retry-after"] == seen


async def test_only_useful_headers_are_kept_and_they_are_harmless(serve, make_client):
    server = await serve(
        say(
            b"HTTP/1.1 200 OK\r\nServer: caf\xc3\xa9 \xff\r\nX-Secret: s\r\nSet-Cookie: a=b\r\n",
            b"Content-Length: 0\r\n\r\n",
        )
    )

    outcome = await post(make_client(), server.url)

    assert isinstance(outcome, Answered)
    assert set(outcome.headers) == {"server", "content-length"}
    assert outcome.headers["server"].isascii() and outcome.headers["server"].isprintable()


@pytest.mark.parametrize("size", [0, 1, KEPT_BODY_BYTES - 1, KEPT_BODY_BYTES, KEPT_BODY_BYTES + 1, 60_000])
@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_is_kept_to_sixteen_kibibytes_and_the_connection_reused(serve, make_client, size, chunked):
    body = b"x" * size
    framed = (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%b0\r\n\r\n"
        % (b"%x\r\n%b\r\n" % (size, body) if size else b"")
        if chunked
        else b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (size, body)
    )
    server = await serve(say(framed))
    client = make_client()

    outcomes = [await post(client, server.url) for _ in range(3)]

    for outcome in outcomes:
        assert isinstance(outcome, Answered)
        assert outcome.body == body[:KEPT_BODY_BYTES]
        assert outcome.truncated == (size > KEPT_BODY_BYTES)
    assert server.connections == 1


@pytest.mark.parametrize(
    ("head", "forever"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65_536),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", b"x" * 65_536),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + b"x" * 65_536 + b"\r\n"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffff\r\n", b"x" * 65_536),
    ],
)
async def test_an_endless_body_is_cut_and_its_connection_dropped(serve, make_client, head, forever):
    server = await serve(say(head, forever=forever))
    client = make_client()

    outcomes = [await post(client, server.url) for _ in range(2)]

    for outcome in outcomes:
        assert isinstance(outcome, Answered)
        assert (len(outcome.body), outcome.truncated) == (KEPT_BODY_BYTES, True)
    assert server.connections == 2


async def test_a_gzip_bomb_is_kept_as_sent_and_never_unpacked(serve, make_client):
    bomb = gzip.compress(b"\0" * 10_000_000)
    server = await serve(
        say(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%b" % (len(bomb), bomb))
    )

    outcome = await post(make_client(), server.url)

    assert isinstance(outcome, Answered)
    assert outcome.body == bomb[:KEPT_BODY_BYTES]
    assert outcome.headers["content-encoding"] == "gzip"


def drip(head, piece):
    async def script(exchange):
        await exchange.request()
        await exchange.answer(head)
        gone = asyncio.create_task(exchange.reader.read(1))
        while not gone.done():
            await exchange.answer(piece)
            # A slow server is what is tested: it waits for a client that never speaks again.
            await asyncio.wait([gone], timeout=0.02)

    return script


@pytest.mark.parametrize(
    ("script", "status"),
    [
        (say(), None),
        (say(b"HTTP/1.1 200 OK\r\n"), None),
        (say(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"), 200),
        (say(b"HTTP/1.1 503 X\r\nRetry-After: 7\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"), 503),
    ],
)
async def test_a_stall_anywhere_is_a_timeout_and_keeps_the_status_it_got(serve, make_client, script, status):
    server = await serve(script)
    started = perf_counter()

    outcome = await post(make_client(), server.url, timeout_s=0.3)

    assert isinstance(outcome, Failed)
    assert (outcome.kind, outcome.status) == (FailureKind.TIMEOUT, status)
    assert outcome.retry_after == ("7" if status == 503 else None)
    assert perf_counter() - started > 0.25


@pytest.mark.parametrize(
    ("head", "piece"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", b"x"),
        (b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;", b"extension"),
    ],
)
async def test_a_slow_drip_ends_with_the_whole_time(serve, make_client, head, piece):
    server = await serve(drip(head, piece))

    outcome = await post(make_client(), server.url, timeout_s=0.3)

    assert isinstance(outcome, Failed) and outcome.kind is FailureKind.TIMEOUT


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nX-A: " + b"b" * 20_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 " + b"O" * 20_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"x" * 20_000 + b": y\r\n\r\n",
    ],
)
async def test_huge_headers_are_refused(serve, make_client, head):
    server = await serve(say(head))

    outcome = await post(make_client(), server.url)

    assert isinstance(outcome, Failed) and outcome.kind is FailureKind.HEADERS_TOO_LARGE


@pytest.mark.parametrize(
    ("head", "forever"),
    [
        (b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n" * 1_000),
        (b"HTTP/1.1 200 OK\r\nX-A: ", b"b" * 65_536),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"X-A: b\r\n" * 1_000),
    ],
)
async def test_endless_headers_and_trailers_end_the_exchange_long_before_its_time(serve, make_client, head, forever):
    server = await serve(say(head, forever=forever))

    outcome = await post(make_client(), server.url, timeout_s=5)

    assert isinstance(outcome, Failed)
    assert outcome.kind in {FailureKind.HEADERS_TOO_LARGE, FailureKind.PROTOCOL, FailureKind.RESET}
    assert outcome.timings.total_ms < 4_000


@pytest.mark.parametrize(
    "answer",
    [b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/9.9 two OK\r\n\r\n", b"\x16\x03\x01\x02", b"HTTP/1.1 200 OK\r\nA b\r\n\r\n"],
)
async def test_what_is_not_http_is_a_protocol_failure(serve, make_client, answer):
    server = await serve(say(answer, then_close=True))

    outcome = await post(make_client(), server.url)

    assert isinstance(outcome, Failed) and outcome.kind is FailureKind.PROTOCOL


@pytest.mark.parametrize("garbage", [b"zz\r\n", b"5\r\nabcdeXX\r\n", b"-5\r\n", b"ffffffffffffffffff\r\n"])
async def test_garbage_in_the_middle_of_a_body_is_a_failure_that_keeps_the_status(serve, make_client, garbage):
    async def garble(exchange):
        await exchange.request()
        await exchange.answer(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n")
        gone = asyncio.create_task(exchange.reader.read(1))
        await asyncio.wait([gone], timeout=0.1)
        await exchange.answer(garbage)
        await gone

    server = await serve(garble)

    outcome = await post(make_client(), server.url, timeout_s=0.4)

    # aiohttp 3.14's C parser forgets to tell the reader, so that the whole time ends it; the Python parser tells.
    assert isinstance(outcome, Failed)
    assert outcome.kind in {FailureKind.PROTOCOL, FailureKind.RESET, FailureKind.TIMEOUT}
    assert outcome.status == 200


async def test_a_flood_of_interim_answers_ends_with_the_whole_time(serve, make_client):
    server = await serve(say(b"", forever=b"HTTP/1.1 100 Continue\r\n\r\n" * 1_000))

    outcome = await post(make_client(), server.url, timeout_s=0.5)

    assert isinstance(outcome, Failed) and outcome.kind is FailureKind.TIMEOUT
    assert outcome.timings.total_ms < 3_000


async def test_a_switch_of_protocols_is_an_answer_and_ends_the_connection(serve, make_client):
    server = await serve(say(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"))
    client = make_client()

    outcomes = [await post(client, server.url, timeout_s=1) for _ in range(2)]

    assert all(isinstance(outcome, Answered) and outcome.status == 101 for outcome in outcomes)
    assert server.connections == 2


async def cut_in_the_body(exchange):
    await exchange.request()
    await exchange.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")


async def cut_in_a_chunk(exchange):
    await exchange.request()
    await exchange.answer(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nha")


async def cut_before_an_answer(exchange):
    await exchange.request()


async def reset_before_an_answer(exchange):
    await exchange.request()
    exchange.reset()


@pytest.mark.parametrize(
    ("script", "status"),
    [(cut_in_the_body, 200), (cut_in_a_chunk, 200), (cut_before_an_answer, None), (reset_before_an_answer, None)],
)
async def test_a_cut_connection_is_a_reset_and_is_not_sent_again_on_a_fresh_one(serve, make_client, script, status):
    server = await serve(script)

    outcome = await post(make_client(), server.url)

    assert isinstance(outcome, Failed)
    assert (outcome.kind, outcome.status) == (FailureKind.RESET, status)
    assert len(server.requests) == 1


async def test_a_reused_connection_that_was_already_closed_is_replaced_once(serve, make_client):
    async def dies_on_the_second(exchange):
        await exchange.request()
        await exchange.answer(OK)
        await exchange.request()
        exchange.reset()

    server = await serve(dies_on_the_second)
    client = make_client()

    first, second = await post(client, server.url), await post(client, server.url)

    assert isinstance(first, Answered) and not first.timings.reused
    assert isinstance(second, Answered) and not second.timings.reused
    assert (server.connections, len(server.requests)) == (2, 3)


async def test_nobody_listening_is_a_refused_connection(make_client):
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]

        outcome = await post(make_client(), f"http://127.0.0.1:{port}/")

    assert isinstance(outcome, Failed) and outcome.kind is FailureKind.CONNECT_REFUSED
    assert str(port) not in outcome.detail


async def test_a_dead_address_is_passed_over_for_the_next(serve, make_client, resolver):
    server = await serve()
    resolver.say("half.example", ["127.0.0.2", "127.0.0.1"])
    resolver.say("dead.example", ["127.0.0.2", "127.0.0.3"])

    half = await post(make_client(), f"http://half.example:{server.port}/")
    dead = await post(make_client(), f"http://dead.example:{server.port}/")

    assert isinstance(half, Answered)
    assert isinstance(dead, Failed) and dead.kind in {FailureKind.CONNECT_REFUSED, FailureKind.UNREACHABLE}


async def test_a_name_without_an_answer_is_a_dns_failure(make_client, resolver):
    resolver.say("empty.example", [])

    for name in ("unknown.example", "empty.example"):
        outcome = await post(make_client(allow=""), f"https://{name}/")
        assert isinstance(outcome, Failed) and outcome.kind is FailureKind.DNS


@pytest.mark.parametrize(("lookup_deadline_s", "connect_timeout_s"), [(0.1, 2.0), (4.0, 0.1)])
async def test_a_name_server_that_hangs_is_a_dns_failure_in_time(make_client, lookup_deadline_s, connect_timeout_s):
    async def hang(name):
        await asyncio.Event().wait()

    client = make_client(allow="", lookup=hang, lookup_deadline_s=lookup_deadline_s)

    outcome = await post(client, "https://slow.example/", connect_timeout_s=connect_timeout_s)

    assert isinstance(outcome, Failed) and outcome.kind is FailureKind.DNS
    assert outcome.timings.total_ms < 1_500


async def test_waiting_for_our_own_pool_is_not_the_customers_failing(serve, make_client):
    server = await serve(say())
    client = make_client(pool=Pool(per_host=1))
    holder = asyncio.create_task(post(client, server.url, timeout_s=2))
    while not server.requests:
        await asyncio.wait([holder], timeout=0.01)

    waiting = await post(client, server.url, connect_timeout_s=0.1)
    holder.cancel()

    assert isinstance(waiting, Failed) and waiting.kind is FailureKind.POOL


async def test_cancellation_is_not_an_outcome(serve, make_client):
    server = await serve(say())
    task = asyncio.create_task(post(make_client(), server.url))
    while not server.requests:
        await asyncio.wait([task], timeout=0.01)

    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_body_beyond_a_mebibyte_is_not_sent(serve, make_client):
    sentinel = await serve()

    outcome = await post(make_client(), sentinel.url, body=b"x" * (LARGEST_SENT_BODY + 1))

    assert isinstance(outcome, Failed)
    assert outcome.refusal is not None and outcome.refusal.reason is Reason.BODY
    assert sentinel.connections == 0


async def test_a_trusted_server_is_reached_by_its_name_with_sni_and_every_phase_is_timed(
    serve, make_client, resolver, authority, tmp_path
):
    server = await serve(tls=authority.server(tmp_path, "good.example"))
    resolver.say("good.example", ["127.0.0.1"])
    client = make_client(tls=authority.trusting())

    first = await post(client, f"https://good.example:{server.port}/")
    second = await post(client, f"https://good.example:{server.port}/")

    assert isinstance(first, Answered) and isinstance(second, Answered)
    assert server.server_names == ["good.example"]
    assert f"Host: good.example:{server.port}".encode() in server.requests[0]
    fresh, again = first.timings, second.timings
    phases = [fresh.dns_ms, fresh.connect_ms, fresh.tls_ms]
    assert all(phase is not None and phase >= 0 for phase in phases)
    assert fresh.tls_ms > 0
    assert sum(phases) <= fresh.first_byte_ms <= fresh.total_ms
    assert again.reused and (again.dns_ms, again.connect_ms, again.tls_ms) == (None, None, None)
    assert again.first_byte_ms <= again.total_ms


@pytest.mark.parametrize(
    ("names", "expired", "trusted"),
    [(["other.example"], False, True), (["good.example"], True, True), (["good.example"], False, False)],
)
async def test_a_certificate_that_does_not_verify_is_a_tls_failure_and_nothing_is_sent(
    serve, make_client, resolver, authority, tmp_path, names, expired, trusted
):
    server = await serve(tls=authority.server(tmp_path, *names, expired=expired))
    resolver.say("good.example", ["127.0.0.1"])
    client = make_client(tls=authority.trusting() if trusted else None)

    outcome = await post(client, f"https://good.example:{server.port}/")

    assert isinstance(outcome, Failed) and outcome.kind is FailureKind.TLS
    assert "certificate" in outcome.detail
    assert server.requests == []


async def test_a_self_signed_server_is_a_tls_failure(serve, make_client, self_signed):
    server = await serve(tls=self_signed)

    outcome = await post(make_client(), f"https://127.0.0.1:{server.port}/")

    assert isinstance(outcome, Failed) and outcome.kind is FailureKind.TLS
    assert server.requests == []


@pytest.mark.parametrize(("kind", "within_s"), [(FailureKind.TLS, 2.0), (FailureKind.CONNECT_TIMEOUT, 0.3)])
async def test_a_server_that_never_shakes_hands_fails_within_the_connect_time(serve, make_client, kind, within_s):
    async def not_tls(exchange):
        await exchange.reader.read(1)
        if kind is FailureKind.TLS:
            await exchange.answer(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await exchange.until_closed()

    server = await serve(not_tls)

    outcome = await post(make_client(), f"https://127.0.0.1:{server.port}/", connect_timeout_s=within_s)

    assert isinstance(outcome, Failed) and outcome.kind is kind
    assert outcome.timings.total_ms < 2_000


def test_a_client_that_would_not_verify_cannot_be_made(make_client):
    careless = ssl.create_default_context()
    careless.check_hostname = False

    with pytest.raises(ValueError, match="verifies"):
        make_client(tls=careless)


@pytest.mark.parametrize("agent", ["a\r\nb", "café"])
def test_a_user_agent_that_cannot_be_sent_is_refused_at_once(agent):
    with pytest.raises(ValueError, match="user agent"):
        GuardedClient(guard=Guard(), user_agent=agent)
