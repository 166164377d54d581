"""Everything that a post request says arrives at TikTok as it was said, and every step is an event of its own."""

from collections import Counter
from typing import Any

import pytest
from flow_house import Guest, Stage
from structlog.testing import capture_logs

from tests.eventually import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

CAPTION = "Neue Stiefel 🎬👢 #boots #größe @acme"


@pytest.mark.row(
    "SA-39", "SA-44", "SA-50", "SA-54", "SS-01", "SS-29", "SS-47", "SS-53", "PP-21", "PP-22", "PP-23", "PP-24", "PP-25",
    "PP-26",
)  # fmt: skip
async def test_caption_disclosure_label_cover_and_switches_of_a_video_arrive_unchanged(
    stage: Stage, guest: Guest
) -> None:
    said: dict[str, Any] = {
        "title": CAPTION, "privacy_level": "PUBLIC_TO_EVERYONE", "disable_comment": False, "disable_duet": True,
        "disable_stitch": False, "brand_content_toggle": True, "brand_organic_toggle": True, "is_aigc": True,
        "video_cover_timestamp_ms": 300,
    }  # fmt: skip

    await guest.published(**said)

    [one] = await stage.publications(guest)
    assert {name: one["post_info"].get(name) for name in said} == said
    await guest.published(privacy_level="SELF_ONLY", title="quiet")
    quiet = (await stage.publications(guest))[-1]["post_info"]
    assert [quiet[f"disable_{what}"] for what in ("comment", "duet", "stitch")] == [True] * 3, "off unless asked for"


@pytest.mark.row("SS-32", "SS-33", "PP-32", "PP-33", "PP-34", "PP-35")
async def test_title_description_cover_music_and_disclosure_of_photos_arrive_unchanged(
    stage: Stage, guest: Guest
) -> None:
    said: dict[str, Any] = {
        "title": "drei", "description": CAPTION, "photo_cover_index": 1, "auto_add_music": True,
        "privacy_level": "PUBLIC_TO_EVERYONE", "disable_comment": False, "brand_content_toggle": True,
        "brand_organic_toggle": True,
    }  # fmt: skip
    photos = [f"{stage.urls['simulator']}/_sim/sample-{n}.jpg" for n in (1, 2)]

    post = await guest.post(kind="photo", media=photos, **said)

    await stage.until(post["id"], "published")
    [one] = await stage.publications(guest)
    [seen] = (await stage.sim("GET", f"world?open_id={guest.open_id}"))["posts"]
    cover = said.pop("photo_cover_index")
    assert {name: one["post_info"].get(name) for name in said} == said
    assert seen["cover_index"] == cover


async def test_what_the_creator_has_turned_off_stays_off_and_the_timeline_says_so(stage: Stage, guest: Guest) -> None:
    allowed: dict[str, Any] = {"disable_comment": False, "disable_duet": False, "disable_stitch": False}
    await guest.creator(comment_disabled=True, stitch_disabled=True)

    video = await guest.published(**allowed)
    photos = await guest.published(
        kind="photo", media=[f"{stage.urls['simulator']}/_sim/sample-1.jpg"], title="photo", disable_comment=False
    )

    told = []
    for post in (video, photos):
        lines = (await stage.api("GET", f"posts/{post['id']}/timeline"))["data"]
        told += [line["detail"]["fields"] for line in lines if line["kind"] == "adjusted"]
    assert told == [["disable_comment", "disable_stitch"], ["disable_comment"]]
    sent = [one["post_info"] for one in await stage.publications(guest)]
    assert [info["disable_comment"] for info in sent] == [True, True]
    assert (sent[0]["disable_duet"], sent[0]["disable_stitch"]) == (False, True)


async def test_each_drive_of_a_post_is_one_line_and_on_a_good_day_none_is_lost(stage: Stage, guest: Guest) -> None:
    def driven() -> list[Any]:
        return [line for line in logs if line["event"] == "post.driven" and line["account"] == guest.account_id]

    with capture_logs() as logs:
        posts = [await guest.post() for _ in range(5)]
        for post in posts:
            await stage.until(post["id"], "published")
        await stage.quiet()
        # A webhook publishes a post while the drive that sent its bytes still ends: its line may come last of all.
        await eventually(lambda: sum(line["calls"].get("put_chunk", 0) for line in driven()) >= len(posts))

    lines = driven()
    # A webhook may beat the save of its upload's end; before TikTok has the bytes there is nobody to lose a post to.
    assert {line["outcome"] for line in lines if line["state"] in ("queued", "initializing")} == {"saved"}
    assert {line["outcome"] for line in lines} <= {"saved", "lost"}
    assert {line["post"] for line in lines} == {post["id"] for post in posts}
    calls: Counter[str] = sum((Counter(line["calls"]) for line in lines), Counter())
    assert calls["creator_info"] == calls["video_init"] == calls["put_chunk"] == len(posts)
    assert all(line["ms"] >= 0 and line["state"] for line in lines)
    assert not [line for line in logs if line["event"] in ("post.left", "post.broke")]


@pytest.mark.row("SA-45", "SA-57", "SS-12")
async def test_every_step_of_a_post_is_an_event_of_its_own_in_order(stage: Stage, guest: Guest) -> None:
    video = await guest.published()  # a webhook may tell of it before the upload's end is saved
    photos = await guest.published(kind="photo", media=[f"{stage.urls['simulator']}/_sim/sample-1.jpg"], title="photo")

    assert await guest.steps(video) == ["accepted", "uploading", "uploaded", "published"]
    assert await guest.steps(photos) == ["accepted", "processing", "published"]


@pytest.mark.row("SA-05")
async def test_a_creators_videos_are_tiktoks_and_say_which_posts_of_ours_they_are(stage: Stage, guest: Guest) -> None:
    post = await guest.published(privacy_level="PUBLIC_TO_EVERYONE")
    [one] = await stage.publications(guest)
    [video] = one["post_ids"]
    await stage.sim("POST", f"posts/{video}/publish")
    await guest.heard()

    listed = (await stage.api("GET", f"accounts/{guest.account_id}/videos"))["data"]

    assert [(shown["id"], shown["post_id"]) for shown in listed] == [(str(video), post["id"])]
