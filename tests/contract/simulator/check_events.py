"""Checks of section 6: webhooks."""

import hashlib
import hmac
import json
from datetime import datetime
from typing import Any

from services.simulator.engine.webhook import envelope, sign
from services.simulator.world.lifecycle import News
from tests.contract.simulator.box import KEY, SECRET, START, Box
from tests.contract.simulator.sheet import proves
from tests.eventually import eventually

OPEN_ID = "-000simUser01"
FILE_ID, URL_ID, INBOX_ID = (f"{form}.760299000000000000{n}" for form, n in
                             (("v_pub_file~v2-1", 1), ("v_pub_url~v2", 2), ("v_inbox_file~v2", 4)))  # fmt: skip
POST = {"post_id": "7602997517160123666"}
DIRECT, INBOX = {"publish_type": "DIRECT_PUBLISH"}, {"publish_type": "INBOX_SHARE"}


async def inbox(box: Box, count: int, name: str = "ingest") -> list[dict[str, Any]]:
    async def arrived() -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = (await box.sim("GET", f"customer/{name}/inbox"))["items"]
        assert len(items) >= count, items
        return items

    return await eventually(arrived)


@proves("6.1.01", "6.1.04", "6.1.07", "6.2.01")
async def webhooks_are_signed_envelopes(box: Box) -> None:
    await box.turn(processing_s=0)
    await box.listen()
    account = await box.account()
    publish_id = await box.upload(await box.init(account["access_token"]))
    (got,) = await inbox(box, 1)
    body = got["json"]
    assert list(body) == ["client_key", "event", "create_time", "user_openid", "content"]
    assert (body["client_key"], body["event"]) == (KEY, "post.publish.complete")
    assert body["create_time"] == int(START.timestamp()) and body["user_openid"] == account["open_id"]
    assert json.loads(body["content"]) == {"publish_id": publish_id, "publish_type": "DIRECT_PUBLISH"}
    raw = (await box.webhooks())[0]["body"].encode()
    assert got["headers"]["content-type"] == "application/json"
    t, s = (part.split("=", 1)[1] for part in got["headers"]["tiktok-signature"].split(","))
    assert hmac.new(SECRET.encode(), f"{t}.".encode() + raw, hashlib.sha256).hexdigest() == s
    assert t == str(int(START.timestamp())) and len(s) == 64


@proves("6.2.02", "6.3.05")
async def the_sheets_vector_is_reproduced(_: Box) -> None:
    news = News("post.publish.complete", KEY, {"publish_id": FILE_ID, **DIRECT}, START, OPEN_ID)
    body = envelope(news, create_time=1770210870)
    assert len(body) == 219
    assert sign(SECRET, 1770210871, body) == (
        "t=1770210871,s=b6ed76e41e2ddb85d04c98b573926b503cf9f3f9611498060393ca72edb2f14f"
    )


@proves("6.1.02", "6.1.03", "6.3.01", "6.3.02", "6.3.03", "6.3.04", "6.3.06", "6.3.07", "6.3.08", "6.3.09")
async def every_example_of_the_sheet_can_be_sent_byte_for_byte(box: Box) -> None:
    await box.listen()
    examples: list[tuple[str, str | None, int, dict[str, Any]]] = [
        ("authorization.removed", OPEN_ID, 1770210870, {"reason": 1}),
        ("post.publish.publicly_available", OPEN_ID, 1770210901, {"publish_id": FILE_ID, **DIRECT, **POST}),
        ("post.publish.failed", OPEN_ID, 1770210901, {"publish_id": URL_ID, **DIRECT, "reason": "video_pull_failed"}),
        ("post.publish.inbox_delivered", OPEN_ID, 1770210901, {"publish_id": INBOX_ID, **INBOX}),
        ("post.publish.no_longer_publicaly_available", OPEN_ID, 1770290000, {"publish_id": FILE_ID, **DIRECT, **POST}),
        ("portability.download.ready", None, 1770210901, {"request_id": 123456}),
        ("video.publish.completed", OPEN_ID, 1770210901, {"share_id": "video.7602.sim"}),
        ("video.upload.failed", OPEN_ID, 1770210901, {"share_id": "video.7602.sim"}),
    ]
    for event, open_id, create_time, content in examples:
        sent = await box.sim(
            "POST", "webhooks",
            {"event": event, "user_openid": open_id, "create_time": create_time, "content": content},
        )  # fmt: skip
        who = f'"user_openid":"{open_id}",' if open_id else ""
        inner = json.dumps(json.dumps(content, separators=(",", ":")))
        assert sent["body"] == (
            f'{{"client_key":"{KEY}","event":"{event}","create_time":{create_time},{who}"content":{inner}}}'
        )
    ping = json.loads((await box.sim("POST", "webhooks", {"event": "tiktok.ping"}))["body"])
    assert ping["create_time"] == int(START.timestamp() * 1000) and ping["user_openid"] == ""
    assert json.loads(ping["content"]) == {"reason": "testing Webhook"}
    assert len(await inbox(box, len(examples) + 1)) == len(examples) + 1


