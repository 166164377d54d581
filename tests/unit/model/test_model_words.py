"""What is said to the outside: problems, events, and nothing that is secret."""

from datetime import datetime, timedelta, timezone

import orjson
import pytest
from model_things import NOW, a_post

from libs.model.account import Account, AccountState, Grant
from libs.model.event import EventType, event, stamp
from libs.model.fact import FactKind, polled
from libs.model.ids import is_id
from libs.model.post import failed_upstream
from libs.model.problem import FieldError, Problem, Refusal, invalid, not_found


def test_a_problem_says_only_what_there_is_to_say() -> None:
    bare = Problem("code", "Title", 400, "Detail.")

    assert bare.as_dict() == {
        "type": "/docs#problem-code",
        "title": "Title",
        "status": 400,
        "code": "code",
        "detail": "Detail.",
        "retryable": False,
    }
    full = Problem(
        "c", "T", 409, "D.", "R.", True, (FieldError("f", "c", "d.", limit=0),), {"code": "x"}, {"post_id": "p"}
    )
    said = full.as_dict()
    assert said["errors"] == [{"field": "f", "code": "c", "detail": "d.", "limit": 0}]
    assert (said["remedy"], said["retryable"], said["upstream"], said["post_id"]) == ("R.", True, {"code": "x"}, "p")
    assert str(Refusal(bare)) == "code: Detail."


@pytest.mark.parametrize(
    ("fields", "detail"), [(["a"], "1 problem with: a."), (["a", "b", "a"], "3 problems with: a, b.")]
)
def test_an_invalid_request_names_each_wrong_field_once(fields: list[str], detail: str) -> None:
    problem = invalid([FieldError(field, "code", "detail") for field in fields])

    assert (problem.status, problem.detail, len(problem.errors)) == (422, detail, len(fields))
    assert not_found("post", "x" * 500).detail.count("x") == 64


@pytest.mark.parametrize(
    ("fields", "detail"), [([""], "Detail."), (["", ""], "Detail."), (["", "a"], "2 problems with: a.")]
)
def test_a_body_that_is_wrong_as_a_whole_is_said_so(fields: list[str], detail: str) -> None:
    assert invalid([FieldError(field, "code", "Detail.") for field in fields]).detail == detail


def test_an_event_is_its_body_and_its_body_is_its_event() -> None:
    post = a_post()

    told = event(EventType.POST_CANCELLED, key="k", now=NOW, data=post.describe(), customer_id="cus_1", post_id=post.id)

    body = orjson.loads(told.body)
    assert list(body) == ["id", "type", "timestamp", "data"]
    assert (body["id"], body["type"], body["timestamp"]) == (told.id, "post.cancelled", "2027-03-10T12:00:00.000Z")
    assert is_id(told.id, "evt") and body["data"]["post_id"] == post.id and body["data"]["state"] == "queued"


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (NOW, "2027-03-10T12:00:00.000Z"),
        (NOW + timedelta(microseconds=1999), "2027-03-10T12:00:00.001Z"),
        (datetime(2027, 3, 10, 1, tzinfo=timezone(timedelta(hours=2))), "2027-03-09T23:00:00.000Z"),
    ],
)
def test_times_are_told_in_utc_to_the_millisecond(moment: datetime, text: str) -> None:
    assert stamp(moment) == text


def test_what_was_learnt_by_asking_has_one_key_however_often_it_was_asked() -> None:
    facts = [polled(FactKind.PUBLIC, publish_id="p", post_id="7", now=NOW + n * timedelta(seconds=1)) for n in range(3)]

    assert len({fact.key for fact in facts}) == 1
    assert polled(FactKind.PUBLIC, publish_id="p", post_id="8", now=NOW).key != facts[0].key
    assert polled(FactKind.FAILED, publish_id="p", now=NOW, log_id="L").data == {"log_id": "L"}


def test_tiktoks_own_words_are_kept_and_empty_ones_left_out() -> None:
    problem = failed_upstream(code="internal", detail="d.", remedy="r.", fail_reason="internal", log_id=None)

    assert problem.upstream == {"code": "internal", "fail_reason": "internal"}


def test_tokens_are_not_shown() -> None:
    grant = Grant("acc_1", "ck", 1, "act.secret", "rft.secret", NOW)
    account = Account("acc_1", "cus_1", "ck", "open", AccountState.CONNECTED, ("a",), NOW, 1)

    assert "secret" not in repr(grant) + str(grant)
    assert account.describe()["scopes"] == ["a"]
