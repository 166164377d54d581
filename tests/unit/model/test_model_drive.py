"""The changes a publisher comes back with, and how tries are counted."""

from datetime import timedelta

import orjson
import pytest
from model_things import LEASE, NOW, SIZE, a_post, a_publication, saved

from libs.model.drive import TRIES_MAX, begin_failed, send_again, tried, waits
from libs.model.event import stamp
from libs.model.pace import GIVE_UP_LOOKING, PUBLIC_ID_GIVE_UP, RETRY, UNCONFIRMED_AFTER
from libs.model.post import PostState
from libs.model.publication import Publication, PublicationState
from libs.model.upload import committed, committing, intend, opened, progressed

S, P = PostState, PublicationState


def test_a_post_goes_from_its_lane_to_processing_with_an_event_for_what_customers_wait_for() -> None:
    post = a_post(S.QUEUED, in_lane=False, publication=3)
    told: list[str] = []

    change = intend(post, lease=LEASE, size=SIZE, chunk_size=SIZE // 2, chunk_count=2, now=NOW)
    post, (publication,) = saved(change)
    assert (post.state, post.alarm, post.publication, publication.n) == (S.INITIALIZING, LEASE, 4, 4)

    change = opened(post, publication, publish_id="p", upload_url="u", expires=LEASE, lease=LEASE, now=NOW)
    post, (publication,) = saved(change, (publication,))
    told += [event.type for event in change.events]
    assert (post.state, publication.state, publication.publish_id) == (S.UPLOADING, P.OPEN, "p")

    change = progressed(post, publication, sent=SIZE // 2, lease=LEASE, now=NOW)
    post, (publication,) = saved(change, (publication,))
    assert (post.state, publication.state, publication.sent_bytes) == (S.UPLOADING, P.OPEN, SIZE // 2)

    change = committing(post, publication, lease=LEASE, now=NOW)
    post, (publication,) = saved(change, (publication,))
    assert (post.state, publication.state, publication.committing_at) == (S.UPLOADING, P.COMMITTING, NOW)

    change = committed(post, publication, now=NOW)
    post, (publication,) = saved(change, (publication,))
    told += [event.type for event in change.events]
    assert (post.state, publication.state, publication.sent_bytes) == (S.PROCESSING, P.COMMITTED, SIZE)
    assert told == ["post.uploading", "post.uploaded"]


def test_sending_the_last_chunk_again_moves_the_fence() -> None:
    first = a_publication(P.COMMITTING)

    again = committing(a_post(S.UPLOADING), first, lease=LEASE, now=NOW + timedelta(minutes=9))

    assert again.publications[0].committing_at == NOW + timedelta(minutes=9)


def test_a_secret_url_is_never_shown() -> None:
    assert "https" not in repr(a_publication(P.OPEN))


@pytest.mark.parametrize("wait", [None, timedelta(hours=1)])
def test_a_fenced_publication_sends_the_post_back_to_wait(wait: timedelta | None) -> None:
    publication = a_publication(P.OPEN)

    change = send_again(a_post(S.UPLOADING), publication, why="because", now=NOW, wait=wait)

    after, (left,) = saved(change, (publication,))
    assert (after.state, left.state, after.alarm) == (S.QUEUED, P.ABANDONED, NOW + (wait or timedelta(0)))


@pytest.mark.row("PP-52")
@pytest.mark.parametrize("state", [S.SCHEDULED, S.QUEUED, S.INITIALIZING, S.UPLOADING, S.PROCESSING])
@pytest.mark.parametrize("failures", [0, 1, 4, 5, TRIES_MAX - 2])
def test_a_failed_try_waits_longer_each_time_and_says_when_the_next_is(state: S, failures: int) -> None:
    publication = a_publication(P.OPEN) if state in (S.UPLOADING, S.PROCESSING) else None
    post = a_post(state, failures=failures, publication=1)

    change = tried(post, publication, why="no reply", code="NoReply", now=NOW)

    after, _ = saved(change, (publication,) if publication else ())
    wait = RETRY[min(failures, len(RETRY) - 1)]
    assert after.alarm is not None and NOW + wait <= after.alarm <= NOW + 1.1 * wait
    assert (after.state, after.failures, after.in_lane) == (state, failures + 1, False)
    body = orjson.loads(change.events[0].body)["data"]
    assert (body["next_attempt_at"], body["attempt"]) == (stamp(after.alarm), failures + 1)


@pytest.mark.parametrize("publication", [None, a_publication(P.ABANDONED), a_publication(P.INTENDED)])
def test_tries_end_a_post_of_which_nothing_can_publish(publication: Publication | None) -> None:
    post = a_post(S.QUEUED, failures=TRIES_MAX - 1, publication=publication.n if publication else 0)

    change = tried(post, publication, why="no reply", code="NoReply", now=NOW)

    after, left = saved(change, (publication,) if publication else ())
    assert (after.state, [event.type for event in change.events]) == (S.FAILED, ["post.failed"])
    assert not any(one.live for one in left)


@pytest.mark.parametrize("held", [P.OPEN, P.COMMITTING, P.COMMITTED])
def test_tries_never_end_a_post_that_may_publish(held: P) -> None:
    publication = a_publication(held)

    change = tried(a_post(S.PROCESSING, failures=10 * TRIES_MAX), publication, why="no reply", code="x", now=NOW)

    after, _ = saved(change, (publication,))
    assert after.state is S.PROCESSING and after.alarm is not None


@pytest.mark.parametrize("state", [S.UPLOADING, S.PROCESSING])
@pytest.mark.parametrize("held", [P.COMMITTING, P.COMMITTED])
def test_looks_that_fail_for_a_day_leave_a_post_unconfirmed(state: S, held: P) -> None:
    publication = a_publication(held, committing_at=NOW - UNCONFIRMED_AFTER)

    change = tried(a_post(state), publication, why="no reply", code="x", now=NOW)

    after, _ = saved(change, (publication,))
    assert (after.state, [event.type for event in change.events]) == (S.UNCONFIRMED, ["post.unconfirmed"])


@pytest.mark.parametrize("age", [UNCONFIRMED_AFTER, GIVE_UP_LOOKING])
def test_looks_at_an_unconfirmed_post_that_fail_tell_nobody_and_end_after_a_week(age: timedelta) -> None:
    publication = a_publication(P.COMMITTED, committing_at=NOW - age)

    change = tried(a_post(S.UNCONFIRMED), publication, why="no reply", code="x", now=NOW)

    after, _ = saved(change, (publication,))
    assert (after.state, change.events) == (S.UNCONFIRMED, ())
    assert (after.alarm is None) == (age == GIVE_UP_LOOKING)


@pytest.mark.parametrize("age", [timedelta(0), PUBLIC_ID_GIVE_UP])
def test_a_look_at_a_published_post_that_fails_is_no_retry_of_the_post(age: timedelta) -> None:
    publication = a_publication(P.COMMITTED, committing_at=NOW - age)
    post = a_post(S.PUBLISHED, alarm=NOW, failures=TRIES_MAX)

    change = tried(post, publication, why="no reply", code="x", now=NOW)

    after, _ = saved(change, (publication,))
    assert (after.state, change.events) == (S.PUBLISHED, ())
    assert (after.alarm is None) == (age == PUBLIC_ID_GIVE_UP)


@pytest.mark.parametrize("failures", [0, TRIES_MAX - 2, TRIES_MAX - 1])
def test_a_failed_init_is_fenced_and_made_anew_until_tries_are_spent(failures: int) -> None:
    publication = a_publication(P.INTENDED)

    change = begin_failed(a_post(S.INITIALIZING, failures=failures), publication, why="w", code="c", now=NOW)

    after, (left,) = saved(change, (publication,))
    assert left.state is P.ABANDONED
    assert after.state is (S.FAILED if failures == TRIES_MAX - 1 else S.QUEUED)


def test_waiting_for_a_limit_spends_no_try_and_tells_nobody() -> None:
    change = waits(a_post(S.QUEUED, in_lane=True, failures=3), until=LEASE, why="the minute is full", now=NOW)

    after, _ = saved(change)
    assert (after.state, after.alarm, after.failures, after.in_lane) == (S.QUEUED, LEASE, 3, False)
    assert change.events == ()


def test_every_retrying_event_of_a_post_has_a_key_of_its_own() -> None:
    post, publication = a_post(S.UPLOADING), a_publication(P.OPEN)
    keys = []
    for _ in range(5):
        change = tried(post, publication, why="w", code="c", now=NOW)
        keys += [event.key for event in change.events]
        post, _ = saved(change, (publication,))

    assert len(set(keys)) == 5
