"""A webhook and a poll that say the same thing make one customer event, in whatever order they come.

The clock stands still, so a poll happens when the test lets time pass, and never else.
"""

from collections.abc import Mapping
from typing import Any

import pytest
from flow_house import Guest, Stage

from tests.eventually import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

COMPLETE = "post.publish.complete"
FAILED = "post.publish.failed"
INBOX = "post.publish.inbox_delivered"
PUBLIC = "post.publish.publicly_available"
GONE = "post.publish.no_longer_publicaly_available"

FIRST_POLL_S = 2.5
LATER_S = 90
FENCE_S = 301
EVERYONE = {"privacy_level": "PUBLIC_TO_EVERYONE"}
DRAFT = {"mode": "inbox", "privacy_level": None}


async def publish_id(stage: Stage, post: Mapping[str, Any]) -> str:
    """Of the newest publication."""
    return str((await stage.get(post["id"]))["publications"][-1]["publish_id"])


async def tell(guest: Guest, post: Mapping[str, Any], event: str, **content: str) -> None:
    """A webhook about the post's publication at this second."""
    direct = (await guest.stage.get(post["id"]))["mode"] == "direct"
    about = {
        "publish_id": await publish_id(guest.stage, post),
        "publish_type": "DIRECT_PUBLISH" if direct else "INBOX_SHARE",
    }
    await guest.says(event, about | content)


async def becomes_public(stage: Stage, post: Mapping[str, Any]) -> str:
    """Moderation passes; the public id."""
    found = await stage.publication(await publish_id(stage, post))
    [post_id] = found["post_ids"]
    await stage.sim("POST", f"posts/{post_id}/publish")
    return str(post_id)


async def creator_posts(stage: Stage, post: Mapping[str, Any]) -> str:
    """The creator finishes the draft in the app; the new post's id."""
    made = await stage.sim("POST", f"publications/{await publish_id(stage, post)}/post", {})
    return str(made["post_id"])


# Direct posts


@pytest.mark.row("SA-13", "BO-60", "PP-50")
async def test_a_webhook_alone_publishes(guest: Guest) -> None:
    post = await guest.published()

    assert await guest.heard_of(post) == {"post.published": 1}
    assert await guest.stage.calls("status/fetch", guest) == []


@pytest.mark.row("SA-52")
async def test_a_poll_alone_publishes(stage: Stage, guest: Guest) -> None:
    await guest.fault("drop", event=COMPLETE)
    post = await guest.post()
    await stage.waits(post["id"], "processing")

    await stage.advance(FIRST_POLL_S)

    await stage.until(post["id"], "published")
    assert await guest.heard_of(post) == {"post.published": 1}


@pytest.mark.row("SA-52")
async def test_a_poll_and_then_its_webhook_are_one_event(stage: Stage, guest: Guest) -> None:
    await guest.fault("delay", event=COMPLETE, seconds=LATER_S)
    post = await guest.post()
    await stage.waits(post["id"], "processing")
    await stage.advance(FIRST_POLL_S)
    await stage.until(post["id"], "published")

    await stage.advance(LATER_S)

    assert await guest.heard_of(post) == {"post.published": 1}


async def test_a_webhook_and_then_polls_for_the_public_id_are_one_event_each(stage: Stage, guest: Guest) -> None:
    post = await guest.published(**EVERYONE)
    await guest.fault("delay", event=PUBLIC, seconds=LATER_S)
    public_id = await becomes_public(stage, post)

    await stage.advance(30)
    await eventually(lambda: polled_public_id(stage, post, public_id))
    await stage.advance(LATER_S)

    assert await guest.heard_of(post) == {"post.published": 1, "post.publicly_available": 1}
    assert (await stage.get(post["id"]))["tiktok_post_ids"] == [public_id]


async def polled_public_id(stage: Stage, post: Mapping[str, Any], public_id: str) -> bool:
    return bool((await stage.get(post["id"]))["tiktok_post_ids"] == [public_id])


@pytest.mark.parametrize("times", [1, 3])
async def test_the_same_completion_told_again_at_another_second_is_known(guest: Guest, times: int) -> None:
    post = await guest.published()

    for _ in range(times):
        await guest.stage.advance(7)
        await tell(guest, post, COMPLETE)

    assert await guest.heard_of(post) == {"post.published": 1}


