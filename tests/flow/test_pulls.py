"""Pulls: TikTok fetches from us. An init that got no answer is proven harmless, or waited for; never sent twice."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from flow_house import Guest, Stage

from tests.eventually import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

RETRY_S = 17
"""A little more than the first pause after a failed try."""


def photos(stage: Stage, count: int = 3) -> list[str]:
    return [f"{stage.urls['simulator']}/_sim/sample-{n}.jpg" for n in range(1, count + 1)]


@asynccontextmanager
async def late_pulls(stage: Stage) -> AsyncIterator[None]:
    """TikTok begins to fetch a minute after the init."""
    await stage.sim("PATCH", "settings", {"pull_delay_s": 60})
    try:
        yield
    finally:
        await stage.sim("PATCH", "settings", {"pull_delay_s": 0})


async def published(stage: Stage, guest: Guest) -> list[int]:
    """How often each publication of the account went out, as TikTok sees it."""
    return [one["published"] for one in await stage.publications(guest)]


@pytest.mark.row("SS-01", "SS-33")
async def test_photos_go_out_in_order_with_their_cover_and_words(stage: Stage, guest: Guest) -> None:
    asked = {"title": "three", "description": "one #two", "photo_cover_index": 1, "auto_add_music": True}

    post = await guest.post(kind="photo", media=photos(stage), **asked)

    await stage.until(post["id"], "published")
    [one] = await stage.publications(guest)
    assert (one["kind"], one["mode"], one["source"], one["published"]) == ("photo", "direct", "PULL_FROM_URL", 1)
    [seen] = (await stage.sim("GET", f"world?open_id={guest.open_id}"))["posts"]
    assert (seen["title"], seen["description"], seen["cover_index"]) == ("three", "one #two", 1)
    assert one["post_info"]["auto_add_music"] is True
    assert [media["url"].rpartition("/")[2] for media in one["media"]] == ["0.jpg", "1.jpg", "2.jpg"]
    assert len(set(seen["sha256"])) == 3
    assert await guest.heard_of(post) == {"post.published": 1}


@pytest.mark.row("SS-34")
async def test_photos_reach_the_inbox_and_are_published_from_there(stage: Stage, guest: Guest) -> None:
    post = await guest.post(kind="photo", media=photos(stage, 1), mode="inbox", privacy_level=None, description="d")

    await stage.until(post["id"], "in_inbox")
    [one] = await stage.publications(guest)
    assert (one["mode"], one["post_info"]["description"]) == ("inbox", "d")
    assert await guest.heard_of(post) == {"post.in_inbox": 1}


@pytest.mark.parametrize("mode", ["direct", "inbox"])
async def test_a_video_is_pulled_when_that_is_asked_for(stage: Stage, guest: Guest, mode: str) -> None:
    post = await guest.post(transfer="pull", mode=mode, privacy_level="SELF_ONLY" if mode == "direct" else None)

    await stage.until(post["id"], "published" if mode == "direct" else "in_inbox")
    [one] = await stage.publications(guest)
    assert (one["source"], one["mode"], one["pull"]["fetched"]) == ("PULL_FROM_URL", mode, 1)
    assert [media["content_type"] for media in one["media"]] == ["video/mp4"]


async def test_a_lost_init_that_nobody_fetched_for_is_made_anew_and_only_that_one_goes_out(
    stage: Stage, guest: Guest
) -> None:
    async with late_pulls(stage):
        await guest.fault("reset_after", endpoint="content/init")
        post = await guest.post(kind="photo", media=photos(stage, 1))
        await stage.waits(post["id"], "queued", after="retrying")

        await stage.advance(RETRY_S)
        await stage.waits(post["id"], "processing", after="pulling")
        await stage.advance(61)

        await stage.until(post["id"], "published")

    async def first_failed() -> bool:  # TikTok fetches for both at once
        first, _ = await stage.publications(guest)
        return bool(first["fail_reason"] == "photo_pull_failed")

    await eventually(first_failed)
    assert await published(stage, guest) == [0, 1]
    assert await guest.heard_of(post) == {"post.retrying": 1, "post.published": 1}


@pytest.mark.parametrize("kind", ["photo", "video"])
async def test_a_lost_init_that_was_fetched_for_waits_for_the_webhook_and_is_never_made_again(
    stage: Stage, guest: Guest, kind: str
) -> None:
    endpoint = "content/init" if kind == "photo" else "video/init"
    await guest.fault("webhook_first", endpoint=endpoint)
    await guest.fault("reset_after", endpoint=endpoint)
    sources = {"media": photos(stage, 1)} if kind == "photo" else {"transfer": "pull"}

    post = await guest.post(kind=kind, **sources)

    await stage.until(post["id"], "published")
    assert await published(stage, guest) == [1]
    assert "pull.adopted" in await stage.timeline(post["id"])
    assert await guest.heard_of(post) == {"post.unconfirmed": 1, "post.published": 1}


async def test_a_webhook_that_beats_the_inits_answer_finds_its_post(stage: Stage, guest: Guest) -> None:
    await guest.fault("webhook_first", endpoint="content/init")

    post = await guest.post(kind="photo", media=photos(stage, 1))

    await stage.until(post["id"], "published")
    assert await guest.heard_of(post) == {"post.published": 1}
    assert await published(stage, guest) == [1]


async def test_five_photo_posts_at_once_go_out_one_after_the_other_without_asking_twice(
    stage: Stage, guest: Guest
) -> None:
    posts = [await guest.post(kind="photo", media=photos(stage, 1)) for _ in range(5)]

    for post in posts:
        await stage.until(post["id"], "published")
    assert await published(stage, guest) == [1, 1, 1, 1, 1]
    assert len(await stage.calls("creator_info/query", guest)) == 5


async def test_an_unconfirmed_pull_keeps_the_creators_next_one_waiting_until_its_webhook_comes(
    stage: Stage, guest: Guest
) -> None:
    await guest.fault("drop", event="post.publish.complete")
    await guest.fault("webhook_first", endpoint="content/init")
    await guest.fault("reset_after", endpoint="content/init")
    first = await guest.post(kind="photo", media=photos(stage, 1))
    await stage.waits(first["id"], "unconfirmed")

    second = await guest.post(kind="photo", media=photos(stage, 1))
    await stage.waits(second["id"], "queued", after="waiting")
    [one] = await stage.publications(guest)
    told = {"publish_id": one["publish_id"], "publish_type": "DIRECT_PUBLISH"}
    await guest.says("post.publish.complete", told)

    await stage.until(first["id"], "published")
    await stage.advance(61)
    await stage.until(second["id"], "published")
    assert await published(stage, guest) == [1, 1]


async def test_a_cancel_stops_a_pull_that_is_still_running(stage: Stage, guest: Guest) -> None:
    async with late_pulls(stage):
        post = await guest.post(transfer="pull")
        await stage.waits(post["id"], "processing", after="pulling")

        await stage.api("POST", f"posts/{post['id']}/cancel", status=202)
        await stage.advance(5)

        await stage.until(post["id"], "cancelled")
    assert await published(stage, guest) == [0]
    assert await guest.heard_of(post) == {"post.cancelled": 1}


async def test_a_cancel_during_a_pulls_init_is_sent_as_soon_as_its_publish_id_is_known(
    stage: Stage, guest: Guest
) -> None:
    async with late_pulls(stage):
        await guest.fault("latency", endpoint="video/init", seconds=60)
        post = await guest.post(transfer="pull")

        async def under_way() -> bool:
            faults = (await stage.sim("GET", "faults"))["faults"]
            return not [fault for fault in faults if fault["open_id"] == guest.open_id]

        await eventually(under_way)
        await stage.api("POST", f"posts/{post['id']}/cancel", status=202)
        await stage.sim("POST", "faults/release", {"open_id": guest.open_id})

        await stage.until(post["id"], "cancelled")  # no time has passed

        async def noted() -> bool:  # also when TikTok's news of it was quicker than the one who had asked
            entries = (await stage.api("GET", f"posts/{post['id']}/timeline"))["data"]
            return "cancel" in [entry["detail"].get("call") for entry in entries]

        await eventually(noted)
        used = await stage.row("select count(*) from cap_uses where post_id = $1 and sure", post["id"])
        assert used["count"] == 1, "TikTok took the init all the same"
    assert await published(stage, guest) == [0]
    assert await guest.heard_of(post) == {"post.cancelled": 1}


async def test_a_pull_url_serves_ranges_and_heads_while_its_pull_runs_and_nothing_after(
    stage: Stage, guest: Guest
) -> None:
    async with late_pulls(stage):
        post = await guest.post(kind="photo", media=photos(stage, 1))
        await stage.waits(post["id"], "processing", after="pulling")
        [call] = await stage.calls("content/init", guest)
        [url] = call["request"]["source_info"]["photo_images"]
        whole = (await stage.http.get(photos(stage, 1)[0])).content

        head = await stage.http.head(url)
        assert (head.status_code, head.headers["content-type"]) == (200, "image/jpeg")
        assert int(head.headers["content-length"]) == len(whole)
        unfetched = await stage.row("select fetches from pulls where post_id = $1", post["id"])
        part = await stage.http.get(url, headers={"Range": "bytes=10-19"})
        assert (part.status_code, part.content) == (206, whole[10:20])
        assert part.headers["content-range"] == f"bytes 10-19/{len(whole)}"
        assert (await stage.http.get(url, headers={"Range": f"bytes={len(whole)}-"})).status_code == 416
        assert (await stage.http.get(url)).content == whole
        fetched = await stage.row("select fetches from pulls where post_id = $1", post["id"])
        assert (unfetched["fetches"], fetched["fetches"]) == (0, 2)
        await stage.advance(61)
        await stage.until(post["id"], "published")

    assert (await stage.http.get(url)).status_code == 404


async def test_what_tiktok_cannot_take_is_refused_before_any_init(stage: Stage, guest: Guest) -> None:
    video = f"{stage.urls['simulator']}/_sim/sample.mp4"
    post = await guest.post(kind="photo", media=[*photos(stage, 1), video])

    failed = await stage.until(post["id"], "failed")
    assert [(one["field"], one["code"]) for one in failed["problem"]["errors"]] == [("media.1.kind", "media_kind")]
    assert await stage.publications(guest) == []


@pytest.mark.parametrize("prefix", ["", "/pull"])
async def test_tiktok_finds_its_signature_file_where_it_looks_for_it(stage: Stage, prefix: str) -> None:
    found = await stage.http.get(f"{stage.urls['api']}{prefix}/tiktokProof1.txt")

    assert (found.status_code, found.text) == (200, "tiktok-developers-site-verification=Proof1")
    assert (await stage.http.get(f"{stage.urls['api']}{prefix}/tiktokProof2.txt")).status_code == 404
