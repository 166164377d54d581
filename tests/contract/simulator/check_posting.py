"""Checks of 3.1 to 3.4: creator_info and the inits."""

import re
from typing import Any

from tests.contract.simulator.box import Box, whole
from tests.contract.simulator.sheet import proves

CREATOR = "post/publish/creator_info/query/"
DIRECT = "post/publish/video/init/"


# 3.1


@proves("3.1.01")
async def creator_info_takes_no_body_and_an_empty_object(box: Box) -> None:
    token = await box.token()
    bare = await box.call("POST", f"/v2/{CREATOR}", headers={"Authorization": f"Bearer {token}"})
    assert bare.status == (await box.post(CREATOR, token, {})).status == 200
    assert set(bare.data) == {
        "creator_avatar_url", "creator_username", "creator_nickname", "privacy_level_options", "comment_disabled",
        "duet_disabled", "stitch_disabled", "max_video_post_duration_sec",
    }  # fmt: skip


@proves("3.1.03", "3.1.04", "3.1.05", "3.1.06")
async def creator_info_tells_the_account_as_it_is_now(box: Box) -> None:
    account = await box.account(username="anna", display_name="Anna B", private=False, max_video_s=300)
    info = (await box.post(CREATOR, account["access_token"])).data
    assert (info["creator_username"], info["creator_nickname"]) == ("anna", "Anna B")
    assert info["privacy_level_options"] == ["PUBLIC_TO_EVERYONE", "MUTUAL_FOLLOW_FRIENDS", "SELF_ONLY"]
    assert info["max_video_post_duration_sec"] == 300
    assert [info[f"{what}_disabled"] for what in ("comment", "duet", "stitch")] == [False, False, False]
    await box.sim("PATCH", "accounts/anna", {"private": True, "comment_disabled": True})
    info = (await box.post(CREATOR, account["access_token"])).data
    assert info["privacy_level_options"] == ["FOLLOWER_OF_CREATOR", "MUTUAL_FOLLOW_FRIENDS", "SELF_ONLY"]
    assert [info[f"{what}_disabled"] for what in ("comment", "duet", "stitch")] == [True, True, True]


@proves("3.1.07")
async def unaudited_apps_can_be_shown_self_only(box: Box) -> None:
    await box.turn(unaudited_options="self_only")
    assert (await box.post(CREATOR, await box.token())).data["privacy_level_options"] == ["SELF_ONLY"]


@proves("3.1.09")
async def creator_info_has_the_usual_troubles(box: Box) -> None:
    assert (await box.post(CREATOR, "act.x")).status == 401
    await box.fault("error", endpoint="creator_info/query", code="internal_error")
    assert (await box.post(CREATOR, await box.token())).status == 500


# 3.2


@proves("3.2.01")
async def privacy_is_required_and_one_of_the_creators_options(box: Box) -> None:
    await box.turn(audited=True, limit_init=1000)
    token = await box.token()
    for missing in ({"post_info": {}}, {"post_info": {"privacy_level": ""}}, {}, {"post_info": "x"}):
        reply = await box.post(DIRECT, token, {"source_info": whole(1000), **missing})
        assert (reply.status, reply.code) == (400, "invalid_params")
    for level in ("FOLLOWER_OF_CREATOR", "PUBLIC", "self_only"):
        reply = await box.init(token, privacy_level=level)
        assert (reply.status, reply.code) == (403, "privacy_level_option_mismatch")
    for level in ("PUBLIC_TO_EVERYONE", "MUTUAL_FOLLOW_FRIENDS", "SELF_ONLY"):
        assert (await box.init(token, privacy_level=level)).status == 200


@proves("3.2.03")
async def interaction_switches_are_negative_and_the_creators_no_wins(box: Box) -> None:
    await box.turn(processing_s=0, audited=True)
    token = await box.token(comment_disabled=True)
    assert (await box.init(token, disable_duet="true")).code == "invalid_params"
    reply = await box.init(token, disable_comment=False, disable_duet=True, disable_stitch=False)
    await box.upload(reply)
    (post,) = (await box.sim("GET", "world"))["posts"]
    assert [post["settings"][f"disable_{what}"] for what in ("comment", "duet", "stitch")] == [True, True, False]