@pytest.mark.row("BO-22", "BO-59")
async def test_webhooks_that_come_twice_and_in_the_wrong_order_change_nothing(stage: Stage, guest: Guest) -> None:
    await stage.sim("POST", "scenarios/duplicate_and_reordered_webhooks", {"open_id": guest.open_id})
    post = await guest.published(**EVERYONE)

    await becomes_public(stage, post)

    assert await guest.heard_of(post) == {"post.published": 1, "post.publicly_available": 1}
    hooks = await stage.sim("GET", f"webhooks?publish_id={await publish_id(stage, post)}")
    assert [hook["event"] for hook in hooks["webhooks"]].count(COMPLETE) == 2


async def test_public_before_complete_is_published_once(stage: Stage, guest: Guest) -> None:
    await guest.fault("delay", event=COMPLETE, seconds=LATER_S)
    post = await guest.post(**EVERYONE)
    await stage.waits(post["id"], "processing")

    await becomes_public(stage, post)
    await stage.until(post["id"], "published")
    first = await guest.heard_of(post)
    await stage.advance(LATER_S)

    assert first == {"post.published": 1, "post.publicly_available": 1}
    assert await guest.heard_of(post) == first


async def test_a_post_that_goes_and_comes_back_is_told_each_time(stage: Stage, guest: Guest) -> None:
    post = await guest.published(**EVERYONE)
    for event in (PUBLIC, GONE, PUBLIC):
        await stage.advance(5)
        for _ in range(2):
            await tell(guest, post, event, post_id="7602997517160123666")

    assert await guest.heard_of(post) == {
        "post.published": 1,
        "post.publicly_available": 2,
        "post.no_longer_available": 1,
    }


@pytest.mark.parametrize("heard", ["webhook", "poll", "webhook and poll"])
async def test_a_failure_is_told_once_with_its_stage_and_reason(stage: Stage, guest: Guest, heard: str) -> None:
    await guest.fault("fail_post", fail_reason="spam_risk")
    if heard == "poll":
        await guest.fault("drop", event=FAILED)
    elif heard == "webhook and poll":
        await guest.fault("delay", event=FAILED, seconds=LATER_S)
    post = await guest.post()
    if heard != "webhook":
        await stage.waits(post["id"], "processing")
        await stage.advance(FIRST_POLL_S)

    failed = await stage.until(post["id"], "failed")
    await stage.advance(LATER_S)

    assert await guest.heard_of(post) == {"post.failed": 1}
    [told] = await guest.inbox("post.failed")
    assert told["json"]["data"]["stage"] == "publish"
    assert failed["problem"]["upstream"]["fail_reason"] == "spam_risk"


async def test_failed_after_complete_does_not_unpublish(stage: Stage, guest: Guest) -> None:
    post = await guest.published()

    await tell(guest, post, FAILED, reason="internal")

    assert await guest.heard_of(post) == {"post.published": 1}
    assert (await stage.get(post["id"]))["state"] == "published"
    assert "fact.kept" in await stage.timeline(post["id"])


async def test_complete_after_failed_is_kept_on_the_timeline(stage: Stage, guest: Guest) -> None:
    await guest.fault("fail_post", fail_reason="spam_risk")
    post = await guest.post()
    await stage.until(post["id"], "failed")

    await tell(guest, post, COMPLETE)

    assert await guest.heard_of(post) == {"post.failed": 1}
    assert "fact.kept" in await stage.timeline(post["id"])


# Drafts


async def test_a_draft_posted_twice_is_two_events(stage: Stage, guest: Guest) -> None:
    post = await guest.post(**DRAFT)
    await stage.until(post["id"], "in_inbox")

    for _ in range(2):
        await stage.advance(60)
        await creator_posts(stage, post)

    assert await guest.heard_of(post) == {"post.in_inbox": 1, "post.published": 2}
    told = [item["json"]["data"]["completion"] for item in await guest.inbox("post.published")]
    assert sorted(told) == [1, 2]


