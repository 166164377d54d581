"""What each call sends, byte for byte, against the fact sheet's own examples."""

from urllib.parse import parse_qsl

import pytest

from libs.tiktok.chunks import ChunkPlan, plan
from libs.tiktok.posting import FileUpload, PhotoDraft, PhotoPost, Photos, PullFromUrl, UploadSlot, VideoPost
from tests.unit.tiktok.tiktok_script import (
    API,
    LOG_ID,
    OAUTH_CALLS,
    TOKEN,
    UPLOAD_URL,
    V2_CALLS,
    Call,
    Scripted,
    failure,
    ok,
)


@pytest.mark.row("BO-19")
@pytest.mark.parametrize(
    ("name", "method", "path"),
    [
        ("user_info", "GET", "/v2/user/info/?fields=open_id"),
        ("video_list", "POST", "/v2/video/list/?fields=id"),
        ("video_query", "POST", "/v2/video/query/?fields=id"),
        ("creator_info", "POST", "/v2/post/publish/creator_info/query/"),
        ("video_init", "POST", "/v2/post/publish/video/init/"),
        ("inbox_video_init", "POST", "/v2/post/publish/inbox/video/init/"),
        ("content_init", "POST", "/v2/post/publish/content/init/"),
        ("status_fetch", "POST", "/v2/post/publish/status/fetch/"),
        ("cancel", "POST", "/v2/post/publish/cancel/"),
    ],
)
async def test_each_call_goes_to_its_path_with_the_accounts_token(name: str, method: str, path: str) -> None:
    scripted = Scripted(500)

    await failure(V2_CALLS[name], scripted)

    request = scripted.request
    assert (request.method, str(request.url)) == (method, API + path)
    assert request.headers["authorization"] == f"Bearer {TOKEN}"
    if method == "POST":
        assert request.headers["content-type"] == "application/json; charset=UTF-8"


@pytest.mark.row("BO-08", "BO-25", "BO-26")
@pytest.mark.parametrize(
    ("name", "path", "form"),
    [
        (
            "exchange_code",
            "token",
            {"grant_type": "authorization_code", "code": "Zx9*0!6410.va", "redirect_uri": "https://a.example/cb"},
        ),
        ("refresh", "token", {"grant_type": "refresh_token", "refresh_token": "rft.simBBB222"}),
        ("client_token", "token", {"grant_type": "client_credentials"}),
        ("revoke", "revoke", {"token": TOKEN}),
    ],
)
async def test_oauth_calls_send_forms_with_the_apps_credentials(name: str, path: str, form: dict[str, str]) -> None:
    scripted = Scripted(500)

    await failure(OAUTH_CALLS[name], scripted)

    request = scripted.request
    assert (request.method, str(request.url)) == ("POST", f"{API}/v2/oauth/{path}/")
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert request.headers["cache-control"] == "no-cache"
    assert dict(parse_qsl(request.content.decode())) == form | {"client_key": "awsimkey01", "client_secret": "s3cr3t"}


async def test_a_direct_video_is_the_sheets_example() -> None:
    scripted = Scripted(body=ok({"publish_id": "v_pub_file~v2-1.7", "upload_url": UPLOAD_URL}))
    post = VideoPost(title="Hi #sim", privacy_level="SELF_ONLY", video_cover_timestamp_ms=1000)
    source = FileUpload(ChunkPlan(size=50_000_123, chunk_size=10_000_000, count=5))

    async with scripted.client() as client:
        reply = await client.video_init(TOKEN, post, source, timeout=5)

    assert scripted.sent == {
        "post_info": {
            "title": "Hi #sim",
            "privacy_level": "SELF_ONLY",
            "disable_comment": True,
            "disable_duet": True,
            "disable_stitch": True,
            "video_cover_timestamp_ms": 1000,
            "brand_content_toggle": False,
            "brand_organic_toggle": False,
            "is_aigc": False,
        },
        "source_info": {
            "source": "FILE_UPLOAD",
            "video_size": 50_000_123,
            "chunk_size": 10_000_000,
            "total_chunk_count": 5,
        },
    }
    assert reply.value.publish_id == "v_pub_file~v2-1.7"
    assert reply.value.upload_url.get_secret_value() == UPLOAD_URL
    assert (reply.status, reply.log_id, reply.trace.call) == (200, LOG_ID, "video_init")
    assert reply.elapsed_ms >= 0