@proves("3.2.04")
async def cover_times_are_int32_and_may_be_nonsense(box: Box) -> None:
    token = await box.token()
    for good in (0, 1000, -1, 2_147_483_647):
        assert (await box.init(token, video_cover_timestamp_ms=good)).status == 200
    box.advance(61)
    for bad in ("1000", 1.5, True, 1 << 40):
        assert (await box.init(token, video_cover_timestamp_ms=bad)).code == "invalid_params"


@proves("3.2.06")
async def source_info_must_be_complete(box: Box) -> None:
    await box.turn(limit_init=1000)
    token = await box.token()

    async def code(source: Any) -> str:
        body = {"post_info": {"privacy_level": "SELF_ONLY"}, "source_info": source}
        return (await box.post(DIRECT, token, body)).code

    assert await code(whole(1000)) == "ok"
    assert await code({"source": "PULL_FROM_URL", "video_url": f"{box.url}/_sim/sample.mp4"}) == "ok"
    for wrong in (None, {}, {"source": "FILE"}, {"source": "FILE_UPLOAD"}, {**whole(1000), "video_size": "1000"},
                  {**whole(1000), "chunk_size": 1000.0}, {**whole(1000), "total_chunk_count": True}, whole(0),
                  {"source": "PULL_FROM_URL"}, {"source": "PULL_FROM_URL", "video_url": 7}, whole(-1)):  # fmt: skip
        assert await code(wrong) == "invalid_params", wrong


@proves("3.2.06")
async def bodies_must_be_json_objects(box: Box) -> None:
    headers = {"Authorization": f"Bearer {await box.token()}", "Content-Type": "application/json; charset=UTF-8"}
    for body in (b"", b"[]", b"{", b"nonsense", b"\xff\xfe", b"[" * 100_000):
        reply = await box.call("POST", f"/v2/{DIRECT}", data=body, headers=headers)
        assert (reply.status, reply.code) in ((400, "invalid_params"), (429, "rate_limit_exceeded"))
    plain = {**headers, "Content-Type": "text/plain"}
    box.advance(60)
    assert (await box.call("POST", f"/v2/{DIRECT}", data=b"{}", headers=plain)).status == 400


@proves("3.2.07", "3.2.09", "3.2.10", "3.2.11", "3.3.01", "3.4.09")
async def publish_ids_have_their_forms(box: Box) -> None:
    await box.turn(processing_s=0, pull_delay_s=1000)
    token = await box.token()
    url = f"{box.url}/_sim/sample.mp4?sig=abc"
    pull = {"source_info": {"source": "PULL_FROM_URL", "video_url": url}}
    replies = {
        r"v_pub_file~v2-1\.\d{19}": await box.init(token),
        r"v_pub_url~v2\.\d{19}": await box.pull(token, url),
        r"v_inbox_file~v2\.\d{19}": await box.inbox(token),
        r"v_inbox_url~v2\.\d{19}": await box.post("post/publish/inbox/video/init/", token, pull),
        r"p_pub_url~v2\.\d{19}": await box.photos(token),
    }
    for form, reply in replies.items():
        assert re.fullmatch(form, reply.data["publish_id"]) and len(reply.data["publish_id"]) <= 64
        assert ("upload_url" in reply.data) is ("file" in form)
        assert len(reply.data.get("upload_url", "")) <= 256
    first = replies[r"v_pub_file~v2-1\.\d{19}"]
    again = await box.init(token)
    assert again.data["publish_id"] != first.data["publish_id"]
    await box.upload(first)
    (post,) = (await box.sim("GET", "world"))["posts"]
    assert post["post_id"] not in first.data["publish_id"]


# 3.3, 3.4


@proves("3.3.02")
async def drafts_ignore_post_info(box: Box) -> None:
    token = await box.token(private=False)
    assert (await box.inbox(token, post_info={"privacy_level": "NONSENSE", "title": 7})).status == 200
    assert (await box.inbox(token, source_info=None)).code == "invalid_params"


