"""Checks of 3.5 and 3.6: what becomes of a post, and cancelling."""

from tests.contract.simulator.box import Box
from tests.contract.simulator.sheet import proves
from tests.eventually import eventually

REASONS = (
    "file_format_check_failed", "duration_check_failed", "frame_rate_check_failed", "picture_size_check_failed",
    "internal", "video_pull_failed", "photo_pull_failed", "publish_cancelled", "auth_removed",
    "spam_risk_too_many_posts", "spam_risk_user_banned_from_posting", "spam_risk_text", "spam_risk",
)  # fmt: skip


@proves("3.5.01", "3.5.04", "3.5.05")
async def a_direct_file_goes_from_uploading_to_complete(box: Box) -> None:
    await box.turn(processing_s=10)
    token = await box.token()
    reply = await box.init(token)
    publish_id = reply.data["publish_id"]
    assert (await box.status(token, publish_id)).data == {"status": "PROCESSING_UPLOAD", "uploaded_bytes": 0}
    await box.upload(reply)
    assert (await box.status(token, publish_id)).data == {"status": "PROCESSING_UPLOAD", "uploaded_bytes": 1000}
    box.advance(9.9)
    assert (await box.status(token, publish_id)).data["status"] == "PROCESSING_UPLOAD"
    box.advance(0.1)
    assert (await box.status(token, publish_id)).data == {"status": "PUBLISH_COMPLETE"}


@proves("3.5.01", "3.5.04")
async def a_direct_pull_goes_from_downloading_to_complete(box: Box) -> None:
    await box.turn(processing_s=10, pull_delay_s=5)
    token = await box.token()
    publish_id = (await box.pull(token, f"{box.url}/_sim/sample.mp4")).data["publish_id"]
    assert (await box.status(token, publish_id)).data == {"status": "PROCESSING_DOWNLOAD", "downloaded_bytes": 0}
    box.advance(5)

    async def downloaded() -> int:
        return int((await box.status(token, publish_id)).data.get("downloaded_bytes", 0))

    size = int((await box.call("GET", "/_sim/sample.mp4")).headers["Content-Length"])
    await box.turn(limit_status=1000)
    await eventually(downloaded)

    async def received() -> bool:
        return bool((await box.publication(publish_id))["received_at"])

    await eventually(received)
    assert await downloaded() == size
    box.advance(10)
    assert (await box.status(token, publish_id)).data == {"status": "PUBLISH_COMPLETE"}


@proves("3.5.01", "3.5.10", "6.3.05", "6.3.06", "6.3.11")
async def a_draft_goes_to_the_inbox_and_may_be_posted_several_times(box: Box) -> None:
    await box.turn(processing_s=0, audited=True, public_id_delay_s=0)
    await box.listen()
    token = await box.token()
    publish_id = await box.upload(await box.inbox(token))
    assert (await box.status(token, publish_id)).data == {"status": "SEND_TO_USER_INBOX"}
    box.advance(40 * 3600)
    choice = {"privacy_level": "PUBLIC_TO_EVERYONE"}
    for _ in range(2):
        await box.sim("POST", f"publications/{publish_id}/post", choice)
        box.advance(1)
    seen = await box.publication(publish_id)
    assert seen["status"] == "PUBLISH_COMPLETE" and seen["published"] == 2 and len(set(seen["public_ids"])) == 2
    (inbox,) = await box.webhooks("post.publish.inbox_delivered", answered=1)
    assert '\\"publish_type\\":\\"INBOX_SHARE\\"' in inbox["body"]
    assert len(await box.webhooks("post.publish.complete", answered=2)) == 2
    assert len(await box.webhooks("post.publish.publicly_available", answered=2)) == 2


@proves("3.5.02", "3.5.05", "3.5.09", "6.3.04")
async def every_fail_reason_is_ok_and_200(box: Box) -> None:
    await box.turn(processing_s=0, limit_init=1000, daily_post_cap=1000)
    await box.listen()
    token = await box.token()
    for reason in REASONS:
        await box.fault("fail_post", fail_reason=reason)
        publish_id = await box.upload(await box.init(token))
        reply = await box.status(token, publish_id)
        assert (reply.status, reply.code) == (200, "ok")
        assert reply.data == {"status": "FAILED", "fail_reason": reason}
    hooks = await box.webhooks("post.publish.failed", answered=len(REASONS))
    assert all(f'\\"reason\\":\\"{reason}\\"' in hook["body"] for reason, hook in zip(REASONS, hooks, strict=True))


