"""What a look at TikTok means while it has not told how a post ended."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from model_things import NOW, SECOND, SIZE, a_post, a_publication, saved

from libs.model.change import Change
from libs.model.drive import URL_MARGIN, Upload
from libs.model.look import FENCE, Shown, account_lost, ended, looked
from libs.model.pace import GIVE_UP_LOOKING, PUBLIC_ID_GIVE_UP, UNCONFIRMED_AFTER
from libs.model.post import Post, PostState
from libs.model.publication import Publication, PublicationState

S, P = PostState, PublicationState
HOUR = timedelta(hours=1)
SENT_STATES = [S.INITIALIZING, S.UPLOADING, S.PROCESSING, S.UNCONFIRMED]


def look(
    post: Post,
    publication: Publication,
    *,
    shown: Shown = "uploading",
    uploaded: int | None = None,
    dead: bool = False,
    now: datetime = NOW,
) -> Change | Upload:
    outcome = looked(post, publication, shown=shown, status="WORD", uploaded=uploaded, dead=dead, now=now)
    if isinstance(outcome, Change):
        saved(outcome, (publication,))
    return outcome


def change(outcome: Change | Upload) -> Change:
    assert isinstance(outcome, Change)
    return outcome


@pytest.mark.parametrize("state", SENT_STATES)
@pytest.mark.parametrize("uploaded", [0, SIZE - 1])
def test_missing_bytes_are_sent_to_the_same_publication_while_its_url_lives(state: S, uploaded: int) -> None:
    for held in (P.OPEN, P.COMMITTING):
        publication = a_publication(held)

        outcome = look(a_post(state), publication, uploaded=uploaded)

        assert outcome == Upload(replace(publication, sent_bytes=uploaded, last_status="WORD"))


@pytest.mark.parametrize("state", SENT_STATES)
@pytest.mark.parametrize("held", [P.OPEN, P.COMMITTING])
def test_every_byte_there_means_committed_though_the_last_answer_was_lost(state: S, held: P) -> None:
    found = change(look(a_post(state), a_publication(held), uploaded=SIZE))

    assert found.publications[0].state is P.COMMITTED
    assert found.post.state is (S.UNCONFIRMED if state is S.UNCONFIRMED else S.PROCESSING)


OPEN_ENDS: list[tuple[Shown, int | None]] = [
    ("uploading", 0),
    ("uploading", None),
    ("uploading", SIZE - 1),
    ("unknown", None),
]


@pytest.mark.parametrize("state", SENT_STATES)
@pytest.mark.parametrize(("shown", "uploaded"), OPEN_ENDS)
@pytest.mark.parametrize("dead", [True, False])
def test_an_upload_whose_last_bytes_never_went_out_is_left_once_its_url_is_of_no_use(
    state: S, shown: Shown, uploaded: int | None, dead: bool
) -> None:
    publication = a_publication(P.OPEN, url_expires_at=NOW + (HOUR if dead else URL_MARGIN))

    found = change(look(a_post(state), publication, shown=shown, uploaded=uploaded, dead=dead))

    assert (found.post.state, found.publications[0].state) == (S.QUEUED, P.ABANDONED)


def test_an_open_upload_of_which_tiktok_gives_no_count_goes_on_from_where_we_were() -> None:
    publication = a_publication(P.OPEN, sent_bytes=10_000_000)

    outcome = look(a_post(S.UPLOADING), publication, uploaded=None)

    assert outcome == Upload(replace(publication, last_status="WORD"))


def test_an_unanswered_question_about_an_open_upload_is_no_reason_to_leave_its_url() -> None:
    found = change(look(a_post(S.UPLOADING), a_publication(P.OPEN), shown="unknown"))

    assert (found.post.state, found.publications[0].state) == (S.UPLOADING, P.OPEN)
    assert found.post.alarm is not None and NOW < found.post.alarm < NOW + HOUR


@pytest.mark.parametrize("held", [P.OPEN, P.COMMITTING])
@pytest.mark.parametrize("state", SENT_STATES)
def test_what_tiktok_says_to_be_working_on_is_waited_for(state: S, held: P) -> None:
    found = change(look(a_post(state), a_publication(held), shown="processing"))

    assert found.publications[0].state is held
    assert found.post.state is (S.UNCONFIRMED if state is S.UNCONFIRMED else S.PROCESSING)


# committing since, its URL ends at, found dead → when it is looked at again; NOW: it is fenced
FENCES = [
    # Refused just now: a worker frozen until a moment ago may have sent the last bytes, and the count may lag.
    (NOW - HOUR, NOW + HOUR, True, NOW + FENCE),
    (NOW, NOW + HOUR, True, NOW + FENCE),
    # Refused a while ago, which the URL's end remembers.
    (NOW - HOUR, NOW - FENCE, False, NOW),
    (NOW - HOUR, NOW - FENCE + SECOND, False, NOW + SECOND),
    (NOW - HOUR, NOW - FENCE, True, NOW),
    # Run out: TikTok refuses what comes later, and a worker's clock may be behind.
    (NOW - HOUR, NOW - URL_MARGIN + SECOND, False, NOW + SECOND),
    (NOW - HOUR, NOW - URL_MARGIN, False, NOW - URL_MARGIN + FENCE),
    (NOW - HOUR, NOW + SECOND, False, NOW + SECOND + URL_MARGIN),
    (NOW - SECOND, NOW - HOUR, False, NOW - SECOND + FENCE),
]


@pytest.mark.parametrize(("since", "ends", "dead", "allowed"), FENCES)
@pytest.mark.parametrize("cancel", [True, False])
def test_a_new_init_waits_until_the_old_publication_cannot_publish(
    since: datetime, ends: datetime, dead: bool, allowed: datetime, cancel: bool
) -> None:
    publication = a_publication(P.COMMITTING, committing_at=since, url_expires_at=ends)
    post = a_post(S.PROCESSING, cancel_requested_at=NOW if cancel else None)

    found = change(look(post, publication, uploaded=SIZE - 1, dead=dead))

    if allowed == NOW:
        assert found.post.state is (S.CANCELLED if cancel else S.QUEUED)
        assert found.publications[0].state is P.ABANDONED
    else:
        assert (found.post.state, found.post.alarm) == (S.PROCESSING, allowed)
        assert found.publications[0].state is P.COMMITTING


def test_a_cancelled_upload_gets_no_more_bytes_and_is_cancelled_when_fenced() -> None:
    publication = a_publication(P.COMMITTING)
    post = a_post(S.PROCESSING, cancel_requested_at=NOW)

    waits = change(look(post, publication, uploaded=0))
    assert waits.post.alarm == NOW + HOUR + URL_MARGIN

    done = change(look(post, publication, uploaded=0, now=NOW + HOUR + FENCE))
    assert done.post.state is S.CANCELLED


@pytest.mark.parametrize("uploaded", [None, 0, SIZE])
@pytest.mark.parametrize("dead", [True, False])
def test_a_committed_publication_is_never_sent_again_whatever_the_count_says(uploaded: int | None, dead: bool) -> None:
    long_dead = a_publication(P.COMMITTED, url_expires_at=NOW - HOUR, committing_at=NOW - HOUR)

    found = change(look(a_post(S.PROCESSING), long_dead, uploaded=uploaded, dead=dead))

    assert (found.post.state, found.publications[0].state) == (S.PROCESSING, P.COMMITTED)


@pytest.mark.parametrize("state", [S.UPLOADING, S.PROCESSING])
def test_silence_ends_in_unconfirmed_after_a_day_and_is_told_once(state: S) -> None:
    publication = a_publication(P.COMMITTED, committing_at=NOW)
    just_before = NOW + UNCONFIRMED_AFTER - SECOND

    before = change(look(a_post(state), publication, shown="processing", now=just_before))
    after = change(look(before.post, publication, shown="processing", now=NOW + UNCONFIRMED_AFTER))
    again = change(look(after.post, publication, shown="processing", now=NOW + 2 * UNCONFIRMED_AFTER))

    assert before.post.state is S.PROCESSING
    assert (after.post.state, [told.type for told in after.events]) == (S.UNCONFIRMED, ["post.unconfirmed"])
    assert (again.post.state, again.events) == (S.UNCONFIRMED, ())
    assert again.post.alarm == NOW + 2 * UNCONFIRMED_AFTER + HOUR


def test_after_a_week_only_a_fact_or_a_person_settles_an_unconfirmed_post() -> None:
    publication = a_publication(P.COMMITTED, committing_at=NOW)

    found = change(look(a_post(S.UNCONFIRMED), publication, shown="processing", now=NOW + GIVE_UP_LOOKING))

    assert (found.post.state, found.post.alarm) == (S.UNCONFIRMED, None)


@pytest.mark.parametrize("age", [timedelta(0), HOUR, PUBLIC_ID_GIVE_UP - SECOND, PUBLIC_ID_GIVE_UP])
@pytest.mark.parametrize("held", [P.COMMITTED, P.ABANDONED])
def test_a_published_post_is_asked_about_for_half_a_day(age: timedelta, held: P) -> None:
    publication = a_publication(held, committing_at=None if held is P.ABANDONED else NOW - age, intent_at=NOW - age)
    post = a_post(S.PUBLISHED, privacy="PUBLIC_TO_EVERYONE", alarm=NOW)

    found = change(look(post, publication, shown="unknown", uploaded=0))

    assert (found.post.state, found.events) == (S.PUBLISHED, ())
    assert (found.post.alarm is None) == (age >= PUBLIC_ID_GIVE_UP)


@pytest.mark.parametrize("state", [*SENT_STATES, S.PUBLISHED])
@pytest.mark.parametrize("held", [P.OPEN, P.COMMITTING, P.COMMITTED])
@pytest.mark.parametrize("age", [timedelta(0), timedelta(days=2), GIVE_UP_LOOKING])
def test_an_end_told_by_tiktok_moves_only_the_alarm_and_the_fact_does_the_rest(
    state: S, held: P, age: timedelta
) -> None:
    publication = a_publication(held, intent_at=NOW - age, committing_at=NOW - age)
    post = a_post(state, alarm=NOW)

    found = ended(post, publication, status="PUBLISH_COMPLETE", now=NOW)

    saved(found, (publication,))
    assert (found.post.state, found.events) == (state, ())
    assert found.post.alarm is None or found.post.alarm > NOW


LOST = [
    # the publication, the grant was removed → the post's end
    (None, True, S.FAILED),
    (None, False, S.FAILED),
    (P.INTENDED, False, S.FAILED),
    (P.OPEN, False, S.FAILED),
    (P.COMMITTING, True, S.FAILED),
    (P.COMMITTING, False, S.UNCONFIRMED),
    (P.COMMITTED, False, S.UNCONFIRMED),
    (P.COMMITTED, True, S.FAILED),
    (P.ABANDONED, False, S.FAILED),
]


@pytest.mark.parametrize(("held", "removed", "end"), LOST)
def test_a_lost_account_ends_what_cannot_have_published_and_leaves_the_rest_unconfirmed(
    held: P | None, removed: bool, end: S
) -> None:
    publication = a_publication(held) if held else None
    post = a_post(S.QUEUED if held in (None, P.ABANDONED) else S.PROCESSING, publication=1 if held else 0)

    found = account_lost(post, publication, removed=removed, reason="gone", now=NOW)

    after, left = saved(found, (publication,) if publication else ())
    assert after.state is end
    assert not (end is S.FAILED and any(one.live for one in left))


@pytest.mark.parametrize("removed", [True, False])
def test_a_published_post_stays_published_when_its_account_is_lost(removed: bool) -> None:
    post = a_post(S.PUBLISHED, alarm=NOW)

    found = account_lost(post, a_publication(P.COMMITTED), removed=removed, reason="gone", now=NOW)

    assert (found.post.state, found.post.alarm, found.events) == (S.PUBLISHED, None, ())


def test_whatever_a_look_finds_the_database_takes_it() -> None:
    """Every state × publication × shown × count × age × dead × cancel: nothing raises, nothing illegal is saved."""
    ages = (timedelta(0), FENCE, HOUR, UNCONFIRMED_AFTER, GIVE_UP_LOOKING)
    for state in (*SENT_STATES, S.PUBLISHED):
        for held in (P.OPEN, P.COMMITTING, P.COMMITTED):
            for age in ages:
                publication = a_publication(
                    held,
                    intent_at=NOW - age,
                    url_expires_at=NOW - age + HOUR,
                    committing_at=None if held is P.OPEN else NOW - age,
                )
                for shown in ("uploading", "processing", "unknown"):
                    for uploaded in (None, 0, SIZE - 1, SIZE, SIZE + 1):
                        for dead in (True, False):
                            for cancel in (None, NOW):
                                post = a_post(state, alarm=NOW, cancel_requested_at=cancel)
                                found = look(post, publication, shown=shown, uploaded=uploaded, dead=dead)  # type: ignore[arg-type]
                                if isinstance(found, Upload):
                                    assert not dead and not cancel and state is not S.PUBLISHED
                                    assert found.publication.state is held is not P.COMMITTED
                                elif found.publications[0].state is P.ABANDONED:
                                    assert held is P.OPEN or age >= HOUR + FENCE
