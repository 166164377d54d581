"""A stranger's client, unmodified, against the simulator: PyPI `socialchimp`, its transport's host rewritten."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from socialchimp import AppCredentials, Connection, Media, Post, PostState
from socialchimp.errors import SignatureError, SocialChimpError
from socialchimp.platform import Finished, LoginRequest, SendToNetwork
from socialchimp.platforms.tiktok import TikTokPlatform

from tests.contract.simulator.box import KEY, SECRET, WEB_URI, Box, open_box
from tests.contract.simulator.clips import clip

APP = AppCredentials("tiktok", None, client_id=KEY, client_secret=SECRET)
SCOPES = ("user.info.basic", "user.info.profile", "video.upload", "video.publish")
MB = 1_000_000


class ToSimulator(httpx.AsyncHTTPTransport):
    """Sends `*.tiktokapis.com` to the simulator; everything else about the request stays."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._base = httpx.URL(url)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.host.endswith(".tiktokapis.com"):
            request.url = request.url.copy_with(scheme="http", host=self._base.host, port=self._base.port)
        return await super().handle_async_request(request)


@pytest.fixture
async def box() -> AsyncIterator[Box]:
    async with open_box(check_media=True, processing_s=0) as opened:
        yield opened


@pytest.fixture
def chimp(box: Box) -> TikTokPlatform:
    return TikTokPlatform(transport=ToSimulator(box.url), now=box.clock.now)


def film(size: int, folder: Path) -> Media:
    """A real MP4 of exactly `size` bytes: what is missing follows as a `free` box, which players skip."""
    real = clip()
    padding = size - len(real)
    path = folder / f"{size}.mp4"
    path.write_bytes(real + padding.to_bytes(4, "big") + b"free" + bytes(padding - 8))
    return Media.from_file(path)


async def logged_in(
    box: Box, chimp: TikTokPlatform, *, username: str = "anna", scopes: tuple[str, ...] = SCOPES
) -> Connection:
    await box.account(username=username, connect=False)
    request = LoginRequest(redirect_uri=WEB_URI, state="s1", scopes=scopes, app=APP)
    step = await chimp.start_login(request)
    assert isinstance(step, SendToNetwork)
    sent = await box.sim("POST", "authorize", {"url": step.url, "username": username})
    callback = dict(httpx.URL(sent["location"]).params)
    finished = await chimp.finish_login(request, callback)
    assert isinstance(finished, Finished)
    return finished.connection


def post(media: Media, **options: Any) -> Post:
    return Post(text="Hello #sim" if options else "", media=(media,), options=options or {"send_to": "drafts"})


async def test_login_brings_a_connection_named_after_the_open_id(box: Box, chimp: TikTokPlatform) -> None:
    connection = await logged_in(box, chimp)

    (account,) = (await box.sim("GET", "accounts"))["accounts"]
    assert connection.account_id == account["open_id"]
    assert set(connection.scopes) == set(SCOPES)
    assert (await chimp.read_profile(connection)).name == "Sim anna"


async def test_its_default_scopes_lack_the_one_for_username(box: Box, chimp: TikTokPlatform) -> None:
    """It asks for `username` with user.info.basic alone; the sheet puts it under user.info.profile (a knob)."""
    with pytest.raises(SocialChimpError):
        await logged_in(box, chimp, scopes=())
    (call,) = (await box.sim("GET", "calls?endpoint=user/info"))["calls"]
    assert (call["status"], call["code"]) == (400, "scope_permission_missed")

    await box.turn(username_scope="basic")

    assert (await logged_in(box, chimp, username="bob", scopes=())).extra["username"] == "bob"


async def test_a_refresh_replaces_both_tokens(box: Box, chimp: TikTokPlatform) -> None:
    connection = await logged_in(box, chimp)

    token = await chimp.refresh(connection, APP)

    assert token.access_token != connection.token.access_token
    assert token.refresh_token not in (None, connection.token.refresh_token)
    with pytest.raises(SocialChimpError):
        await chimp.refresh(connection, APP)


