"""From a request to posts: what is accepted, what is refused and why, and when each post first looks up."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

import orjson
import pytest
from model_things import NOW, SECOND, broken_rules

from libs.model.accept import Plan, plan
from libs.model.account import Account, AccountState, removal_applies
from libs.model.ids import is_id
from libs.model.post import PostState
from libs.model.post_parse import parse
from libs.model.post_request import PostRequest
from libs.model.problem import FieldError, Problem

MED = "med_01hzzzzzzzzzzzzzzzzzzzzzzz"
BOTH = ("video.publish", "video.upload")


def an_account(id_: str = "acc_1", *, state: str = "connected", scopes: tuple[str, ...] = BOTH) -> Account:
    return Account(id_, "cus_1", "ck", "open", AccountState(state), scopes, NOW, 1)


def a_request(**more: Any) -> PostRequest:
    body = {"account_id": "acc_1", "kind": "video", "media": [MED], "privacy_level": "SELF_ONLY"} | more
    request = parse({name: value for name, value in body.items() if value is not ...})
    assert isinstance(request, PostRequest), request
    return request


def planned(
    request: PostRequest, *, audited: bool = True, fit: Collection[str] = (MED,), **accounts: Account
) -> Plan | Problem:
    known = accounts or {"acc_1": an_account()}
    return plan(request, customer_id="cus_1", key="k", accounts=known, media={MED}, fit=fit, audited=audited, now=NOW)


def accepted(request: PostRequest, *, audited: bool = True, **accounts: Account) -> Plan:
    outcome = planned(request, audited=audited, **accounts)
    assert isinstance(outcome, Plan), outcome
    return outcome


URL = "https://media.example/v.mp4"
LATER = NOW + timedelta(hours=1)
FIRST: dict[str, tuple[dict[str, Any], PostState, datetime | None, bool]] = {
    # the request → state, first alarm, in its lane
    "media that is here goes straight to its lane": ({}, PostState.QUEUED, NOW, True),
    "media by URL is fetched first": ({"media": [URL]}, PostState.QUEUED, NOW, False),
    "media with a cover to put in is made ready first": ({"cover": URL}, PostState.QUEUED, NOW, False),
    "a later post sleeps": ({"publish_at": LATER.isoformat()}, PostState.SCHEDULED, LATER, True),
    "a later post by URL is fetched now": (
        {"publish_at": LATER.isoformat(), "media": [URL]},
        PostState.SCHEDULED,
        NOW,
        False,
    ),
    "a time that has come is now": ({"publish_at": NOW.isoformat()}, PostState.QUEUED, NOW, True),
    "a time in the past is now": ({"publish_at": (NOW - SECOND).isoformat()}, PostState.QUEUED, NOW, True),
    "a draft of ours waits for a person": ({"draft": True}, PostState.DRAFT, None, False),
    "a later draft too": ({"draft": True, "publish_at": LATER.isoformat()}, PostState.DRAFT, None, False),
}


@pytest.mark.parametrize(("more", "state", "alarm", "in_lane"), FIRST.values(), ids=FIRST.keys())
def test_a_new_post_looks_up_first_when_there_is_something_to_do(
    more: dict[str, Any], state: PostState, alarm: datetime | None, in_lane: bool
) -> None:
    (post,) = accepted(a_request(**more)).posts

    assert (post.state, post.alarm, post.in_lane) == (state, alarm, in_lane)
    assert broken_rules(post) == []
    assert is_id(post.id, "post") and post.version == 1 and post.batch_id is None


def test_media_that_cannot_go_out_as_it_is_is_made_ready_first() -> None:
    outcome = planned(a_request(publish_at=LATER.isoformat()), fit=())

    assert isinstance(outcome, Plan)
    assert [(post.media_id, post.alarm, post.in_lane) for post in outcome.posts] == [(None, NOW, False)]


def test_a_flaw_of_a_kept_file_refuses_the_request_and_is_said_as_it_is() -> None:
    flaw = FieldError("media.0.duration", "media_duration", "Too short.", remedy="Make it longer.")

    outcome = plan(
        a_request(),
        customer_id="cus_1",
        key="k",
        accounts={"acc_1": an_account()},
        media={MED},
        flaws=[flaw],
        audited=True,
        now=NOW,
    )

    assert isinstance(outcome, Problem)
    assert outcome.errors == (flaw,)


def test_each_post_tells_that_it_was_accepted_and_when_it_will_go_out() -> None:
    made = accepted(a_request(publish_at=LATER.isoformat(), metadata={"order": 7}))

    assert [told.type for told in made.events] == ["post.accepted", "post.scheduled"]
    for told in made.events:
        data = orjson.loads(told.body)["data"]
        assert (data["post_id"], data["metadata"]) == (made.posts[0].id, {"order": 7})
        assert data.get("publish_at", "2027-03-10T13:00:00.000Z") == "2027-03-10T13:00:00.000Z"
        assert told.key.startswith(made.posts[0].id + ":")


def test_several_accounts_get_a_post_each_and_one_batch() -> None:
    accounts = {f"acc_{n}": an_account(f"acc_{n}") for n in range(3)}

    made = accepted(a_request(account_id=..., account_ids=list(accounts)), **accounts)

    assert [post.account_id for post in made.posts] == list(accounts)
    assert len({post.batch_id for post in made.posts}) == 1 and is_id(str(made.posts[0].batch_id), "bat")
    assert all(post.request["account_id"] == post.account_id for post in made.posts)
    assert not any("account_ids" in post.request or "idempotency_key" in post.request for post in made.posts)
    assert len({told.key for told in made.events}) == 3


def test_a_list_of_one_account_is_a_batch_too() -> None:
    (post,) = accepted(a_request(account_id=..., account_ids=["acc_1"])).posts

    assert post.batch_id is not None


REFUSALS: list[tuple[dict[str, Any], dict[str, Account], bool, str, str]] = [
    ({"account_id": "acc_2"}, {}, True, "account_id", "unknown_account"),
    ({"account_id": ..., "account_ids": ["acc_1", "acc_2"]}, {}, True, "account_ids.1", "unknown_account"),
    ({}, {"acc_1": an_account(state="disconnected")}, True, "account_id", "account_not_connected"),
    ({}, {"acc_1": an_account(state="reauthorization_required")}, True, "account_id", "account_not_connected"),
    ({}, {"acc_1": an_account(scopes=("video.upload",))}, True, "account_id", "missing_scope"),
    ({"mode": "inbox"}, {"acc_1": an_account(scopes=("video.publish",))}, True, "account_id", "missing_scope"),
    ({"media": ["med_01hyyyyyyyyyyyyyyyyyyyyyyy"]}, {}, True, "media.0", "unknown_media"),
    ({"privacy_level": "PUBLIC_TO_EVERYONE"}, {}, False, "privacy_level", "app_not_audited"),
    ({"cover": "med_01hyyyyyyyyyyyyyyyyyyyyyyy"}, {}, True, "cover", "unknown_media"),
    ({"publish_before": NOW.isoformat()}, {}, True, "publish_before", "passed"),
]


@pytest.mark.row("BO-06", "BO-14", "BO-15", "PP-39")
@pytest.mark.parametrize(("more", "accounts", "audited", "field", "code"), REFUSALS)
def test_what_cannot_be_done_is_refused_by_name(
    more: dict[str, Any], accounts: dict[str, Account], audited: bool, field: str, code: str
) -> None:
    outcome = planned(a_request(**more), audited=audited, **accounts)

    assert isinstance(outcome, Problem)
    assert [(error.field, error.code) for error in outcome.errors] == [(field, code)]
    assert outcome.status == 422 and outcome.errors[0].remedy


@pytest.mark.row("BO-06", "BO-17")
@pytest.mark.parametrize("more", [{}, {"mode": "inbox", "privacy_level": ...}, {"draft": True, "privacy_level": ...}])
def test_an_app_that_is_not_audited_posts_privately_and_to_inboxes(more: dict[str, Any]) -> None:
    accepted(a_request(**more), audited=False)


def test_every_wrong_account_is_named() -> None:
    request = a_request(account_id=..., account_ids=["acc_1", "acc_2", "acc_3"])

    outcome = planned(request, acc_1=an_account(state="disconnected"), acc_3=an_account("acc_3"))

    assert isinstance(outcome, Problem)
    assert [error.field for error in outcome.errors] == ["account_ids.0", "account_ids.1"]


@pytest.mark.parametrize(("after_s", "applies"), [(None, True), (-1, False), (0, True), (1, True)])
def test_a_removal_older_than_the_last_grant_changes_nothing(after_s: int | None, applies: bool) -> None:
    create_time = None if after_s is None else int(NOW.timestamp()) + after_s

    assert removal_applies(create_time=create_time, granted_at=NOW + timedelta(milliseconds=999)) is applies


def test_photos_that_are_all_here_can_take_their_turn_at_once_and_in_order() -> None:
    here = accepted(a_request(kind="photo", media=[MED, MED])).posts[0]
    partly = accepted(a_request(kind="photo", media=[MED, URL])).posts[0]

    assert (here.media_id, here.photos, here.in_lane, here.pulled) == (MED, (MED, MED), True, True)
    assert (partly.media_id, partly.photos, partly.in_lane) == (None, (), False)


def test_a_video_is_pulled_only_when_that_is_asked_for() -> None:
    assert [accepted(a_request(transfer=how)).posts[0].pulled for how in ("auto", "upload", "pull")] == [
        False, False, True,
    ]  # fmt: skip
