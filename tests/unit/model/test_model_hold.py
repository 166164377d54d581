"""A database that went back in time: nothing of it is sent again, whatever it remembers; good news still counts."""

from datetime import timedelta
from typing import get_args

import pytest
from model_things import NOW, REFUSED, a_fact, a_post, a_publication, saved

from libs.model.apply import apply
from libs.model.change import Change
from libs.model.drive import Look, Settle, next_step
from libs.model.fact import FactKind as K
from libs.model.hold import UNFINISHED, hold
from libs.model.look import Shown, account_lost, looked
from libs.model.post import PostState as S
from libs.model.publication import PublicationState as P
from tests.each import each

LATER = NOW + timedelta(days=2)


@each("state", sorted(UNFINISHED))
@each("publication", [None, *P])
@each("shown", get_args(Shown))
def test_a_held_post_is_never_sent_again_whatever_tiktok_shows(state: S, publication: P | None, shown: Shown) -> None:
    had = None if publication is None else a_publication(publication)
    held = hold(a_post(state, publication=1 if had else 0, in_lane=False), had, now=NOW)
    assert held is not None
    post, (kept, *_) = saved(held, () if had is None else (had,))

    assert (post.state, post.held_at, kept.state) == (S.UNCONFIRMED, NOW, P.ABANDONED)
    assert (post.alarm is not None) == (kept.publish_id is not None)
    step = next_step(post, kept, turn=True, now=LATER)
    assert isinstance(step, Look if kept.publish_id else Settle)
    seen = looked(post, kept, shown=shown, status="X", uploaded=1, dead=True, now=LATER)
    assert isinstance(seen, Change) and seen.post.state is S.UNCONFIRMED
    lost = account_lost(post, kept, removed=True, reason="gone", now=LATER)
    assert lost.post.state is S.UNCONFIRMED


@pytest.mark.parametrize("state", sorted(set(S) - UNFINISHED))
def test_what_rests_is_left_alone(state: S) -> None:
    assert hold(a_post(state), a_publication(P.COMMITTED), now=NOW) is None


def test_what_is_still_to_come_and_what_is_held_already_is_left_alone() -> None:
    assert hold(a_post(S.SCHEDULED, publish_at=LATER), None, now=NOW) is None
    assert hold(a_post(S.UNCONFIRMED, held_at=NOW), a_publication(P.ABANDONED), now=LATER) is None
    assert hold(a_post(S.SCHEDULED, publish_at=NOW), None, now=NOW) is not None


def test_good_news_of_a_held_post_counts_and_bad_news_proves_nothing() -> None:
    held = hold(a_post(S.PROCESSING), a_publication(P.COMMITTED), now=NOW)
    assert held is not None
    post, (kept,) = saved(held, (a_publication(P.COMMITTED),))

    bad = apply(a_fact(K.FAILED, at=1, reason="x"), post=post, publication=kept, known=(), failure=REFUSED, now=LATER)
    good = apply(a_fact(K.COMPLETED, at=1), post=post, publication=kept, known=(), failure=None, now=LATER)

    assert bad.post.state is S.UNCONFIRMED
    after, _ = saved(good, (kept,))
    assert (after.state, after.held_at) == (S.PUBLISHED, None)