@proves("3.4.01")
async def photos_need_type_and_mode(box: Box) -> None:
    await box.turn(limit_init=1000)
    token = await box.token()
    wrong: tuple[dict[str, Any], ...] = ({"post_mode": "DIRECT POST"}, {"post_mode": None}, {"media_type": "VIDEO"},
                                         {"media_type": None})  # fmt: skip
    for change in wrong:
        reply = await box.photos(token, **change)
        assert (reply.status, reply.code, reply.message) == (400, "invalid_params", "Invalid media_type or post_mode")


@proves("3.4.02", "3.4.03", "3.4.04", "3.4.05")
async def photo_texts_and_switches_are_checked(box: Box) -> None:
    await box.turn(limit_init=1000, pull_delay_s=1000, daily_post_cap=1000)
    token = await box.token()

    async def code(mode: str = "DIRECT_POST", **info: Any) -> str:
        usual = {"privacy_level": "SELF_ONLY"} if mode == "DIRECT_POST" else {}
        return (await box.photos(token, mode=mode, post_info={**usual, **info})).code

    assert await code(title="😀" * 45, description="d" * 4000) == "ok"
    assert await code(title="x" * 91) == await code(description="😀" * 2000 + "x") == "invalid_params"
    assert await code(privacy_level=None) == "invalid_params"
    assert await code(mode="MEDIA_UPLOAD", title="t", description="d") == "ok"
    assert await code(mode="MEDIA_UPLOAD", title="x" * 91) == "invalid_params"
    for flag in ("disable_comment", "auto_add_music", "brand_content_toggle", "brand_organic_toggle"):
        assert await code(**{flag: True}) == "ok"
        assert await code(**{flag: "no"}) == "invalid_params"
    assert await code(disable_duet="ignored", disable_stitch=1, is_aigc="x", video_cover_timestamp_ms="y") == "ok"
    newest = (await box.sim("GET", "publications?limit=1"))["publications"][0]
    assert not {"disable_duet", "disable_stitch", "is_aigc"} & set(newest["post_info"])


@proves("3.4.06", "3.4.07", "3.4.08")
async def photos_are_pulled_one_to_thirty_five_with_a_cover(box: Box) -> None:
    await box.turn(limit_init=1000, pull_delay_s=1000, daily_post_cap=1000)
    token = await box.token()
    url = f"{box.url}/_sim/sample-1.jpg"

    async def reply(**changes: Any) -> Any:
        source = {"source": "PULL_FROM_URL", "photo_cover_index": 0, "photo_images": [url], **changes}
        return await box.photos(token, source_info=source)

    refused = await reply(source="FILE_UPLOAD")
    assert (refused.status, refused.code) == (400, "invalid_params")
    assert refused.message == "The request source info is empty or incorrect"
    for count, code in ((0, "invalid_params"), (1, "ok"), (35, "ok"), (36, "invalid_params")):
        assert (await reply(photo_images=[url] * count)).code == code
    covers = (
        (1, "ok"),
        (None, "invalid_params"),
        (-1, "invalid_params"),
        (2, "invalid_params"),
        ("0", "invalid_params"),
    )
    for cover, code in covers:
        assert (await reply(photo_images=[url] * 2, photo_cover_index=cover)).code == code
    for images in (None, "x", [1], [None]):
        assert (await reply(photo_images=images)).code == "invalid_params"


@proves("3.4.10")
async def photo_drafts_need_a_young_enough_app(box: Box) -> None:
    await box.turn(pull_delay_s=1000)
    old = "app_version_check_failed"
    for version, code in (("31.7.9", old), ("31.8", "ok"), ("34.1.0", "ok"), ("9", old)):
        token = await box.token(app_version=version)
        reply = await box.photos(token, mode="MEDIA_UPLOAD")
        assert reply.code == code
        assert (await box.photos(token)).code in ("ok", "reached_active_user_cap")
