"""The moment of dialling: hostile answers, rebinding, literals, own services, redirects; sentinels see nobody."""

import asyncio

import aiohttp
import pytest
from test_egress_addresses import HOSTILE, HOSTILE_TOO

from libs.egress import Answered, Failed, FailureKind, Guard, Reason, Redirected, parse_allow
from libs.egress.dial import GuardedConnector, Pool

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


async def post(client, url, *, headers=None, timeout_s=5.0, connect_timeout_s=2.0):
    return await client.post(
        url,
        body=b'{"id":"evt_01"}',
        headers={"content-type": "application/json"} | (headers or {}),
        timeout_s=timeout_s,
        connect_timeout_s=connect_timeout_s,
    )


LOOPBACK_SPELLINGS = [
    "127.0.0.1",
    "2130706433",
    "0x7f000001",
    "017700000001",
    "127.1",
    "127.0.1",
    "0x7f.1",
    "0x7f.0x0.0x0.0x1",
    "0177.0.0.1",
    "127.00.00.01",
    "00000177.0.0.1",
    "0",
    "0.0.0.0",
    "127。0。0。1",
    "①②⑦.⓪.⓪.①",
    "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ",
    "localhost",
    "localhost.",
    "127.0.0.1.",
    "x.localhost",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::127.0.0.1]",
    "[64:ff9b::127.0.0.1]",
    "good.example@127.0.0.1",
    "good.example\\@127.0.0.1",
    "127.0.0.1\t.good.example",
    "%31%32%37.0.0.1",
    "[::1%25lo]",
]


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_no_spelling_of_loopback_reaches_a_sentinel(serve, make_client, resolver, scheme):
    sentinel = await serve()
    client = make_client(allow="")
    # Whatever slipped through as a name would resolve, as it does with glibc.
    for spelling in LOOPBACK_SPELLINGS:
        resolver.say(spelling, ["127.0.0.1"])

    for spelling in LOOPBACK_SPELLINGS:
        url = f"{scheme}://{spelling}:{sentinel.port}/"
        outcome = await post(client, url)
        refusal = await client.check(url)
        async with client.get(url, max_bytes=10, timeout_s=5) as got:
            pass

        assert isinstance(outcome, Failed) and outcome.kind is FailureKind.BLOCKED, spelling
        assert isinstance(got, Failed) and got.kind is FailureKind.BLOCKED, spelling
        assert refusal is not None and refusal == outcome.refusal, spelling
    assert sentinel.connections == 0


@pytest.mark.parametrize(
    "answers",
    [
        ["127.0.0.1"],
        ["8.8.8.8", "127.0.0.1"],
        ["127.0.0.1", "8.8.8.8"],
        ["8.8.8.8", "::1"],
        ["2001:4860:4860::8888", "10.0.0.1"],
        ["::ffff:127.0.0.1"],
        ["64:ff9b::7f00:1"],
        ["fe80::1%eth0"],
        ["8.8.8.8", "not an address"],
        ["8.8.8.8"] * 2 + ["0.0.0.0"],
    ],
)
async def test_one_forbidden_answer_refuses_the_name_at_registration_and_at_dialling(
    serve, make_client, resolver, answers
):
    sentinel = await serve()
    client = make_client(allow="")
    resolver.say("mixed.example", answers)

    outcome = await post(client, f"https://mixed.example:{sentinel.port}/")
    refusal = await client.check(f"https://mixed.example:{sentinel.port}/")

    assert isinstance(outcome, Failed) and outcome.kind is FailureKind.BLOCKED
    assert outcome.refusal is not None and outcome.refusal.reason is Reason.ADDRESS
    assert refusal == outcome.refusal
    assert not any(answer in outcome.detail for answer in answers)
    assert sentinel.connections == 0


async def test_no_hostile_address_is_dialled_as_an_answer_or_as_a_literal(make_client, resolver):
    client = make_client(allow="")
    for address in HOSTILE + HOSTILE_TOO:
        resolver.say("bad.example", [address])
        literal = f"[{address}]" if ":" in address else address

        for host in ("bad.example", literal):
            outcome = await post(client, f"https://{host}/")

            assert isinstance(outcome, Failed) and outcome.kind is FailureKind.BLOCKED, address
            assert outcome.timings.connect_ms is None, address
            assert await client.check(f"https://{host}/") == outcome.refusal, address


