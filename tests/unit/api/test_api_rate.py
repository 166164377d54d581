"""How often a key may ask: evenly, per key, and said with every answer."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from libs.model.key import Key
from services.api.rate import Rates

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


class Hand:
    def __init__(self) -> None:
        self.at = 1000.0


def rates(hand: Hand) -> Rates:
    return Rates(customers=60, operators=600, clock=lambda: hand.at)


def key(id_: str = "key_1", customer: str | None = "cus_1", rate: int | None = None) -> Key:
    return Key(id_, customer, "k", {}, NOW, rate_per_minute=rate)


def test_a_full_bucket_is_spent_then_refused_and_refills_evenly() -> None:
    hand = Hand()
    of = rates(hand)

    left = [of.take(key())[0].left for _ in range(60)]
    quota, problem = of.take(key())

    assert left == list(range(59, -1, -1))
    assert problem is not None
    assert (problem.status, problem.extra["retry_after_s"], quota.left) == (429, 1, 0)
    assert of.take(key("key_2"))[1] is None, "each key has its own"
    assert of.take(key("key_3", None))[0].per_minute == 600
    assert of.take(key("key_4", rate=5))[0].per_minute == 5
    hand.at += 1
    assert of.take(key())[1] is None
    assert of.take(key())[1] is not None, "a refused call was not counted, and one second gives one call"


def test_the_headers_are_those_of_the_draft() -> None:
    quota, _ = rates(Hand()).take(key())

    assert quota.headers() == {"RateLimit-Policy": '"key";q=60;w=60', "RateLimit": '"key";r=59;t=1'}


@given(st.floats(0, 1e8), st.sampled_from([1, 3, 60, 600]))
def test_a_full_bucket_is_the_same_however_long_the_machine_has_run(at: float, limit: int) -> None:
    hand = Hand()
    hand.at = at
    of = rates(hand)

    answers = [of.take(key(rate=limit)) for _ in range(limit)]

    assert [problem for _, problem in answers if problem] == []
    assert [quota.left for quota, _ in answers] == list(range(limit - 1, -1, -1))
    assert [quota.more_in_s for quota, _ in answers] == [-(-60 * n // limit) for n in range(1, limit + 1)]


@given(st.lists(st.floats(0, 30), max_size=200), st.integers(1, 100))
def test_in_no_minute_more_than_twice_the_limit_gets_through(pauses: list[float], limit: int) -> None:
    hand = Hand()
    of, passed = rates(hand), []
    for pause in pauses:
        hand.at += pause
        for _ in range(3):
            if of.take(key(rate=limit))[1] is None:
                passed.append(hand.at)

    for start in passed:
        assert sum(start <= at < start + 60 for at in passed) <= 2 * limit
