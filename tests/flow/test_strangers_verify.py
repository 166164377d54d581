"""Deliveries are judged by libraries that are not ours, on the raw bytes that arrive."""

import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
import pytest_asyncio
import standardwebhooks
import svix
from aiohttp import web
from flow_house import HeldClock, Stage, open_stage

from libs.runtime.web import HttpServer
from libs.signing import parse_public_key, parse_secret, verify
from tests.databases import Databases
from tests.eventually import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

Judge = Callable[[str, bytes, Mapping[str, str]], Any]
"""(secret, raw body, headers) → the body read, or one of `REFUSALS`."""


def standard(secret: str, body: bytes, headers: Mapping[str, str]) -> Any:
    standardwebhooks.Webhook(secret).verify(body, dict(headers))
    return json.loads(body)


def by_svix(secret: str, body: bytes, headers: Mapping[str, str]) -> Any:
    svix.Webhook(secret).verify(body, dict(headers))
    return json.loads(body)


REFUSALS = (standardwebhooks.WebhookVerificationError, svix.WebhookVerificationError)
JUDGES = pytest.mark.parametrize("judge", [standard, by_svix])


@dataclass(frozen=True)
class Delivered:
    """One request as the wire had it."""

    headers: Mapping[str, str]
    body: bytes


@dataclass
class Sink:
    """A customer's server that knows nothing and keeps everything."""

    url: str = ""
    requests: list[Delivered] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.requests.append(Delivered(headers, await request.read()))
        return web.Response(status=self.statuses.pop(0) if self.statuses else 200)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(
    databases: Databases, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stage]:
    """Strangers look at the machine's own clock, so the house lives by it, but does not move."""
    name = databases.create()
    clock = HeldClock(datetime.now(UTC))
    async with open_stage(databases.url(name), tmp_path_factory.mktemp("house"), clock=clock) as stage:
        yield stage
    databases.drop(name)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sink() -> AsyncIterator[Sink]:
    sink = Sink()
    app = web.Application()
    app.router.add_post("/hook", sink.take)
    server = HttpServer(app, host="127.0.0.1", port=0)
    await server.start()
    sink.url = f"{server.url}/hook"
    yield sink
    await server.stop()


@dataclass(frozen=True)
class Heard:
    """Everything one post made a customer hear, and the secret it was signed with."""

    secret: str
    requests: tuple[Delivered, ...]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def heard(stage: Stage, sink: Sink) -> Heard:
    guest = await stage.guest()
    wanted = {"customer_id": guest.customer_id, "url": sink.url, "events": ["post.*", "media.*"]}
    endpoint = await stage.api("POST", "endpoints", wanted)
    await guest.published(
        title="Grüße, 世界 🎬 — “quoted” \\ and\nmore", metadata={"order": "17", "deep": {"a": [1, None]}}
    )

    await eventually(lambda: any(b"post.published" in got.body for got in sink.requests))
    await stage.quiet()
    return Heard(endpoint["secret"], tuple(sink.requests))


@JUDGES
async def test_every_delivery_verifies(heard: Heard, judge: Judge) -> None:
    types = {judge(heard.secret, got.body, got.headers)["type"] for got in heard.requests}

    assert types == {"post.accepted", "media.ready", "post.uploading", "post.uploaded", "post.published"}


@JUDGES
async def test_a_changed_byte_does_not_verify(heard: Heard, judge: Judge) -> None:
    got = heard.requests[0]
    for place in range(0, len(got.body), 7):
        changed = bytearray(got.body)
        changed[place] ^= 0x01
        with pytest.raises(REFUSALS):
            judge(heard.secret, bytes(changed), got.headers)


@JUDGES
@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
async def test_a_changed_header_does_not_verify(heard: Heard, judge: Judge, name: str) -> None:
    got = heard.requests[0]
    value = got.headers[name]
    changed = (
        str(int(value) - 1) if name == "webhook-timestamp" else value[:-2] + ("AA" if value[-2:] != "AA" else "BB")
    )

    with pytest.raises(REFUSALS):
        judge(heard.secret, got.body, {**got.headers, name: changed})


@JUDGES
async def test_another_endpoints_secret_does_not_verify(stage: Stage, heard: Heard, judge: Judge) -> None:
    other = await stage.guest()

    with pytest.raises(REFUSALS):
        judge(other.secret, heard.requests[0].body, heard.requests[0].headers)


async def test_deliveries_are_whole_and_traceable(heard: Heard) -> None:
    for got in heard.requests:
        body = standard(heard.secret, got.body, got.headers)
        assert got.headers["webhook-id"] == body["id"]
        assert got.headers["content-type"] == "application/json"
        assert set(body) == {"id", "type", "timestamp", "data"}
        assert body["timestamp"].endswith("Z")
        version, trace, span, flags = got.headers["traceparent"].split("-")
        assert (version, len(trace), len(span), flags) == ("00", 32, 16, "01")
    traces = [got.headers["traceparent"].split("-")[1] for got in heard.requests]
    assert len(set(traces)) == len(traces)


@JUDGES
async def test_a_second_try_has_its_own_time_and_the_same_id_and_body(stage: Stage, sink: Sink, judge: Judge) -> None:
    guest = await stage.guest()
    wanted = {"customer_id": guest.customer_id, "url": sink.url, "events": ["webhook.test"]}
    endpoint = await stage.api("POST", "endpoints", wanted)
    sink.requests.clear()
    sink.statuses[:] = [500]
    event_id = await guest.test_event()
    await eventually(lambda: len(sink.requests) == 1)
    await stage.quiet()

    await stage.advance(7)

    await eventually(lambda: len(sink.requests) == 2)
    await stage.quiet()
    first, second = sink.requests
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == event_id
    assert first.body == second.body
    assert int(second.headers["webhook-timestamp"]) - int(first.headers["webhook-timestamp"]) == 7
    for got in (first, second):
        assert judge(endpoint["secret"], got.body, got.headers)["id"] == event_id


