"""Customers hear each step of a publication once and in order, whichever of its save and TikTok's word comes first."""

from dataclasses import replace

import orjson
import pytest
from model_things import BROKEN, NOW, SIZE, a_fact, a_post, a_publication, saved

from libs.model.apply import apply
from libs.model.change import Change
from libs.model.fact import FactKind as K
from libs.model.look import Shown, looked
from libs.model.post import FINAL, Post
from libs.model.post import PostState as S
from libs.model.publication import Publication
from libs.model.publication import PublicationState as P
from libs.model.pulling import pulling
from libs.model.upload import committed, opened
from tests.each import each

SENT = [S.UPLOADING, S.PROCESSING, S.UNCONFIRMED]
ARRIVALS = {
    "a webhook": (a_fact(K.COMPLETED, at=100), False, ["published"]),
    "a poll": (a_fact(K.COMPLETED), False, ["published"]),
    "public before complete": (a_fact(K.PUBLIC, at=100, post_id="77"), False, ["published", "public:1:77:1"]),
    "gone first of all": (a_fact(K.GONE, at=100, post_id="77"), False, ["published", "gone:1:77:1"]),
    "in the inbox": (a_fact(K.IN_INBOX, at=100), True, ["in_inbox"]),
    "a draft that its creator posted": (a_fact(K.COMPLETED, at=100), True, ["published:1:1"]),
}
MISSED = {
    "the last chunk's answer": (a_publication(P.COMMITTING), ["uploaded:1"]),
    "the save before the last chunk": (a_publication(P.OPEN), ["uploaded:1"]),
    "the end of an upload that was given up": (a_publication(P.ABANDONED), ["uploaded:1"]),
    "the whole upload, in a backup's past": (
        a_publication(P.ABANDONED, publish_id=None, upload_url=None, url_expires_at=None),
        ["uploading:1", "uploaded:1"],
    ),
    "nothing": (a_publication(P.COMMITTED), []),
    "the init's reply": (a_publication(P.INTENDED, publish_id="v_pub_url~v2.1", pull=True), ["processing:1"]),
    "nothing of a pull": (a_publication(P.COMMITTED, pull=True), []),
}


def keys(change: Change) -> list[str]:
    assert [told.id for told in change.events] == sorted(told.id for told in change.events), "a feed reads them by id"
    return [told.key.partition(":")[2] for told in change.events]


def told(kind: str, post: Post, publication: Publication) -> Change:
    fact, _, _ = ARRIVALS[kind]
    return apply(fact, post=post, publication=publication, known=(), failure=None, now=NOW)


@each("state", SENT)
@each("missed", list(MISSED))
@each("arrival", list(ARRIVALS))
def test_an_arrival_tells_first_what_it_proves_and_nobody_has_told(arrival: str, missed: str, state: S) -> None:
    publication, steps = MISSED[missed]
    post = a_post(state, inbox=ARRIVALS[arrival][1])

    change = told(arrival, post, publication)

    assert keys(change) == steps + ARRIVALS[arrival][2]
    if publication.publish_id is not None:  # else whoever made the fact puts the publication where it belongs
        saved(change, (publication,))


@each("arrival", list(ARRIVALS))
def test_an_arrival_that_came_first_leaves_nothing_to_tell_twice(arrival: str) -> None:
    publication = a_publication(P.COMMITTING)
    post, [after] = saved(told(arrival, a_post(S.UPLOADING, inbox=ARRIVALS[arrival][1]), publication), (publication,))

    again = told("public before complete", post, after)

    assert not any(key.startswith("uploaded") for key in keys(again))


@each("arrival", list(ARRIVALS))
@each("state", list(FINAL))
def test_a_post_that_has_ended_tells_no_step_any_more(state: S, arrival: str) -> None:
    assert keys(told(arrival, a_post(state, inbox=ARRIVALS[arrival][1]), a_publication(P.COMMITTING))) == []


@pytest.mark.parametrize("reason", [BROKEN.code, "frame_rate_check_failed"])
def test_a_failure_proves_no_step(reason: str) -> None:
    fact = a_fact(K.FAILED, at=1, reason=reason)

    failed = apply(
        fact, post=a_post(S.UPLOADING), publication=a_publication(P.COMMITTING), known=(), failure=BROKEN, now=NOW
    )

    assert keys(failed) == ["retrying:1"]


def test_a_step_that_is_told_late_is_the_one_that_would_have_been_told() -> None:
    post, publication = a_post(S.UPLOADING), a_publication(P.COMMITTING)

    [late, _] = told("a webhook", post, publication).events
    [usual] = committed(post, publication, now=NOW).events

    assert late.key == usual.key
    assert orjson.loads(late.body)["data"] == orjson.loads(usual.body)["data"]


LOOKS: dict[str, tuple[P, Shown, int | None, list[str]]] = {
    "processing, though the last answer was lost": (P.COMMITTING, "processing", None, ["uploaded:1", "processing:1"]),
    "processing, though nobody saved the last chunk": (P.OPEN, "processing", None, ["uploaded:1", "processing:1"]),
    "every byte is there": (P.COMMITTING, "uploading", SIZE, ["uploaded:1", "processing:1"]),
    "it does not say what it has": (P.COMMITTING, "uploading", None, ["uploaded:1", "processing:1"]),
}


@each("look", list(LOOKS))
def test_a_look_that_finds_it_in_processing_tells_of_the_upload_first(look: str) -> None:
    held, shown, uploaded, steps = LOOKS[look]
    publication = a_publication(held)

    change = looked(
        a_post(S.UPLOADING), publication, shown=shown, status="X", uploaded=uploaded, dead=False, now=NOW
    )  # fmt: skip

    assert isinstance(change, Change)
    assert keys(change) == steps


def test_a_post_in_processing_is_told_of_once_however_often_it_is_looked_at() -> None:
    post, publication = a_post(S.PROCESSING), a_publication(P.COMMITTED)

    change = looked(post, publication, shown="processing", status="X", uploaded=None, dead=False, now=NOW)

    assert isinstance(change, Change)
    assert keys(change) == []


def test_the_usual_way_tells_each_step_by_itself() -> None:
    post, publication = a_post(S.INITIALIZING), a_publication(P.INTENDED)

    change = opened(post, publication, publish_id="p", upload_url="u", expires=NOW, lease=NOW, now=NOW)
    assert keys(change) == ["uploading:1"]

    post, [publication] = saved(change, (publication,))
    change = committed(post, publication, now=NOW)
    assert keys(change) == ["uploaded:1"]

    post, [publication] = saved(change, (publication,))
    assert keys(told("a webhook", post, publication)) == ["published"]

    pull = replace(publication, state=P.INTENDED, pull=True)
    assert keys(pulling(a_post(S.INITIALIZING), pull, publish_id="p", now=NOW)) == ["processing:1"]
