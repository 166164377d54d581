"""What an endpoint's answer means, and when the next try is."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from model_things import NOW, SECOND

from libs.model.delivery import JITTER, RETRY_AFTER_MAX, SLOW_DOWN, DeliveryState, Verdict, judge, parse_retry_after
from libs.model.endpoint import SCHEDULE
from tests.each import each

DAY = timedelta(days=1)


def answered(status: int | None, *, tries: int = 1, error: str | None = None, after: str | None = None) -> Verdict:
    return judge(status=status, error=error, retry_after=after, tries=tries, now=NOW)


@each("status", range(100, 600))
def test_only_2xx_is_delivered(status: int) -> None:
    verdict = answered(status)

    delivered = 200 <= status < 300
    assert verdict.healthy == delivered
    assert verdict.state is (DeliveryState.DELIVERED if delivered else DeliveryState.PENDING)
    assert (verdict.alarm is None) == delivered
    assert verdict.gone == (status == 410)
    assert verdict.next_try == (None if status == 410 else verdict.alarm)
    assert (verdict.pause_until is not None) == (status in (429, 502, 503, 504))
    assert str(status) in verdict.why


@pytest.mark.parametrize(
    ("after", "asked", "how"),
    [(None, None, ""), ("soon", None, ""), ("2", 2 * SECOND, ""), ("7200", timedelta(hours=2), "Retry-After")],
)
def test_every_status_has_its_next_time_and_says_why(after: str | None, asked: timedelta | None, how: str) -> None:
    for status in (*range(100, 200), *range(300, 600)):
        verdict = answered(status, after=after)

        assert verdict.alarm is not None, status
        wait = verdict.alarm - NOW
        if status == 410:
            assert wait >= (asked or SCHEDULE[1])
            assert verdict.why == "answered 410; the endpoint is disabled"
        elif asked is not None and how:
            assert wait == asked, status
            assert verdict.why == f"answered {status}; waits as Retry-After asks"
        elif status in (429, 502, 503, 504):
            assert wait == SLOW_DOWN, status
            assert verdict.why == f"answered {status}; the whole endpoint is slowed down"
        else:
            assert SCHEDULE[1] <= wait <= SCHEDULE[1] * (1 + JITTER), status
            assert verdict.why == f"answered {status}; try 2 of {len(SCHEDULE)}"


@pytest.mark.parametrize("tries", range(1, len(SCHEDULE)))
@pytest.mark.parametrize(("status", "error"), [(500, None), (302, None), (None, "timeout"), (None, None)])
def test_each_failed_try_waits_as_the_schedule_says_and_jitter_only_adds(
    tries: int, status: int | None, error: str | None
) -> None:
    verdict = answered(status, tries=tries, error=error)

    wait = SCHEDULE[tries]
    assert verdict.alarm is not None
    assert NOW + wait <= verdict.alarm <= NOW + wait * (1 + JITTER)


@pytest.mark.parametrize("extra", [0, 1, 10])
@pytest.mark.parametrize("status", [400, 500, 503, None])
def test_after_the_last_try_of_the_schedule_there_is_none(status: int | None, extra: int) -> None:
    verdict = answered(status, tries=len(SCHEDULE) + extra)

    assert (verdict.state, verdict.alarm) == (DeliveryState.EXHAUSTED, None)


@pytest.mark.parametrize("extra", [-1, 0, 1, 10])
@pytest.mark.parametrize(("status", "down"), [(410, False), (500, True), (None, True)])
def test_no_delivery_is_given_up_because_its_endpoint_is_gone_or_down(
    status: int | None, down: bool, extra: int
) -> None:
    verdict = judge(status=status, error=None, retry_after=None, tries=len(SCHEDULE) + extra, now=NOW, down=down)

    assert verdict.state is DeliveryState.PENDING
    assert verdict.alarm is not None and verdict.alarm >= NOW + SCHEDULE[-1]


def test_a_success_on_the_last_try_is_a_success() -> None:
    assert answered(204, tries=len(SCHEDULE)).state is DeliveryState.DELIVERED


@pytest.mark.parametrize("status", [429, 502, 503, 504])
@pytest.mark.parametrize(
    ("after", "pause"), [(None, SLOW_DOWN), ("5", SLOW_DOWN), ("120", 120 * SECOND), ("x", SLOW_DOWN)]
)
def test_an_answer_that_slows_holds_the_whole_endpoint(status: int, after: str | None, pause: timedelta) -> None:
    verdict = answered(status, after=after)

    assert verdict.pause_until == NOW + pause
    assert verdict.alarm is not None and verdict.alarm >= verdict.pause_until


@each("status", [400, 404, 429, 500, 503])
@each(
    ("after", "asked"),
    [
        ("0", timedelta(0)),
        ("7200", timedelta(hours=2)),
        ("86400", DAY),
        ("86401", DAY),
        ("999999999", DAY),
        ("9" * 40, DAY),
        ("0000000000000000000000120", 120 * SECOND),
        (format_datetime(NOW + timedelta(hours=3), usegmt=True), timedelta(hours=3)),
        (format_datetime(NOW + timedelta(days=30), usegmt=True), DAY),
        (format_datetime(NOW - timedelta(days=30), usegmt=True), timedelta(0)),
        ("Wednesday, 10-Mar-27 15:00:00 GMT", timedelta(hours=3)),
    ],
)
def test_retry_after_is_never_undercut_up_to_a_day(status: int, after: str, asked: timedelta) -> None:
    verdict = answered(status, after=after)

    assert verdict.alarm is not None
    assert verdict.alarm >= NOW + asked
    assert verdict.alarm <= NOW + max(asked, SLOW_DOWN, SCHEDULE[1] * (1 + JITTER))


READ: list[tuple[str | None, timedelta | None]] = [
    (None, None),
    ("", None),
    (" ", None),
    ("soon", None),
    ("-5", None),
    ("+5", None),
    ("1.5", None),
    ("1e3", None),
    ("٣", None),  # an Arabic digit
    ("0x10", None),
    (" 30 ", 30 * SECOND),
    ("30", 30 * SECOND),
    ("x" * 1000, None),
    ("1" * 65, None),
    ("Wed, 10 Mar 2027 12:00:30 GMT", 30 * SECOND),
    ("Wed, 10 Mar 2027 12:00:30 -0000", 30 * SECOND),
    ("Wed Mar 10 12:00:30 2027", 30 * SECOND),
    ("Wed, 10 Mar 2027 13:00:30 +0100", 30 * SECOND),
    ("Wed, 32 Mar 2027 12:00:30 GMT", None),
    ("Wed, 10 Mar 2027 12:00:30 +99999999999999999999", None),
    ("Fri, 31 Dec 9999 23:59:59 -2359", DAY),
    ("Mon, 01 Jan 0100 00:00:00 +2359", timedelta(0)),
]


@pytest.mark.parametrize(("text", "wait"), READ)
def test_retry_after_is_read_in_seconds_and_as_a_date(text: str | None, wait: timedelta | None) -> None:
    assert parse_retry_after(text, now=NOW) == wait


@given(st.text(max_size=70) | st.from_regex(r"\w{3}, \d{1,9} \w{3} \d{1,9} \d+:\d+:\d+ [+-]?\d{1,30}", fullmatch=True))
def test_no_header_makes_the_reader_raise_or_leave_its_bounds(text: str) -> None:
    wait = parse_retry_after(text, now=NOW)

    assert wait is None or timedelta(0) <= wait <= RETRY_AFTER_MAX


@given(
    status=st.none() | st.integers(100, 599),
    seconds=st.none() | st.integers(0, 10**12),
    tries=st.integers(1, 20),
    schedule=st.lists(st.integers(0, 100_000), min_size=1, max_size=12),
)
def test_no_try_is_earlier_than_what_was_asked_or_planned(
    status: int | None, seconds: int | None, tries: int, schedule: list[int]
) -> None:
    after = None if seconds is None else str(seconds)
    waits = [timedelta(seconds=wait) for wait in schedule]

    verdict = judge(status=status, error=None, retry_after=after, tries=tries, now=NOW, schedule=waits)

    if verdict.alarm is None:
        assert tries >= len(schedule) or verdict.healthy
        return
    asked = min(timedelta(seconds=seconds or 0), RETRY_AFTER_MAX)
    assert verdict.alarm >= NOW + max(asked, waits[min(tries, len(waits) - 1)])
    assert verdict.pause_until is None or verdict.alarm >= verdict.pause_until


def test_the_date_of_a_header_is_taken_in_utc_whatever_the_clocks_zone() -> None:
    now = datetime(2027, 3, 10, 12, tzinfo=UTC).astimezone()

    assert parse_retry_after("Wed, 10 Mar 2027 12:00:30 GMT", now=now) == 30 * SECOND