@proves("3.5.03", "3.5.07", "0.06", "6.3.07", "6.3.08", "6.3.11", "6.3.12")
async def the_public_id_comes_after_moderation_and_may_go_again(box: Box) -> None:
    await box.turn(processing_s=0, audited=True, public_id_delay_s=3600)
    await box.listen()
    token = await box.token()
    publish_id = await box.upload(await box.init(token, privacy_level="PUBLIC_TO_EVERYONE"))
    assert (await box.status(token, publish_id)).data == {"status": "PUBLISH_COMPLETE"}
    box.advance(3600)
    reply = await box.status(token, publish_id)
    (post_id,) = reply.data["publicaly_available_post_id"]
    assert type(post_id) is int and f'"publicaly_available_post_id":[{post_id}]' in reply.text and post_id > 1 << 53
    (hook,) = await box.webhooks("post.publish.publicly_available", answered=1)
    assert f'\\"post_id\\":\\"{post_id}\\"' in hook["body"] and '\\"DIRECT_PUBLISH\\"' in hook["body"]
    order = [row["event"] for row in await box.webhooks()]
    assert order == ["post.publish.complete", "post.publish.publicly_available"]
    await box.sim("POST", f"posts/{post_id}/remove")
    assert (await box.status(token, publish_id)).data == {"status": "PUBLISH_COMPLETE"}
    (gone,) = await box.webhooks("post.publish.no_longer_publicaly_available", answered=1)
    assert f'\\"post_id\\":\\"{post_id}\\"' in gone["body"]


@proves("3.5.07")
async def private_and_unaudited_posts_never_get_an_id(box: Box) -> None:
    await box.turn(processing_s=0, public_id_delay_s=0)
    unaudited = await box.token()
    first = await box.upload(await box.init(unaudited))
    await box.turn(audited=True)
    audited = await box.token()
    levels = ("SELF_ONLY", "MUTUAL_FOLLOW_FRIENDS")
    others = [await box.upload(await box.init(audited, privacy_level=level)) for level in levels]
    never = await box.upload(await box.init(audited, privacy_level="PUBLIC_TO_EVERYONE"))
    assert (await box.status(audited, never)).data["publicaly_available_post_id"]
    await box.turn(public_id_delay_s=None)
    late = await box.upload(await box.init(audited, privacy_level="PUBLIC_TO_EVERYONE"))
    box.advance(80_000)
    for token, publish_id in ((unaudited, first), (audited, others[0]), (audited, others[1]), (audited, late)):
        assert (await box.status(token, publish_id)).data == {"status": "PUBLISH_COMPLETE"}


@proves("3.5.08")
async def posts_can_be_stuck(box: Box) -> None:
    await box.turn(processing_s=0, stuck=True)
    token = await box.token()
    publish_id = await box.upload(await box.init(token))
    box.advance(86_000)
    assert (await box.status(token, publish_id)).data["status"] == "PROCESSING_UPLOAD"


@proves("3.6.01")
async def a_running_pull_can_be_cancelled(box: Box) -> None:
    await box.turn(pull_delay_s=100)
    await box.listen()
    token = await box.token()
    publish_id = (await box.pull(token, f"{box.url}/_sim/sample.mp4")).data["publish_id"]
    reply = await box.post("post/publish/cancel/", token, {"publish_id": publish_id})
    assert reply.status == 200 and set(reply.json) == {"error"} and reply.code == "ok"
    failed = (await box.status(token, publish_id)).data
    assert failed == {"status": "FAILED", "fail_reason": "publish_cancelled"}
    (hook,) = await box.webhooks("post.publish.failed", answered=1)
    assert '\\"reason\\":\\"publish_cancelled\\"' in hook["body"]
    box.advance(200)
    assert (await box.publication(publish_id))["pull"]["attempts"] == 0


@proves("3.6.02", "3.0.06")
async def what_cannot_be_cancelled_says_why(box: Box) -> None:
    await box.turn(processing_s=0, pull_delay_s=100)
    token, stranger = await box.token(), await box.token()
    uploading = (await box.init(token)).data["publish_id"]
    done = await box.upload(await box.init(token))
    pulling = (await box.pull(token, f"{box.url}/_sim/sample.mp4")).data["publish_id"]
    for who, publish_id, code in (
        (token, uploading, "publish_not_cancellable"),
        (token, done, "publish_not_cancellable"),
        (token, "v_pub_url~v2.1", "invalid_publish_id"),
        (stranger, pulling, "token_not_authorized_for_specified_publish_id"),
    ):
        reply = await box.post("post/publish/cancel/", who, {"publish_id": publish_id})
        assert (reply.status, reply.code) == (400, code)
        assert (await box.status(who, publish_id)).code in ("ok", code)
    assert (await box.post("post/publish/cancel/", token, {})).code == "invalid_params"
    assert (await box.status(stranger, pulling)).code == "token_not_authorized_for_specified_publish_id"


@proves("3.6.03")
async def a_cancel_is_refused_like_any_other_call(box: Box) -> None:
    await box.turn(limit_cancel=1)
    token = await box.token()
    body = {"publish_id": "v_pub_url~v2.1"}
    assert (await box.post("post/publish/cancel/", "act.unknown", body)).code == "access_token_invalid"
    assert (await box.post("post/publish/cancel/", token, body)).code == "invalid_publish_id"
    throttled = await box.post("post/publish/cancel/", token, body)
    assert (throttled.status, throttled.code) == (429, "rate_limit_exceeded")
    box.advance(61)
    for code, status in (("url_ownership_unverified", 403), ("internal_error", 500)):
        await box.fault("error", endpoint="cancel", code=code)
        reply = await box.post("post/publish/cancel/", token, body)
        assert (reply.status, reply.code) == (status, code)
