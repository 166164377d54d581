"""Ids that sort by birth and name the day they were born."""

from datetime import UTC, date, datetime, timedelta
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from model_things import NOW

from libs.model.ids import Prefix, born, day_of, is_id, new_id, number_of

START = datetime(1970, 1, 1, tzinfo=UTC)
moments = st.timedeltas(timedelta(0), timedelta(days=365 * 7000)).map(lambda life: START + life)
MILLISECOND = timedelta(milliseconds=1)


@given(moments)
def test_an_id_knows_its_birth_to_the_millisecond(moment: datetime) -> None:
    id_ = new_id("evt", moment)

    assert moment - MILLISECOND <= born(id_) <= moment
    assert is_id(id_, "evt")


@given(moments, st.integers(0, 10**12))
def test_the_id_that_was_born_later_sorts_later(moment: datetime, later: int) -> None:
    apart = timedelta(milliseconds=1 + later)
    first, second = new_id("post", moment), new_id("post", moment + apart)

    assert first < second


@given(moments)
def test_ids_of_one_moment_sort_in_the_order_they_were_made_in(moment: datetime) -> None:
    made = [new_id("evt", moment) for _ in range(100)]

    assert made == sorted(made)
    assert len({id_[-13:] for id_ in made}) == 100, "none tells its neighbour"


def test_a_moment_has_room_for_more_ids_than_can_be_made_in_it() -> None:
    made = [new_id("evt", NOW + MILLISECOND)] + [new_id("evt", NOW) for _ in range(16_384)]

    assert made[1:] == sorted(made[1:])


@given(st.dates(date(1970, 1, 1), date(8999, 12, 31)))
def test_the_day_of_an_id_is_its_utc_day_up_to_both_midnights(day: date) -> None:
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)

    assert day_of(new_id("dlv", midnight)) == day
    assert day_of(new_id("dlv", midnight + timedelta(days=1) - timedelta(microseconds=1))) == day


def test_the_day_does_not_depend_on_the_zone_the_moment_is_written_in() -> None:
    moment = datetime.fromisoformat("2027-03-10T00:30:00+02:00")

    assert str(day_of(new_id("evt", moment))) == "2027-03-09"


def test_ids_of_one_moment_differ() -> None:
    assert len({new_id("att", NOW) for _ in range(10_000)}) == 10_000


@pytest.mark.parametrize("prefix", get_args(Prefix))
def test_every_prefix_makes_ids_of_its_own(prefix: Prefix) -> None:
    id_ = new_id(prefix, NOW)

    assert [other for other in get_args(Prefix) if is_id(id_, other)] == [prefix]
    assert len(id_) == len(prefix) + 27


@pytest.mark.parametrize(
    "text",
    ["", "evt", "evt_", "_", "evt_" + "0" * 25, "evt_" + "0" * 27, "evt_" + "u" * 26, "evt_" + "0" * 25 + "I",
     "EVT_" + "0" * 26, "evt_" + "0" * 25 + "\n", "evt__" + "0" * 25, " evt_" + "0" * 26],
)  # fmt: skip
def test_what_is_no_id_is_not_taken_for_one(text: str) -> None:
    assert not is_id(text, "evt")


@given(st.text(max_size=40) | st.text("0123456789abcdefghjkmnpqrstvwxyz", min_size=26, max_size=26))
def test_any_text_has_a_birth_or_is_a_value_error(text: str) -> None:
    try:
        moment = born(text)
    except ValueError:
        assert not is_id(text, text.rpartition("_")[0])  # type: ignore[arg-type]
        return
    assert moment.tzinfo is UTC


@given(st.lists(moments, min_size=1))
def test_ids_sort_as_their_numbers_do_and_no_two_have_the_same(births: list[datetime]) -> None:
    ids = [new_id("evt", moment) for moment in births]

    assert sorted(ids) == sorted(ids, key=number_of)
    assert len({number_of(id_) for id_ in ids}) == len(ids)
    assert all(0 < number_of(id_) < 2**128 for id_ in ids)
