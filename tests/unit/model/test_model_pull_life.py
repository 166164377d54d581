"""The whole life of a pull: crashes at every step, frozen workers, lost replies, late fetches, late and lost ids."""

from collections.abc import Callable
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from model_pulls import Pulled, PullWorld
from model_world import Lost, Reply, Worker

from libs.model.post import FINAL, SETTLED, UNSENT, PostState
from tests.examples import examples

WORKERS_MAX = 3
REPLIES: tuple[Reply, ...] = ("ok", "ok", "lost")
WAITS_S = (1, 20, 150, 290, 310, 1200, 3500, 3900)
Act = Callable[[int], None]


class Life:
    """A world of one pulled post, and the workers in it."""

    def __init__(self, *, inbox: bool, cancel: bool) -> None:
        self.world = PullWorld(inbox)
        self.workers: list[Worker] = []
        self.cancel_may_come = cancel

    def move(self, which: int, how: int) -> None:
        """Does one of the things that can happen next, more likely ones more often."""
        acts = [(weight, act) for possible, weight, act in self._acts() if possible]
        place = which % max(1, sum(weight for weight, _ in acts))
        for weight, act in acts:
            if place < weight:
                act(how)
                return
            place -= weight

    def _acts(self) -> list[tuple[object, int, Act]]:
        world, waits = self.world, self.world.post.alarm is not None
        sent = world.post.state not in UNSENT
        return [
            (waits and len(self.workers) < WORKERS_MAX, 5, self._a_worker_claims_the_post_at_its_alarm),
            (self.workers, 10, self._a_worker_goes_on),
            (self.workers, 3, self._a_worker_dies),
            (waits, 1, self._time_goes_by),
            (self._coming(), 4, self._tiktok_fetches),
            (self._whole(), 3, self._tiktok_ends_a_pull),
            (world.heard, 4, self._some_fact_is_settled),
            (self.cancel_may_come and sent, 2, self._somebody_asks_to_cancel),
        ]

    def _a_worker_claims_the_post_at_its_alarm(self, how: int) -> None:
        assert self.world.post.alarm is not None
        self.world.now = max(self.world.now, self.world.post.alarm)
        worker = self.world.claim()
        self.workers.append(worker)
        self._run(worker, lambda: next(worker))

    def _a_worker_goes_on(self, how: int) -> None:
        self._step(self.workers[how % len(self.workers)], REPLIES[how % len(REPLIES)])

    def _a_worker_dies(self, how: int) -> None:
        self.workers.pop(how % len(self.workers)).close()

    def _time_goes_by(self, how: int) -> None:
        self.world.now += timedelta(seconds=WAITS_S[how % len(WAITS_S)])

    def _tiktok_fetches(self, how: int) -> None:
        coming = self._coming()
        self.world.fetch(coming[how % len(coming)])

    def _tiktok_ends_a_pull(self, how: int) -> None:
        whole = self._whole()
        broken = how % 4 == 0
        outcome = "failed" if broken else "inbox" if self.world.inbox else "complete"
        self.world.end(whole[how % len(whole)], outcome, reason="internal" if broken else "")  # type: ignore[arg-type]

    def _some_fact_is_settled(self, how: int) -> None:
        try:
            self.world.settle(self.world.heard[-1 - how % min(3, len(self.world.heard))])
        except Lost:
            raise AssertionError("nobody was in between") from None

    def _somebody_asks_to_cancel(self, how: int) -> None:
        self.cancel_may_come = False
        self.world.ask_to_cancel()

    def ends_well(self) -> None:
        """With no more faults it comes to rest and tells the truth, or says that it cannot know."""
        world = self.world
        for _ in range(400):
            while self.workers:
                self._step(self.workers[0], "ok")
            for pulled in self._coming():
                world.fetch(pulled)
            for pulled in self._whole():
                world.end(pulled, "inbox" if world.inbox else "complete")
            for fact in list(world.heard):
                world.settle(fact)
            if world.post.state in SETTLED or world.post.alarm is None:
                break
            self._a_worker_claims_the_post_at_its_alarm(0)
        self._the_truth_is_told()

    def _the_truth_is_told(self) -> None:
        world = self.world
        arrived = [one for one in world.pulls if one.outcome in ("inbox", "complete")]
        if world.post.state is PostState.UNCONFIRMED:
            assert not arrived, "TikTok told of it, and nobody listened"
            return
        assert world.post.state in SETTLED, f"{world.post.state} after 400 rounds without a fault"
        assert bool(arrived) == (world.post.state not in FINAL)
        told = [key for key in world.events if key.startswith("published")]
        assert len(told) == sum(one.completions for one in world.pulls)

    def _coming(self) -> list[Pulled]:
        return [one for one in self.world.pulls if one.outcome is None and not one.has_media]

    def _whole(self) -> list[Pulled]:
        return [one for one in self.world.pulls if one.outcome is None and one.has_media]

    def _step(self, worker: Worker, reply: Reply) -> None:
        self._run(worker, lambda: worker.send(reply))

    def _run(self, worker: Worker, go: Callable[[], object]) -> None:
        try:
            go()
        except (StopIteration, Lost):
            self.workers.remove(worker)


moves = st.lists(st.tuples(st.integers(0, 999), st.integers(0, 59)), min_size=10, max_size=60)


@settings(max_examples=examples(2.5), deadline=None)
@given(inbox=st.booleans(), cancel=st.booleans(), moves=moves)
def test_no_pull_publishes_twice_or_gets_lost_whatever_breaks_on_its_way(
    inbox: bool, cancel: bool, moves: list[tuple[int, int]]
) -> None:
    life = Life(inbox=inbox, cancel=cancel)

    for which, how in moves:
        life.move(which, how)

    life.ends_well()
