"""The one thing to do with a claimed post, for every state it can be claimed in."""

from datetime import timedelta

import pytest
from model_things import NOW, SECOND, a_post, a_publication, saved

from libs.model.drive import Begin, Look, Prepare, Settle, Step, Upload, next_step
from libs.model.post import SETTLED, Post, PostState
from libs.model.publication import LIVE, Publication, PublicationState
from tests.each import each

S, P = PostState, PublicationState


def settled(step: Step) -> Settle:
    assert isinstance(step, Settle)
    return step


def test_a_queued_post_with_media_goes_to_its_lane_and_begins_when_it_has_its_turn() -> None:
    post = a_post(S.QUEUED)

    after = settled(next_step(post, None, turn=False, now=NOW)).change.post

    assert (after.state, after.in_lane, after.alarm) == (S.QUEUED, True, NOW)
    assert next_step(post, None, turn=True, now=NOW) == Begin()


@pytest.mark.parametrize("state", [S.SCHEDULED, S.QUEUED])
@pytest.mark.parametrize("turn", [True, False])
def test_media_is_prepared_before_anything_else(state: S, turn: bool) -> None:
    post = a_post(state, media_id=None, publish_at=NOW + timedelta(days=3))

    assert next_step(post, None, turn=turn, now=NOW) == Prepare()


def test_a_scheduled_post_sleeps_until_its_time_and_then_takes_its_place_in_the_lane() -> None:
    post = a_post(S.SCHEDULED, publish_at=NOW + SECOND)

    early = settled(next_step(post, None, turn=False, now=NOW)).change.post
    due = settled(next_step(post, None, turn=False, now=NOW + SECOND)).change.post

    assert (early.state, early.alarm, early.in_lane) == (S.SCHEDULED, NOW + SECOND, True)
    assert (due.state, due.in_lane) == (S.QUEUED, True)
    assert next_step(post, None, turn=True, now=NOW + SECOND) == Begin()


def test_posts_stand_in_their_lane_by_their_own_times_however_late_each_was_looked_at() -> None:
    first = a_post(S.SCHEDULED, publish_at=NOW, created_at=NOW - 3 * SECOND)
    second = a_post(S.QUEUED, created_at=NOW + SECOND, slot_at=NOW + 30 * SECOND)

    places = [
        settled(next_step(post, None, turn=False, now=NOW + wait * SECOND)).change.post.alarm
        for post, wait in ((first, 9), (second, 5))
    ]

    assert places == [NOW, NOW + SECOND]


@pytest.mark.parametrize("publication", [None, a_publication(P.ABANDONED), a_publication(P.INTENDED)])
def test_publish_before_ends_a_post_that_has_not_been_sent(publication: Publication | None) -> None:
    n = publication.n if publication else 0
    post = a_post(S.QUEUED, publish_before=NOW, publication=n)
    if publication is not None and publication.live:
        back = settled(next_step(post, publication, turn=True, now=NOW)).change
        post, (publication,) = saved(back, (publication,))

    ended = settled(next_step(post, publication, turn=True, now=NOW)).change

    assert ended.post.state is S.FAILED
    assert ended.events[0].key.endswith(":failed")
    assert '"stage":"schedule"' in ended.events[0].body


def test_publish_before_does_not_stop_an_upload_under_way() -> None:
    post = a_post(S.UPLOADING, publish_before=NOW - SECOND)

    assert isinstance(next_step(post, a_publication(P.OPEN), turn=False, now=NOW), Upload)


STEPS: list[tuple[P, bool, bool, str]] = [
    # publication state, its URL has expired, a cancel was asked for → what happens
    (P.INTENDED, False, False, "queued"),
    (P.INTENDED, False, True, "cancelled"),
    (P.OPEN, False, False, "Upload"),
    (P.OPEN, True, False, "Look"),
    (P.OPEN, False, True, "cancelled"),
    (P.OPEN, True, True, "cancelled"),
    (P.COMMITTING, False, False, "Look"),
    (P.COMMITTING, True, False, "Look"),
    (P.COMMITTING, False, True, "Look"),
    (P.COMMITTED, True, False, "Look"),
    (P.COMMITTED, False, True, "Look"),
]


@each("state", [S.INITIALIZING, S.UPLOADING, S.PROCESSING, S.UNCONFIRMED])
@each(("publication_state", "expired", "cancel", "expected"), STEPS)
@each("turn", [True, False])
def test_a_live_publication_is_finished_or_fenced_before_anything_new(
    state: S, publication_state: P, expired: bool, cancel: bool, expected: str, turn: bool
) -> None:
    ends = NOW if expired else NOW + timedelta(minutes=30)
    publication = a_publication(publication_state)
    if publication.publish_id:
        publication = a_publication(publication_state, url_expires_at=ends)
    post = a_post(state, cancel_requested_at=NOW if cancel else None)

    step = next_step(post, publication, turn=turn, now=NOW)

    if isinstance(step, Settle):
        after, (left,) = saved(step.change, (publication,))
        assert after.state == expected
        assert left.state is P.ABANDONED
    else:
        assert type(step).__name__ == expected
        assert isinstance(step, Upload | Look) and step.publication == publication