async def test_a_pull_has_no_upload_url_and_a_draft_no_post_info() -> None:
    scripted = Scripted(body=ok({"publish_id": "v_inbox_url~v2.7"}))

    async with scripted.client() as client:
        reply = await client.inbox_video_init(TOKEN, PullFromUrl("https://m.example/v/1.mp4?sig=abc"), timeout=5)

    assert scripted.sent == {
        "source_info": {"source": "PULL_FROM_URL", "video_url": "https://m.example/v/1.mp4?sig=abc"}
    }
    assert reply.value.publish_id == "v_inbox_url~v2.7"
    assert not isinstance(reply.value, UploadSlot)


@pytest.mark.row("BO-36")
async def test_a_photo_post_is_the_sheets_example() -> None:
    scripted = Scripted(body=ok({"publish_id": "p_pub_url~v2.3"}))
    photos = Photos(urls=("https://media.example.com/p/1.jpg", "https://media.example.com/p/2.webp"))
    post = PhotoPost(
        photos=photos, title="Trip", description="day 1 #sim", privacy_level="SELF_ONLY", auto_add_music=True
    )

    async with scripted.client() as client:
        await client.content_init(TOKEN, post, timeout=5)

    assert scripted.sent == {
        "media_type": "PHOTO",
        "post_mode": "DIRECT_POST",
        "post_info": {
            "title": "Trip",
            "description": "day 1 #sim",
            "privacy_level": "SELF_ONLY",
            "disable_comment": True,
            "auto_add_music": True,
            "brand_content_toggle": False,
            "brand_organic_toggle": False,
        },
        "source_info": {"source": "PULL_FROM_URL", "photo_cover_index": 0, "photo_images": list(photos.urls)},
    }


@pytest.mark.row("BO-36")
async def test_a_photo_draft_takes_no_settings() -> None:
    scripted = Scripted(body=ok({"publish_id": "p_pub_url~v2.3"}))
    draft = PhotoDraft(photos=Photos(urls=("https://media.example.com/p/1.jpg",)), title="Trip", description="day 1")

    async with scripted.client() as client:
        await client.content_init(TOKEN, draft, timeout=5)

    assert scripted.sent["post_mode"] == "MEDIA_UPLOAD"
    assert scripted.sent["post_info"] == {"title": "Trip", "description": "day 1"}


@pytest.mark.row("BO-47")
@pytest.mark.parametrize(("count", "cover"), [(0, 0), (36, 0), (2, 2), (2, -1)])
def test_photos_outside_the_law_are_refused(count: int, cover: int) -> None:
    with pytest.raises(ValueError, match="photo"):
        Photos(urls=("https://m.example/1",) * count, cover_index=cover)


@pytest.mark.parametrize("token", ["", "act.x\r\nX: y", "act.é", "act x", "x" * 5000])
async def test_a_token_that_is_none_is_refused_without_being_shown(token: str) -> None:
    scripted = Scripted(body=ok({}))

    async with scripted.client() as client:
        with pytest.raises(ValueError, match=r"^not an access token$"):
            await client.creator_info(token, timeout=5)

    assert scripted.seen == []


@pytest.mark.parametrize(
    "call",
    [
        lambda c: c.video_list(TOKEN, ["id"], max_count=21, timeout=5),
        lambda c: c.video_list(TOKEN, [], timeout=5),
        lambda c: c.user_info(TOKEN, [], timeout=5),
        lambda c: c.video_query(TOKEN, ["id"], [], timeout=5),
        lambda c: c.video_query(TOKEN, ["id"], ["7"] * 21, timeout=5),
        lambda c: c.video_query(TOKEN, ["id"], ["7x"], timeout=5),
        lambda c: c.video_init(TOKEN, VideoPost(privacy_level="\ud800"), FileUpload(plan(5)), timeout=5),
    ],
)
async def test_what_tiktok_could_only_refuse_is_not_sent(call: Call) -> None:
    scripted = Scripted(body=ok({}))

    async with scripted.client() as client:
        with pytest.raises(ValueError):
            await call(client)

    assert scripted.seen == []


async def test_cookies_of_one_account_do_not_travel_with_another() -> None:
    scripted = Scripted(200, ok({"status": "FAILED"}), {"set-cookie": "msToken=a; Path=/; Domain=tiktokapis.com"})

    async with scripted.client() as client:
        for _ in range(2):
            await client.status_fetch(TOKEN, "p1", timeout=5)

    assert all("cookie" not in request.headers for request in scripted.seen)
