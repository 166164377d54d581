"""TikTok's limits, caps and refusals: what waits, what fails, and what the customer is told of it."""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from flow_house import Guest, Stage

from tests.eventually import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

CAP_S = 86_461
"""A day and a minute: then the oldest use counts no more."""
DRAFT_LOOK_S = 3_601
MINUTE_S = 62
DAY_S = 86_400


async def capped(stage: Stage, guest: Guest, request: Mapping[str, Any]) -> dict[str, Any]:
    """A post that waits for the cap of its creator to have room."""
    await guest.creator(daily_post_cap=0)
    post = await guest.post(**request)
    return await stage.waits(post["id"], "queued", after="reslotted")


async def asked(stage: Stage, guest: Guest, times: int) -> bool:
    return len(await stage.calls("creator_info/query", guest)) == times


# Caps over a day


@pytest.mark.row("SS-68")
async def test_a_cap_told_with_200_makes_the_post_wait_and_spends_no_try(stage: Stage, guest: Guest) -> None:
    post = await capped(stage, guest, {})
    told = [item["json"]["data"] for item in await guest.inbox("post.retrying")]
    await stage.advance(CAP_S - 120)
    still = await stage.waits(post["id"], "queued")
    quiet = await asked(stage, guest, 1)

    await guest.creator(daily_post_cap=None)
    await stage.advance(120)
    await stage.past_refresh()

    await stage.until(post["id"], "published")
    assert (still["failures"], still["retries"], quiet) == (0, 0, True)
    assert [event["next_attempt_at"] for event in told] == [still["next_slot_at"]]
    assert await guest.heard_of(post) == {"post.retrying": 1, "post.published": 1}
    assert len(await stage.publications(guest)) == 1


async def test_posts_that_meet_an_unknown_cap_together_go_out_in_order_too(stage: Stage, guest: Guest) -> None:
    sample = (await stage.http.get(f"{stage.urls['simulator']}/_sim/sample.mp4")).content
    media = [await stage.upload(guest.customer_id, sample)]  # it need not be fetched: they stand in their lane at once
    await guest.creator(daily_post_cap=1)
    await guest.fault("latency", endpoint="creator_info/query", seconds=0.3)  # the first is the slowest

    first, second, third = [await guest.post(media=media) for _ in range(3)]

    await stage.until(first["id"], "published")
    slots = [(await stage.waits(post["id"], "queued", after="reslotted"))["next_slot_at"] for post in (second, third)]
    assert slots == sorted(set(slots))
    assert len(await stage.calls("creator_info/query", guest)) == 2, "the third knows from the second"


@pytest.mark.row("SS-57", "SS-68")
async def test_posts_over_a_learned_cap_go_out_in_order_and_tiktok_is_not_asked_again(
    stage: Stage, guest: Guest
) -> None:
    await guest.creator(daily_post_cap=2)
    posts = []
    for _ in range(2):
        posts.append(await guest.published())
        await stage.advance(60)
    for _ in range(3):
        posts.append(await guest.post())
        await stage.waits(posts[-1]["id"], "queued", after="reslotted")
        await stage.advance(60)
    refused = len(await stage.calls("creator_info/query", guest))

    await stage.advance(CAP_S)
    for _ in range(4):  # the token has run out: one of them refreshes it, the other looks after it every two seconds
        await stage.past_refresh()
    for post in posts[2:4]:
        await stage.until(post["id"], "published")
    await stage.waits(posts[4]["id"], "queued")
    await stage.advance(CAP_S)
    await stage.past_refresh()
    await stage.until(posts[4]["id"], "published")

    calls = await stage.calls("creator_info/query", guest)
    assert (refused, len(calls)) == (3, 6)
    assert len(await stage.publications(guest)) == 5
    retried = [item["json"]["data"] for item in await guest.inbox("post.retrying")]
    slots = [next(told["next_attempt_at"] for told in retried if told["post_id"] == post["id"]) for post in posts[2:]]
    assert slots == sorted(slots) and len(set(slots)) == 3


