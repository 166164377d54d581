"""What TikTok's successes are read as."""

from typing import Any

import httpx
import pytest

from libs.tiktok.client import TikTokClient
from libs.tiktok.display import USER_FIELDS, VIDEO_FIELDS, user_fields
from libs.tiktok.errors import Unreadable
from libs.tiktok.posting import PublishStatus, Status
from tests.unit.tiktok.tiktok_script import (
    API,
    APP,
    LOG_ID,
    OAUTH_CALLS,
    TOKEN,
    TOKENS,
    UPLOAD_URL,
    V2_CALLS,
    Scripted,
    failure,
    ok,
)


async def test_tokens_are_flat_and_a_success_whatever_the_status() -> None:
    for status in (200, 201, 400, 500):
        async with Scripted(status, TOKENS).client() as client:
            reply = await client.refresh(APP, "rft.old", timeout=5)
        assert reply.value.refresh_token.get_secret_value() == "rft.simBBB222"
        assert reply.value.scopes == ("user.info.basic", "video.publish")
        assert reply.status == status


async def test_a_client_token_has_no_user() -> None:
    scripted = Scripted(body={"access_token": "clt.simCCC333", "expires_in": 7200, "token_type": "Bearer"})

    async with scripted.client() as client:
        reply = await client.client_token(APP, timeout=5)

    assert (reply.value.access_token.get_secret_value(), reply.value.expires_in) == ("clt.simCCC333", 7200)


@pytest.mark.parametrize("body", [b"", b"  \n", b"{}", {"log_id": LOG_ID}, {"error": ""}, ok({})])
async def test_a_revocation_succeeds_with_nothing(body: Any) -> None:
    async with Scripted(body=body).client() as client:
        assert (await client.revoke(APP, TOKEN, timeout=5)).value is None


@pytest.mark.parametrize("missing", ["open_id", "refresh_token", "expires_in", "scope"])
async def test_tokens_without_a_part_are_unreadable_and_not_shown(missing: str) -> None:
    body = {name: value for name, value in TOKENS.items() if name != missing}

    error = await failure(OAUTH_CALLS["refresh"], Scripted(body=body))

    assert isinstance(error, Unreadable)
    assert missing in error.why
    assert "simAAA111" not in f"{error!r} {error} {error.__cause__}"


async def test_every_user_and_video_field_is_read() -> None:
    assert len(user_fields(USER_FIELDS)) == 14
    assert user_fields(["user.info.stats", "video.list"]) == USER_FIELDS["user.info.stats"]

    user = dict.fromkeys(user_fields(USER_FIELDS), "x") | {
        "is_verified": True,
        **dict.fromkeys(USER_FIELDS["user.info.stats"], 2**53 + 1),
    }
    async with Scripted(body=ok({"user": user | {"new_field": 1}})).client() as client:
        reply = await client.user_info(TOKEN, user_fields(USER_FIELDS), timeout=5)
    assert reply.value.model_dump() == user

    video = dict.fromkeys(VIDEO_FIELDS, "x") | {"id": "7602997517160123666", "create_time": 1770210860}
    video |= dict.fromkeys(("duration", "height", "width", "like_count", "comment_count", "share_count"), 12)
    video |= {"view_count": 2**53 + 1, "is_aigc": False}
    page = {"videos": [video], "cursor": 1770210860000, "has_more": True}
    async with Scripted(body=ok(page)).client() as client:
        listed = await client.video_list(TOKEN, VIDEO_FIELDS, cursor=1770210870000, timeout=5)
    assert listed.value.videos[0].model_dump() == video
    assert (listed.value.cursor, listed.value.has_more) == (1770210860000, True)


async def test_a_query_returns_the_videos_that_exist() -> None:
    scripted = Scripted(body=ok({"videos": [{"id": 7602997517160123666}]}))

    async with scripted.client() as client:
        reply = await client.video_query(TOKEN, ["id", "title"], ["7602997517160123666", "8"], timeout=5)

    assert scripted.sent == {"filters": {"video_ids": ["7602997517160123666", "8"]}}
    assert [video.id for video in reply.value] == ["7602997517160123666"]


async def test_an_empty_page_may_be_null() -> None:
    async with Scripted(body=ok({"videos": None, "cursor": None})).client() as client:
        reply = await client.video_list(TOKEN, ["id"], timeout=5)

    assert (reply.value.videos, reply.value.cursor, reply.value.has_more) == ((), None, False)


