"""When a lane is left in peace, for how long, and when its customer hears of it."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from model_things import NOW

from libs.model.circuit import OPEN_AFTER, PART_OF_OUTAGE, PROBE_MAX, PROBE_MIN, Circuit, due_notice

DAYS_5 = timedelta(days=5)
OUTAGES = st.integers(0, 60 * 86_400).map(lambda seconds: timedelta(seconds=seconds))


@given(st.lists(st.integers(1, 50), max_size=20))
def test_a_circuit_opens_at_so_many_failures_in_a_row_and_not_before(failures: list[int]) -> None:
    circuit = Circuit()
    for n, more in enumerate(failures):
        circuit = circuit.after(more, now=NOW + n * timedelta(seconds=1))

    assert circuit.failures == sum(failures)
    assert (circuit.open_since is not None) == (sum(failures) >= OPEN_AFTER)
    assert (circuit.paused_until(NOW) is not None) == (circuit.open_since is not None)


@given(OUTAGES)
def test_a_recovery_is_noticed_an_eighth_of_the_outage_later_at_most(outage: timedelta) -> None:
    now = NOW + outage

    until = Circuit(OPEN_AFTER, open_since=NOW).paused_until(now)

    assert until is not None
    assert PROBE_MIN <= until - now <= max(PROBE_MIN, min(outage / PART_OF_OUTAGE, PROBE_MAX))


def test_failures_are_counted_no_further_than_the_database_can() -> None:
    assert Circuit(2**31 - 2, NOW).after(50, now=NOW).failures == 2**31 - 1


@pytest.mark.parametrize(
    ("part", "told", "due"),
    [
        (0, 0, None), (0.499, 0, None), (0.5, 0, 50), (0.5, 50, None), (0.89, 50, None), (0.9, 50, 90), (0.9, 0, 90),
        (0.99, 90, None), (1, 90, 100), (1, 0, 100), (7, 50, 100),
    ],
)  # fmt: skip
def test_each_notice_is_due_once(part: float, told: int, due: int | None) -> None:
    assert due_notice(failing_since=NOW, told=told, disable_after=DAYS_5, now=NOW + part * DAYS_5) == due