@pytest.mark.parametrize(
    ("endpoint", "code"),
    [
        ("creator_info/query", "reached_active_user_cap"),
        ("video/init", "spam_risk_too_many_posts"),
    ],
)
async def test_a_cap_told_anywhere_makes_the_post_wait(stage: Stage, guest: Guest, endpoint: str, code: str) -> None:
    await guest.fault("error", endpoint=endpoint, code=code)
    post = await guest.post()
    await stage.waits(post["id"], "queued", after="reslotted")
    told = [item["json"]["data"]["reason"] for item in await guest.inbox("post.retrying")]

    await stage.advance(CAP_S)
    await stage.past_refresh()

    await stage.until(post["id"], "published")
    await stage.database.execute("delete from caps")  # the app's cap would bind the guests of every later test
    assert told == [code]
    assert await guest.heard_of(post) == {"post.retrying": 1, "post.published": 1}


async def test_a_sixth_pending_draft_waits_until_one_of_the_others_was_posted(stage: Stage, guest: Guest) -> None:
    await guest.creator(pending_share_cap=1)
    draft = {"mode": "inbox", "privacy_level": None}
    first = await guest.post(**draft)
    await stage.until(first["id"], "in_inbox")
    second = await guest.post(**draft)
    await stage.waits(second["id"], "queued", after="reslotted")
    [delivered] = await stage.publications(guest)
    await stage.sim("POST", f"publications/{delivered['publish_id']}/post", {})
    await stage.until(first["id"], "published")

    await stage.advance(DRAFT_LOOK_S)

    await stage.until(second["id"], "in_inbox")
    assert [call["status"] for call in await stage.calls("inbox/video/init", guest)] == [200, 403, 200]


async def test_publish_before_ends_a_wait_for_a_cap(stage: Stage, guest: Guest) -> None:
    last = stage.now + timedelta(minutes=30)
    post = await capped(stage, guest, {"publish_before": last.isoformat()})
    await guest.creator(daily_post_cap=None)

    await stage.advance(3_601)

    failed = await stage.until(post["id"], "failed")
    assert (failed["problem"]["code"], failed["problem"]["stage"]) == ("publish_before_passed", "schedule")
    assert await guest.heard_of(post) == {"post.retrying": 1, "post.failed": 1}
    assert await stage.publications(guest) == []


@pytest.mark.row("SS-01", "SS-13")
async def test_a_post_for_later_goes_out_then_and_not_before(stage: Stage, guest: Guest) -> None:
    post = await guest.post(publish_at=(stage.now + timedelta(hours=2)).isoformat())
    await stage.advance(7_100)
    early = await stage.waits(post["id"], "scheduled")

    await stage.advance(101)

    await stage.until(post["id"], "published")
    assert early["state"] == "scheduled"
    assert await guest.heard_of(post) == {"post.scheduled": 1, "post.published": 1}


async def test_a_post_for_later_can_be_cancelled_until_then(stage: Stage, guest: Guest) -> None:
    post = await guest.post(publish_at=(stage.now + timedelta(hours=2)).isoformat())

    await stage.api("POST", f"posts/{post['id']}/cancel", status=200)
    await stage.advance(7_201)
    await stage.quiet()

    assert (await stage.get(post["id"]))["state"] == "cancelled"
    assert await stage.publications(guest) == []


# Calls in a minute


@pytest.mark.row("BO-43")
async def test_seven_posts_at_once_are_six_inits_now_and_one_in_a_minute(stage: Stage, guest: Guest) -> None:
    posts = await asyncio.gather(*(guest.post() for _ in range(7)))

    async def six_of_seven() -> bool:
        states = [(await stage.get(post["id"]))["state"] for post in posts]
        return sorted(states) == ["published"] * 6 + ["queued"]

    await eventually(six_of_seven, timeout=20)
    await stage.quiet()
    waits = [said for post in posts if (said := (await stage.get(post["id"]))["waiting"])]

    await stage.advance(MINUTE_S)

    for post in posts:
        await stage.until(post["id"], "published")
    assert [said["reason"] for said in waits] == ["turn"], "whoever asks learns why it waits"
    assert datetime.fromisoformat(waits[0]["until"]) <= stage.now, "and until when"
    told = [await stage.timeline(post["id"]) for post in posts]
    assert sum("waited" in kinds for kinds in told) == 1, "and the timeline keeps that it did"
    assert [call["status"] for call in await stage.calls("video/init", guest)] == [200] * 7


