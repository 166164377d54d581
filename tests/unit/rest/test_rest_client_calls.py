"""One call at httpx's seam: what is tried again, under which key, for how long. Both runners, one suite."""

import asyncio
import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from libs.rest.client import (
    NEVER,
    AsyncClipwire,
    Clipwire,
    ClipwireError,
    FileChanged,
    Refused,
    Retries,
    TimedOut,
    Unreachable,
    Unreadable,
)
from libs.rest.client.call import Answered, Lost, Means, Options, Script, call
from libs.rest.client.request import Request, content_of
from libs.rest.client.retry import Budget, again, retry_after_s

SOON = Retries(tries=4, first_s=0.0)
GROUP = {"id": "grp_1", "customer_id": "cus_1", "name": "g", "account_id": None, "created_at": "2026-11-29T09:00:00Z"}


def problem(status: int, code: str, *, retryable: bool, **headers: str) -> httpx.Response:
    body = {"type": "t", "title": "T", "status": status, "code": code, "detail": "d", "retryable": retryable,
            "request_id": "req_1", "instance": "/"}  # fmt: skip
    kind = {"Content-Type": "application/problem+json"}
    return httpx.Response(status, content=json.dumps(body).encode(), headers=kind | headers)


def answer(body: Any = GROUP, status: int = 200) -> httpx.Response:
    return httpx.Response(status, json=body)


Said = httpx.Response | Exception


