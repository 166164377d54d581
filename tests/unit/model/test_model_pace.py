"""Waits: bounded, never in the past, and within TikTok's limits."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from model_things import NOW, SECOND

from libs.model.pace import (
    GIVE_UP_LOOKING,
    LOOK_YOUNG,
    PUBLIC_ID_GIVE_UP,
    RETRY,
    UNMATCHED_GIVE_UP,
    next_look,
    next_public_id_look,
    retry_at,
    unmatched_look,
)

ages = st.timedeltas(timedelta(0), timedelta(days=30))
DAY = timedelta(days=1)


@given(ages)
def test_a_look_is_always_ahead_and_ends_after_a_week(age: timedelta) -> None:
    due = next_look(since=NOW - age, now=NOW)

    assert (due is None) == (age >= GIVE_UP_LOOKING)
    assert due is None or NOW + LOOK_YOUNG <= due <= NOW + timedelta(hours=1)


@given(ages)
def test_a_look_for_a_public_id_is_always_ahead_and_ends_after_half_a_day(age: timedelta) -> None:
    due = next_public_id_look(since=NOW - age, now=NOW)

    assert (due is None) == (age >= PUBLIC_ID_GIVE_UP)
    assert due is None or NOW < due <= NOW + timedelta(minutes=30)


@given(ages, ages)
def test_looks_never_become_more_frequent_with_age(one: timedelta, other: timedelta) -> None:
    young, old = sorted((one, other))
    for look in (next_look, next_public_id_look):
        first, second = look(since=NOW - young, now=NOW), look(since=NOW - old, now=NOW)
        assert second is None or (first is not None and first <= second)


def test_seven_young_posts_fit_into_thirty_status_calls_a_minute() -> None:
    assert 7 * timedelta(minutes=1) / LOOK_YOUNG <= 30


def test_a_clock_that_went_back_is_no_reason_not_to_look() -> None:
    assert next_look(since=NOW + DAY, now=NOW) == NOW + LOOK_YOUNG


@given(st.integers(0, 1000))
def test_jitter_of_a_retry_only_adds(failures: int) -> None:
    wait = RETRY[min(failures, len(RETRY) - 1)]

    assert NOW + wait <= retry_at(failures, now=NOW) <= NOW + 1.1 * wait


@pytest.mark.parametrize("tries", [0, 1, 7, 100])
def test_a_fact_nobody_owns_is_looked_at_for_a_week(tries: int) -> None:
    early = unmatched_look(tries, heard_at=NOW - UNMATCHED_GIVE_UP, now=NOW)

    assert early is not None and NOW < early <= NOW + timedelta(hours=1)
    assert unmatched_look(tries, heard_at=NOW - UNMATCHED_GIVE_UP - SECOND, now=NOW) is None