async def test_creator_info_is_read_and_what_is_omitted_is_not_disabled() -> None:
    data = {"creator_nickname": "Sim\0 User", "privacy_level_options": ["SELF_ONLY", "NEW"], "duet_disabled": True}

    async with Scripted(body=ok(data)).client() as client:
        creator = (await client.creator_info(TOKEN, timeout=5)).value

    assert creator.creator_nickname == "Sim User"
    assert creator.privacy_level_options == ("SELF_ONLY", "NEW")
    assert (creator.comment_disabled, creator.duet_disabled) == (False, True)
    assert creator.max_video_post_duration_sec is None


@pytest.mark.row("BO-37")
@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"status": "PROCESSING_UPLOAD", "uploaded_bytes": 10_000_000}, {"uploaded_bytes": 10_000_000}),
        ({"status": "PROCESSING_DOWNLOAD", "downloaded_bytes": 1_048_576}, {"downloaded_bytes": 1_048_576}),
        ({"status": "SEND_TO_USER_INBOX"}, {}),
        ({"status": "FAILED", "fail_reason": "frame_rate_check_failed"}, {"fail_reason": "frame_rate_check_failed"}),
        ({"status": "PUBLISH_COMPLETE"}, {}),
        ({"status": "PUBLISH_COMPLETE", "publicaly_available_post_id": []}, {}),
        ({"status": "PUBLISH_COMPLETE", "publicaly_available_post_id": None}, {}),
        ({"status": "PUBLISH_COMPLETE", "publicaly_available_post_id": ""}, {}),
        (
            {"status": "PUBLISH_COMPLETE", "publicaly_available_post_id": [7602997517160123666, "8"]},
            {"post_ids": ("7602997517160123666", "8")},
        ),
        (
            {"status": "PUBLISH_COMPLETE", "publicaly_available_post_id": 7602997517160123666},
            {"post_ids": ("7602997517160123666",)},
        ),
        (
            {"status": "PUBLISH_COMPLETE", "publicaly_available_post_id": "7602997517160123666"},
            {"post_ids": ("7602997517160123666",)},
        ),
        ({"status": "PUBLISH_COMPLETE", "publicly_available_post_id": [9]}, {"post_ids": ("9",)}),
    ],
)
async def test_a_status_is_read_in_every_form_seen(data: dict[str, Any], expected: dict[str, Any]) -> None:
    async with Scripted(body=ok(data)).client() as client:
        status = (await client.status_fetch(TOKEN, "p1", timeout=5)).value

    nothing = {"fail_reason": "", "post_ids": (), "uploaded_bytes": None, "downloaded_bytes": None}
    assert status.model_dump() == {"status": data["status"]} | nothing | expected


@pytest.mark.row("BO-18")
def test_an_unknown_status_stays_the_word_it_is() -> None:
    status = Status(status="PROCESSING_MODERATION")

    assert status.status == "PROCESSING_MODERATION"
    assert status.status not in list(PublishStatus)


@pytest.mark.parametrize(
    "data", [{}, {"status": 1}, {"status": ""}, {"status": "x", "publicaly_available_post_id": [True]}]
)
async def test_a_status_that_makes_no_sense_is_unreadable(data: dict[str, Any]) -> None:
    assert isinstance(await failure(V2_CALLS["status_fetch"], Scripted(body=ok(data))), Unreadable)


@pytest.mark.parametrize("body", [ok(), ok({}), ok(None)])
async def test_a_cancel_needs_no_data(body: Any) -> None:
    async with Scripted(body=body).client() as client:
        assert (await client.cancel(TOKEN, "p1", timeout=5)).value is None


@pytest.mark.parametrize(
    "data",
    [
        {"publish_id": "p"},
        {"publish_id": "p", "upload_url": ""},
        {"publish_id": "p", "upload_url": "ftp://x/y"},
        {"publish_id": "p", "upload_url": "https:///y"},
        {"publish_id": "p", "upload_url": "https://x/" + "y" * 2048},
        {"publish_id": "", "upload_url": UPLOAD_URL},
        {"publish_id": "p" * 257, "upload_url": UPLOAD_URL},
        {"upload_url": UPLOAD_URL},
        [],
        "text",
    ],
)
async def test_an_init_without_its_promise_may_have_begun_a_post(data: Any) -> None:
    error = await failure(V2_CALLS["video_init"], Scripted(body=ok(data)))

    assert isinstance(error, Unreadable)
    assert error.may_have_taken_effect
    assert "upload_token" not in f"{error} {error.__cause__}"


async def test_a_transport_may_give_its_reply_whole() -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=ok({"status": "FAILED"})))

    async with TikTokClient(api_url=API, auth_url=API, transport=transport) as client:
        assert (await client.status_fetch(TOKEN, "p1", timeout=5)).value.status == "FAILED"
