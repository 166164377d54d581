"""One suite for every client: what PyPI `socialchimp` and our own `libs.tiktok` must both get done at the simulator.

`-k socialchimp` or `-k ours` runs one of them. What only socialchimp does is in `test_socialchimp.py`.
"""

import hashlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from libs.runtime.clock import Clock
from tests.contract.simulator.box import Box, open_box
from tests.contract.simulator.clips import film
from tests.contract.simulator.consent import person
from tests.contract.simulator.driver import Driver, Heard, Ours, Refused, Session, Socialchimp, Standing

SCOPES = ("user.info.basic", "user.info.profile", "video.upload", "video.publish")
DRIVERS: dict[str, Callable[[str, Clock], Driver[Any]]] = {"socialchimp": Socialchimp, "ours": Ours}
MEGABYTES = [3, 7, 25]


@pytest.fixture
async def box() -> AsyncIterator[Box]:
    async with open_box(check_media=True, processing_s=0) as opened:
        await opened.account(username="anna", connect=False)
        await opened.account(username="bob", connect=False)
        yield opened


@pytest.fixture(params=DRIVERS)
async def driver(box: Box, request: pytest.FixtureRequest) -> AsyncIterator[Driver[Any]]:
    made = DRIVERS[request.param](box.url, box.clock)
    yield made
    await made.close()


@pytest.fixture
async def anna(box: Box, driver: Driver[Any]) -> Session[Any]:
    return await driver.connect(person(box, "anna"), scopes=SCOPES)


# Login


async def test_agreeing_on_the_consent_page_connects_the_account_that_was_chosen(
    driver: Driver[Any], anna: Session[Any], box: Box
) -> None:
    account = await box.sim("GET", "accounts/anna")

    assert anna.open_id == account["open_id"]
    assert anna.scopes == set(SCOPES) == set(account["grants"][0]["scopes"])
    assert await driver.name(anna) == "Sim anna"


async def test_a_scope_switched_off_is_not_granted(driver: Driver[Any], box: Box) -> None:
    session = await driver.connect(person(box, "bob", unticks=["video.upload"]), scopes=SCOPES)

    assert session.scopes == set(SCOPES) - {"video.upload"}


async def test_a_person_who_cancels_connects_nothing(driver: Driver[Any], box: Box) -> None:
    with pytest.raises(Refused):
        await driver.connect(person(box, "anna", agrees=False), scopes=SCOPES)

    assert (await box.sim("GET", "accounts/anna"))["grants"] == []
    assert (await box.sim("GET", "calls?endpoint=oauth/token"))["calls"] == []


async def test_a_desktop_app_connects_with_pkce(driver: Driver[Any], box: Box) -> None:
    session = await driver.connect(person(box, "anna"), scopes=SCOPES, desktop=True)

    assert await driver.name(session) == "Sim anna"


async def test_a_refresh_replaces_both_tokens_and_ends_the_old_one(driver: Driver[Any], anna: Session[Any]) -> None:
    renewed = await driver.refresh(anna)

    assert renewed.open_id == anna.open_id
    assert renewed.access_token != anna.access_token and renewed.refresh_token not in ("", anna.refresh_token)
    assert await driver.name(renewed) == "Sim anna"
    with pytest.raises(Refused):
        await driver.refresh(anna)


# Posts


@pytest.mark.parametrize("megabytes", MEGABYTES)
async def test_a_direct_video_is_published_once_and_byte_for_byte(
    driver: Driver[Any], anna: Session[Any], box: Box, tmp_path: Path, megabytes: int
) -> None:
    video = film(megabytes, tmp_path)

    publish_id = await driver.publish(anna, video)

    await box.until(anna.access_token, publish_id, "PUBLISH_COMPLETE")
    assert await driver.standing(anna, publish_id) is Standing.PUBLISHED
    seen = await box.publication(publish_id)
    assert seen["published"] == 1 and seen["post_info"]["title"] == "Hello #sim"
    assert_arrived(seen, video)


@pytest.mark.parametrize("megabytes", MEGABYTES)
async def test_a_draft_waits_in_the_creators_inbox_until_it_is_posted(
    driver: Driver[Any], anna: Session[Any], box: Box, tmp_path: Path, megabytes: int
) -> None:
    video = film(megabytes, tmp_path)

    publish_id = await driver.draft(anna, video)

    await box.until(anna.access_token, publish_id, "SEND_TO_USER_INBOX")
    assert await driver.standing(anna, publish_id) is Standing.WITH_CREATOR
    assert_arrived(await box.publication(publish_id), video)
    await box.sim("POST", f"publications/{publish_id}/post", {})
    assert await driver.standing(anna, publish_id) is Standing.PUBLISHED


async def test_a_post_that_ended_is_told_so(driver: Driver[Any], anna: Session[Any], box: Box, tmp_path: Path) -> None:
    await box.turn(processing_s=60)
    publish_id = await driver.publish(anna, film(3, tmp_path))
    working = await driver.standing(anna, publish_id)
    await box.sim("POST", f"publications/{publish_id}/fail?reason=internal")

    assert (working, await driver.standing(anna, publish_id)) == (Standing.WORKING, Standing.FAILED)


async def test_our_plan_for_12_mb_is_taken_where_socialchimps_is_not(box: Box, tmp_path: Path) -> None:
    """Its refusal is in `test_socialchimp.py`: it promises chunks of 10,485,760 bytes and counts one."""
    ours, video = Ours(box.url, box.clock), film(12, tmp_path)
    session = await ours.connect(person(box, "anna"), scopes=SCOPES)

    publish_id = await ours.publish(session, video)

    await box.until(session.access_token, publish_id, "PUBLISH_COMPLETE")
    assert_arrived(await box.publication(publish_id), video)
    await ours.close()


def assert_arrived(seen: dict[str, Any], video: Path) -> None:
    """All bytes in sequence, in as many chunks as the init had promised."""
    data, upload = video.read_bytes(), seen["upload"]
    assert (seen["media"][0]["bytes"], seen["media"][0]["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
    assert len(upload["chunks"]) == upload["chunk_count"] == upload["puts"] and upload["refused"] == 0


# Webhooks


async def test_a_webhook_is_verified_and_read_and_a_forged_one_refused(
    driver: Driver[Any], anna: Session[Any], box: Box, tmp_path: Path
) -> None:
    await box.listen()
    publish_id = await driver.publish(anna, film(3, tmp_path))
    await box.until(anna.access_token, publish_id, "PUBLISH_COMPLETE")
    (hook,) = await box.webhooks("post.publish.complete", answered=1)
    (got,) = (await box.sim("GET", "customer/ingest/inbox"))["items"]
    body = hook["body"].encode()

    assert driver.hear(body, got["headers"]) == Heard(anna.open_id, published=True)
    with pytest.raises(Refused):
        driver.hear(body + b" ", got["headers"])
    box.advance(301)
    with pytest.raises(Refused):
        driver.hear(body, got["headers"])
