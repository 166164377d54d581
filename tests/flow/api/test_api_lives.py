"""After acceptance: another time, another life, a person's decision, drafts. Never a claim that is not certain."""

from datetime import timedelta
from typing import Any

import pytest
from api_house import House
from api_post import post_in

from libs.model.look import account_lost
from libs.model.post import Note, PostState

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def kinds(house: House, id_: str) -> list[str]:
    return [entry["kind"] for entry in (await house.get(f"/v1/posts/{id_}/timeline")).json()["data"]]


# Another time


async def test_a_scheduled_post_gets_another_time_in_a_zone_and_its_customer_hears_it(house: House) -> None:
    id_ = await post_in(house, PostState.SCHEDULED)
    day = (house.now() + timedelta(days=3)).date().replace(month=7, year=house.now().year + 1)

    body = {"publish_at": f"{day}T09:00:00", "timezone": "Europe/Berlin"}
    moved = await house.post(f"/v1/posts/{id_}/reschedule", body)

    assert (moved.status_code, moved.json()["state"]) == (200, "scheduled")
    assert moved.json()["publish_at"] == f"{day}T07:00:00.000Z"
    assert "rescheduled" in await kinds(house, id_)


async def test_without_a_time_it_goes_out_at_once(house: House) -> None:
    id_ = await post_in(house, PostState.SCHEDULED)

    moved = await house.post(f"/v1/posts/{id_}/reschedule", {"publish_at": None})

    assert (moved.json()["state"], moved.json()["publish_at"]) == ("queued", None)
    assert await house.store.posts.sweep_lanes(now=house.now()) == 0


@pytest.mark.parametrize("state", [s for s in PostState if s not in (PostState.SCHEDULED, PostState.QUEUED)])
async def test_what_has_begun_or_ended_has_no_time_any_more(house: House, state: PostState) -> None:
    id_ = await post_in(house, state)

    refused = await house.post(f"/v1/posts/{id_}/reschedule", {"publish_at": None})

    assert (refused.status_code, refused.json()["code"], refused.json()["state"]) == (409, "not_reschedulable", state)


async def test_times_that_no_new_post_could_have_are_refused_as_they_are_for_a_new_one(house: House) -> None:
    id_ = await post_in(house, PostState.SCHEDULED)
    past, soon, late = ((house.now() + timedelta(hours=hours)).isoformat() for hours in (-1, 1, 2))
    cases: list[tuple[dict[str, Any], set[tuple[str, str]]]] = [
        ({"publish_at": late, "publish_before": soon}, {("publish_before", "before_publish_at")}),
        ({"publish_before": soon}, {("publish_before", "before_publish_at")}),  # it is to go out in a day
        ({"publish_at": None, "publish_before": past}, {("publish_before", "passed")}),
        (
            {"timezone": "Mars", "publish_at": "tomorrow", "publish_before": "2027-01-01T10:00", "title": 1},
            {("timezone", "unknown_timezone"), ("publish_at", "not_a_time"), ("title", "unknown_field")},
        ),
    ]

    for body, errors in cases:
        refused = await house.post(f"/v1/posts/{id_}/reschedule", body)
        assert refused.status_code == 422
        assert {(error["field"], error["code"]) for error in refused.json()["errors"]} == errors


async def test_a_change_of_nothing_is_refused_by_name(house: House) -> None:
    id_ = await post_in(house, PostState.SCHEDULED)

    refused = await house.post(f"/v1/posts/{id_}/reschedule", {})

    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "publish_at")


# Another life


async def test_a_failed_post_of_which_nothing_was_sent_gets_another_life_and_can_fail_again(house: House) -> None:
    id_ = await post_in(house, PostState.FAILED)

    again = await house.post(f"/v1/posts/{id_}/retry")

    post = again.json()
    assert (again.status_code, post["state"], post["life"], post["problem"]) == (200, "queued", 2, None)
    assert (post["failures"], post["retries"], post["finished_at"]) == (0, 0, None)
    assert "revived" in await kinds(house, id_)


@pytest.mark.parametrize("state", [s for s in PostState if s is not PostState.FAILED])
async def test_only_a_failed_post_is_tried_again(house: House, state: PostState) -> None:
    id_ = await post_in(house, state)

    refused = await house.post(f"/v1/posts/{id_}/retry")

    assert (refused.status_code, refused.json()["code"]) == (409, "not_retryable")


async def test_what_failed_because_nobody_could_ask_any_more_is_never_sent_again(house: House) -> None:
    id_ = await post_in(house, PostState.PROCESSING)
    found = await house.store.posts.get(id_, customer_id=None)
    assert found is not None
    lost = account_lost(found.post, found.publication, removed=True, reason="gone", now=house.now())
    assert not await house.store.posts.save([lost], now=house.now())

    refused = await house.post(f"/v1/posts/{id_}/retry")

    assert (refused.status_code, refused.json()["code"]) == (409, "may_be_published")


async def test_news_that_came_after_the_failure_forbids_another_life(house: House) -> None:
    id_ = await post_in(house, PostState.FAILED)
    note = Note("fact.kept", {"kind": "completed", "source": "webhook", "why": "the post is already failed"})
    await house.store.posts.add_note(id_, note, now=house.now())

    refused = await house.post(f"/v1/posts/{id_}/retry")

    assert (refused.status_code, refused.json()["code"]) == (409, "may_be_published")


# A person's decision