@proves("6.1.05")
async def anything_but_200_is_tried_again_for_72_hours(box: Box) -> None:
    await box.listen()
    script = [{"status": 204}, {"status": 302, "redirect": "/elsewhere"}, {"status": 500}, {"reset": True}]
    await box.sim("PUT", "customer/ingest", {"script": script})
    await box.sim("POST", "webhooks", {"event": "authorization.removed", "content": {"reason": 1}})
    waits = []
    for attempt in range(1, 6):
        got = await inbox(box, attempt)
        waits.append(got[-1]["at"])
        if attempt < 5:
            await next_attempt(box, attempt)
    (hook,) = await box.webhooks(answered=1)
    assert [row["status"] for row in hook["attempts"]] == [204, 302, 500, None, 200]
    gaps = [later["t"] - earlier["t"] for earlier, later in zip(hook["attempts"], hook["attempts"][1:], strict=False)]
    assert all(0.8 * 5 * 2**n - 1 <= gap <= 1.2 * 5 * 2**n + 1 for n, gap in enumerate(gaps)), gaps
    assert len({item["headers"]["tiktok-signature"] for item in got}) == 5


async def next_attempt(box: Box, done: int) -> None:
    """Waits until the failed attempt is booked, then moves time to the next."""

    async def waiting() -> float:
        (hook,) = await box.webhooks()
        assert len(hook["attempts"]) == done and hook["next_at"], hook
        return (datetime.fromisoformat(hook["next_at"]) - box.clock.now()).total_seconds()

    box.advance(await eventually(waiting))


@proves("6.1.05")
async def after_72_hours_it_is_dropped_and_the_first_signature_may_be_kept(box: Box) -> None:
    await box.turn(webhook_resign=False)
    await box.listen()
    await box.sim("PUT", "customer/ingest", {"answer": {"status": 503}})
    await box.sim("POST", "webhooks", {"event": "authorization.removed", "content": {"reason": 1}})
    for attempt in range(1, 200):
        await inbox(box, attempt)

        async def booked(attempt: int = attempt) -> dict[str, Any]:
            (hook,) = await box.webhooks()
            assert len(hook["attempts"]) == attempt and (hook["next_at"] or hook["state"] == "given_up"), hook
            return hook

        hook = await eventually(booked)
        if hook["state"] == "given_up":
            break
        await next_attempt(box, attempt)
    assert 10 < len(hook["attempts"]) < 60
    assert (box.clock.now() - START).total_seconds() <= 72 * 3600
    assert len({item["headers"]["tiktok-signature"] for item in await inbox(box, 1)}) == 1


@proves("6.1.06")
async def duplicates_delays_drops_and_broken_ones_can_be_scripted(box: Box) -> None:
    await box.listen()
    send = {"event": "authorization.removed", "content": {"reason": 1}}
    await box.fault("duplicate", times=2)
    await box.sim("POST", "webhooks", send)
    assert len({json.dumps(item["json"]) for item in await inbox(box, 3)}) == 1
    await box.fault("drop")
    assert (await box.sim("POST", "webhooks", send))["state"] == "dropped"
    await box.fault("delay", seconds=60)
    await box.sim("POST", "webhooks", send)
    assert len(await inbox(box, 3)) == 3
    box.advance(60)
    await inbox(box, 4)
    for part in ("signature", "body", "secret", "header"):
        await box.fault("corrupt", part=part)
        await box.sim("POST", "webhooks", send)
    got = (await inbox(box, 8))[4:]
    assert sum("tiktok-signature" not in item["headers"] for item in got) == 1


@proves("6.3.01")
async def each_reason_of_removal_can_happen(box: Box) -> None:
    await box.listen()
    for reason in range(6):
        account = await box.account()
        await box.sim("POST", f"accounts/{account['username']}/disconnect?reason={reason}")
        assert (await box.user(account["access_token"], "open_id")).status == 401
    reasons = [json.loads(json.loads(hook["body"])["content"])["reason"] for hook in await box.webhooks(answered=6)]
    assert reasons == list(range(6))


@proves("6.3.10")
async def the_older_spelling_is_a_knob(box: Box) -> None:
    await box.turn(audited=True, processing_s=0, public_id_delay_s=0, event_spelling="older")
    await box.listen()
    token = await box.token()
    publish_id = await box.upload(await box.init(token, privacy_level="PUBLIC_TO_EVERYONE"))
    (post_id,) = (await box.publication(publish_id))["public_ids"]
    await box.sim("POST", f"posts/{post_id}/remove")
    events = {hook["event"] for hook in await box.webhooks(answered=3)}
    assert events == {"post.publish.complete", "post.publish.publicaly_available",
                      "post.publish.no_longer_publicly_available"}  # fmt: skip
