"""Replays over REST: counted, made, watched."""

from datetime import timedelta

import pytest
from api_house import House

from libs.model.event import stamp

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_replay_is_counted_made_paused_and_resumed(house: House) -> None:
    customer = await house.customer()
    key = await house.key(customer)
    since = stamp(house.now() - timedelta(hours=1))

    counted = await house.post("/v1/replays", {"since": since, "dry_run": True}, key=key)
    assert (counted.status_code, counted.json()) == (200, {"total": 0, "dry_run": True})
    body = {"since": since, "events": ["post.*"], "states": ["delivered"], "per_second": 5}
    made = await house.make("/v1/replays", body, key=key)
    assert (made["state"], made["total"], made["per_second"], made["customer_id"]) == ("running", 0, 5, customer)
    assert "post.published" in made["types"]
    path = f"/v1/replays/{made['id']}"
    assert (await house.post(f"{path}/pause", key=key)).json()["state"] == "paused"
    assert (await house.post(f"{path}/resume", key=key)).json()["state"] == "running"
    await house.store.replays.work(now=house.now())
    assert (await house.get(path, key=key)).json()["state"] == "done"


async def test_ten_replays_at_once_are_enough_and_one_that_is_cancelled_makes_room(house: House) -> None:
    customer = await house.customer()
    key, stranger = await house.key(customer), await house.key(await house.customer())
    body = {"since": stamp(house.now() - timedelta(hours=1))}
    made = [await house.make("/v1/replays", body, key=key) for _ in range(10)]
    await house.post(f"/v1/replays/{made[0]['id']}/pause", key=key)

    refused = await house.post("/v1/replays", body, key=key)
    assert (refused.status_code, refused.json()["code"]) == (409, "too_many_replays")
    assert "cancel" in refused.json()["remedy"]
    path = f"/v1/replays/{made[0]['id']}/cancel"
    assert (await house.post(path, key=stranger)).status_code == 404
    for _ in range(2):
        over = await house.post(path, key=key)
        assert (over.status_code, over.json()["state"]) == (200, "cancelled")
        assert over.json()["finished_at"] is not None
    assert (await house.post(f"/v1/replays/{made[0]['id']}/resume", key=key)).json()["state"] == "cancelled"
    await house.make("/v1/replays", body, key=key)


async def test_what_is_wrong_with_a_replay_is_said(house: House) -> None:
    key = await house.key(await house.customer())
    stranger = await house.make(
        "/v1/endpoints", {"customer_id": await house.customer(), "url": "http://127.0.0.1:9/x", "events": ["*"]}
    )
    soon, early = stamp(house.now() + timedelta(hours=1)), stamp(house.now() - timedelta(hours=1))
    for body, code in [
        ({"since": soon}, "not_before_until"),
        ({"since": early, "events": ["pots.*"]}, "unknown_event"),
        ({"since": early, "endpoint_id": stranger["id"]}, "unknown_endpoint"),
        ({"since": early, "states": ["pending"]}, "literal_error"),
        ({"since": early, "per_second": 0}, "greater_than_equal"),
    ]:
        refused = await house.post("/v1/replays", body, key=key)
        assert refused.status_code == 422
        assert refused.json()["errors"][0]["code"] == code
