"""What people may ask of a post: decided by its state alone, and kept within the table's rules."""

from datetime import timedelta

import pytest
from model_things import NOW, RESTING, a_post, a_publication, saved

from libs.model.change import Change, fail
from libs.model.drive import expired
from libs.model.life import entering, reschedule, resolve, revive, send
from libs.model.post import PostState as S
from libs.model.problem import Problem
from libs.model.publication import PublicationState as P

LATER = NOW + timedelta(hours=3)


def test_a_second_failure_is_told_though_the_first_one_was() -> None:
    first = fail(a_post(S.QUEUED), expired(NOW), stage="schedule", now=NOW)
    again = revive(saved(first)[0], (), heard_of=False, now=NOW)
    assert isinstance(again, Change)

    second = fail(saved(again)[0], expired(NOW), stage="schedule", now=NOW)

    assert first.events[0].key != second.events[0].key
    assert second.post.life == 2


@pytest.mark.parametrize("state", list(S))
def test_every_state_answers_every_wish_with_a_lawful_row_or_a_conflict(state: S) -> None:
    post, publication = a_post(state), a_publication(P.COMMITTED)
    wishes = [
        reschedule(post, publish_at=LATER, publish_before=None, now=NOW),
        revive(post, (publication,), heard_of=False, now=NOW),
        send(post, now=NOW),
        resolve(post, publication, outcome="published", tiktok_post_id="", known=(), by="key_1", now=NOW),
        resolve(post, publication, outcome="not_published", tiktok_post_id="", known=(), by="key_1", now=NOW),
    ]
    for answer in wishes:
        if isinstance(answer, Problem):
            assert (answer.status, bool(answer.remedy)) == (409, True)
        else:
            saved(answer, (publication,))


@pytest.mark.parametrize(
    ("stage", "committed", "last_status", "allowed"),
    [
        ("publish", True, "FAILED", True),
        ("resolve", True, "PROCESSING_UPLOAD", True),
        ("authorization", True, "PROCESSING_UPLOAD", False),
        ("authorization", True, "FAILED", True),
        ("authorization", False, "PROCESSING_UPLOAD", True),
    ],
)
def test_another_life_needs_proof(stage: str, committed: bool, last_status: str, allowed: bool) -> None:
    post = a_post(S.FAILED, publication=1, problem={"code": "x", "stage": stage})
    at = NOW if committed else None
    publication = a_publication(P.ABANDONED, committing_at=at, last_status=last_status)

    assert isinstance(revive(post, (publication,), heard_of=False, now=NOW), Change) == allowed


def test_a_cancel_of_the_life_before_does_not_end_the_next() -> None:
    post = a_post(S.FAILED, cancel_requested_at=NOW, failures=9, retries=4)

    after = revive(post, (), heard_of=False, now=NOW)

    assert isinstance(after, Change)
    assert (after.post.cancel_requested_at, after.post.failures, after.post.retries) == (None, 0, 0)


def test_what_nobody_can_ask_about_does_not_come_to_life_by_a_decision() -> None:
    held = a_post(S.UNCONFIRMED, alarm=None, held_at=NOW)
    unknown = a_publication(P.ABANDONED, publish_id=None)

    done = resolve(held, unknown, outcome="published", tiktok_post_id="7", known=(), by="key_1", now=NOW)

    assert isinstance(done, Change)
    after, _ = saved(done, (unknown,))
    assert (after.state, after.public_post_ids, after.held_at) == (S.PUBLISHED, ("7",), None)


@pytest.mark.parametrize("media", [None, "med_1"])
@pytest.mark.parametrize("at", [None, NOW - timedelta(hours=1), LATER])
def test_what_enters_has_its_alarm_and_its_lane(media: str | None, at: object) -> None:
    after = entering(a_post(S.DRAFT, media_id=media, publish_at=at), now=NOW)

    assert after.state is (S.SCHEDULED if at == LATER else S.QUEUED)
    assert after.in_lane == (media is not None)
    assert after.alarm == (LATER if at == LATER and media else NOW)
    assert after.state not in RESTING
