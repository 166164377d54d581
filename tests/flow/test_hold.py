"""A database that came back from a backup is compared with TikTok before anything of it is sent again."""

import pytest
from flow_house import Guest, Stage

from libs.store.hold import hold_all

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_held_post_is_asked_about_and_published_by_what_tiktok_says(stage: Stage, guest: Guest) -> None:
    await guest.fault("stick", seconds=3_000)
    post = await guest.post()
    await stage.waits(post["id"], "processing")

    assert await hold_all(stage.house.store, now=stage.now) == 1
    held = await stage.waits(post["id"], "unconfirmed", after="held")
    await stage.advance(3_700)

    await stage.until(post["id"], "published")
    assert held["held_at"] is not None
    assert len(await stage.publications(guest)) == 1


async def test_a_post_that_tiktok_cannot_be_asked_about_waits_for_a_person(stage: Stage, guest: Guest) -> None:
    await guest.creator(daily_post_cap=0)
    post = await guest.post()
    await stage.waits(post["id"], "queued", after="reslotted")
    await hold_all(stage.house.store, now=stage.now)
    await guest.creator(daily_post_cap=None)

    await stage.advance(2 * 86_400)
    await stage.past_refresh()
    await stage.waits(post["id"], "unconfirmed")
    await stage.api("POST", f"posts/{post['id']}/resolve", {"outcome": "not_published"})
    await stage.api("POST", f"posts/{post['id']}/retry")
    await stage.past_refresh()

    await stage.until(post["id"], "published")
    assert len(await stage.publications(guest)) == 1