class Server:
    """Says these one after the other, then the last for ever; keeps what it heard."""

    def __init__(self, *script: Said) -> None:
        self.script = list(script)
        self.heard: list[httpx.Request] = []
        self.bodies: list[bytes] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.heard.append(request)
        self.bodies.append(request.read() if isinstance(request.stream, httpx.SyncByteStream) else b"")
        said = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(said, Exception):
            raise said
        return httpx.Response(said.status_code, stream=httpx.ByteStream(said.content), headers=said.headers)

    async def awaited(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        return self(request)

    @property
    def keys(self) -> list[str | None]:
        return [request.headers.get("Idempotency-Key") for request in self.heard]


Ask = Callable[[Any], Any]
Run = Callable[..., Any]


@pytest.fixture(params=["blocking", "awaited"])
def run(request: pytest.FixtureRequest) -> Run:
    """Does the call with either client, against this server."""

    def blocking(server: Server, ask: Ask, retries: Retries = SOON, **more: Any) -> Any:
        transport = httpx.MockTransport(server)
        with Clipwire("https://api.example", "cw_key", retries=retries, transport=transport, **more) as client:
            return ask(client)

    def awaited(server: Server, ask: Ask, retries: Retries = SOON, **more: Any) -> Any:
        async def main() -> Any:
            transport = httpx.MockTransport(server.awaited)
            async with AsyncClipwire(
                "https://api.example", "cw_key", retries=retries, transport=transport, **more
            ) as client:
                return await ask(client)

        return asyncio.run(main())

    return blocking if request.param == "blocking" else awaited


def make(client: Any) -> Any:
    return client.groups.create(name="g")


def get(client: Any) -> Any:
    return client.groups.get("grp_1")


BUSY = problem(503, "store_unavailable", retryable=True)


@pytest.mark.parametrize(
    "first",
    [
        BUSY,
        problem(429, "rate_limited", retryable=True, **{"Retry-After": "0"}),
        problem(409, "idempotency_in_flight", retryable=True, **{"Retry-After": "0"}),
        problem(500, "internal_error", retryable=True),
        httpx.Response(502, text="<h1>bad gateway</h1>"),
        httpx.ConnectError("refused"),
        httpx.ReadError("reset"),
        httpx.RemoteProtocolError("closed"),
    ],
    ids=lambda said: getattr(said, "status_code", type(said).__name__),
)
def test_what_passes_is_tried_again_and_a_write_keeps_its_key(run: Run, first: Said) -> None:
    server = Server(first, first, answer(status=201))

    assert run(server, make).id == "grp_1"

    assert len(server.heard) == 3
    assert len(set(server.keys)) == 1 and server.keys[0]
    assert [json.loads(body) for body in server.bodies] == [{"name": "g"}] * 3


@pytest.mark.parametrize(
    "said",
    [
        problem(422, "invalid_request", retryable=False),
        problem(404, "not_found", retryable=False),
        problem(409, "changed_meanwhile", retryable=True),
        problem(507, "media_store_full", retryable=True),
        problem(503, "given_up", retryable=False),
    ],
    ids=lambda said: str(said.status_code),
)
def test_what_does_not_pass_is_said_at_once(run: Run, said: httpx.Response) -> None:
    server = Server(said)

    with pytest.raises(Refused) as refused:
        run(server, make)

    assert len(server.heard) == 1
    assert refused.value.problem.status == said.status_code


def test_two_writes_have_two_keys_and_a_read_has_none(run: Run) -> None:
    server = Server(answer())

    for ask in (make, make, get):
        run(server, ask)

    first, second, read = server.keys
    assert first != second and read is None


def test_a_key_in_a_post_is_the_header_too(run: Run) -> None:
    server = Server(httpx.Response(200, json={}))

    with pytest.raises(Unreadable):
        run(server, lambda c: c.posts.create(kind="video", media=["m"], idempotency_key="order-1"))

    assert server.keys == ["order-1"]


def test_tries_end_with_the_last_failure(run: Run) -> None:
    server = Server(BUSY)

    with pytest.raises(Refused, match="store_unavailable"):
        run(server, get)

    assert len(server.heard) == SOON.tries


def test_a_wait_longer_than_the_time_left_is_not_begun(run: Run) -> None:
    server = Server(problem(429, "rate_limited", retryable=True, **{"Retry-After": "3600"}))

    with pytest.raises(Refused, match="rate_limited"):
        run(server, get, timeout=5)

    assert len(server.heard) == 1


@pytest.mark.parametrize(
    ("error", "kind", "worked"),
    [
        (httpx.ConnectError("no"), Unreachable, False),
        (httpx.ReadError("no"), Unreachable, True),
        (httpx.ReadTimeout("no"), TimedOut, True),
        (httpx.ConnectTimeout("no"), TimedOut, False),
    ],
)
def test_a_lost_answer_says_whether_the_write_may_have_worked(
    run: Run, error: Exception, kind: type[ClipwireError], worked: bool
) -> None:
    with pytest.raises(kind) as lost:
        run(Server(error), make, NEVER)

    assert isinstance(lost.value, Unreachable | TimedOut)
    assert lost.value.may_have_worked is worked


def test_a_read_never_may_have_worked(run: Run) -> None:
    with pytest.raises(Unreachable) as lost:
        run(Server(httpx.ReadError("no")), get, NEVER)

    assert not lost.value.may_have_worked


@pytest.mark.parametrize(
    "said",
    [
        httpx.Response(200, text="<html>log in</html>", headers={"Content-Type": "text/html"}),
        httpx.Response(302, headers={"Location": "https://elsewhere.example"}),
        httpx.Response(404, text="nginx"),
        httpx.Response(403, content=b"{", headers={"Content-Type": "application/problem+json"}),
        answer({"secret": "cw_hidden"}),
    ],
    ids=["page", "redirect", "proxy", "broken problem", "other shape"],
)
def test_an_answer_of_somebody_else_is_unreadable_and_not_quoted(run: Run, said: httpx.Response) -> None:
    with pytest.raises(Unreadable) as unreadable:
        run(Server(said), get)

    assert unreadable.value.status == said.status_code
    assert "log in" not in str(unreadable.value) and "cw_hidden" not in repr(unreadable.value)
    assert unreadable.value.__cause__ is None


def test_a_server_that_says_nothing_is_left_in_time() -> None:
    async def awaited(url: str) -> None:
        async with AsyncClipwire(url, "cw_key", timeout=0.2) as client:
            await get(client)

    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with Clipwire(url, "cw_key", timeout=0.2) as client, pytest.raises(TimedOut):
            get(client)
        with pytest.raises(TimedOut):
            asyncio.run(awaited(url))


def test_an_upload_is_opened_anew_for_every_try(run: Run, tmp_path: Path) -> None:
    file, told = tmp_path / "clip.mp4", list[tuple[int, int]]()
    file.write_bytes(b"x" * 2_500_000)
    media = {"id": "med_1", "customer_id": "cus_1", "state": "ready", "made_from": None, "size": 2_500_000,
             "sha256": "0", "content_type": "video/mp4", "probe": {}, "created_at": "2026-11-29T09:00:00Z"}  # fmt: skip
    server = Server(BUSY, answer(media, 201))

    made = run(server, lambda c: c.media.upload(file, progress=lambda sent, whole: told.append((sent, whole))))

    assert made.id == "med_1"
    assert [len(request.content) for request in server.heard] == [2_500_000] * 2
    assert [request.headers["Content-Length"] for request in server.heard] == ["2500000"] * 2
    assert len(set(server.keys)) == 1
    assert [sent for sent, _ in told] == [1_048_576, 2_097_152, 2_500_000] * 2


def test_a_file_that_grew_or_shrank_is_not_sent_as_another(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "clip.mp4"

    for now in (b"shorter", b"much longer than it was"):
        file.write_bytes(b"as it was then")

        def ask(client: Any, now: bytes = now) -> Any:
            request: Request[Any] = Request("POST", "/v1/media", dict, content=content_of(file))
            file.write_bytes(now)
            return client.media.runner.run(call(request, client.media.runner.means))

        with pytest.raises(FileChanged):
            run(Server(answer()), ask)


def test_ids_are_names_and_never_paths(run: Run) -> None:
    server = Server(answer())

    run(server, lambda c: c.groups.get("../keys?x=1"))
    with pytest.raises(ValueError, match="no id"):
        run(server, lambda c: c.groups.get(".."))

    assert [request.url.raw_path for request in server.heard] == [b"/v1/groups/..%2Fkeys%3Fx%3D1"]


def test_a_key_or_address_that_is_none_is_refused_unshown() -> None:
    for url, key in (("ftp://x", "cw_1"), ("https://u:p@x", "cw_1"), ("https://x", "cw_a b"), ("https://x", "cw_\n")):
        with pytest.raises(ValueError) as refused:
            Clipwire(url, key)
        assert key not in str(refused.value) and ":p@" not in str(refused.value)


def hear(script: Iterator[Any] | Any, *heard: Any) -> list[float]:
    """Drives a call by hand: how long it waited before each try."""
    waits = [next(script).after_s]
    for one in heard:
        waits.append(script.send(one).after_s)
    return waits


def lost(script: Script[Any]) -> int:
    """How many tries a call has when every one is lost."""
    next(script)
    for tries in range(1, 100):
        try:
            script.send(Lost("broke", sent=False))
        except Unreachable:
            return tries
    raise AssertionError("it never gave up")


def means(retries: Retries, **more: Any) -> Means:
    now = more.get("clock", lambda: 0.0)
    return Means(Options(retries=retries), more.get("budget", Budget()), now)


def test_waits_double_by_chance_and_retry_after_is_a_floor() -> None:
    script = call(Request("GET", "/", dict), means(Retries(tries=9, first_s=1, most_s=4)))
    busy = Answered(503, {}, b"")
    asked = Answered(503, {"retry-after": "7"}, b"")

    first, *waits = hear(script, busy, busy, busy, asked, busy)

    assert first == 0
    for wait, (least, most) in zip(waits, [(0.5, 1), (1, 2), (2, 4), (7, 11), (2, 4)], strict=True):
        assert least <= wait <= most


def test_time_that_ran_out_while_waiting_ends_the_call() -> None:
    times = iter([0.0, 0.0, 1.0, 99.0])
    script = call(Request("GET", "/", dict), means(Retries(first_s=1), clock=lambda: next(times)))

    next(script)
    with pytest.raises(TimedOut):
        script.send(Lost("broke", sent=True))


def test_a_client_in_trouble_tries_again_less_and_less() -> None:
    budget, tries = Budget(most=3, per_call=0.0), 0
    for _ in range(4):
        script = call(Request("GET", "/", dict), means(Retries(tries=3, first_s=0), budget=budget))
        tries += lost(script)

    assert tries == 4 + 3


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "12"}, 12),
        ({"retry-after": "Sun, 29 Nov 2026 10:00:30 GMT", "date": "Sun, 29 Nov 2026 10:00:00 GMT"}, 30),
        ({"retry-after": "Sun, 29 Nov 2026 09:00:00 GMT", "date": "Sun, 29 Nov 2026 10:00:00 GMT"}, 0),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "Sun, 29 Nov 2026 10:00:30 GMT"}, None),
        ({"retry-after": "9" * 40}, 999_999_999),
        ({}, None),
    ],
)
def test_retry_after_is_read_against_the_servers_own_clock(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after_s(headers) == seconds


def test_only_one_conflict_passes_by_itself() -> None:
    assert again(409, code="idempotency_in_flight", retryable=True)
    assert not again(409, code="changed_meanwhile", retryable=True)
    assert not again(200, code=None, retryable=None)
