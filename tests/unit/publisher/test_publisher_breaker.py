"""The breaker counts rounds, pauses ever longer and not for long, and closes at the first success."""

from services.publisher.breaker import LONGEST_PAUSE_S, OPENS_AFTER, Breaker


def fail_round(breaker: Breaker, *, jobs: int = 1) -> None:
    breaker.begin()
    for _ in range(jobs):
        breaker.failed()


def test_sixty_jobs_that_meet_one_moment_without_a_database_are_one_failure() -> None:
    breaker = Breaker()
    fail_round(breaker, jobs=60)
    assert not breaker.open
    assert breaker.pause_s == 0.5


def test_it_opens_after_rounds_in_a_row_and_closes_at_one_success() -> None:
    breaker = Breaker()
    for _ in range(OPENS_AFTER):
        assert not breaker.open
        fail_round(breaker)
    assert breaker.open
    breaker.begin()
    breaker.succeeded()
    assert not breaker.open


def test_a_pause_is_never_longer_than_the_longest() -> None:
    breaker, pauses = Breaker(), []
    for _ in range(30):
        fail_round(breaker)
        pauses.append(breaker.pause_s)
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST_PAUSE_S