@pytest.mark.parametrize("state", [S.SCHEDULED, S.QUEUED])
@pytest.mark.parametrize("publication", [None, a_publication(P.ABANDONED), a_publication(P.INTENDED)])
@pytest.mark.parametrize("turn", [True, False])
@pytest.mark.parametrize("media_id", ["med_1", None])
def test_a_cancel_is_done_at_once_while_nothing_can_publish(
    state: S, publication: Publication | None, turn: bool, media_id: str | None
) -> None:
    post = a_post(state, cancel_requested_at=NOW, media_id=media_id, publication=1 if publication else 0)

    change = settled(next_step(post, publication, turn=turn, now=NOW)).change

    after, left = saved(change, (publication,) if publication else ())
    assert after.state is S.CANCELLED
    assert [told.type for told in change.events] == ["post.cancelled"]
    assert not any(one.live for one in left)


@each("state", [S.DRAFT, *sorted(SETTLED - {S.PUBLISHED})])
@each("publication_state", [None, *P])
@each("cancel", [True, False])
@each("turn", [True, False])
def test_a_post_at_rest_is_left_alone_whatever_woke_it(
    state: S, publication_state: P | None, cancel: bool, turn: bool
) -> None:
    publication = a_publication(publication_state) if publication_state else None
    post = a_post(state, publication=1, cancel_requested_at=NOW if cancel else None)

    change = settled(next_step(post, publication, turn=turn, now=NOW)).change

    after, _ = saved(change, (publication,) if publication else ())
    assert (after.state, after.alarm, change.events) == (state, None, ())


@pytest.mark.parametrize("publication_state", list(P))
@pytest.mark.parametrize("cancel", [True, False])
@pytest.mark.parametrize("turn", [True, False])
def test_a_published_post_is_looked_at_and_never_sent_again(publication_state: P, cancel: bool, turn: bool) -> None:
    publication = a_publication(publication_state)
    post = a_post(S.PUBLISHED, privacy="PUBLIC_TO_EVERYONE", alarm=NOW, cancel_requested_at=NOW if cancel else None)

    step = next_step(post, publication, turn=turn, now=NOW)

    if publication.publish_id is None:
        after, _ = saved(settled(step).change, (publication,))
        assert (after.state, after.alarm) == (S.PUBLISHED, None)
    else:
        assert step == Look(publication)


@pytest.mark.parametrize("state", [S.INITIALIZING, S.UPLOADING, S.PROCESSING])
@pytest.mark.parametrize("turn", [True, False])
def test_a_working_post_whose_publication_is_fenced_waits_for_a_new_turn(state: S, turn: bool) -> None:
    post, fenced = a_post(state), a_publication(P.ABANDONED)

    step = next_step(post, fenced, turn=turn, now=NOW)

    if turn:
        assert step == Begin()
    else:
        after, _ = saved(settled(step).change, (fenced,))
        assert (after.state, after.in_lane) == (S.QUEUED, True)


def test_an_unconfirmed_post_without_a_live_publication_is_left_to_a_person() -> None:
    step = next_step(a_post(S.UNCONFIRMED), a_publication(P.ABANDONED), turn=True, now=NOW)

    assert settled(step).change.post.state is S.UNCONFIRMED
    assert settled(step).change.post.alarm is None


@pytest.mark.parametrize("left", [timedelta(minutes=2), timedelta(minutes=2) + SECOND])
def test_an_upload_is_not_started_on_within_two_minutes_of_its_urls_end(left: timedelta) -> None:
    publication = a_publication(P.OPEN, url_expires_at=NOW + left)

    step = next_step(a_post(S.UPLOADING), publication, turn=False, now=NOW)

    assert type(step) is (Look if left == timedelta(minutes=2) else Upload)


def test_every_claimable_post_gets_a_step_that_the_database_accepts() -> None:
    """Every state × publication × cancel × expired × due × media × turn: nothing raises, nothing illegal is saved."""
    posts: list[tuple[Post, Publication | None]] = []
    for state in S:
        for held in (None, *P):
            for cancel in (None, NOW):
                for ends in (NOW - SECOND, NOW + timedelta(minutes=30)):
                    for media in (None, "med_1"):
                        for before in (None, NOW - SECOND):
                            publication = a_publication(held, url_expires_at=ends) if held else None
                            post = a_post(state, cancel_requested_at=cancel, media_id=media, publish_before=before)
                            posts.append((post, publication))

    for post, publication in posts:
        for turn in (True, False):
            step = next_step(post, publication, turn=turn, now=NOW)
            match step:
                case Settle(change):
                    saved(change, (publication,) if publication else ())
                    assert post.state not in SETTLED or change.post.state is post.state
                case Begin():
                    assert publication is None or publication.state not in LIVE
                    assert turn and post.state not in SETTLED and not post.cancel_requested_at
                case Prepare():
                    assert post.media_id is None and (publication is None or not publication.live)
                case Upload(one) | Look(one):
                    assert one.publish_id is not None
