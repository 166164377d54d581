"""What is learned of a cap, and when the next post has room: never above it, never out of order, told once."""

import itertools
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from model_things import NOW, a_post, saved

from libs.model.cap import (
    CODE_OF,
    CODES,
    LOOK_EVERY,
    SPACING,
    UNKNOWN,
    WINDOW,
    Cap,
    CapKind,
    Full,
    learned,
    reslotted,
    room,
)
from libs.model.post import PostState as S

DAYS = timedelta(hours=24)
moments = st.integers(0, 86_000).map(lambda s: NOW - timedelta(seconds=s))


@given(st.integers(1, 20), st.integers(1, 60))
def test_a_line_of_posts_over_a_cap_gets_slots_in_order_and_never_more_than_the_cap_in_a_day(
    most: int, waiting: int
) -> None:
    uses = [NOW - timedelta(minutes=n) for n in range(most)]
    cap = learned(CapKind.DAILY_POSTS, uses, now=NOW)
    slots: list[datetime] = []
    for _ in range(waiting):
        full = room(cap, uses=uses, ahead=slots, now=NOW)
        assert full is not None
        slots.append(full.at)

    assert all(later - earlier >= SPACING for earlier, later in itertools.pairwise(slots))
    taken = sorted([*uses, *slots])
    for first, past in zip(taken, taken[most:], strict=False):
        assert past - first >= DAYS


@given(st.lists(moments, max_size=30), st.sampled_from(CapKind))
def test_nothing_has_room_at_the_moment_tiktok_says_it_is_full_but_a_draft_that_may_be_posted(
    uses: list[datetime], kind: CapKind
) -> None:
    cap = learned(kind, uses, now=NOW)

    assert cap.most == (len(uses) or UNKNOWN)
    assert room(cap, uses=uses, ahead=(), now=NOW) is not None
    if not uses:
        assert cap.full_until == NOW + WINDOW


def test_a_use_that_is_a_day_old_makes_room_for_one() -> None:
    uses = [NOW - WINDOW + timedelta(seconds=s) for s in (5, 50)]
    cap = Cap(CapKind.DAILY_POSTS, 2, NOW)

    assert room(cap, uses=uses, ahead=(), now=NOW) == Full(cap.kind, NOW + timedelta(seconds=5))
    assert room(cap, uses=uses[1:], ahead=(), now=NOW) is None


def test_a_post_hears_of_a_slot_once_and_again_only_when_it_moves() -> None:
    full = Full(CapKind.DAILY_POSTS, NOW + DAYS)
    first = reslotted(a_post(S.QUEUED, in_lane=True), full, now=NOW)
    after, _ = saved(first)
    same = reslotted(after, full, now=NOW)
    moved = reslotted(after, Full(full.kind, full.at + DAYS), now=NOW)

    assert [len(change.events) for change in (first, same, moved)] == [1, 0, 1]
    assert (after.state, after.alarm, after.slot_at, after.in_lane) == (S.QUEUED, full.at, full.at, False)
    assert (after.failures, after.retries) == (0, 0)
    assert first.events[0].key != moved.events[0].key


def test_drafts_look_for_room_before_their_slot_and_publish_before_ends_every_wait() -> None:
    pending = reslotted(a_post(S.QUEUED), Full(CapKind.PENDING_SHARES, NOW + DAYS), now=NOW)
    urgent = a_post(S.QUEUED, publish_before=NOW + timedelta(minutes=7))

    assert pending.post.alarm == NOW + LOOK_EVERY
    assert reslotted(urgent, Full(CapKind.DAILY_POSTS, NOW + DAYS), now=NOW).post.alarm == urgent.publish_before


@pytest.mark.parametrize("kind", list(CapKind))
def test_every_cap_has_tiktoks_word(kind: CapKind) -> None:
    assert CODES[CODE_OF[kind]] is kind
