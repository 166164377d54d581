"""The customer in a box: answers as told, keeps what came, and judges signatures without our signing."""

import asyncio
import base64
import time

import aiohttp
import pytest
from standardwebhooks import Webhook
from svix import Webhook as Svix

from tests.contract.simulator.box import Box

SECRET = "whsec_" + base64.b64encode(b"s" * 32).decode()


def signed(box: Box, body: str, message_id: str = "evt_1") -> dict[str, str]:
    now = box.clock.now()
    signature = Webhook(SECRET).sign(message_id, now, body)
    return {"webhook-id": message_id, "webhook-timestamp": str(int(now.timestamp())), "webhook-signature": signature}


async def deliver(
    box: Box, path: str = "customer/acme", body: str = '{"type":"post.published"}', **headers: str
) -> int:
    return (await box.call("POST", f"/_sim/{path}", data=body.encode(), headers=headers)).status


async def test_the_inbox_keeps_deliveries_with_their_verdicts(box: Box) -> None:
    await box.sim("PUT", "customer/acme", {"secret": SECRET})
    body = '{"type":"post.published","data":{"n":1}}'
    good = signed(box, body)

    for path, text, headers in (
        ("customer/acme", body, good),
        ("customer/acme/any/hook?x=1", body, good),
        ("customer/acme", body + " ", good),
        ("customer/acme", body, {}),
    ):
        assert await deliver(box, path, text, **headers) == 200

    seen = await box.sim("GET", "customer/acme/inbox")
    assert [item["signature"] for item in seen["items"]] == ["valid", "valid", "invalid", "missing"]
    assert (seen["received"], seen["distinct_ids"], seen["duplicates"], seen["bad_signatures"]) == (4, 1, 2, 2)
    first = seen["items"][0]
    assert (first["type"], first["id"], first["good"], first["json"]["data"]) == (
        "post.published",
        "evt_1",
        True,
        {"n": 1},
    )
    assert seen["items"][1]["path"] == "/_sim/customer/acme/any/hook?x=1"
    only = await box.sim("GET", "customer/acme/inbox?after=1&id=evt_1&limit=1")
    assert [item["seq"] for item in only["items"]] == [3]
    box.advance(301)
    await deliver(box, "customer/acme", body, **good)
    last = (await box.sim("GET", "customer/acme/inbox"))["items"][-1]
    assert (last["signature"], last["fresh"], last["good"]) == ("valid", False, False)


async def test_its_verdict_agrees_with_svix(box: Box) -> None:
    await box.sim("PUT", "customer/acme", {"secret": ["whsec_" + base64.b64encode(b"x" * 24).decode(), SECRET]})
    body = '{"test":"é"}'
    signature = Svix(SECRET).sign("msg_1", box.clock.now(), body)
    headers = {**signed(box, body, "msg_1"), "webhook-signature": f"v1,bm9wZQ== {signature}"}

    await deliver(box, "customer/acme", body, **headers)

    assert (await box.sim("GET", "customer/acme/inbox"))["items"][0]["good"] is True


async def test_answers_are_scripted_one_by_one_and_then_settle(box: Box) -> None:
    script = [
        {"status": 500},
        {"status": 429, "retry_after": "120"},
        {"status": 410},
        {"redirect": "http://127.0.0.1:9/"},
        {"status": 308, "redirect": "/x"},
        {"status": 200, "body": "drip", "slow_s": 0.001},
    ]
    await box.sim("PUT", "customer/acme", {"script": script, "answer": {"status": 503, "headers": {"X-A": "b"}}})

    replies = [await box.call("POST", "/_sim/customer/acme", data=b"{}") for _ in range(8)]

    assert [reply.status for reply in replies] == [500, 429, 410, 302, 308, 200, 503, 503]
    assert replies[1].headers["Retry-After"] == "120" and replies[3].headers["Location"] == "http://127.0.0.1:9/"
    assert replies[5].text == "drip" and replies[7].headers["X-A"] == "b"
    assert (await box.sim("GET", "customer/acme"))["script_left"] == 0


async def test_it_can_reset_wait_and_flood(box: Box) -> None:
    script = [{"reset": True}, {"delay_s": 0.2}, {"huge_bytes": 3_000_000}, {"gzip_bomb_bytes": 10_000_000},
              {"huge_header_bytes": 100_000}]  # fmt: skip
    await box.sim("PUT", "customer/acme", {"script": script})
    with pytest.raises(aiohttp.ClientError):
        await deliver(box)
    started = time.monotonic()
    assert await deliver(box) == 200 and time.monotonic() - started >= 0.2
    assert len((await box.call("POST", "/_sim/customer/acme", data=b"{}")).text) >= 3_000_000
    async with box.http.post(f"{box.url}/_sim/customer/acme", data=b"{}") as bomb:
        assert bomb.headers["Content-Encoding"] == "gzip" and len(await bomb.read()) >= 10_000_000
    with pytest.raises(aiohttp.ClientError):
        await deliver(box)


async def test_names_keys_and_answers_are_checked(box: Box) -> None:
    for wrong in (
        {"secret": "nope"},
        {"answer": {"status": 99}},
        {"answer": {"nope": 1}},
        {"script": [{"delay_s": -1}]},
    ):
        assert (await box.call("PUT", "/_sim/customer/acme", json=wrong)).status == 400
    await deliver(box, "customer/bolt")
    assert (await box.call("DELETE", "/_sim/customer/bolt")).status == 204
    assert (await box.call("DELETE", "/_sim/customer/bolt")).status == 404
    await deliver(box)
    assert (await box.call("DELETE", "/_sim/customer/acme/inbox")).status == 204
    assert (await box.sim("GET", "customer/acme/inbox"))["received"] == 0


async def test_five_hundred_deliveries_at_once_are_all_kept(box: Box) -> None:
    statuses = await asyncio.gather(*(deliver(box) for _ in range(500)))
    assert set(statuses) == {200} and (await box.sim("GET", "customer/acme/inbox"))["received"] == 500
