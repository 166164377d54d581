"""Each named fault story happens on demand, as often as asked and no more."""

from typing import Any

import aiohttp
import httpx
import pytest

from tests.contract.simulator.box import CHUNK, Box, chunked
from tests.eventually import eventually

RESET = (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError, ConnectionResetError)


async def play(box: Box, name: str, **terms: Any) -> None:
    await box.sim("POST", f"scenarios/{name}", terms)


async def test_init_reply_lost_leaves_a_publication_that_spent_the_cap(box: Box) -> None:
    account = await box.account()
    await play(box, "init_reply_lost", open_id=account["open_id"])

    with pytest.raises(RESET):
        await box.init(account["access_token"])

    (pub,) = (await box.sim("GET", "publications"))["publications"]
    assert pub["status"] == "PROCESSING_UPLOAD" and pub["upload"]["received"] == 0
    assert (await box.sim("GET", f"accounts/{account['username']}"))["posts_left"] == 14
    assert (await box.init(account["access_token"])).status == 200


async def test_init_reply_lost_can_be_a_pull_that_publishes_all_the_same(box: Box) -> None:
    await box.turn(processing_s=0)
    token = await box.token()
    await play(box, "init_reply_lost", endpoint="content/init")

    with pytest.raises(RESET):
        await box.photos(token)

    async def published() -> bool:
        return bool((await box.sim("GET", "world"))["posts"])

    assert await eventually(published)


async def test_last_chunk_reply_lost_has_all_bytes_and_publishes(box: Box) -> None:
    await box.turn(processing_s=0)
    token = await box.token()
    size = CHUNK * 2
    body = {"post_info": {"privacy_level": "SELF_ONLY"}, "source_info": chunked(size, CHUNK, 2)}
    reply = await box.post("post/publish/video/init/", token, body)
    url = reply.data["upload_url"]
    await play(box, "last_chunk_reply_lost")

    assert (await box.put(url, b"a" * CHUNK, total=size)).status == 206
    headers = {"Content-Type": "video/mp4", "Content-Range": f"bytes {CHUNK}-{size - 1}/{size}"}
    async with httpx.AsyncClient(verify=False) as once:  # aiohttp would repeat a PUT by itself
        with pytest.raises(httpx.TransportError):
            await once.put(url, content=b"b" * CHUNK, headers=headers)

    assert (await box.status(token, reply.data["publish_id"])).data["status"] == "PUBLISH_COMPLETE"
    again = await box.put(url, b"b" * CHUNK, first=CHUNK, total=size)
    assert (again.status, again.headers["Content-Range"]) == (416, f"bytes 0-{size}/{size}")


@pytest.mark.parametrize("kind", ["video/init", "content/init"])
async def test_webhook_before_init_reply_arrives_while_the_init_still_waits(box: Box, kind: str) -> None:
    await box.listen()
    token = await box.token()
    await play(box, "webhook_before_init_reply", endpoint=kind)

    call = box.photos(token) if kind == "content/init" else box.pull(token, f"{box.url}/_sim/sample.mp4")
    publish_id = (await call).data["publish_id"]

    (got,) = (await box.sim("GET", "customer/ingest/inbox"))["items"]
    assert publish_id in got["json"]["content"] and got["json"]["event"] == "post.publish.complete"


async def test_webhook_before_init_reply_of_an_upload_can_only_be_a_failure(box: Box) -> None:
    await box.listen()
    token = await box.token()
    await box.fault("webhook_first", endpoint="video/init", fail_reason="internal")

    publish_id = (await box.init(token)).data["publish_id"]

    (got,) = (await box.sim("GET", "customer/ingest/inbox"))["items"]
    assert publish_id in got["json"]["content"] and got["json"]["event"] == "post.publish.failed"


async def test_a_webhook_that_is_dropped_keeps_no_answer_waiting_for_it(box: Box) -> None:
    await box.turn(processing_s=0)
    await box.listen()
    token = await box.token()
    await box.fault("drop")
    await box.fault("webhook_first", endpoint="upload", seconds=600)

    made = await box.init(token)
    await box.upload(made)

    assert (await box.status(token, made.data["publish_id"])).data["status"] == "PUBLISH_COMPLETE"


