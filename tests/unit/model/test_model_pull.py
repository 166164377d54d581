"""A lost pull init: what proves that it cannot publish, and what may be taken for news of it."""

from datetime import timedelta
from typing import Any

import pytest
from model_things import NOW, a_post, a_publication, saved

from libs.model.change import Change
from libs.model.drive import Look, Reckon, Seek, Settle, Withdraw, next_step, tried
from libs.model.fact import Fact, FactKind, FactSource
from libs.model.life import resolve
from libs.model.look import account_lost
from libs.model.post import PostState
from libs.model.publication import PublicationState
from libs.model.pull import (
    SEEK_FOR,
    URL_LIFE,
    Init,
    Lost,
    adopted,
    intend_pull,
    owner,
    reckoned,
    unfound,
    withdrawn,
)

FAILED_CALL = Lost("no reply", "no_reply", crashed=False)
OPENED: dict[str, Any] = {"publish_id": "v_pub_url~v2.1", "upload_url": None, "url_expires_at": None, "pull": True}


def a_pull(state: PublicationState = PublicationState.INTENDED, **more: Any) -> Any:
    known = {} if state is PublicationState.INTENDED else OPENED
    return a_publication(state, **({"pull": True, "upload_url": None} | known | more))


def an_init(**more: Any) -> Init:
    defaults: dict[str, Any] = {
        "post_id": "p", "n": 1, "intent_at": NOW, "may_publish": True, "photo": False, "inbox": False,
    }  # fmt: skip
    return Init(**(defaults | more))


def news(kind: FactKind = FactKind.COMPLETED, publish_id: str = "v_pub_url~v2.1", **more: Any) -> Fact:
    at = int(NOW.timestamp()) + 5
    defaults: dict[str, Any] = {
        "source": FactSource.WEBHOOK, "open_id": "o", "create_time": at, "publish_id": publish_id,
    }  # fmt: skip
    return Fact(key="k", kind=kind, heard_at=NOW, **(defaults | more))


