"""A post whose every webhook was lost is found among its creator's public videos, or stays unconfirmed."""

from collections.abc import Mapping
from typing import Any

import pytest
from flow_house import Guest, Stage

from tests.eventually import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

WEBHOOK_FIRST_S = 301
SEEK_S = 61


def photo(stage: Stage) -> str:
    return f"{stage.urls['simulator']}/_sim/sample-1.jpg"


async def unheard(stage: Stage, guest: Guest, title: str) -> dict[str, Any]:
    """A public post that went out: its init has no reply, and no webhook about it ever comes."""
    await guest.fault("drop", count=None)
    await guest.fault("webhook_first", endpoint="content/init")
    await guest.fault("reset_after", endpoint="content/init")
    asked = {"kind": "photo", "media": [photo(stage)], "privacy_level": "PUBLIC_TO_EVERYONE", "title": title}
    post = await guest.post(**asked)
    await stage.waits(post["id"], "unconfirmed")
    for shown in await profile(stage, guest):
        await stage.sim("POST", f"posts/{shown['post_id']}/publish")
    return post


async def profile(stage: Stage, guest: Guest) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = (await stage.sim("GET", f"world?open_id={guest.open_id}"))["posts"]
    return found


async def by_hand(stage: Stage, guest: Guest, title: str) -> None:
    """The creator posts something with these words, by another way than ours."""
    token = (await stage.sim("POST", f"accounts/{guest.open_id}/tokens"))["access_token"]
    info = {"title": title, "privacy_level": "PUBLIC_TO_EVERYONE"}
    body = {
        "media_type": "PHOTO", "post_mode": "DIRECT_POST", "post_info": info,
        "source_info": {"source": "PULL_FROM_URL", "photo_cover_index": 0, "photo_images": [photo(stage)]},
    }  # fmt: skip
    url = f"{stage.urls['simulator']}/v2/post/publish/content/init/"
    reply = await stage.http.post(url, json=body, headers={"Authorization": f"Bearer {token}"})
    publish_id = reply.json()["data"]["publish_id"]

    async def out() -> str:
        made = [one["post_id"] for one in await profile(stage, guest) if one["publish_id"] == publish_id]
        return made[0] if made else ""

    await stage.sim("POST", f"posts/{await eventually(out)}/publish")


async def looked_for(stage: Stage, post: Mapping[str, Any]) -> None:
    """Its webhook has had its time, and the list was asked for at least once."""
    await stage.advance(WEBHOOK_FIRST_S)
    await stage.quiet()
    await stage.advance(SEEK_S)
    await stage.quiet()
    entries = (await stage.api("GET", f"posts/{post['id']}/timeline"))["data"]
    assert any(entry["detail"].get("call") == "video_list" for entry in entries)


@pytest.mark.row("SS-69")
async def test_a_post_of_which_no_webhook_ever_comes_is_found_in_its_creators_list(stage: Stage, guest: Guest) -> None:
    post = await unheard(stage, guest, "never told")
    assert len(await stage.calls("video/list", guest)) == 0

    await looked_for(stage, post)

    found = await stage.until(post["id"], "published")
    [shown] = await profile(stage, guest)
    assert found["tiktok_post_ids"] == [shown["post_id"]]
    assert await guest.heard_of(post) == {
        "post.unconfirmed": 1, "post.published": 1, "post.publicly_available": 1,
    }  # fmt: skip
    [event] = await guest.inbox("post.published")
    assert event["json"]["data"]["source"] == "video_list"
    assert len(await stage.publications(guest)) == 1


async def test_what_tiktok_tells_late_of_a_post_that_was_found_is_that_posts_and_no_other_inits(
    stage: Stage, guest: Guest
) -> None:
    first = await unheard(stage, guest, "found first")
    await looked_for(stage, first)
    await stage.until(first["id"], "published")
    second = await unheard(stage, guest, "lost next")
    [shown] = [one for one in await profile(stage, guest) if one["title"] == "found first"]

    about = {"publish_id": shown["publish_id"], "publish_type": "DIRECT_PUBLISH", "post_id": shown["post_id"]}
    await stage.sim("DELETE", "faults")
    await guest.says("post.publish.no_longer_publicaly_available", about)

    async def heard() -> bool:
        return bool(await guest.inbox("post.no_longer_available"))

    await eventually(heard)
    assert await guest.heard_of(first) == {
        "post.unconfirmed": 1, "post.published": 1, "post.publicly_available": 1, "post.no_longer_available": 1,
    }  # fmt: skip
    await stage.until(second["id"], "unconfirmed")


async def test_of_two_videos_that_are_alike_none_is_taken(stage: Stage, guest: Guest) -> None:
    post = await unheard(stage, guest, "twins")
    await by_hand(stage, guest, "twins")

    await looked_for(stage, post)

    await stage.until(post["id"], "unconfirmed")
    assert await guest.heard_of(post) == {"post.unconfirmed": 1}


async def test_what_the_creator_had_posted_before_with_the_same_words_is_not_taken(stage: Stage, guest: Guest) -> None:
    await guest.fault("drop", count=None)
    await by_hand(stage, guest, "again and again")
    await stage.advance(5)
    post = await unheard(stage, guest, "again and again")
    [_, ours] = sorted(await profile(stage, guest), key=lambda one: one["created_ms"])
    await stage.sim("POST", f"posts/{ours['post_id']}/remove")  # TikTok shows the older one alone

    await looked_for(stage, post)

    await stage.until(post["id"], "unconfirmed")
    assert await guest.heard_of(post) == {"post.unconfirmed": 1}
