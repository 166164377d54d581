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