async def test_a_person_finds_it_published_and_it_is_and_no_later_news_tells_it_twice(house: House) -> None:
    id_ = await post_in(house, PostState.UNCONFIRMED)

    done = await house.post(f"/v1/posts/{id_}/resolve", {"outcome": "published", "post_id": "7602997517160123666"})

    assert (done.status_code, done.json()["state"]) == (200, "published")
    assert done.json()["tiktok_post_ids"] == ["7602997517160123666"]
    found = await house.store.posts.get(id_, customer_id=None)
    assert found is not None and {news.kind for news in found.news} == {"published", "public"}
    assert (await kinds(house, id_))[-4:] == ["state", "resolved", "published", "public"]


async def test_a_person_finds_it_missing_and_it_may_be_tried_again(house: House) -> None:
    id_ = await post_in(house, PostState.UNCONFIRMED)

    done = await house.post(f"/v1/posts/{id_}/resolve", {"outcome": "not_published"})
    again = await house.post(f"/v1/posts/{id_}/retry")

    assert (done.json()["state"], done.json()["problem"]["code"]) == ("failed", "resolved_not_published")
    assert (again.json()["state"], again.json()["publications"][0]["state"]) == ("queued", "abandoned")


@pytest.mark.parametrize("state", [s for s in PostState if s is not PostState.UNCONFIRMED])
async def test_only_what_nobody_could_confirm_is_decided_by_a_person(house: House, state: PostState) -> None:
    id_ = await post_in(house, state)

    refused = await house.post(f"/v1/posts/{id_}/resolve", {"outcome": "published"})

    assert (refused.status_code, refused.json()["code"]) == (409, "not_unconfirmed")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "outcome"),
        ({"outcome": "maybe"}, "outcome"),
        ({"outcome": "published", "post_id": "x"}, "post_id"),
        ({"outcome": "not_published", "post_id": "1"}, "post_id"),
    ],
)
async def test_a_decision_is_one_of_two(house: House, body: dict[str, Any], field: str) -> None:
    id_ = await post_in(house, PostState.UNCONFIRMED)

    refused = await house.post(f"/v1/posts/{id_}/resolve", body)

    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, field)


# Drafts


async def test_a_draft_is_edited_checked_and_sent(house: House) -> None:
    id_ = await post_in(house, PostState.DRAFT, title="first")
    at = (house.now() + timedelta(days=2)).isoformat()

    edited = await house.call("PATCH", f"/v1/posts/{id_}", body={"title": "second", "publish_at": at})
    sent = await house.post(f"/v1/posts/{id_}/send")

    assert (edited.status_code, edited.json()["state"]) == (200, "draft")
    assert (sent.status_code, sent.json()["state"]) == (200, "scheduled")
    assert (sent.json()["request"]["title"], sent.json()["request"]["draft"]) == ("second", False)


async def test_a_draft_is_sent_only_with_what_a_post_needs(house: House) -> None:
    id_ = await post_in(house, PostState.DRAFT, privacy_level=None)

    refused = await house.post(f"/v1/posts/{id_}/send")

    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "privacy_level")
    assert (await house.get(f"/v1/posts/{id_}")).json()["state"] == "draft"


@pytest.mark.parametrize("field", ["account_id", "account_ids", "customer_id", "draft", "idempotency_key"])
async def test_what_makes_a_draft_itself_is_not_edited(house: House, field: str) -> None:
    id_ = await post_in(house, PostState.DRAFT)

    refused = await house.call("PATCH", f"/v1/posts/{id_}", body={field: "x"})

    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "fixed")


async def test_all_that_is_wrong_with_an_edit_is_said_at_once(house: House) -> None:
    id_ = await post_in(house, PostState.DRAFT)
    body = {"draft": False, "titel": "x", "title": "x" * 2201, "media": ["https://10.0.0.1/v.mp4"]}

    refused = await house.call("PATCH", f"/v1/posts/{id_}", body=body)

    assert refused.status_code == 422
    assert {error["field"] for error in refused.json()["errors"]} == {"draft", "titel", "title", "media.0"}


async def test_a_draft_whose_publish_before_has_passed_is_edited_and_not_sent(house: House) -> None:
    past = (house.now() - timedelta(days=1)).isoformat()
    id_ = await post_in(house, PostState.DRAFT, publish_before=past)

    edited = await house.call("PATCH", f"/v1/posts/{id_}", body={"title": "x"})
    sent = await house.post(f"/v1/posts/{id_}/send")

    assert (edited.status_code, sent.status_code, sent.json()["code"]) == (200, 409, "publish_before_passed")


@pytest.mark.parametrize("state", [PostState.SCHEDULED, PostState.QUEUED, PostState.PUBLISHED, PostState.FAILED])
async def test_only_a_draft_is_edited_or_sent(house: House, state: PostState) -> None:
    id_ = await post_in(house, state)

    edited = await house.call("PATCH", f"/v1/posts/{id_}", body={"title": "x"})
    sent = await house.post(f"/v1/posts/{id_}/send")

    assert [edited.status_code, sent.status_code] == [409, 409]
    assert edited.json()["code"] == sent.json()["code"] == "not_a_draft"
    assert "only a draft is edited" in edited.json()["detail"]
    waits = state in (PostState.SCHEDULED, PostState.QUEUED)
    assert (f"/v1/posts/{id_}/reschedule" in edited.json()["remedy"]) is waits
