"""What a replay hands out next: a second's worth, and nobody is held up by those that take less."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from libs.model.replay import CROWD, PAUSED_LOOK, SECOND, Room, Step, Waiting, many, one

NOW = datetime(2027, 3, 10, 12, tzinfo=UTC)
HALF = SECOND / 2


def line(*endpoints: str) -> list[Waiting]:
    return [Waiting(f"dlv_{n:03}", endpoint) for n, endpoint in enumerate(endpoints)]


def test_a_second_is_handed_out_and_not_more() -> None:
    step = many(line("a", "a", "b", "a", "b"), {}, per_second=2, now=NOW)

    assert step.out == (("dlv_000", NOW), ("dlv_001", NOW + HALF), ("dlv_002", NOW))
    assert (step.place, step.look, step.aside) == ("dlv_002", NOW + SECOND, frozenset())


def test_those_that_take_less_are_set_aside_and_passed_by() -> None:
    rooms = {"down": Room(due=2), "slow": Room(rate_per_s=0.5), "fast": Room(rate_per_s=9.0), "well": Room(due=1)}
    step = many(line("down", "fast", "slow", "down", "well"), rooms, per_second=2, now=NOW)

    assert [id_ for id_, _ in step.out] == ["dlv_001", "dlv_004"]
    assert (step.place, step.aside) == ("dlv_004", frozenset({"down", "slow"}))
    only_down = many(line("down"), rooms, per_second=2, now=NOW)
    assert (only_down.out, only_down.place, only_down.look) == ((), "dlv_000", NOW)
    assert many([], rooms, per_second=2, now=NOW) == Step()


def test_a_share_goes_at_its_endpoints_own_pace_and_waits_while_enough_is_due() -> None:
    assert one(line(*"aaa"), Room(rate_per_s=0.5), per_second=50, now=NOW) == Step(
        (("dlv_000", NOW),), "dlv_000", NOW + 2 * SECOND
    )
    assert len(one(line(*"a" * 9), Room(due=3, rate_per_s=4.0), per_second=50, now=NOW).out) == 4
    assert one(line("a"), Room(due=4, rate_per_s=4.0), per_second=50, now=NOW) == Step(look=NOW + SECOND)
    assert one(line("a"), Room(due=CROWD), per_second=1000, now=NOW).look == NOW + SECOND
    assert one([], Room(due=CROWD), per_second=1000, now=NOW) == Step()


def test_one_that_is_left_in_peace_is_looked_at_when_that_ends_and_once_a_minute() -> None:
    for pause, look in [(30 * SECOND, 30 * SECOND), (timedelta(hours=6), PAUSED_LOOK), (-SECOND, SECOND)]:
        assert one(line("a"), Room(50, None, NOW + pause), per_second=50, now=NOW).look == NOW + look


@given(
    endpoints=st.lists(st.sampled_from("abcd"), min_size=1, max_size=60),
    due=st.dictionaries(st.sampled_from("abcd"), st.integers(0, 20)),
    per_second=st.integers(1, 30),
)
def test_every_delivery_is_handed_out_once_in_turn_or_left_to_its_endpoints_share(
    endpoints: list[str], due: dict[str, int], per_second: int
) -> None:
    waiting, rooms, aside, out, now = line(*endpoints), {id_: Room(n) for id_, n in due.items()}, set(), [], NOW
    while True:
        step = many([each for each in waiting if each.endpoint_id not in aside], rooms, per_second=per_second, now=now)
        if step.look is None:
            break
        assert all(now <= at < now + SECOND for _, at in step.out)
        assert step.look >= max((at for _, at in step.out), default=now)
        assert step.place is not None
        out += [id_ for id_, _ in step.out]
        waiting = [each for each in waiting if each.id > step.place or each.endpoint_id in step.aside]
        aside |= step.aside
        now = step.look

    assert out == [f"dlv_{n:03}" for n, endpoint in enumerate(endpoints) if endpoint not in aside]
    assert aside == {endpoint for endpoint in endpoints if rooms.get(endpoint, Room()).crowded(per_second)}