async def test_duplicate_and_reordered_webhooks_come_twice_and_backwards(box: Box) -> None:
    await box.turn(audited=True, processing_s=0, public_id_delay_s=0)
    await box.listen()
    token = await box.token()
    await play(box, "duplicate_and_reordered_webhooks")

    await box.upload(await box.init(token, privacy_level="PUBLIC_TO_EVERYONE"))

    async def arrived() -> list[str]:
        items = (await box.sim("GET", "customer/ingest/inbox"))["items"]
        assert len(items) == 4, items
        return [item["json"]["event"].removeprefix("post.publish.") for item in items]

    events = await eventually(arrived)
    assert sorted(events) == ["complete", "complete", "publicly_available", "publicly_available"]
    first_original = [hook for hook in await box.webhooks(answered=4) if hook["copy_of"] is None]
    order = sorted(first_original, key=lambda hook: hook["attempts"][0]["at"])
    held = next(hook for hook in first_original if hook["event"] == "post.publish.complete")
    assert held["seq"] < order[-1]["seq"] and held["state"] == "delivered"
    assert events.index("publicly_available") < len(events) - 1


async def test_token_revoked_mid_upload_kills_task_token_and_post(box: Box) -> None:
    await box.listen()
    account = await box.account()
    size = CHUNK * 3
    body = {"post_info": {"privacy_level": "SELF_ONLY"}, "source_info": chunked(size, CHUNK, 3)}
    reply = await box.post("post/publish/video/init/", account["access_token"], body)
    await play(box, "token_revoked_mid_upload", open_id=account["open_id"], chunk=2)

    assert (await box.put(reply.data["upload_url"], b"a" * CHUNK, total=size)).status == 206
    assert (await box.put(reply.data["upload_url"], b"a" * CHUNK, first=CHUNK, total=size)).status == 404

    assert (await box.status(account["access_token"], reply.data["publish_id"])).code == "access_token_invalid"
    seen = await box.publication(reply.data["publish_id"])
    assert (seen["status"], seen["fail_reason"]) == ("FAILED", "auth_removed")
    events = [hook["event"] for hook in await box.webhooks(answered=2)]
    assert events == ["authorization.removed", "post.publish.failed"]


async def test_refresh_rotated_old_dead_loses_the_only_live_token(box: Box) -> None:
    account = await box.account()
    await play(box, "refresh_rotated_old_dead")

    with pytest.raises(RESET):
        await box.app_form("token", grant_type="refresh_token", refresh_token=account["refresh_token"])

    again = await box.app_form("token", grant_type="refresh_token", refresh_token=account["refresh_token"])
    assert again.code == "invalid_grant"
    assert (await box.user(account["access_token"], "open_id")).status == 200


async def test_a_grace_period_or_the_same_token_survives_the_lost_refresh(box: Box) -> None:
    for rotation, later, code in (("grace", 29, None), ("grace", 31, "invalid_grant"), ("same", 400, None)):
        account = await box.account()
        await box.turn(refresh_rotation=rotation)
        await box.app_form("token", grant_type="refresh_token", refresh_token=account["refresh_token"])
        box.advance(later)
        again = await box.app_form("token", grant_type="refresh_token", refresh_token=account["refresh_token"])
        assert again.json.get("error") == code


@pytest.mark.parametrize("reason", [None, "internal"])
async def test_stuck_processing_24h_says_nothing_for_a_day(box: Box, reason: str | None) -> None:
    await box.turn(processing_s=0)
    account = await box.account()
    await play(box, "stuck_processing_24h", **({"fail_reason": reason} if reason else {}))
    publish_id = await box.upload(await box.init(account["access_token"]))

    box.advance(86_399)
    assert (await box.status(account["access_token"], publish_id)).data["status"] == "PROCESSING_UPLOAD"
    box.advance(1)

    seen = await box.publication(publish_id)
    assert seen["status"] == ("FAILED" if reason else "PUBLISH_COMPLETE") and seen["fail_reason"] == reason


async def test_daily_cap_mid_batch_lets_three_more_out_today(box: Box) -> None:
    await box.turn(limit_init=1000)
    account = await box.account()
    await play(box, "daily_cap_mid_batch", open_id=account["open_id"], after=3)

    codes = [(await box.init(account["access_token"])).code for _ in range(5)]

    assert codes == ["ok"] * 3 + ["spam_risk_too_many_posts"] * 2
    fresh = await box.account()
    assert (await box.init(fresh["access_token"])).status == 200


async def test_unknown_scenarios_and_wrong_terms_are_refused(box: Box) -> None:
    assert (await box.call("POST", "/_sim/scenarios/nope", json={})).status == 404
    wrong = await box.call("POST", "/_sim/scenarios/init_reply_lost", json={"count": 0, "nope": 1})
    assert wrong.status == 400 and "count" in wrong.text and "nope" in wrong.text
    assert len((await box.sim("GET", "scenarios"))["scenarios"]) == 8