async def test_the_body_at_the_endpoint_in_the_feed_and_by_id_is_the_same(stage: Stage, heard: Heard) -> None:
    for got in heard.requests:
        by_id = await stage.http.get(
            f"{stage.urls['api']}/v1/events/{got.headers['webhook-id']}",
            headers={"Authorization": f"Bearer {stage.keepsake.operator_key}"},
        )
        assert by_id.content == got.body


# What an endpoint may say


@pytest.mark.row("SA-59")
async def test_an_endpoint_hears_what_it_asked_for_in_the_way_it_asked_for(stage: Stage, sink: Sink) -> None:
    guest = await stage.guest()
    wanted = {
        "customer_id": guest.customer_id, "url": sink.url, "events": ["post.*", "webhook.test"], "payload": "thin",
        "headers": {"Authorization": "Bearer theirs"},
    }  # fmt: skip
    elsewhere = await stage.guest(customer_id=guest.customer_id)
    mine = await stage.api("POST", "endpoints", wanted | {"accounts": [guest.account_id]})
    sink.requests.clear()

    await elsewhere.published()
    post = await guest.published()
    event_id = await guest.test_event()

    await eventually(lambda: any(b"post.published" in got.body for got in sink.requests))
    await stage.quiet()
    bodies = [standard(mine["secret"], got.body, got.headers) for got in sink.requests]
    assert event_id in [body["id"] for body in bodies], "what is of no account comes in any case"
    assert {body["data"]["post_id"] for body in bodies if "post_id" in body["data"]} == {post["id"]}
    assert all(name.endswith(("_id", "_ids")) for body in bodies for name in body["data"])
    assert all(got.headers["authorization"] == "Bearer theirs" for got in sink.requests)


async def test_every_try_tells_how_long_its_phases_took_and_what_the_answer_said(stage: Stage, sink: Sink) -> None:
    guest = await stage.guest()
    wanted = {"customer_id": guest.customer_id, "url": sink.url, "events": ["webhook.test"]}
    mine = await stage.api("POST", "endpoints", wanted)
    sink.statuses[:] = [503]
    await stage.api("POST", f"endpoints/{mine['id']}/test", status=202)

    async def shown() -> Any:
        await stage.quiet()
        found = await stage.api("GET", f"deliveries?customer_id={guest.customer_id}&endpoint_id={mine['id']}")
        delivery = await stage.api("GET", f"deliveries/{found['data'][0]['id']}") if found["data"] else {}
        return delivery.get("attempts")

    (attempt,) = await eventually(shown)
    await stage.api("POST", f"endpoints/{mine['id']}/disable", status=200)  # its second try is not for the next test

    assert (attempt["status"], attempt["error"], attempt["why"]) == (
        503,
        None,
        "answered 503; the whole endpoint is slowed down",
    )
    assert 0 < attempt["first_byte_ms"] <= attempt["ms"] + 1
    assert attempt["reused"] or attempt["connect_ms"] > 0
    assert attempt["dns_ms"] is None and attempt["tls_ms"] is None, "an address, spoken to in the clear"
    assert "aiohttp" in attempt["headers"]["server"]
    assert attempt["next_at"] is not None


# Rotation: last, because it moves the clock away from the machine's


async def test_a_rotation_under_load_makes_no_delivery_that_its_customer_refuses(stage: Stage, sink: Sink) -> None:
    """The customer trusts a new secret once it was shown one, and an old one until its end."""
    guest = await stage.guest()
    wanted = {
        "customer_id": guest.customer_id,
        "url": sink.url,
        "events": ["webhook.test"],
        "signatures": ["v1", "v1a"],
    }
    endpoint = await stage.api("POST", "endpoints", wanted)
    sink.requests.clear()
    trusted = [parse_secret(endpoint["secret"])]
    keys_url = f"{stage.urls['api']}/v1/endpoints/{endpoint['id']}/public-keys"
    judged = 0

    async def judge_new() -> None:
        nonlocal judged
        public = [parse_public_key(key["public_key"]) for key in (await stage.http.get(keys_url)).json()["keys"]]
        while judged < len(sink.requests):
            got = sink.requests[judged]
            judged += 1
            for keys in (trusted, public):
                verify(got.body, got.headers, keys=keys, now=stage.now)

    for _ in range(4):
        for _ in range(8):
            await stage.api("POST", f"endpoints/{endpoint['id']}/test", status=202)
        rotated = await stage.api("POST", f"endpoints/{endpoint['id']}/rotate", {"overlap_days": 1.0}, status=201)
        await judge_new()
        trusted.append(parse_secret(rotated["secret"]))
        await judge_new()
    await eventually(lambda: len(sink.requests) >= 32)
    await judge_new()
    newest = trusted[-1]

    await stage.advance(86_401)
    await stage.api("POST", f"endpoints/{endpoint['id']}/test", status=202)

    await eventually(lambda: len(sink.requests) >= 33)
    await stage.quiet()
    last = sink.requests[-1]
    verify(last.body, last.headers, keys=[newest], now=stage.now)
    assert len(last.headers["webhook-signature"].split(" ")) == 2, "what has ended does not sign"
    assert len(sink.requests) == 33
