"""What a fact about a publication does to its post: line 6 of the pipeline's promises, and every state it can meet."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import orjson
import pytest
from model_things import BROKEN, NOW, REFUSED, a_fact, a_post, a_publication, saved

from libs.model.apply import RETRIES_MAX, Failure, apply, cap_told
from libs.model.cap import CapKind, Full
from libs.model.change import Change
from libs.model.fact import Fact, FactKind
from libs.model.news import News
from libs.model.post import FINAL, Post, PostState
from libs.model.publication import Publication, PublicationState
from tests.each import each

S, P, K = PostState, PublicationState, FactKind


class Told:
    """A post that hears facts one after the other, as the database would keep it."""

    def __init__(self, post: Post, *publications: Publication) -> None:
        self.post = post
        self.publications = {one.n: one for one in publications}
        self.news: dict[tuple[int, str, str, int], News] = {}
        self.events: list[str] = []
        self.notes: list[str] = []

    def hear(self, *facts: Fact, failure: Failure | None = None, n: int = 1) -> "Told":
        for fact in facts:
            reading = failure if fact.kind is K.FAILED else None
            known = tuple(self.news.values())
            change = apply(
                fact, post=self.post, publication=self.publications[n], known=known, failure=reading, now=NOW
            )
            self._keep(change)
        return self

    def _keep(self, change: Change) -> None:
        self.post, publications = saved(change, tuple(self.publications.values()))
        self.publications = {one.n: one for one in publications}
        for news in change.new:
            key = (news.publication, news.kind, news.tiktok_post_id, news.n)
            assert key not in self.news, "the primary key of news"
            self.news[key] = news
        for news in change.bound:
            key = (news.publication, news.kind, news.tiktok_post_id, news.n)
            assert self.news[key].create_time is None, "a time is bound once"
            self.news[key] = news
        for told in change.events:
            body = orjson.loads(told.body)
            assert body["id"] == told.id and body["type"] == told.type
            key_ = told.key.removeprefix(self.post.id + ":")
            assert key_ not in self.events, "an event's key is used once"
            self.events.append(key_)
        self.notes += [note.kind for note in change.notes]


def direct(state: S = S.PROCESSING, **more: object) -> Told:
    return Told(a_post(state, privacy="PUBLIC_TO_EVERYONE", **more), a_publication(P.COMMITTED))


def draft(state: S = S.PROCESSING, **more: object) -> Told:
    return Told(a_post(state, inbox=True, **more), a_publication(P.COMMITTED))


COMPLETE = a_fact(K.COMPLETED, at=100)
COMPLETE_POLLED = a_fact(K.COMPLETED)
PUBLIC = a_fact(K.PUBLIC, at=105, post_id="77")
PUBLIC_POLLED = a_fact(K.PUBLIC, post_id="77")
GONE = a_fact(K.GONE, at=200, post_id="77")
INBOX = a_fact(K.IN_INBOX, at=90)
INBOX_POLLED = a_fact(K.IN_INBOX)


DIRECT = {
    "a webhook": ([COMPLETE], ["published"]),
    "a poll": ([COMPLETE_POLLED], ["published"]),
    "a poll, then a webhook": ([COMPLETE_POLLED, COMPLETE], ["published"]),
    "a webhook, then a poll": ([COMPLETE, COMPLETE_POLLED], ["published"]),
    "a webhook twice, written differently": ([COMPLETE, replace(COMPLETE, create_time=101)], ["published"]),
    "complete, then public": ([COMPLETE, PUBLIC], ["published", "public:1:77:1"]),
    "public before complete": ([PUBLIC, COMPLETE], ["published", "public:1:77:1"]),
    "public alone": ([PUBLIC], ["published", "public:1:77:1"]),
    "public by poll, then by webhook": ([COMPLETE_POLLED, PUBLIC_POLLED, PUBLIC], ["published", "public:1:77:1"]),
    "public by webhook, then by poll": ([PUBLIC, COMPLETE_POLLED, PUBLIC_POLLED], ["published", "public:1:77:1"]),
    "gone first of all": ([GONE, PUBLIC, COMPLETE], ["published", "gone:1:77:1", "public:1:77:1"]),
    "gone and back": (
        [COMPLETE, PUBLIC, GONE, replace(PUBLIC, create_time=300)],
        ["published", "public:1:77:1", "gone:1:77:1", "public:1:77:2"],
    ),
    "a stale poll after gone": ([PUBLIC, GONE, PUBLIC_POLLED], ["published", "public:1:77:1", "gone:1:77:1"]),
    "gone twice over": ([PUBLIC, GONE, GONE], ["published", "public:1:77:1", "gone:1:77:1"]),
}


@pytest.mark.parametrize(("facts", "events"), DIRECT.values(), ids=DIRECT.keys())
@pytest.mark.parametrize("state", [S.UPLOADING, S.PROCESSING, S.UNCONFIRMED])
def test_a_direct_post_is_published_once_however_it_is_told(state: S, facts: list[Fact], events: list[str]) -> None:
    heard = direct(state).hear(*facts)

    assert heard.events == events
    assert heard.post.state is S.PUBLISHED
    assert heard.post.public_post_ids == (("77",) if any(f.kind is K.PUBLIC for f in facts) else ())


DRAFT = {
    "in the inbox": ([INBOX], ["in_inbox"], S.IN_INBOX),
    "in the inbox, twice told": ([INBOX, INBOX_POLLED], ["in_inbox"], S.IN_INBOX),
    "posted once": ([INBOX, COMPLETE], ["in_inbox", "published:1:1"], S.PUBLISHED),
    "posted before the inbox was told": ([COMPLETE, INBOX], ["published:1:1"], S.PUBLISHED),
    "posted twice": (
        [INBOX, COMPLETE, replace(COMPLETE, create_time=150)],
        ["in_inbox", "published:1:1", "published:1:2"],
        S.PUBLISHED,
    ),
    "posted twice, the second told first": (
        [replace(COMPLETE, create_time=150), COMPLETE],
        ["published:1:1", "published:1:2"],
        S.PUBLISHED,
    ),
    "a poll claims the first": ([COMPLETE_POLLED, COMPLETE], ["published:1:1"], S.PUBLISHED),
    "a poll claims the first, then a second": (
        [COMPLETE_POLLED, COMPLETE, replace(COMPLETE, create_time=150)],
        ["published:1:1", "published:1:2"],
        S.PUBLISHED,
    ),
    "a poll says nothing new": ([COMPLETE, COMPLETE_POLLED], ["published:1:1"], S.PUBLISHED),
    "the same webhook again after a poll claimed": (
        [COMPLETE_POLLED, COMPLETE, COMPLETE, COMPLETE_POLLED],
        ["published:1:1"],
        S.PUBLISHED,
    ),
    "public before complete": ([PUBLIC, COMPLETE], ["published:1:1", "public:1:77:1"], S.PUBLISHED),
    "two public ids, one of them told complete": (
        [COMPLETE, PUBLIC, replace(PUBLIC, post_id="88"), replace(COMPLETE, create_time=150)],
        ["published:1:1", "public:1:77:1", "published:1:2", "public:1:88:1"],
        S.PUBLISHED,
    ),
    "a poll that lists two public ids": (
        [COMPLETE_POLLED, PUBLIC_POLLED, replace(PUBLIC_POLLED, post_id="88"), COMPLETE,
         replace(COMPLETE, create_time=150)],
        ["published:1:1", "public:1:77:1", "published:1:2", "public:1:88:1"],
        S.PUBLISHED,
    ),
    "gone implies no third completion": (
        [COMPLETE, replace(COMPLETE, create_time=150), PUBLIC, GONE],
        ["published:1:1", "published:1:2", "public:1:77:1", "gone:1:77:1"],
        S.PUBLISHED,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("facts", "events", "state"), DRAFT.values(), ids=DRAFT.keys())
def test_a_draft_is_published_as_often_as_its_creator_posts_it(facts: list[Fact], events: list[str], state: S) -> None:
    heard = draft().hear(*facts)

    assert heard.events == events
    assert (heard.post.state, heard.post.alarm) == (state, None)


def test_a_poll_after_an_unknown_number_of_completions_never_adds_one() -> None:
    heard = draft().hear(COMPLETE, replace(COMPLETE, create_time=150), COMPLETE_POLLED)

    assert heard.events == ["published:1:1", "published:1:2"]


@pytest.mark.parametrize("final", sorted(FINAL))
@pytest.mark.parametrize("fact", [COMPLETE, PUBLIC, GONE, INBOX, a_fact(K.FAILED, at=1)])
@pytest.mark.parametrize("inbox", [True, False])
def test_a_final_state_takes_nothing_and_late_news_is_noted(final: S, fact: Fact, inbox: bool) -> None:
    post = a_post(final, inbox=inbox, publication=1)

    heard = Told(post, a_publication(P.ABANDONED)).hear(fact, failure=BROKEN)

    assert replace(heard.post, version=post.version) == post
    assert (heard.events, heard.news, heard.notes) == ([], {}, ["fact.kept"])


@pytest.mark.parametrize("told", [[COMPLETE], [COMPLETE_POLLED], [PUBLIC], [GONE]])
@pytest.mark.parametrize("make", [direct, draft])
def test_a_failure_told_after_a_completion_is_kept_and_changes_nothing(told: list[Fact], make: type) -> None:
    heard = make().hear(*told)
    before = list(heard.events)

    heard.hear(a_fact(K.FAILED, at=300, reason="internal"), failure=BROKEN)

    assert heard.post.state is S.PUBLISHED
    assert heard.events == before
    assert heard.publications[1].state is P.COMMITTED


def test_a_completion_told_after_a_retryable_failure_publishes_the_post_and_stops_the_new_try() -> None:
    heard = direct().hear(a_fact(K.FAILED, at=1, reason="internal"), failure=BROKEN)
    assert heard.post.state is S.QUEUED

    heard.hear(COMPLETE)

    assert (heard.post.state, heard.post.in_lane) == (S.PUBLISHED, False)
    assert heard.events == ["retrying:1", "uploaded:1", "published"], "the store passes over a step it has heard of"


@pytest.mark.row("PP-51")
@pytest.mark.parametrize("state", [S.UPLOADING, S.PROCESSING, S.UNCONFIRMED])
@pytest.mark.parametrize("retries", range(RETRIES_MAX + 2))
def test_a_failure_that_may_pass_is_tried_again_a_few_times_and_then_fails(state: S, retries: int) -> None:
    heard = direct(state, retries=retries).hear(a_fact(K.FAILED, at=1, reason="internal"), failure=BROKEN)

    if retries + 1 < RETRIES_MAX:
        assert (heard.post.state, heard.post.retries, heard.events) == (S.QUEUED, retries + 1, ["retrying:1"])
        assert heard.post.alarm is not None and heard.post.alarm > NOW
    else:
        assert (heard.post.state, heard.events) == (S.FAILED, ["failed"])
        assert heard.post.problem is not None and heard.post.problem["upstream"]["fail_reason"] == "internal"
    assert heard.publications[1].state is P.ABANDONED


def test_hiccups_of_ours_leave_tiktoks_tries_alone() -> None:
    heard = direct(failures=RETRIES_MAX).hear(a_fact(K.FAILED, at=1, reason="internal"), failure=BROKEN)

    assert (heard.post.state, heard.post.retries, heard.post.failures) == (S.QUEUED, 1, RETRIES_MAX)


def test_a_limit_of_tiktoks_is_waited_for_however_often_and_spends_no_try() -> None:
    slot = NOW + timedelta(hours=24)
    capped = replace(BROKEN, full=Full(CapKind.DAILY_POSTS, slot))
    heard = direct(retries=RETRIES_MAX).hear(a_fact(K.FAILED, at=1, reason="x"), failure=capped)

    assert (heard.post.state, heard.post.retries, heard.post.failures) == (S.QUEUED, RETRIES_MAX, 0)
    assert (heard.post.alarm, heard.post.slot_at) == (slot, slot)
    assert heard.publications[1].state is P.ABANDONED


@pytest.mark.parametrize(
    ("kind", "reason", "change", "told"),
    [
        (K.FAILED, "spam_risk_too_many_posts", {}, CapKind.DAILY_POSTS),
        (K.FAILED, "reached_active_user_cap", {}, CapKind.ACTIVE_USERS),
        (K.FAILED, "internal", {}, None),
        (K.COMPLETED, "spam_risk_too_many_posts", {}, None),
        (K.FAILED, "spam_risk_too_many_posts", {"state": S.PUBLISHED}, None),
        (K.FAILED, "spam_risk_too_many_posts", {"publication": 2}, None),
        (K.FAILED, "spam_risk_too_many_posts", {"cancel_requested_at": NOW}, None),
    ],
)
def test_a_cap_is_learned_from_a_failure_that_changes_its_post_and_from_no_other(
    kind: FactKind, reason: str, change: dict[str, Any], told: CapKind | None
) -> None:
    post = replace(a_post(state=S.PROCESSING, publication=1), **change)
    fact = a_fact(kind, at=1, reason=reason)

    assert cap_told(fact, post=post, publication=a_publication(state=P.COMMITTED), known=()) is told


@pytest.mark.row("PP-51")
def test_a_failure_that_cannot_pass_fails_the_post_with_tiktoks_own_words() -> None:
    heard = direct().hear(
        replace(a_fact(K.FAILED, at=1, reason="frame_rate_check_failed"), data={"log_id": "L1"}), failure=REFUSED
    )

    assert heard.post.problem is not None
    assert heard.post.problem["upstream"] == {
        "code": "frame_rate_check_failed",
        "fail_reason": "frame_rate_check_failed",
        "log_id": "L1",
    }
    assert heard.post.problem["stage"] == "publish"


CANCELS = [
    # TikTok's reason, its reading, a cancel was asked for → the post's end
    ("publish_cancelled", REFUSED, True, S.CANCELLED),
    ("publish_cancelled", REFUSED, False, S.FAILED),
    ("internal", BROKEN, True, S.CANCELLED),
    ("internal", BROKEN, False, S.QUEUED),
    ("frame_rate_check_failed", REFUSED, True, S.FAILED),
]


@pytest.mark.parametrize(("reason", "reading", "asked", "end"), CANCELS)
def test_a_post_whose_cancel_was_asked_for_is_not_sent_again_after_a_failure(
    reason: str, reading: Failure, asked: bool, end: S
) -> None:
    heard = direct(cancel_requested_at=NOW if asked else None)

    heard.hear(a_fact(K.FAILED, at=1, reason=reason), failure=reading)

    assert heard.post.state is end


def test_a_draft_in_the_inbox_outlives_a_failure_of_one_of_its_posts() -> None:
    heard = draft().hear(INBOX, a_fact(K.FAILED, at=95, reason="internal"), COMPLETE, failure=BROKEN)

    assert heard.events == ["in_inbox", "published:1:1"]
    assert heard.notes == ["in_inbox", "fact.kept", "published"]


NEWER = [P.INTENDED, P.OPEN, P.COMMITTING, P.COMMITTED, P.ABANDONED]


@pytest.mark.parametrize("newer", NEWER)
@pytest.mark.parametrize("inbox", [True, False])
def test_the_failure_of_an_abandoned_publication_does_not_touch_its_successor(newer: P, inbox: bool) -> None:
    post = a_post(S.UPLOADING, publication=2, inbox=inbox)

    heard = Told(post, a_publication(P.ABANDONED), a_publication(newer, n=2))
    heard.hear(a_fact(K.FAILED, at=1, reason="internal"), failure=BROKEN)

    assert (heard.post.state, heard.events) == (S.UPLOADING, [])
    assert heard.publications[2].state is newer


@each("newer", NEWER)
@each("facts", [[COMPLETE], [COMPLETE_POLLED], [PUBLIC, COMPLETE]])
@each("state", [S.QUEUED, S.INITIALIZING, S.UPLOADING, S.PROCESSING, S.UNCONFIRMED])
def test_late_news_that_an_abandoned_publication_published_ends_the_post(newer: P, facts: list[Fact], state: S) -> None:
    post = a_post(state, publication=2, in_lane=state is S.QUEUED)

    heard = Told(post, a_publication(P.ABANDONED), a_publication(newer, n=2)).hear(*facts)

    assert heard.events[:2] == ["uploaded:1", "published"]
    assert (heard.post.state, heard.post.in_lane) == (S.PUBLISHED, False)
    assert heard.post.publication == 1, "what is looked at from now on is what was published"


@pytest.mark.parametrize("newer", NEWER)
@pytest.mark.parametrize("fact", [INBOX, COMPLETE])
def test_late_news_that_an_abandoned_draft_arrived_ends_the_sending(newer: P, fact: Fact) -> None:
    post = a_post(S.UPLOADING, publication=2, inbox=True)

    heard = Told(post, a_publication(P.ABANDONED), a_publication(newer, n=2)).hear(fact)

    assert heard.post.state in (S.IN_INBOX, S.PUBLISHED)
    assert heard.post.alarm is None


@each("publication", [P.OPEN, P.COMMITTING, P.COMMITTED, P.ABANDONED])
@each("fact", [COMPLETE, COMPLETE_POLLED, PUBLIC, GONE, INBOX, INBOX_POLLED])
@each("inbox", [True, False])
@each("state", [S.QUEUED, S.UPLOADING, S.PROCESSING, S.UNCONFIRMED, S.IN_INBOX, S.PUBLISHED])
def test_whatever_is_told_in_whatever_state_the_database_takes_it(
    publication: P, fact: Fact, inbox: bool, state: S
) -> None:
    post = a_post(state, publication=1, inbox=inbox)

    heard = Told(post, a_publication(publication)).hear(fact, fact)

    assert heard.events.count("in_inbox") <= 1
    assert heard.post.state in (S.PUBLISHED, S.IN_INBOX, state)


@pytest.mark.parametrize(
    ("privacy", "inbox", "looks"),
    [
        ("PUBLIC_TO_EVERYONE", False, True),
        ("PUBLIC_TO_EVERYONE", True, False),
        ("SELF_ONLY", False, False),
        ("MUTUAL_FOLLOW_FRIENDS", False, False),
    ],
)
def test_a_public_id_is_waited_for_only_where_one_can_come(privacy: str, inbox: bool, looks: bool) -> None:
    post = a_post(S.PROCESSING, privacy=privacy, inbox=inbox)

    heard = Told(post, a_publication(P.COMMITTED)).hear(COMPLETE)
    assert (heard.post.alarm is not None) == looks

    heard.hear(PUBLIC)
    assert heard.post.alarm is None


def test_a_second_completion_does_not_restart_the_looks_for_a_public_id() -> None:
    heard = direct().hear(COMPLETE)
    later = replace(heard.post, alarm=NOW + timedelta(hours=3))
    heard.post = later

    heard.hear(GONE)

    assert heard.post.alarm == later.alarm


def test_only_facts_about_publications_are_taken() -> None:
    with pytest.raises(ValueError, match="not about a publication"):
        direct().hear(a_fact(K.AUTHORIZATION_REMOVED, at=1))
    with pytest.raises(ValueError, match="reading"):
        direct().hear(a_fact(K.FAILED, at=1))
