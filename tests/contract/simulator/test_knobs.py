"""Knobs turn at run time, and each does what its page says. Those the sheet's checks turn are proved there."""

import re
import time
from pathlib import Path

import pytest

from services.simulator.knobs import Knobs
from services.simulator.settings import SimulatorSettings
from tests.contract.simulator.box import Box, open_box
from tests.contract.simulator.clips import clip, open_shelf
from tests.eventually import eventually

README = Path(__file__).parents[3] / "services" / "simulator" / "README.md"


def test_the_page_names_every_knob_and_setting_and_no_other() -> None:
    _, _, knobs = README.read_text().partition("### Knobs")
    rows = re.findall(r"^\| `([a-z0-9_]+)` \|", knobs, re.MULTILINE)
    settings = re.findall(r"^\| `([A-Z0-9_]+)` \|", README.read_text(), re.MULTILINE)

    assert sorted(rows) == sorted(Knobs.model_fields)
    assert sorted(name.lower() for name in settings) == sorted(SimulatorSettings.model_fields)


@pytest.mark.parametrize(("knob", "status"), [("accept", 200), ("403", 403), ("400", 400)])
async def test_branded_content_for_oneself(box: Box, knob: str, status: int) -> None:
    await box.turn(branded_self_only=knob)
    token = await box.token()
    assert (await box.init(token, brand_content_toggle=True)).status == status
    assert (await box.init(token, brand_organic_toggle=True)).status == 200


async def test_a_refresh_can_start_the_year_anew_and_end_the_access_token(box: Box) -> None:
    await box.turn(refresh_expiry="reset", refresh_kills_access=True)
    account = await box.account()
    box.advance(1000)
    pair = (await box.app_form("token", grant_type="refresh_token", refresh_token=account["refresh_token"])).json
    assert pair["refresh_expires_in"] == 31_536_000
    assert (await box.user(account["access_token"], "open_id")).status == 401
    await box.turn(refresh_rotation="same")
    again = (await box.app_form("token", grant_type="refresh_token", refresh_token=pair["refresh_token"])).json
    assert again["refresh_token"] == pair["refresh_token"]


async def test_lifetimes_are_knobs(box: Box) -> None:
    await box.turn(
        access_token_ttl_s=10, refresh_token_ttl_s=100, client_token_ttl_s=5, code_ttl_s=1, upload_url_ttl_s=3
    )
    account = await box.account(username="anna")
    client = (await box.app_form("token", grant_type="client_credentials")).json
    code = await box.code(username="anna")
    assert (account["expires_in"], account["refresh_expires_in"], client["expires_in"]) == (10, 100, 5)
    url = (await box.init(account["access_token"])).data["upload_url"]
    box.advance(3)
    assert (await box.put(url, b"x" * 1000)).status == 403
    exchange = {"grant_type": "authorization_code", "code": code["code"], "redirect_uri": "https://app.example/cb"}
    assert (await box.app_form("token", **exchange)).code == "invalid_grant"
    box.advance(7)
    assert (await box.user(account["access_token"], "open_id")).status == 401


async def test_webhooks_can_wait_and_uploads_can_be_slow(box: Box) -> None:
    await box.turn(webhook_delay_s=30, processing_s=0, bytes_per_s=1_000_000)
    await box.listen()
    token = await box.token()
    started = time.monotonic()
    await box.upload(await box.init(token, size=200_000), b"x" * 200_000)
    assert time.monotonic() - started >= 0.2
    assert (await box.webhooks())[0]["attempts"] == []
    box.advance(30)
    assert await box.webhooks(answered=1)


async def test_a_silent_server_is_given_up_and_a_pull_told_late_about_its_size_is_bounded() -> None:
    async with open_box(processing_s=0, pull_idle_real_s=0.2, video_max_bytes=5_000) as box, open_shelf() as shelf:
        token = await box.token()
        await box.fault("hang", endpoint="user/info")
        silent = await box.pull(token, f"{box.url}/v2/user/info/?fields=open_id")
        large = await box.pull(token, shelf.put("large.mp4", clip()))
        for reply in (silent, large):
            found = await box.until(token, reply.data["publish_id"], "FAILED")
            assert found["fail_reason"] == "video_pull_failed"


async def test_chunk_bounds_can_be_the_other_reading(box: Box) -> None:
    await box.turn(chunk_min_bytes=5_000_000, chunk_max_bytes=67_108_864)
    token = await box.token()
    for size, chunk, count in ((66_259_900, 66_259_900, 1), (20_000_000, 5_000_000, 4)):
        source = {"source": "FILE_UPLOAD", "video_size": size, "chunk_size": chunk, "total_chunk_count": count}
        body = {"post_info": {"privacy_level": "SELF_ONLY"}, "source_info": source}
        assert (await box.post("post/publish/video/init/", token, body)).status == 200


async def test_media_checks_can_be_left_out_and_a_cancelled_upload_frees_its_bytes(box: Box) -> None:
    await box.turn(processing_s=0)
    account = await box.account()
    publish_id = await box.upload(await box.init(account["access_token"]), b"not a film" * 100)
    assert (await box.status(account["access_token"], publish_id)).data == {"status": "PUBLISH_COMPLETE"}
    kept = (await box.sim("GET", "world"))["health"]["kept_bytes"]
    size = 2 * 5_242_880
    source = {"source": "FILE_UPLOAD", "video_size": size, "chunk_size": size // 2, "total_chunk_count": 2}
    reply = await box.post("post/publish/inbox/video/init/", account["access_token"], {"source_info": source})
    await box.put(reply.data["upload_url"], b"x" * (size // 2), total=size)
    assert (await box.sim("GET", "world"))["health"]["kept_bytes"] == kept + size

    box.advance(3600)

    async def freed() -> bool:
        return bool((await box.sim("GET", "world"))["health"]["kept_bytes"] == kept)

    assert await eventually(freed)