async def test_a_name_may_be_registered_while_every_answer_is_public(make_client, resolver):
    client = make_client(allow="")
    resolver.say("good.example", ["8.8.8.8", "2606:4700:4700::1111"])

    assert await client.check("https://good.example/hook") is None
    assert await client.check("https://8.8.8.8/hook") is None
    assert resolver.asked == ["good.example"]


async def test_a_second_answer_is_judged_again_when_a_connection_is_dialled_again(serve, make_client, resolver):
    async def one_answer_per_connection(exchange):
        await exchange.request()
        await exchange.answer(OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))

    server = await serve(one_answer_per_connection)
    client = make_client(allow="127.0.0.1/32")
    # 0.0.0.0 reaches the very same listener, so only the guard can keep the count at one.
    resolver.say("rebind.example", ["127.0.0.1"], ["0.0.0.0"])

    first = await post(client, f"http://rebind.example:{server.port}/")
    second = await post(client, f"http://rebind.example:{server.port}/")

    assert isinstance(first, Answered)
    assert isinstance(second, Failed) and second.kind is FailureKind.BLOCKED
    assert server.connections == 1
    assert len(resolver.asked) == 2


async def test_an_answer_that_changed_since_registration_is_refused_at_dialling(serve, make_client, resolver):
    sentinel = await serve()
    client = make_client(allow="")
    resolver.say("rebind.example", ["8.8.8.8"], ["127.0.0.1"])
    url = f"https://rebind.example:{sentinel.port}/"

    registered = await client.check(url)
    outcome = await post(client, url)

    assert registered is None
    assert isinstance(outcome, Failed) and outcome.kind is FailureKind.BLOCKED
    assert sentinel.connections == 0


async def test_a_name_is_resolved_once_per_connection_and_never_remembered(serve, make_client, resolver):
    server = await serve()
    client = make_client()
    resolver.say("good.example", ["127.0.0.1"])

    for _ in range(20):
        assert isinstance(await post(client, f"http://good.example:{server.port}/"), Answered)

    assert len(resolver.asked) == server.connections == 1
    assert all(f"Host: good.example:{server.port}".encode() in request for request in server.requests)


async def test_own_ports_are_refused_even_in_an_allowed_network(serve, make_client, resolver):
    postgres = await serve()
    client = make_client(own_ports=[postgres.port])
    resolver.say("db.example", ["127.0.0.1"])

    for host in ("127.0.0.1", "127.9.9.9", "localhost", "db.example"):
        outcome = await post(client, f"http://{host}:{postgres.port}/")
        assert isinstance(outcome, Failed)
        assert outcome.refusal is not None and outcome.refusal.reason is Reason.OWN_SERVICE
    assert postgres.connections == 0


async def test_plain_http_to_a_name_outside_the_allowed_networks_is_refused_after_resolving(make_client, resolver):
    client = make_client()
    resolver.say("good.example", ["8.8.8.8"])
    resolver.say("half.example", ["127.0.0.1", "8.8.8.8"])

    for name in ("good.example", "half.example"):
        outcome = await post(client, f"http://{name}/")
        refusal = await client.check(f"http://{name}/")
        assert isinstance(outcome, Failed)
        assert outcome.refusal is not None and outcome.refusal.reason is Reason.PLAIN_HTTP
        assert refusal == outcome.refusal


async def test_the_socket_itself_is_the_last_guard_for_literals_aiohttp_never_resolves(serve, resolver):
    sentinel = await serve()
    connector = GuardedConnector(
        scheme="http",
        guard=Guard(allow=parse_allow("10.0.0.0/8")),
        lookup=resolver,
        lookup_deadline_s=1.0,
        pool=Pool(),
        tls=None,
    )

    async with aiohttp.ClientSession(connector=connector) as bare:
        for host in ("127.0.0.1", "[::1]", "[::ffff:127.0.0.1]"):
            with pytest.raises(aiohttp.ClientConnectorError):
                await bare.get(f"http://{host}:{sentinel.port}/")

    assert sentinel.connections == 0
    assert resolver.asked == []


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 305, 306, 307, 308])
async def test_a_redirect_is_an_answer_and_is_never_followed(serve, make_client, status):
    sentinel = await serve()

    async def redirect(exchange):
        while await exchange.request():
            await exchange.answer(
                f"HTTP/1.1 {status} Elsewhere\r\nLocation: http://127.0.0.1:{sentinel.port}/x\r\n"
                "Content-Length: 0\r\n\r\n".encode()
            )

    server = await serve(redirect)
    client = make_client()

    outcome = await post(client, server.url)
    async with client.get(server.url, max_bytes=10, timeout_s=5) as got:
        pass

    assert isinstance(outcome, Answered) and outcome.status == status
    assert outcome.headers["location"] == f"http://127.0.0.1:{sentinel.port}/x"
    if status not in {304, 306}:
        assert isinstance(got, Redirected)
        assert got.url == f"http://127.0.0.1:{sentinel.port}/x"
    assert sentinel.connections == 0