@pytest.mark.parametrize("megabytes", [3, 7, 25])
async def test_direct_uploads_are_published_byte_for_byte(
    box: Box, chimp: TikTokPlatform, tmp_path: Path, megabytes: int
) -> None:
    connection = await logged_in(box, chimp)
    media = film(megabytes * MB, tmp_path)

    result = await chimp.publish(connection, post(media, send_to="profile", privacy_level="SELF_ONLY"))

    assert result.state is PostState.PROCESSING
    await box.until(connection.token.access_token, result.id, "PUBLISH_COMPLETE")
    assert (await chimp.check_state(connection, result.id)).state is PostState.DONE
    seen = await box.publication(result.id)
    assert seen["media"][0]["bytes"] == megabytes * MB and seen["published"] == 1
    assert len(seen["upload"]["chunks"]) == max(1, megabytes * MB // 10_485_760)


@pytest.mark.parametrize("megabytes", [3, 7, 25])
async def test_drafts_reach_the_inbox(box: Box, chimp: TikTokPlatform, tmp_path: Path, megabytes: int) -> None:
    connection = await logged_in(box, chimp)

    result = await chimp.publish(connection, post(film(megabytes * MB, tmp_path)))

    assert result.state is PostState.WAITING_FOR_PERSON
    await box.until(connection.token.access_token, result.id, "SEND_TO_USER_INBOX")
    assert (await chimp.check_state(connection, result.id)).state is PostState.WAITING_FOR_PERSON


async def test_its_plan_for_12_mb_is_refused_with_the_recorded_code(
    box: Box, chimp: TikTokPlatform, tmp_path: Path
) -> None:
    connection = await logged_in(box, chimp)

    with pytest.raises(SocialChimpError):
        await chimp.publish(connection, post(film(12 * MB, tmp_path), send_to="profile", privacy_level="SELF_ONLY"))

    (call,) = (await box.sim("GET", "calls?endpoint=video/init"))["calls"]
    assert (call["status"], call["code"]) == (400, "invalid_params")
    assert call["response"]["error"]["message"] == "The chunk size is invalid"
    assert (await box.sim("GET", "publications"))["publications"] == []


async def test_it_verifies_and_reads_our_webhooks(box: Box, chimp: TikTokPlatform, tmp_path: Path) -> None:
    await box.listen()
    connection = await logged_in(box, chimp)
    result = await chimp.publish(connection, post(film(3 * MB, tmp_path), send_to="profile", privacy_level="SELF_ONLY"))
    await box.until(connection.token.access_token, result.id, "PUBLISH_COMPLETE")
    (hook,) = await box.webhooks("post.publish.complete", answered=1)
    (got,) = (await box.sim("GET", "customer/ingest/inbox"))["items"]
    body = hook["body"].encode()

    chimp.check_signature(body, got["headers"], secret=SECRET)
    (update,) = chimp.read_updates(body)

    assert update.connection_id == connection.id and update.kind_name == "post_published"
    with pytest.raises(SignatureError):
        chimp.check_signature(body + b" ", got["headers"], secret=SECRET)


async def test_it_repeats_an_init_after_a_lost_reply_and_the_simulator_counts_both(
    box: Box, chimp: TikTokPlatform, tmp_path: Path
) -> None:
    connection = await logged_in(box, chimp)
    await box.sim("POST", "scenarios/init_reply_lost", {})

    await chimp.publish(connection, post(film(3 * MB, tmp_path), send_to="profile", privacy_level="SELF_ONLY"))

    calls = (await box.sim("GET", "calls?endpoint=video/init"))["calls"]
    assert [call["outcome"] for call in calls] == ["reset", "answered"]
    assert len((await box.sim("GET", "publications"))["publications"]) == 2
