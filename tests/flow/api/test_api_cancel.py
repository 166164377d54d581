"""Cancelling: at once where nothing is at TikTok, asked for where something may be, refused where it is too late."""

import asyncio

import pytest
from api_house import House
from api_post import post_in

from libs.model.post import PostState
from tests.eventually import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

AT_ONCE = (PostState.DRAFT, PostState.SCHEDULED, PostState.QUEUED)
ASKED = (PostState.INITIALIZING, PostState.UPLOADING, PostState.PROCESSING, PostState.UNCONFIRMED)
TOO_LATE = (PostState.IN_INBOX, PostState.PUBLISHED, PostState.FAILED, PostState.CANCELLED)
assert {*AT_ONCE, *ASKED, *TOO_LATE} == set(PostState)


@pytest.mark.parametrize("state", AT_ONCE)
async def test_what_is_not_at_tiktok_is_cancelled_at_once_and_its_customer_told(house: House, state: PostState) -> None:
    id_ = await post_in(house, state)

    async with house.broker.listen("notifier") as bell:
        response = await house.post(f"/v1/posts/{id_}/cancel")
        assert await bell.wait(1)

    assert response.status_code == 200
    assert response.json()["state"] == "cancelled"
    assert response.json()["finished_at"] is not None
    assert (await house.get(f"/v1/posts/{id_}/timeline")).json()["data"][-1]["kind"] == "cancelled"

    async def told() -> bool:
        feed = (await house.get(f"/v1/events?post_id={id_}&type=post.cancelled")).json()["data"]
        return [event["data"]["state"] for event in feed] == ["cancelled"]

    await eventually(told)


@pytest.mark.parametrize("state", ASKED)
async def test_what_may_be_on_its_way_is_asked_to_stop_and_nothing_is_claimed(house: House, state: PostState) -> None:
    id_ = await post_in(house, state)

    async with house.broker.listen("publisher") as bell:
        response = await house.post(f"/v1/posts/{id_}/cancel")
        assert await bell.wait(1)
    again = await house.post(f"/v1/posts/{id_}/cancel", {})

    assert (response.status_code, again.status_code) == (202, 202)
    assert response.json()["state"] == state
    assert response.json()["cancel_requested_at"] == again.json()["cancel_requested_at"] is not None
    kinds = [entry["kind"] for entry in (await house.get(f"/v1/posts/{id_}/timeline")).json()["data"]]
    assert kinds.count("cancel.requested") == 1


@pytest.mark.parametrize("state", TOO_LATE)
async def test_what_has_ended_is_not_cancelled_and_says_why(house: House, state: PostState) -> None:
    id_ = await post_in(house, state)
    before = (await house.get(f"/v1/posts/{id_}")).json()

    response = await house.post(f"/v1/posts/{id_}/cancel")

    assert response.status_code == 409
    problem = response.json()
    assert (problem["code"], problem["state"], problem["post_id"]) == ("not_cancellable", state, id_)
    assert problem["remedy"]
    assert (await house.get(f"/v1/posts/{id_}")).json() == before


async def test_of_many_cancels_at_once_one_does_it_and_the_others_say_it_was_done(house: House) -> None:
    id_ = await post_in(house, PostState.QUEUED)

    answers = await asyncio.gather(*(house.post(f"/v1/posts/{id_}/cancel") for _ in range(8)))

    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 7
    assert {answer.json()["state"] for answer in answers} == {"cancelled"}


async def test_an_action_takes_no_fields(house: House) -> None:
    id_ = await post_in(house, PostState.QUEUED)

    response = await house.post(f"/v1/posts/{id_}/cancel", {"force": True})

    assert response.status_code == 422
    assert response.json()["errors"][0]["field"] == "force"
    assert (await house.get(f"/v1/posts/{id_}")).json()["state"] == "queued"