async def test_proxies_and_netrc_of_the_environment_are_ignored(serve, make_client, monkeypatch, tmp_path):
    proxy, server = await serve(), await serve()
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password s3cret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))

    outcome = await post(make_client(), server.url)

    assert isinstance(outcome, Answered)
    assert proxy.connections == 0
    assert b"authorization" not in server.requests[0].lower()


async def test_a_cookie_is_never_sent_back(serve, make_client):
    async def set_cookie(exchange):
        while await exchange.request():
            await exchange.answer(OK.replace(b"\r\n\r\n", b"\r\nSet-Cookie: a=b; Path=/\r\n\r\n"))

    server = await serve(set_cookie)
    client = make_client()

    for _ in range(2):
        await post(client, server.url)

    assert len(server.requests) == 2
    assert b"cookie" not in server.requests[1].lower()


async def test_at_concurrency_fifty_nearly_every_delivery_reuses_a_connection(serve, make_client):
    server = await serve()
    client = make_client()
    reused = 0

    async def worker():
        nonlocal reused
        for _ in range(40):
            outcome = await post(client, server.url)
            assert isinstance(outcome, Answered)
            reused += outcome.timings.reused

    await asyncio.gather(*(worker() for _ in range(50)))

    assert len(server.requests) == 2_000
    assert server.connections <= 50
    assert reused >= 0.95 * 2_000


async def test_idle_connections_are_kept_for_a_bounded_number_of_hosts(serve, make_client, resolver):
    left, three_left = [], asyncio.Event()

    async def watch(exchange):
        while request := await exchange.request():
            await exchange.answer(OK)
            name = request.split(b"Host: ")[1].split(b":")[0]
        left.append(name)
        if len(left) == 3:
            three_left.set()

    server = await serve(watch)
    client = make_client(pool=Pool(idle_hosts=2))
    names = [f"host{n}.example" for n in range(6)]

    for name in names:
        resolver.say(name, ["127.0.0.1"])
        assert isinstance(await post(client, f"http://{name}:{server.port}/"), Answered)
    last_again = await post(client, f"http://{names[-1]}:{server.port}/")

    assert isinstance(last_again, Answered) and last_again.timings.reused
    await asyncio.wait_for(three_left.wait(), 2)
    assert left[:3] == [name.encode() for name in names[:3]]


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"host": "evil.example"},
        {"Content-Length": "1"},
        {"Transfer-Encoding": "chunked"},
        {"Connection": "close"},
        {"Proxy-Authorization": "x"},
        {"X-A": "b\r\nX-C: d"},
        {"X-A": "b\nX-C: d"},
        {"X-A": "\x00"},
        {"X-A": "é"},
        {"X A": "b"},
        {"X-A\r\nX-C": "d"},
        {"": "b"},
        {"X:A": "b"},
    ],
)
async def test_a_header_that_could_smuggle_is_refused_before_anything_is_sent(serve, make_client, headers):
    sentinel = await serve()

    outcome = await post(make_client(), sentinel.url, headers=headers)

    assert isinstance(outcome, Failed)
    assert outcome.refusal is not None and outcome.refusal.reason is Reason.HEADER
    assert sentinel.connections == 0


async def test_a_request_carries_our_manners_and_the_callers_headers(serve, make_client):
    server = await serve()

    await post(make_client(), server.url, headers={"webhook-id": "evt_01"})

    head = server.requests[0].decode()
    assert head.startswith("POST /hook HTTP/1.1\r\n")
    for line in (
        "User-Agent: Clipwire/test (+https://clipwire.example/webhooks)",
        "Accept-Encoding: identity",
        "content-type: application/json",
        "webhook-id: evt_01",
        "Content-Length: 15",
        f"Host: 127.0.0.1:{server.port}",
    ):
        assert f"\r\n{line}\r\n" in head
    assert head.endswith('\r\n\r\n{"id":"evt_01"}')


async def test_a_closed_client_says_so_and_closing_twice_is_fine(make_client):
    client = make_client()
    await client.close()
    await client.close()

    with pytest.raises(RuntimeError, match="closed"):
        await post(client, "http://127.0.0.1:9/")