STEPS = {
    "no reply yet and nobody drives it": (PostState.INITIALIZING, a_pull(), {}, Reckon),
    "a cancel does not make it harmless": (PostState.INITIALIZING, a_pull(), {"cancel_requested_at": NOW}, Reckon),
    "fetched for, and silent": (PostState.UNCONFIRMED, a_pull(), {}, Seek),
    "its id was learnt late": (PostState.UNCONFIRMED, a_pull(publish_id="v_pub_url~v2.1"), {}, Settle),
    "running": (PostState.PROCESSING, a_pull(PublicationState.COMMITTED), {}, Look),
    "running, and to be cancelled": (
        PostState.PROCESSING, a_pull(PublicationState.COMMITTED), {"cancel_requested_at": NOW}, Withdraw,
    ),
    "cancelled already, as far as anybody can": (
        PostState.PROCESSING,
        a_pull(PublicationState.COMMITTED, cancel_asked_at=NOW),
        {"cancel_requested_at": NOW},
        Look,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("state", "publication", "more", "step"), STEPS.values(), ids=STEPS.keys())
def test_a_pull_is_never_sent_again_before_it_was_reckoned_with(
    state: PostState, publication: Any, more: dict[str, Any], step: type
) -> None:
    assert isinstance(next_step(a_post(state, **more), publication, turn=True, now=NOW), step)


def test_urls_are_granted_in_the_very_save_that_intends_the_init() -> None:
    change = intend_pull(a_post(), token_hash=b"h", media=("m1", "m2"), size=9, lease=NOW, now=NOW)

    assert change.grant is not None
    assert (change.grant.n, change.grant.media, change.grant.expires_at) == (1, ("m1", "m2"), NOW + URL_LIFE)
    [one] = change.publications
    assert (one.state, one.pull, one.n) == (PublicationState.INTENDED, True, 1)


@pytest.mark.parametrize(("lost", "failures"), [(Lost(), 0), (FAILED_CALL, 1)])
def test_an_init_that_nobody_fetched_for_goes_back_to_its_lane_and_a_crash_is_no_try(lost: Lost, failures: int) -> None:
    post = a_post(PostState.INITIALIZING)

    after, [one] = saved(reckoned(post, a_pull(), unfetched=True, lost=lost, now=NOW))

    assert (after.state, after.failures, one.state) == (PostState.QUEUED, failures, PublicationState.ABANDONED)


def test_an_init_that_nobody_fetched_for_can_be_cancelled_truthfully() -> None:
    post = a_post(PostState.INITIALIZING, cancel_requested_at=NOW)

    after, _ = saved(reckoned(post, a_pull(), unfetched=True, lost=Lost(), now=NOW))

    assert after.state is PostState.CANCELLED


@pytest.mark.parametrize("more", [{}, {"cancel_requested_at": NOW}, {"failures": 99}])
@pytest.mark.parametrize("lost", [Lost(), FAILED_CALL])
def test_an_init_that_was_fetched_for_is_unconfirmed_whatever_else_is_wanted(lost: Lost, more: dict[str, Any]) -> None:
    post = a_post(PostState.INITIALIZING, **more)

    after, [one] = saved(reckoned(post, a_pull(), unfetched=False, lost=lost, now=NOW))

    assert (after.state, one.state, after.alarm) == (
        PostState.UNCONFIRMED, PublicationState.INTENDED, NOW + timedelta(minutes=1),
    )  # fmt: skip


def test_nobody_waits_for_an_unconfirmed_pull_longer_than_tiktok_tells_of_it() -> None:
    post = a_post(PostState.UNCONFIRMED)

    waiting = unfound(post, a_pull(), now=NOW + SEEK_FOR - timedelta(seconds=1))
    over, [one] = saved(unfound(post, a_pull(), now=NOW + SEEK_FOR))

    assert waiting.publications == () and waiting.post.alarm is not None
    assert (over.state, over.alarm, one.state) == (PostState.UNCONFIRMED, None, PublicationState.ABANDONED)


def test_an_adopted_pull_is_asked_about_like_any_other() -> None:
    post = a_post(PostState.UNCONFIRMED)

    after, [one] = saved(adopted(post, a_pull(), publish_id="v_pub_url~v2.1", now=NOW))

    assert (after.state, one.state, one.publish_id) == (
        PostState.PROCESSING, PublicationState.COMMITTED, "v_pub_url~v2.1",
    )  # fmt: skip


def test_a_withdrawal_decides_nothing_and_is_asked_for_once() -> None:
    post = a_post(PostState.PROCESSING, cancel_requested_at=NOW)

    after, [one] = saved(withdrawn(post, a_pull(PublicationState.COMMITTED), answer="ok", now=NOW))

    assert (after.state, one.state, one.cancel_asked_at) == (PostState.PROCESSING, PublicationState.COMMITTED, NOW)


def test_failing_over_and_over_ends_no_post_whose_pull_may_have_published() -> None:
    post = a_post(PostState.INITIALIZING, failures=99)

    after, _ = saved(tried(post, a_pull(), why="x", code="x", now=NOW), [a_pull()])

    assert after.state is PostState.INITIALIZING


def test_an_account_that_must_be_connected_again_leaves_an_unconfirmed_pull_unconfirmed() -> None:
    lost = account_lost(a_post(PostState.UNCONFIRMED), a_pull(), removed=False, reason="tokens ran out", now=NOW)

    assert lost.post.state is PostState.UNCONFIRMED


@pytest.mark.parametrize("outcome", ["published", "not_published"])
def test_a_persons_decision_ends_the_wait_of_the_creators_next_pulls(outcome: Any) -> None:
    post = a_post(PostState.UNCONFIRMED)

    change = resolve(post, a_pull(), outcome=outcome, tiktok_post_id="", known=(), by="k", now=NOW)

    assert isinstance(change, Change)
    assert [one.state for one in change.publications] == [PublicationState.ABANDONED]


ONLY = an_init()
REVOKED = an_init(n=2, may_publish=False)
OWNED: dict[str, tuple[Fact, list[Init]]] = {
    "an arrival, of the one init that may publish": (news(), [ONLY]),
    "an arrival, though another init was revoked": (news(), [REVOKED, ONLY]),
    "a public id": (news(FactKind.PUBLIC, post_id="7"), [ONLY]),
    "a draft's arrival": (news(FactKind.IN_INBOX, "v_inbox_url~v2.1"), [an_init(inbox=True)]),
    "photos": (news(publish_id="p_pub_url~v2.1"), [an_init(photo=True)]),
    "photos in the inbox, whose ids look the same": (
        news(FactKind.IN_INBOX, "p_pub_url~v2.1"), [an_init(photo=True, inbox=True)],
    ),
    "an id of another form": (news(publish_id="whatever"), [ONLY]),
    "a failure, of a creator with one lost init": (news(FactKind.FAILED), [ONLY]),
    "TikTok's clock is a little behind": (news(create_time=int(NOW.timestamp()) - 100), [ONLY]),
}  # fmt: skip


@pytest.mark.parametrize(("fact", "inits"), OWNED.values(), ids=OWNED.keys())
def test_news_that_can_be_of_one_init_only_is_that_inits(fact: Fact, inits: list[Init]) -> None:
    found = owner(fact, inits, strangers=[(fact.publish_id, fact.kind)])

    assert found is not None and found.may_publish


STRANGERS: dict[str, tuple[Fact, list[Init], list[tuple[str, FactKind]]]] = {
    "nobody waits": (news(), [], []),
    "the init is proven harmless": (news(), [REVOKED], []),
    "two may publish": (news(), [ONLY, an_init(n=3)], []),
    "a failure that may be the revoked init's": (news(FactKind.FAILED), [ONLY, REVOKED], []),
    "another unknown post arrived too": (news(), [ONLY], [("v_pub_url~v2.9", FactKind.COMPLETED)]),
    "a failure while anything else is unknown": (news(FactKind.FAILED), [ONLY], [("x", FactKind.FAILED)]),
    "it was before the init": (news(create_time=int(NOW.timestamp()) - 200), [ONLY], []),
    "an upload's id": (news(publish_id="v_pub_file~v2-1.1"), [ONLY], []),
    "a photo's id": (news(publish_id="p_pub_url~v2.1"), [ONLY], []),
    "a video's id": (news(), [an_init(photo=True)], []),
    "a draft's id": (news(publish_id="v_inbox_url~v2.1"), [ONLY], []),
    "a draft's arrival": (news(FactKind.IN_INBOX, "whatever"), [ONLY], []),
    "learnt by asking, so its id was known": (news(source=FactSource.POLL), [ONLY], []),
}


@pytest.mark.parametrize(("fact", "inits", "strangers"), STRANGERS.values(), ids=STRANGERS.keys())
def test_news_that_may_be_anothers_is_nobodys(
    fact: Fact, inits: list[Init], strangers: list[tuple[str, FactKind]]
) -> None:
    assert owner(fact, inits, strangers=[(fact.publish_id, fact.kind), *strangers]) is None


def test_a_failure_elsewhere_does_not_hide_an_arrival() -> None:
    assert owner(news(), [ONLY, REVOKED], strangers=[("x", FactKind.FAILED)]) == ONLY
