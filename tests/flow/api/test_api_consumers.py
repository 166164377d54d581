"""Consumers: fetch, work, acknowledge, over REST."""

from typing import Any

import pytest
from api_house import House

from libs.model.event import EventType, event
from libs.model.ids import new_id
from tests.eventually import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def tell(house: House, customer: str, type_: EventType = EventType.WEBHOOK_TEST) -> str:
    now = house.now()
    data = {"endpoint_id": new_id("end", now), "message": "hello"}
    told = event(type_, key=new_id("evt", now), now=now, data=data, customer_id=customer)
    await house.store.events.record([told], now=now)
    return told.id


async def fetch(house: House, key: str, *, name: str = "mine") -> tuple[list[str], str]:
    found: dict[str, Any] = (await house.get(f"/v1/consumers/{name}/events", key=key)).json()
    return [item["id"] for item in found["data"]], found["next_cursor"]


async def test_a_customer_pulls_acknowledges_and_goes_back(house: House) -> None:
    customer = await house.customer()
    key = await house.key(customer, events="full")
    made = await house.make("/v1/consumers", {"name": "mine", "events": ["webhook.*"]}, key=key)
    assert (made["customer_id"], made["events"]) == (customer, ["webhook.*"])
    told = [await tell(house, customer) for _ in range(3)]

    async def all_three() -> str | None:
        ids, cursor = await fetch(house, key)
        return cursor if ids == told else None

    cursor = await eventually(all_three)
    done = await house.post("/v1/consumers/mine/acknowledge", {"cursor": cursor}, key=key)
    assert (done.status_code, done.json()["cursor"]) == (200, cursor)
    assert (await fetch(house, key))[0] == []

    back = await house.post("/v1/consumers/mine/seek", {"to": "beginning"}, key=key)
    assert back.status_code == 200
    assert (await fetch(house, key))[0] == told


async def test_a_consumer_hears_only_what_it_asked_for(house: House) -> None:
    customer = await house.customer()
    key = await house.key(customer, events="full")
    await house.make("/v1/consumers", {"name": "mine", "events": ["post.*"], "start": "beginning"}, key=key)
    await house.make("/v1/consumers", {"name": "all", "start": "beginning"}, key=key)
    told = await tell(house, customer)

    async def heard() -> bool:
        return (await fetch(house, key, name="all"))[0] == [told]

    assert await eventually(heard)
    assert (await fetch(house, key))[0] == []


async def test_what_is_wrong_with_a_consumer_is_said(house: House) -> None:
    customer, other = await house.customer(), await house.customer("Other")
    key = await house.key(customer, events="full")
    strange = await house.key(other, events="full")
    await house.make("/v1/consumers", {"name": "mine"}, key=key)

    assert (await house.post("/v1/consumers", {"name": "mine"}, key=key)).json()["code"] == "consumer_exists"
    assert (await house.post("/v1/consumers", {"name": "a", "events": ["pots.*"]}, key=key)).status_code == 422
    assert (await house.get("/v1/consumers/mine", key=strange)).status_code == 404
    assert (await house.get("/v1/consumers/mine")).status_code == 404, "an operator names whose it is"
    assert (await house.get(f"/v1/consumers/mine?customer_id={customer}")).status_code == 200
    ahead = await house.post("/v1/consumers/mine/acknowledge", {"cursor": f"{2**63}."}, key=key)
    assert (ahead.status_code, ahead.json()["errors"][0]["code"]) == (422, "not_readable")
    both = await house.post("/v1/consumers/mine/seek", {"to": "now", "cursor": "1."}, key=key)
    assert both.status_code == 422
    assert (await house.call("DELETE", "/v1/consumers/mine", key=key)).status_code == 200
    assert (await house.get("/v1/consumers/mine", key=key)).status_code == 404