async def test_a_draft_completion_told_twice_is_one_event(stage: Stage, guest: Guest) -> None:
    post = await guest.post(**DRAFT)
    await stage.until(post["id"], "in_inbox")
    await guest.fault("duplicate", event=COMPLETE, times=3)

    await creator_posts(stage, post)

    assert await guest.heard_of(post) == {"post.in_inbox": 1, "post.published": 1}


async def test_a_polled_completion_takes_the_first_webhook_for_itself(stage: Stage, guest: Guest) -> None:
    """A poll knows no time: the first webhook says when it was, the second is another completion."""
    await guest.fault("drop", event=INBOX)
    await guest.fault("delay", event=COMPLETE, seconds=LATER_S)
    post = await guest.post(**DRAFT)
    await stage.waits(post["id"], "processing")
    await creator_posts(stage, post)
    await stage.advance(FIRST_POLL_S)
    await stage.until(post["id"], "published")
    by_poll = await guest.heard_of(post)

    await stage.advance(LATER_S)
    by_webhook = await guest.heard_of(post)
    await stage.advance(60)
    await creator_posts(stage, post)

    assert by_poll == by_webhook == {"post.published": 1}
    assert await guest.heard_of(post) == {"post.published": 2}


@pytest.mark.row("SS-34", "SS-54", "BO-60")
@pytest.mark.parametrize("heard", ["webhook", "poll", "poll and webhook"])
async def test_the_inbox_is_told_once(stage: Stage, guest: Guest, heard: str) -> None:
    if heard != "webhook":
        await guest.fault(*(["drop"] if heard == "poll" else ["delay"]), event=INBOX, seconds=LATER_S)
    post = await guest.post(**DRAFT)
    if heard != "webhook":
        await stage.waits(post["id"], "processing")
        await stage.advance(FIRST_POLL_S)

    await stage.until(post["id"], "in_inbox")
    await stage.advance(LATER_S)

    assert await guest.heard_of(post) == {"post.in_inbox": 1}


async def test_two_posts_of_one_draft_become_public_each_by_itself(stage: Stage, guest: Guest) -> None:
    post = await guest.post(**DRAFT)
    await stage.until(post["id"], "in_inbox")
    ids = []
    for _ in range(2):
        await stage.advance(60)
        made = await stage.sim(
            "POST",
            f"publications/{await publish_id(stage, post)}/post",
            {"privacy_level": "PUBLIC_TO_EVERYONE"},
        )
        ids.append(made["post_id"])
    for public_id in ids:
        await stage.sim("POST", f"posts/{public_id}/publish")

    assert await guest.heard_of(post) == {"post.in_inbox": 1, "post.published": 2, "post.publicly_available": 2}
    assert sorted((await stage.get(post["id"]))["tiktok_post_ids"]) == sorted(ids)


async def test_public_news_of_a_draft_implies_its_completion(stage: Stage, guest: Guest) -> None:
    post = await guest.post(**DRAFT)
    await stage.until(post["id"], "in_inbox")

    await tell(guest, post, PUBLIC, post_id="7602997517160123666")
    first = await guest.heard_of(post)
    await stage.advance(5)
    await tell(guest, post, COMPLETE)

    assert first == {"post.in_inbox": 1, "post.published": 1, "post.publicly_available": 1}
    assert await guest.heard_of(post) == first


# Publications that are not the post's present one, or not yet


# Publications that are not the post's present one, or not yet


async def sent_again(stage: Stage, guest: Guest) -> tuple[dict[str, Any], str]:
    """A post whose first upload URL was refused as gone, and that first publish id; its second init is under way."""
    await guest.fault("status", endpoint="upload", status=403)
    post = await guest.post()
    await stage.waits(post["id"], "uploading")
    first = await publish_id(stage, post)
    await stage.advance(FENCE_S)
    return post, first


@pytest.mark.parametrize("reason", ["internal", "spam_risk", "auth_removed", "a reason TikTok made up today"])
async def test_late_news_of_an_abandoned_publication_does_not_fail_the_post(
    stage: Stage, guest: Guest, reason: str
) -> None:
    post, first = await sent_again(stage, guest)
    await stage.until(post["id"], "published")
    second = await publish_id(stage, post)

    await guest.says(FAILED, {"publish_id": first, "publish_type": "DIRECT_PUBLISH", "reason": reason})

    assert first != second
    assert await guest.heard_of(post) == {"post.published": 1}
    assert [found["published"] for found in await stage.publications(guest)] == [0, 1]


