"""What a process remembers of endpoints, and how a lane begins by it."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.store.deliveries import Claimed
from services.notifier.lane import Lane, Waiting
from services.notifier.past import BEGINS_WITH, UNKNOWN, Memory, Past
from services.notifier.slots import Slots
from services.notifier.width import FEW, MIDDLE, NARROW, WIDE, enough, next_width

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def lane_with(waiting: int, *, sending: int = 0, slow: int = 0) -> Lane:
    lane = Lane("end_1", most=50)
    one = Claimed("dlv_1", NOW.date(), 1, "end_1", "evt_1", 0, "{}", NOW)
    lane.waiting.extend(Waiting(one, NOW) for _ in range(waiting))
    lane.sending, lane.slow = sending, slow
    return lane


@pytest.mark.parametrize(
    ("past", "failures", "room", "doubted"),
    [
        (UNKNOWN, 0, BEGINS_WITH, False),
        (Past(room=50), 0, 50, False),
        (Past(room=80), 0, 50, False),
        (Past(room=1, doubted=True), 0, 1, True),
        (Past(room=50), 10, 1, True),
    ],
)
def test_a_lane_begins_as_it_ended(past: Past, failures: int, room: int, doubted: bool) -> None:
    lane = Lane("end_1", most=50, failures=failures, past=past)

    assert (lane.room, lane.doubted) == (room, doubted)


@given(st.lists(st.booleans()), st.integers(1, 60), st.integers(1, 60))
def test_a_lane_has_room_for_one_at_least_and_never_for_more_than_it_may(went: list[bool], most: int, now: int) -> None:
    lane = Lane("end_1", most=most)

    for well in went:
        lane.went(well=well)
    again = Lane("end_1", most=now, past=lane.past)

    assert 1 <= lane.room <= most
    assert 1 <= again.room <= now
    assert again.room == min(lane.room, now)


@given(st.integers(1, 5000))
def test_an_endpoint_that_answers_has_all_it_may_within_a_few_answers(most: int) -> None:
    lane, rounds = Lane("end_1", most=most), 0

    while lane.room < most:
        rounds += 1
        for _ in range(lane.room):  # all that is under way is answered
            lane.went(well=True)

    assert rounds <= max(0, (most - 1).bit_length() - BEGINS_WITH.bit_length() + 1)


def test_an_endpoint_that_hung_begins_with_one_request_until_it_answers() -> None:
    memory, lane = Memory(), Lane("end_1", most=50, past=Past(room=50))
    for _ in range(6):
        lane.went(well=False)
    memory.keep("end_1", lane.past)
    assert memory.doubted == ["end_1"]

    lane = Lane("end_1", most=50, past=memory.recall("end_1"))
    assert lane.room == 1 and lane.doubted
    for _ in range(BEGINS_WITH):
        lane.went(well=True)
    memory.keep("end_1", lane.past)

    assert not lane.doubted and memory.doubted == []
    assert memory.recall("end_1").room > BEGINS_WITH


def test_an_endpoint_that_wants_one_request_at_a_time_is_not_doubted_for_that() -> None:
    assert not Lane("end_1", most=1).past.doubted


def test_the_latest_are_remembered_and_nobody_else() -> None:
    memory = Memory(most=3, most_doubted=2)
    for n in range(5):
        memory.keep(f"end_{n}", Past(room=1, doubted=True))

    assert memory.doubted == ["end_3", "end_4"]
    assert [memory.recall(f"end_{n}").room for n in range(5)] == [BEGINS_WITH, BEGINS_WITH, 1, 1, 1]


def test_what_is_under_way_again_speaks_for_itself() -> None:
    """An endpoint with a backlog that never ends would be doubted for ever."""
    memory = Memory()
    memory.keep("end_1", Past(room=1, doubted=True))

    memory.recall("end_1")

    assert memory.doubted == []
    assert memory.recall("end_1").room == 1


def test_an_endpoint_that_answers_slowly_is_not_doubted_once_all_is_answered() -> None:
    lane = lane_with(0, sending=3, slow=3)
    lane.went(well=True)

    assert lane.doubted and not lane.past.doubted


def test_hundreds_that_hang_for_the_first_time_leave_most_slots_to_the_others() -> None:
    """Of twenty among a hundred none has more under way than a lane begins with, whatever waits for it."""
    slots, lanes = Slots(256, lanes=100), [Lane(f"end_{n}", most=50) for n in range(20)]
    for _ in range(50):
        for lane in lanes:
            if lane.sending < lane.room and slots.may_begin(sending=lane.sending, slow=0):
                lane.sending += 1
                slots.taken += 1

    assert slots.taken <= 20 * BEGINS_WITH


@pytest.mark.parametrize(
    ("lanes", "deliveries", "full", "width"),
    [
        (3, 900, False, NARROW),
        (16, 6_400, True, MIDDLE),
        (20, 900, False, MIDDLE),
        (16, 20, True, WIDE),
        (512, 600, True, WIDE),
        (64, 6_400, True, MIDDLE),
    ],
)
def test_a_claim_is_as_wide_as_the_last_one_found_it_right(
    lanes: int, deliveries: int, full: bool, width: tuple[int, int]
) -> None:
    assert next_width(lanes, deliveries, full=full) == width


@pytest.mark.parametrize(
    ("ready", "at_their_limit", "slow", "is_enough"),
    [
        (0, 0, 0, False),
        (10, 0, 0, False),
        (11, 0, 0, True),
        (0, 20, 0, False),
        (10, 20, 0, False),
        (0, 103, 0, True),
        (0, 0, 200, False),
    ],
)
def test_what_waits_for_endpoints_that_hang_keeps_nobody_else_from_being_claimed(
    ready: int, at_their_limit: int, slow: int, is_enough: bool
) -> None:
    """With a hundred waiting for each. Twenty that hang did so until they were known to be slow."""
    lanes = [lane_with(100) for _ in range(ready)]
    lanes += [lane_with(100, sending=BEGINS_WITH) for _ in range(at_their_limit)]
    lanes += [lane_with(100, sending=1, slow=1) for _ in range(slow)]

    assert enough(lanes, slots=256) is is_enough


def test_what_a_doubted_lane_keeps_is_more_than_it_can_begin() -> None:
    assert FEW >= BEGINS_WITH
