"""Whoever asks about a post learns why it does not go on, and until when, from what is known anyway."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from model_things import NOW, a_post, a_publication, saved

from libs.model.cap import CapKind, Full, reslotted
from libs.model.change import Change
from libs.model.drive import begin_failed, send_again, tried, waits
from libs.model.post import Note, PostState
from libs.model.publication import PublicationState
from libs.model.waiting import Place, waited, waiting

S = PostState
LATER = NOW + timedelta(minutes=5)
INTENDED = a_publication(PublicationState.INTENDED)


def place_after(change: Change) -> Place:
    return Place(said=change.notes[-1])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (waits(a_post(), until=LATER, why="the minute is full", now=NOW), "limit"),
        (waits(a_post(), until=LATER, why="its media is being converted", reason="media", now=NOW), "media"),
        (tried(a_post(), None, why="no reply", code="no_reply", due=LATER, now=NOW), "no_reply"),
        (tried(a_post(S.UPLOADING), a_publication(), why="503", code="server_trouble", now=NOW), "server_trouble"),
        (tried(a_post(S.PROCESSING), None, why="no reply", code="no_reply", due=LATER, now=NOW), "no_reply"),
        (begin_failed(a_post(), INTENDED, why="no reply", code="no_reply", now=NOW), "no_reply"),
        (send_again(a_post(), INTENDED, why="a minute", wait=timedelta(minutes=1), now=NOW), "limit"),
        (reslotted(a_post(), Full(CapKind.DAILY_POSTS, LATER), now=NOW), "spam_risk_too_many_posts"),
        # Looked at every hour, because its creator may make room at any time.
        (
            reslotted(a_post(inbox=True), Full(CapKind.PENDING_SHARES, NOW + timedelta(hours=9)), now=NOW),
            "spam_risk_too_many_pending_share",
        ),
    ],
)  # fmt: skip
def test_a_wait_that_was_noted_is_told_with_its_reason_and_end_until_somebody_takes_the_post(
    change: Change, reason: str
) -> None:
    post, _ = saved(change)

    told = waiting(post, place_after(change), now=NOW)

    assert told is not None and told.detail and told.reason == reason
    assert told.until is not None and abs(told.until - (post.slot_at or post.alarm or NOW)) < timedelta(seconds=1)
    driven = replace(post, alarm=NOW + timedelta(seconds=90.5), slot_at=None)
    taken = waiting(driven, place_after(change), now=NOW)
    assert taken is None or taken.reason == "tiktok"


@pytest.mark.parametrize(
    ("state", "more", "reason", "until"),
    [
        (S.SCHEDULED, {"publish_at": LATER, "in_lane": True}, "publish_at", LATER),
        (S.PROCESSING, {"alarm": LATER}, "tiktok", LATER),
        (S.UNCONFIRMED, {"alarm": LATER}, "proof", LATER),
        (S.UNCONFIRMED, {"alarm": LATER, "held_at": NOW}, "held", LATER),
        (S.IN_INBOX, {}, "creator", None),
        (S.QUEUED, {"in_lane": True}, "turn", None),
    ],
)
def test_a_state_that_waits_says_for_what(state: PostState, more: dict[str, Any], reason: str, until: Any) -> None:
    told = waiting(replace(a_post(state), **more), Place(), now=NOW)

    assert told is not None and told.detail
    assert (told.reason, told.until) == (reason, until)


@pytest.mark.parametrize("state", [S.DRAFT, S.QUEUED, S.INITIALIZING, S.UPLOADING, S.PUBLISHED, S.FAILED, S.CANCELLED])
def test_a_post_that_is_worked_on_or_has_come_to_rest_waits_for_nothing(state: PostState) -> None:
    assert waiting(a_post(state), Place(), now=NOW) is None


@pytest.mark.parametrize(("ahead", "minutes"), [(0, 0), (5, 0), (6, 1), (13, 2)])
def test_a_lane_says_when_its_turn_comes_with_those_before_it(ahead: int, minutes: int) -> None:
    post = replace(a_post(), in_lane=True)

    told = waiting(post, Place(turn_at=NOW + timedelta(seconds=40), ahead=ahead, per_minute=6), now=NOW)

    assert told is not None and told.until == NOW + timedelta(seconds=40, minutes=minutes)


def test_a_turn_that_came_late_is_told_once_and_one_that_came_at_once_is_not() -> None:
    post = replace(a_post(), updated_at=NOW)

    assert waited(post, now=NOW + timedelta(seconds=1)) is None
    note = waited(post, now=NOW + timedelta(seconds=61))
    assert note is not None and (note.kind, note.detail["seconds"]) == ("waited", 61)
    for_later = replace(a_post(), updated_at=NOW, publish_at=NOW + timedelta(seconds=60))
    assert waited(for_later, now=NOW + timedelta(seconds=61)) is None


def test_a_note_without_an_end_is_no_wait() -> None:
    assert (
        waiting(replace(a_post(), alarm=LATER), Place(said=Note("publication.abandoned", {"why": "x"})), now=NOW)
        is None
    )
