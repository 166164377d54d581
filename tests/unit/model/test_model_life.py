"""The whole life of a post: crashes, frozen workers, lost replies, facts in any order and as often as they like.

A life is a list of moves. What a move means depends on what can happen next, so that no move is wasted and a failing
life shrinks to a short one; the rules it must keep are asserted by the world, at every save and at every init.
"""

from collections.abc import Callable
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from model_things import a_fact
from model_world import Lost, Reply, Sent, Worker, World

from libs.model.fact import FactKind
from libs.model.post import FINAL, SETTLED, UNSENT, PostState
from tests.examples import examples

WORKERS_MAX = 3
REPLIES: tuple[Reply, ...] = ("ok", "ok", "ok", "lost")
WAITS_S = (1, 20, 150, 290, 310, 1200, 3500, 3900)
Act = tuple[int, Callable[[int], None]]


class Life:
    """A world and the workers in it."""

    def __init__(self, *, inbox: bool, cancel: bool, honest: bool, lags: bool) -> None:
        self.world = World(inbox, honest, lags)
        self.workers: list[Worker] = []
        self.cancel_may_come = cancel
        self.settled = 0

    def move(self, which: int, how: int) -> None:
        """Does one of the things that can happen next, more likely ones more often."""
        acts = self._acts()
        if not acts:
            return
        place = which % sum(weight for weight, _ in acts)
        for weight, act in acts:
            if place < weight:
                act(how)
                return
            place -= weight

    def _acts(self) -> list[Act]:
        world = self.world
        waits = world.post.alarm is not None
        alive = any(sent.outcome is None and not sent.url_dead for sent in world.sent)
        sent = world.post.state not in UNSENT
        acts: list[tuple[object, int, Callable[[int], None]]] = [
            (waits and len(self.workers) < WORKERS_MAX, 6, self._a_worker_claims_the_post_at_its_alarm),
            (self.workers, 10, self._a_worker_goes_on),
            (self.workers, 2, self._a_worker_dies),
            (waits, 2, self._time_goes_by),
            (self._whole(), 4, self._tiktok_ends_an_upload),
            (self._drafts(), 2, self._the_creator_posts_a_draft),
            (alive, 1, self._tiktok_forgets_an_upload_url),
            (self._dead(), 1, self._tiktok_fails_an_upload_it_has_not_whole),
            (world.sent and not world.honest, 2, self._tiktok_tells_what_is_not_so),
            (len(world.heard) > self.settled, 3, self._the_next_fact_is_settled),
            (world.heard, 2, self._some_fact_is_settled_perhaps_again),
            (self.cancel_may_come and sent, 2, self._somebody_asks_to_cancel),
        ]
        return [(weight, act) for possible, weight, act in acts if possible]

    def _a_worker_claims_the_post_at_its_alarm(self, how: int) -> None:
        assert self.world.post.alarm is not None
        self.world.now = max(self.world.now, self.world.post.alarm)
        self._start()

    def _a_worker_goes_on(self, how: int) -> None:
        """Some steps; the last one's reply may be lost."""
        worker = self.workers[how % len(self.workers)]
        steps = 1 + how % 5
        for place in range(steps):
            if not self._step(worker, "ok" if place < steps - 1 else REPLIES[how % len(REPLIES)]):
                return

    def _a_worker_dies(self, how: int) -> None:
        self.workers.pop(how % len(self.workers)).close()

    def _time_goes_by(self, how: int) -> None:
        self.world.now += timedelta(seconds=WAITS_S[how % len(WAITS_S)])

    def _tiktok_ends_an_upload(self, how: int) -> None:
        whole = self._whole()
        sent = whole[how % len(whole)]
        reason = ("", "", "internal", "internal", "frame_rate_check_failed")[how % 5]
        self.world.finish(sent, "failed" if reason else "inbox" if self.world.inbox else "complete", reason=reason)

    def _the_creator_posts_a_draft(self, how: int) -> None:
        drafts = self._drafts()
        self.world.finish(drafts[how % len(drafts)], "complete", reason="")

    def _tiktok_forgets_an_upload_url(self, how: int) -> None:
        self.world.sent[-1].url_dead = True

    def _tiktok_fails_an_upload_it_has_not_whole(self, how: int) -> None:
        dead = self._dead()
        self.world.finish(dead[how % len(dead)], "failed", reason=("internal", "frame_rate_check_failed")[how % 2])

    def _tiktok_tells_what_is_not_so(self, how: int) -> None:
        kinds = (FactKind.COMPLETED, FactKind.FAILED, FactKind.IN_INBOX, FactKind.PUBLIC, FactKind.GONE)
        sent = self.world.sent[how % len(self.world.sent)]
        kind = kinds[how % len(kinds)]
        reason = ("internal", "publish_cancelled")[how % 2] if kind is FactKind.FAILED else ""
        self.world.heard.append(a_fact(kind, at=None if how % 3 else 1000 + how, n=sent.n, reason=reason))

    def _the_next_fact_is_settled(self, how: int) -> None:
        self.settled += self.world.settle(self.world.heard[self.settled])

    def _some_fact_is_settled_perhaps_again(self, how: int) -> None:
        self.world.settle(self.world.heard[how % len(self.world.heard)])

    def _somebody_asks_to_cancel(self, how: int) -> None:
        self.cancel_may_come = False
        self.world.ask_to_cancel()

    def ends_well(self) -> None:
        """With an honest TikTok and no more faults it comes to rest, whatever happened, and the truth is told."""
        for _ in range(200):
            while self.workers:
                self._step(self.workers[0], "ok")
            for sent in self._whole():
                self.world.finish(sent, "inbox" if self.world.inbox else "complete", reason="")
            for fact in self.world.heard:
                self.world.settle(fact)
            if self.world.post.state in SETTLED:
                break
            assert self.world.post.alarm is not None, f"{self.world.post.state} waits for nothing"
            self._a_worker_claims_the_post_at_its_alarm(0)
        self._the_truth_is_told()

    def _the_truth_is_told(self) -> None:
        world = self.world
        assert world.post.state in SETTLED, "200 rounds without a fault, and not at rest"
        told = [key for key in world.events if key.startswith("published")]
        assert len(told) <= 1 or world.inbox
        assert not (told and world.post.state in FINAL)
        if not world.honest:
            return
        completions = sum(sent.completions for sent in world.sent)
        assert len(told) == completions
        if world.post.state in FINAL:
            assert not any(sent.outcome in ("inbox", "complete") for sent in world.sent)
            return
        assert world.post.state is (PostState.PUBLISHED if completions else PostState.IN_INBOX)

    def _whole(self) -> list[Sent]:
        return [sent for sent in self.world.sent if sent.whole and sent.outcome is None]

    def _dead(self) -> list[Sent]:
        gone = [sent for sent in self.world.sent if sent.url_dead or sent.url_ends <= self.world.now]
        return [sent for sent in gone if not sent.whole and sent.outcome is None]

    def _drafts(self) -> list[Sent]:
        return [sent for sent in self.world.sent if self.world.inbox and sent.outcome in ("inbox", "complete")]

    def _start(self) -> None:
        worker = self.world.claim()
        self.workers.append(worker)
        self._run(worker, lambda: next(worker))

    def _step(self, worker: Worker, reply: Reply) -> bool:
        return self._run(worker, lambda: worker.send(reply))

    def _run(self, worker: Worker, go: Callable[[], object]) -> bool:
        """False when the worker has come to its end, or somebody else has gone on with its post."""
        try:
            go()
        except (StopIteration, Lost):
            self.workers.remove(worker)
            return False
        return True


moves = st.lists(st.tuples(st.integers(0, 999), st.integers(0, 59)), min_size=10, max_size=60)


@settings(max_examples=examples(2.5), deadline=None)
@given(
    inbox=st.booleans(),
    cancel=st.sampled_from([False, False, True]),
    honest=st.sampled_from([True, True, False]),
    lags=st.booleans(),
    moves=moves,
)
def test_no_life_publishes_twice_or_tells_a_falsehood_and_each_comes_to_rest(
    inbox: bool, cancel: bool, honest: bool, lags: bool, moves: list[tuple[int, int]]
) -> None:
    life = Life(inbox=inbox, cancel=cancel, honest=honest, lags=lags)

    for which, how in moves:
        life.move(which, how)

    life.ends_well()