@pytest.mark.row("BO-45", "BO-53")
@pytest.mark.parametrize("endpoint", ["video/init", "creator_info/query"])
async def test_a_429_waits_for_a_minute_and_spends_no_try(stage: Stage, guest: Guest, endpoint: str) -> None:
    await guest.fault("error", endpoint=endpoint, code="rate_limit_exceeded")
    post = await guest.post()
    noted = "publication.abandoned" if endpoint == "video/init" else "waiting"
    waiting = await stage.waits(post["id"], "queued", after=noted)

    await stage.advance(MINUTE_S)

    await stage.until(post["id"], "published")
    assert waiting["failures"] == 0
    assert await guest.heard_of(post) == {"post.published": 1}


# Refusals


@pytest.mark.row("SS-71", "BO-48")
@pytest.mark.parametrize(
    ("endpoint", "code", "stage_of_it"),
    [
        ("creator_info/query", "spam_risk_user_banned_from_posting", "init"),
        ("video/init", "spam_risk_user_banned_from_posting", "init"),
        ("video/init", "invalid_params", "init"),
        ("video/init", "unaudited_client_can_only_post_to_private_accounts", "init"),
        ("video/init", "privacy_level_option_mismatch", "init"),
        ("video/init", "scope_not_authorized", "init"),
    ],
)
async def test_a_refusal_for_good_fails_the_post_once_with_tiktoks_word(
    stage: Stage, guest: Guest, endpoint: str, code: str, stage_of_it: str
) -> None:
    await guest.fault("error", endpoint=endpoint, code=code)

    post = await guest.post()

    failed = await stage.until(post["id"], "failed")
    assert (failed["problem"]["upstream"]["code"], failed["problem"]["stage"]) == (code, stage_of_it)
    assert failed["problem"]["remedy"]
    assert await guest.heard_of(post) == {"post.failed": 1}


@pytest.mark.row("SS-14")
async def test_a_privacy_level_the_creator_does_not_offer_is_refused_before_anything_is_sent(
    stage: Stage, guest: Guest
) -> None:
    post = await guest.post(privacy_level="FOLLOWER_OF_CREATOR")

    failed = await stage.until(post["id"], "failed")

    [error] = failed["problem"]["errors"]
    assert (error["field"], failed["problem"]["stage"]) == ("privacy_level", "validate")
    assert await stage.publications(guest) == []


@pytest.mark.parametrize("reason", ["internal", "video_pull_failed"])
async def test_a_passing_fail_reason_is_worth_a_new_init(stage: Stage, guest: Guest, reason: str) -> None:
    await guest.fault("fail_post", fail_reason=reason)
    post = await guest.post()
    await stage.waits(post["id"], "queued", after="retrying")

    await stage.advance(MINUTE_S)

    await stage.until(post["id"], "published")
    assert await guest.heard_of(post) == {"post.retrying": 1, "post.published": 1}


async def test_a_cap_told_as_the_reason_of_a_failed_post_is_learned_like_one_told_at_an_init(
    stage: Stage, guest: Guest
) -> None:
    await guest.creator(daily_post_cap=1, cap_told="fail_reason")
    await guest.published()
    second = await stage.waits((await guest.post())["id"], "queued", after="reslotted")
    third = await stage.waits((await guest.post())["id"], "queued", after="reslotted")
    told = [item["json"]["data"] for item in await guest.inbox("post.retrying")]
    inits = len(await stage.calls("video/init", guest))

    await stage.advance(CAP_S)
    await stage.past_refresh()

    await stage.until(second["id"], "published")
    still = await stage.waits(third["id"], "queued")
    assert inits == 2, "the third was not sent to learn what the second had taught"
    assert still["next_slot_at"] > second["next_slot_at"] > second["created_at"]
    assert [(event["post_id"], event["reason"]) for event in told] == [
        (post["id"], "spam_risk_too_many_posts") for post in (second, third)
    ]
    assert (second["retries"], second["failures"]) == (0, 0)
    assert len(await stage.publications(guest)) == 3


# Silence


@pytest.mark.row("SS-69")
async def test_a_day_of_silence_is_unconfirmed_and_what_comes_of_it_is_still_told(stage: Stage, guest: Guest) -> None:
    await guest.fault("stick", seconds=2 * DAY_S)
    post = await guest.post()
    await stage.waits(post["id"], "processing")
    await stage.advance(DAY_S + 1)
    await stage.past_refresh()
    await stage.waits(post["id"], "unconfirmed")

    await stage.advance(DAY_S)

    await stage.until(post["id"], "published")
    assert await guest.heard_of(post) == {"post.unconfirmed": 1, "post.published": 1}
    assert len(await stage.publications(guest)) == 1