async def test_an_abandoned_publication_that_fails_while_the_next_is_under_way_changes_nothing(
    stage: Stage, guest: Guest
) -> None:
    await guest.fault("stick", seconds=FENCE_S + LATER_S)
    post, first = await sent_again(stage, guest)
    await stage.until(post["id"], "processing")

    await guest.says(FAILED, {"publish_id": first, "publish_type": "DIRECT_PUBLISH", "reason": "spam_risk"})
    in_between = await guest.heard_of(post)
    await stage.advance(FENCE_S + LATER_S)

    await stage.until(post["id"], "published")
    assert in_between == {}
    assert await guest.heard_of(post) == {"post.published": 1}


async def test_an_abandoned_publication_that_is_out_after_all_publishes_the_post_once(
    stage: Stage, guest: Guest
) -> None:
    await guest.fault("stick", seconds=FENCE_S + LATER_S)
    post, first = await sent_again(stage, guest)
    await stage.until(post["id"], "processing")

    await guest.says(COMPLETE, {"publish_id": first, "publish_type": "DIRECT_PUBLISH"})
    await stage.until(post["id"], "published")
    await stage.advance(FENCE_S + LATER_S)

    assert await guest.heard_of(post) == {"post.published": 1}


async def test_a_failure_that_beats_the_commit_of_its_own_init_is_told_once(stage: Stage, guest: Guest) -> None:
    await guest.fault("webhook_first", endpoint="video/init", fail_reason="spam_risk")

    post = await guest.post()

    await stage.until(post["id"], "failed")
    assert await guest.heard_of(post) == {"post.failed": 1}


async def test_a_passing_failure_that_beats_the_commit_of_its_own_init_is_sent_again(
    stage: Stage, guest: Guest
) -> None:
    await guest.fault("webhook_first", endpoint="video/init", fail_reason="internal")
    post = await guest.post()
    await eventually(lambda: retries(guest, post))

    await stage.advance(LATER_S)

    await stage.until(post["id"], "published")
    assert await guest.heard_of(post) == {"post.retrying": 1, "post.published": 1}
    assert [found["published"] for found in await stage.publications(guest)] == [0, 1]


async def retries(guest: Guest, post: Mapping[str, Any]) -> bool:
    return bool((await guest.heard_of(post))["post.retrying"])


async def test_a_completion_that_beats_the_answer_to_the_last_chunk_is_told_once(stage: Stage, guest: Guest) -> None:
    await guest.fault("webhook_first", endpoint="upload")

    post = await guest.post()

    await stage.until(post["id"], "published")
    await stage.advance(LATER_S)
    assert await guest.heard_of(post) == {"post.published": 1}


async def test_a_webhook_that_names_another_creator_is_kept_and_changes_nothing(stage: Stage, guest: Guest) -> None:
    await guest.fault("stick")
    post = await stage.waits((await guest.post())["id"], "processing")
    about = {"publish_id": await publish_id(stage, post), "publish_type": "DIRECT_PUBLISH"}

    await stage.says(FAILED, about | {"reason": "internal"}, user_openid="-000another")
    await guest.stage.quiet()

    assert (await stage.get(post["id"]))["state"] == "processing"
    fact = await stage.row("select result from facts where publish_id = $1", about["publish_id"])
    assert fact["result"] == "of another creator"
    await guest.says(COMPLETE, about)
    await stage.until(post["id"], "published")
    assert await guest.heard_of(post) == {"post.published": 1}


async def test_news_of_a_publication_that_nobody_owns_is_kept_and_told_to_nobody(stage: Stage, guest: Guest) -> None:
    stranger = "v_pub_file~v2-1.7602990000000009999"

    await guest.says(COMPLETE, {"publish_id": stranger, "publish_type": "DIRECT_PUBLISH"})

    assert await guest.heard() == []
    fact = await stage.row("select settled_at, alarm from facts where publish_id = $1", stranger)
    assert fact["settled_at"] is None
    assert fact["alarm"] > stage.now
