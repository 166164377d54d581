"""The looks of one account: in time for up to seven posts, in turn beyond that, within TikTok's minute always.

The simulation asks TikTok as the publisher does: each look is given its moment, takes a slot that is free a minute
after its call ended, and is followed by the next. Only waking up, calling and answering take time.
"""

import heapq
import itertools
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from model_things import NOW, SECOND

from libs.accounts.limit import PER_MINUTE, WINDOW, Call
from libs.model.pace import LOOK_FIRST, next_look
from libs.model.roster import CALLS, MINUTE, NEAR, TURN, YOUNG_MOST, left_over, place

IN_TIME_S = 15.0
SECONDS = 300.0
"""Within the half hour in which posts are young."""


@dataclass
class Account:
    """Posts whose bytes are all in, and nobody says a word but when asked. Times are seconds."""

    commits: list[float]
    seed: int
    answer_s: tuple[float, float] = (0.02, 0.2)
    wake_s: tuple[float, float] = (0.0, 0.1)
    calls: list[float] = field(default_factory=list)
    """When TikTok got each."""
    gaps: list[list[float]] = field(default_factory=list)
    """Of each post: from its commit to its first answer, then from answer to answer."""
    refused: int = 0
    """Looks that found no free slot."""

    def run(self) -> "Account":
        dice, moments, slots = Random(self.seed), dict[int, datetime](), list[float]()
        seen = {post: [at] for post, at in enumerate(self.commits)}
        todo = [(at, post, "plan", LOOK_FIRST) for post, at in enumerate(self.commits)]
        heapq.heapify(todo)
        while (event := heapq.heappop(todo))[0] < SECONDS:
            at, post, step, wait = event
            now = NOW + SECOND * at
            slots = [free for free in slots if free > at]
            if step == "plan":
                beside = sorted(moment for other, moment in moments.items() if other != post and moment > now)
                moments[post] = place(now + wait, beside=beside, now=now)
                due = (moments[post] - NOW) / SECOND + dice.uniform(*self.wake_s)
                heapq.heappush(todo, (due, post, "look", wait))
            elif len(slots) >= CALLS:
                self.refused += 1
                heapq.heappush(todo, (sorted(slots)[-CALLS] + dice.uniform(*self.wake_s), post, "look", wait))
            else:
                del moments[post]
                answered = at + dice.uniform(*self.answer_s)
                self.calls.append(dice.uniform(at, answered))
                slots.append(answered + MINUTE / SECOND)
                seen[post].append(answered)
                since, then = NOW + SECOND * self.commits[post], NOW + SECOND * answered
                due_at = next_look(since=since, now=then)
                assert due_at is not None
                heapq.heappush(todo, (answered, post, "plan", due_at - then))
        self.gaps = [[b - a for a, b in itertools.pairwise(times)] for times in seen.values()]
        return self

    @property
    def most_in_a_minute(self) -> int:
        calls = sorted(self.calls)
        return max(sum(1 for other in calls[n : n + CALLS + 5] if other < calls[n] + 60) for n in range(len(calls)))


def at_once(posts: int) -> list[float]:
    return [0.0] * posts


def by_inits(posts: int) -> list[float]:
    """Six inits a minute, and their small files sent at once."""
    return [61.0 * (n // 6) for n in range(posts)]


def scattered(posts: int, *, seed: int) -> list[float]:
    dice = Random(f"scattered {seed}")
    return [dice.uniform(0, 120) for _ in range(posts)]


@pytest.mark.parametrize("posts", range(1, YOUNG_MOST + 1))
@pytest.mark.parametrize("seed", range(3))
def test_up_to_seven_posts_are_each_heard_of_in_time(posts: int, seed: int) -> None:
    for commits in (at_once(posts), by_inits(posts), scattered(posts, seed=seed)):
        account = Account(commits, seed).run()

        assert max(itertools.chain(*account.gaps)) < IN_TIME_S
        assert min(len(gaps) for gaps in account.gaps) > 9  # it was asked, and often
        assert account.most_in_a_minute <= CALLS
        assert account.refused == 0


@pytest.mark.parametrize("posts", [8, 10, 15, 20, 30, 60])
def test_more_posts_share_the_minute_evenly(posts: int) -> None:
    for commits in (at_once(posts), by_inits(posts)):
        account = Account(commits, posts).run()

        turn_s = posts * TURN / SECOND
        late = [gap for n, gaps in enumerate(account.gaps) for gap in gaps[1:] if commits[n] == commits[-1]]
        assert max(itertools.chain(*account.gaps)) < turn_s * 1.1 + 1
        assert not late or min(late) > turn_s * 0.9
        assert account.most_in_a_minute <= CALLS
        assert len(account.calls) > 0.9 * CALLS * SECONDS / (MINUTE / SECOND)  # and none of it is wasted
        assert account.refused == 0


moments = st.lists(st.integers(-5_000, 120_000), max_size=60).map(
    lambda found: [NOW + timedelta(milliseconds=ms) for ms in sorted(found)]
)


@given(beside=moments, wanted_s=st.floats(0, 60))
def test_a_moment_is_ahead_and_never_upon_another(beside: list[datetime], wanted_s: float) -> None:
    wanted = NOW + SECOND * wanted_s
    at = place(wanted, beside=beside, now=NOW)

    assert at >= NOW
    assert at <= max([wanted, *(moment + TURN for moment in beside)])
    assert all(abs(at - moment) >= NEAR / 2 for moment in beside)


@given(wanted_s=st.floats(0, 60))
def test_a_post_alone_is_looked_at_when_it_is_wanted(wanted_s: float) -> None:
    assert place(NOW + SECOND * wanted_s, beside=[], now=NOW) == NOW + SECOND * wanted_s


def test_the_arithmetic_is_the_budgets_own() -> None:
    assert PER_MINUTE[Call.STATUS] == CALLS
    assert WINDOW == MINUTE


@pytest.mark.parametrize(("young", "left"), [(0, 15), (1, 15), (3, 15), (4, 12), (6, 4), (7, 0), (8, 0), (60, 0)])
def test_young_posts_leave_over_what_they_do_not_need(young: int, left: int) -> None:
    assert left_over(young) == left
