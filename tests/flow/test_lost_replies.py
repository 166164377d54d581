"""What is lost between us and TikTok costs time and quota, never a post and never a second one."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from flow_house import Guest, Stage

from tests.eventually import eventually

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.thorough]

FIRST_PAUSE_S = 17
URL_LIFE_S = 3_601
CHUNK = 32_000_000
BIG = 70_000_000
"""Three parts of 32 MB do not fit into it, so it goes out in two chunks, the last one with the remainder."""


@dataclass(frozen=True)
class Big:
    """A customer who has a large file; uploaded once, because that takes a while."""

    customer_id: str
    media_id: str


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def big(stage: Stage) -> Big:
    customer_id = (await stage.api("POST", "customers", {"name": "big"}))["id"]
    sample = (await stage.http.get(f"{stage.urls['simulator']}/_sim/sample.mp4")).content
    # A `free` box is part of a whole MP4, says nothing and may be as long as one likes.
    room = BIG - len(sample)
    padded = sample + room.to_bytes(4, "big") + b"free" + bytes(room - 8)
    return Big(customer_id, await stage.upload(customer_id, padded))


@pytest_asyncio.fixture(loop_scope="module")
async def chunked(stage: Stage, big: Big) -> Guest:
    """A guest whose posts go out in two chunks."""
    return await stage.guest(customer_id=big.customer_id)


async def puts(stage: Stage, guest: Guest) -> list[tuple[int, int | None]]:
    """(chunk, status) of every PUT, in order."""
    found = []
    for publication in await stage.publications(guest):
        calls = await stage.sim("GET", f"calls?endpoint=upload&publish_id={publication['publish_id']}")
        found += [(call["chunk"], call["status"]) for call in calls["calls"]]
    return found


async def published(stage: Stage, guest: Guest) -> list[int]:
    """How often each publication went to the profile."""
    return [publication["published"] for publication in await stage.publications(guest)]


# The init


@pytest.mark.parametrize(
    "fault", [{"do": "reset_after"}, {"do": "truncated_body"}, {"do": "status_after", "status": 502}, {"do": "reset"}]
)
async def test_an_init_whose_reply_is_lost_is_made_again_and_publishes_once(
    stage: Stage, guest: Guest, fault: Mapping[str, Any]
) -> None:
    await guest.fault(endpoint="video/init", **fault)
    post = await guest.post()
    await stage.waits(post["id"], "queued", after="retrying")

    await stage.advance(FIRST_PAUSE_S)

    await stage.until(post["id"], "published")
    assert await published(stage, guest) == ([1] if fault["do"] == "reset" else [0, 1])
    assert await guest.heard_of(post) == {"post.retrying": 1, "post.published": 1}


async def test_inits_lost_again_and_again_publish_once_in_the_end(stage: Stage, guest: Guest) -> None:
    await stage.sim("POST", "scenarios/init_reply_lost", {"open_id": guest.open_id, "count": 3})
    post = await guest.post()
    for n, pause_s in enumerate((FIRST_PAUSE_S, 67, 331), start=1):
        await eventually(lambda n=n: retried(stage, post, n), timeout=20)
        await stage.quiet()
        await stage.advance(pause_s)

    await stage.until(post["id"], "published")

    assert await published(stage, guest) == [0, 0, 0, 1]


async def spent(stage: Stage, guest: Guest) -> bool:
    """Whether everything that was to go wrong with this account has begun to."""
    return not [fault for fault in (await stage.sim("GET", "faults"))["faults"] if fault["open_id"] == guest.open_id]


async def retried(stage: Stage, post: Mapping[str, Any], times: int) -> bool:
    return (await stage.timeline(post["id"])).count("retrying") == times


# The last chunk, or the only one


async def test_a_lost_answer_to_the_last_chunk_is_asked_about_before_anything_is_sent_again(
    stage: Stage, guest: Guest
) -> None:
    await stage.sim("POST", "scenarios/last_chunk_reply_lost", {"open_id": guest.open_id})
    await guest.fault("drop", event="post.publish.complete")

    post = await guest.post()

    await stage.until(post["id"], "published")
    assert await puts(stage, guest) == [(1, 201)]
    assert len(await stage.calls("status/fetch", guest)) == 1
    assert await guest.heard_of(post) == {"post.published": 1}
    assert await guest.steps(post) == ["accepted", "uploading", "uploaded", "published"], "its customer hears each step"


async def test_a_last_chunk_that_tiktok_has_and_calls_broken_is_not_sent_again(stage: Stage, guest: Guest) -> None:
    await guest.fault("status_after", endpoint="upload", status=502)
    await guest.fault("drop", event="post.publish.complete")
    post = await guest.post()
    await stage.waits(post["id"], "uploading", after="retrying")

    await stage.advance(FIRST_PAUSE_S)

    await stage.until(post["id"], "published")
    assert await puts(stage, guest) == [(1, 502)]


async def test_a_last_chunk_lost_on_its_way_is_sent_again_to_the_same_publication(stage: Stage, guest: Guest) -> None:
    await guest.fault("reset", endpoint="upload")

    post = await guest.post()

    await stage.until(post["id"], "published")
    assert [status for _, status in await puts(stage, guest)] == [None, 201]
    assert await published(stage, guest) == [1]


# Chunks


@pytest.mark.row("SA-51")
async def test_a_large_file_goes_out_in_the_chunks_of_its_plan(stage: Stage, big: Big, chunked: Guest) -> None:
    post = await chunked.post(media=[big.media_id])

    await stage.until(post["id"], "published")

    assert await puts(stage, chunked) == [(1, 206), (2, 201)]
    [publication] = await stage.publications(chunked)
    assert publication["upload"]["chunks"] == [CHUNK, BIG - CHUNK]


@pytest.mark.parametrize("status", [500, 503, 429, 408])
async def test_trouble_with_a_chunk_sends_the_same_range_again(
    stage: Stage, big: Big, chunked: Guest, status: int
) -> None:
    await chunked.fault("status", endpoint="upload", chunk=1, status=status)
    post = await chunked.post(media=[big.media_id])
    await stage.waits(post["id"], "uploading", after="retrying")

    await stage.advance(FIRST_PAUSE_S)

    await stage.until(post["id"], "published")
    assert await puts(stage, chunked) == [(1, status), (1, 206), (2, 201)]
    assert await chunked.heard_of(post) == {"post.retrying": 1, "post.published": 1}


async def test_a_chunk_that_had_arrived_is_not_counted_twice(stage: Stage, big: Big, chunked: Guest) -> None:
    await chunked.fault("reset_after", endpoint="upload", chunk=1)
    await chunked.fault("latency", endpoint="upload", chunk=2, seconds=60)
    post = await chunked.post(media=[big.media_id])
    await stage.waits(post["id"], "uploading")

    await stage.advance(FIRST_PAUSE_S)

    async def at_the_last() -> Any:
        row = await stage.row("select state, sent_bytes from publications where post_id = $1", post["id"])
        return row if row["state"] == "committing" else None

    assert (await eventually(at_the_last))["sent_bytes"] == CHUNK, "what TikTok says it holds is kept"
    await eventually(lambda: spent(stage, chunked))
    await stage.sim("POST", "faults/release", {"open_id": chunked.open_id})
    await stage.until(post["id"], "published")
    assert await puts(stage, chunked) == [(1, 206), (1, 416), (2, 201)]
    [publication] = await stage.publications(chunked)
    assert publication["upload"]["chunks"] == [CHUNK, BIG - CHUNK]


@pytest.mark.row("BO-47")
async def test_an_upload_url_that_ends_before_the_last_chunk_was_tried_means_a_new_init_at_once(
    stage: Stage, big: Big, chunked: Guest
) -> None:
    await chunked.fault("status", endpoint="upload", chunk=1, status=500)
    post = await chunked.post(media=[big.media_id])
    await stage.waits(post["id"], "uploading")

    await stage.advance(URL_LIFE_S)

    await stage.until(post["id"], "published")
    assert await published(stage, chunked) == [0, 1]


@pytest.mark.row("BO-47")
async def test_an_upload_url_that_ends_after_the_last_chunk_was_tried_is_waited_out(
    stage: Stage, big: Big, chunked: Guest
) -> None:
    """Whoever froze before that chunk may wake up and send it to the URL's very end, and TikTok's count may lag."""
    await chunked.fault("status", endpoint="upload", chunk=2, status=500)
    post = await chunked.post(media=[big.media_id])
    await stage.waits(post["id"], "uploading", after="retrying")
    for pause_s in (URL_LIFE_S, 120, 170):
        await stage.advance(pause_s)
        await stage.waits(post["id"], "uploading")
    early = await published(stage, chunked)

    await stage.advance(10)

    await stage.until(post["id"], "published")
    assert early == [0]
    assert await published(stage, chunked) == [0, 1]


@pytest.mark.parametrize("status", [403, 404])
async def test_an_upload_url_refused_before_the_last_chunk_means_a_new_init_at_once(
    stage: Stage, big: Big, chunked: Guest, status: int
) -> None:
    await chunked.fault("status", endpoint="upload", chunk=1, status=status)

    post = await chunked.post(media=[big.media_id])

    await stage.until(post["id"], "published")
    assert await published(stage, chunked) == [0, 1]
    assert await puts(stage, chunked) == [(1, status), (1, 206), (2, 201)]


@pytest.mark.parametrize("status", [403, 404])
async def test_an_upload_url_refused_at_the_last_chunk_means_a_new_init_once_it_is_fenced(
    stage: Stage, guest: Guest, status: int
) -> None:
    await guest.fault("status", endpoint="upload", status=status)
    post = await guest.post()
    await stage.waits(post["id"], "uploading")
    await stage.advance(200)
    await stage.waits(post["id"], "uploading")
    early = await published(stage, guest)

    await stage.advance(101)

    await stage.until(post["id"], "published")
    assert early == [0]
    assert await published(stage, guest) == [0, 1]


@pytest.mark.row("SA-57")
async def test_bytes_that_tiktok_will_not_take_fail_the_post(stage: Stage, guest: Guest) -> None:
    await guest.fault("status", endpoint="upload", status=400)

    post = await guest.post()

    failed = await stage.until(post["id"], "failed")
    assert failed["problem"]["stage"] == "upload"
    assert await guest.heard_of(post) == {"post.failed": 1}


# A cancel on the way


async def test_a_cancel_between_two_chunks_is_kept(stage: Stage, big: Big, chunked: Guest) -> None:
    await chunked.fault("latency", endpoint="upload", chunk=1, seconds=60)
    post = await chunked.post(media=[big.media_id])
    await eventually(lambda: spent(stage, chunked))  # the first chunk is on its way

    await stage.api("POST", f"posts/{post['id']}/cancel", status=202)
    await stage.sim("POST", "faults/release", {"open_id": chunked.open_id})

    await stage.until(post["id"], "cancelled")
    assert await puts(stage, chunked) == [(1, 206)]
    assert await published(stage, chunked) == [0]
    assert await chunked.heard_of(post) == {"post.cancelled": 1}


async def test_a_cancel_that_comes_after_the_last_byte_does_not_pretend(stage: Stage, guest: Guest) -> None:
    await guest.fault("stick", seconds=60)
    post = await guest.post()
    await stage.waits(post["id"], "processing")

    await stage.api("POST", f"posts/{post['id']}/cancel", status=202)
    await stage.advance(61)

    await stage.until(post["id"], "published")
    assert await guest.heard_of(post) == {"post.published": 1}
    await stage.api("POST", f"posts/{post['id']}/cancel", status=409)


async def test_a_cancel_while_tiktok_is_in_trouble_means_that_nothing_goes_out(
    stage: Stage, big: Big, chunked: Guest
) -> None:
    await chunked.fault("status", endpoint="upload", chunk=1, status=500)
    post = await chunked.post(media=[big.media_id])
    await stage.waits(post["id"], "uploading")

    await stage.api("POST", f"posts/{post['id']}/cancel", status=202)
    await stage.advance(FIRST_PAUSE_S)

    await stage.until(post["id"], "cancelled")
    assert await published(stage, chunked) == [0]
