"""Which of a creator's public videos may be taken for an unconfirmed post: only one that nothing else explains."""

from datetime import timedelta
from typing import Any

import pytest
from model_things import NOW, a_post, a_publication, saved

from libs.model.event import EventType
from libs.model.news import News
from libs.model.post import PostState
from libs.model.publication import PublicationState
from libs.model.sighting import WEBHOOK_FIRST, WITHIN, Sought, Video, Words, seen, sighted, sought

LATER = NOW + timedelta(hours=3)
WORDS = Words("A day at the sea #blue")
SECOND = timedelta(seconds=1)


def asked(**more: Any) -> dict[str, Any]:
    usual = {"kind": "video", "mode": "direct", "privacy_level": "PUBLIC_TO_EVERYONE", "title": WORDS.title}
    return usual | more


def unsure(**more: Any) -> Any:
    return a_post(PostState.UNCONFIRMED, **({"request": asked()} | more))


def pull(**more: Any) -> Any:
    return a_publication(PublicationState.INTENDED, **({"pull": True} | more))


def goal(**more: Any) -> Sought:
    usual: dict[str, Any] = {"words": WORDS, "since": NOW, "until": NOW + WITHIN, "duration_ms": 12_400}
    return Sought(**(usual | more))


def a_video(**more: Any) -> Video:
    usual: dict[str, Any] = {
        "id": "77",
        "created_at": NOW + timedelta(minutes=1),
        "words": Words(WORDS.title, WORDS.title),
        "duration_s": 12,
    }
    return Video(**(usual | more))


ALONE = {
    "the same in every way": a_video(),
    "in the second of the intent": a_video(created_at=NOW),
    "with one of TikTok's two texts alone": a_video(words=Words("", WORDS.title)),
    "with spaces where TikTok trims": a_video(words=Words(f" {WORDS.title} ", "")),
    "of unknown length": a_video(duration_s=None),
    "a second longer": a_video(duration_s=13),
}
DOUBTFUL = {
    "made before the intent": a_video(created_at=NOW - SECOND),
    "made long after it": a_video(created_at=NOW + WITHIN + SECOND),
    "of other words": a_video(words=Words("A day at the sea", "")),
    "with words in addition": a_video(words=Words(WORDS.title, "and more")),
    "without words": a_video(words=Words("", "")),
    "of another length": a_video(duration_s=15),
    "a post of ours that is known": a_video(id="known"),
    "too young": a_video(created_at=NOW + WITHIN),
}


@pytest.mark.parametrize("video", ALONE.values(), ids=ALONE)
def test_the_only_video_that_can_be_the_post_is_taken_for_it(video: Video) -> None:
    others = [a_video(id="5", words=Words("another film")), a_video(id="6", created_at=NOW - timedelta(days=1))]
    assert sighted(goal(), [*others, video], taken=set(), rivals=[Words("else")], now=LATER) == video


@pytest.mark.parametrize("video", DOUBTFUL.values(), ids=DOUBTFUL)
def test_a_video_that_something_speaks_against_is_not(video: Video) -> None:
    now = NOW + WITHIN + timedelta(minutes=1)
    assert sighted(goal(), [video], taken={"known"}, rivals=[], now=now) is None


def test_of_two_that_are_alike_neither_is_taken_even_if_one_has_another_length() -> None:
    for twin in (a_video(id="78"), a_video(id="78", duration_s=60)):
        assert sighted(goal(), [a_video(), twin], taken=set(), rivals=[], now=LATER) is None


def test_a_video_that_may_be_another_post_of_ours_is_not_taken() -> None:
    assert sighted(goal(), [a_video()], taken=set(), rivals=[Words(f"{WORDS.title}  ")], now=LATER) is None


def test_words_are_compared_as_far_as_tiktok_shows_them() -> None:
    long = "😀" * 80  # 160 units, of which 150 are shown: half an emoji is none
    shown = a_video(words=Words("😀" * 75, "😀" * 75))
    assert sighted(goal(words=Words(long)), [shown], taken=set(), rivals=[], now=LATER) == shown
    assert (
        sighted(goal(words=Words(long)), [a_video(words=Words(long[:70]))], taken=set(), rivals=[], now=LATER) is None
    )


def test_a_photo_post_is_known_by_both_of_its_texts() -> None:
    wanted = goal(words=Words("Trip", "day 1"), duration_ms=None)
    both = a_video(words=Words("Trip", "day 1"), duration_s=0)
    assert sighted(wanted, [both], taken=set(), rivals=[], now=LATER) == both
    assert sighted(wanted, [a_video(words=Words("Trip", "day 2"))], taken=set(), rivals=[], now=LATER) is None


UNPROVABLE: dict[str, tuple[Any, Any]] = {
    "a draft": (unsure(request=asked(mode="inbox")), pull()),
    "a private post": (unsure(request=asked(privacy_level="SELF_ONLY")), pull()),
    "without words": (unsure(request=asked(title=" ")), pull()),
    "held since a restored backup": (unsure(held_at=NOW), pull()),
    "not unconfirmed": (a_post(PostState.PROCESSING, request=asked()), pull()),
    "given up": (unsure(), a_publication(PublicationState.ABANDONED, pull=True)),
    "never whole": (unsure(), a_publication(PublicationState.OPEN)),
}


@pytest.mark.parametrize(("post", "publication"), UNPROVABLE.values(), ids=UNPROVABLE)
def test_some_posts_are_not_looked_for(post: Any, publication: Any) -> None:
    assert sought(post, publication, duration_ms=12_400, now=LATER) is None


@pytest.mark.parametrize("publication", [pull(), a_publication(PublicationState.COMMITTED)], ids=["pull", "upload"])
def test_a_post_is_looked_for_from_its_intent_on_once_its_webhook_had_its_time(publication: Any) -> None:
    wanted = sought(unsure(), publication, duration_ms=5, now=NOW + WEBHOOK_FIRST)
    assert wanted == Sought(WORDS, NOW, NOW + WITHIN, 5)
    assert sought(unsure(), publication, duration_ms=5, now=NOW + WEBHOOK_FIRST - SECOND) is None


def test_a_post_that_was_seen_is_published_once_and_its_nameless_pull_given_up() -> None:
    publication = pull()
    change = seen(unsure(), publication, a_video(), known=(), now=LATER)

    after, [gone] = saved(change, [publication])
    assert (after.state, after.public_post_ids, after.alarm) == (PostState.PUBLISHED, ("77",), None)
    assert gone.state is PublicationState.ABANDONED
    assert [told.type for told in change.events] == [
        EventType.POST_PROCESSING,
        EventType.POST_PUBLISHED,
        EventType.POST_PUBLICLY_AVAILABLE,
    ]
    assert change.new == (News(1, "published", "", 1, None), News(1, "public", "77", 1, None))


def test_a_post_that_was_seen_keeps_its_publication_when_tiktok_can_be_asked_about_it() -> None:
    publication = a_publication(PublicationState.COMMITTED)
    after, [kept] = saved(seen(unsure(), publication, a_video(), known=(), now=LATER), [publication])
    assert (after.state, kept.state) == (PostState.PUBLISHED, PublicationState.COMMITTED)
