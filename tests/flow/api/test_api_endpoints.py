"""Endpoints, the events they want, and what became of each delivery."""

from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from api_house import House

from libs.model.delivery import judge
from libs.model.endpoint import wanted
from libs.model.ids import born, new_id
from libs.store.deliveries import Settled
from tests.eventually import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")
URL = "http://127.0.0.1:9/hook?token=theirs"


async def endpoint(house: House, customer: str, **more: Any) -> dict[str, Any]:
    return await house.make("/v1/endpoints", {"customer_id": customer, "url": URL, "events": ["*"]} | more)


async def test_ten_thousand_endpoints_of_a_customer_are_enough_and_one_that_is_deleted_makes_room(house: House) -> None:
    customer, other = await house.customer(), await house.customer()
    first = await endpoint(house, customer)
    connection = await asyncpg.connect(house.settings.database_url)
    await connection.execute(
        """insert into endpoints select (jsonb_populate_record(e, jsonb_build_object('id', e.id || n))).*
           from endpoints e, generate_series(2, 10000) n where e.id = $1""",
        first["id"],
    )
    await connection.close()
    body = {"customer_id": customer, "url": URL, "events": ["*"]}

    refused = await house.post("/v1/endpoints", body)

    assert (refused.status_code, refused.json()["code"]) == (409, "too_many_endpoints")
    assert "Delete one" in refused.json()["remedy"]
    await endpoint(house, other)
    assert (await house.call("DELETE", f"/v1/endpoints/{first['id']}")).status_code == 200
    await endpoint(house, customer)


async def deliver(house: House, *, status: int) -> None:
    """Fans out what waits and settles every delivery with one answer, as the notifier would."""
    now = house.now()
    await house.store.deliveries.fan_out(
        lambda e, subs: [(new_id("dlv", born(e.id)), s.endpoint_id) for s in subs if wanted(s.events, e.type)],
        now=now, limit=500,
    )  # fmt: skip
    claim = await house.store.deliveries.claim(now=now, lease=now + timedelta(seconds=30), lanes=100, per_lane=100)
    settled = [
        Settled(
            delivery,
            judge(status=status, error=None, retry_after=None, tries=delivery.tries + 1, now=now),
            new_id("att", now), now, 12, status, None, f"they said {status}",
        )
        for delivery in claim.deliveries
    ]  # fmt: skip
    await house.store.deliveries.settle(settled, now=now)


async def feed(house: House, customer: str, more: str = "") -> dict[str, Any]:
    found: dict[str, Any] = (await house.get(f"/v1/events?customer_id={customer}{more}")).json()
    return found


async def test_an_endpoint_is_made_with_a_secret_that_is_shown_once(house: House) -> None:
    customer = await house.customer()
    body = {"customer_id": customer, "url": URL, "events": ["post.*", "post.*", "webhook.test"], "timeout_s": 7.3}

    response = await house.post("/v1/endpoints", body)

    made = response.json()
    house.secrets.add(made["secret"])
    assert response.status_code == 201
    assert made["secret"].startswith("whsec_")
    assert (made["events"], made["timeout_s"], made["state"]) == (["post.*", "webhook.test"], 7.3, "enabled")
    shown = (await house.get(f"/v1/endpoints/{made['id']}")).json()
    assert shown == {name: value for name, value in made.items() if name != "secret"}
    assert (await house.get(f"/v1/endpoints?customer_id={customer}")).json()["data"] == [shown]


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://hooks.acme.example/x", "plain_http"),
        ("https://inside.acme.example/x", "address"),
        ("https://10.0.0.7/x", "address"),
        ("https://169.254.169.254/latest", "address"),
        ("https://nowhere.acme.example/", "unresolved"),
        ("https://user:pw@hooks.acme.example/", "userinfo"),
        ("https://hooks.acme.example/#x", "fragment"),
        ("https://2130706433/", "numeric_host"),
        ("ftp://hooks.acme.example/", "scheme"),
        ("https://hooks.acme.example/ x", "characters"),
        ("https://hooks.acme.example/\x00", "characters"),
        ("https://" + "x" * 3000, "too_long"),
        ("nonsense", "malformed"),
        ("", "string_too_short"),
        (7, "string_type"),
    ],
)
async def test_a_url_that_must_not_be_dialled_is_refused_by_its_reason(house: House, url: Any, code: str) -> None:
    customer = await house.customer()
    good = await endpoint(house, customer)

    made = await house.post("/v1/endpoints", {"customer_id": customer, "url": url, "events": ["*"]})
    changed = await house.call("PATCH", f"/v1/endpoints/{good['id']}", body={"url": url})

    for response in (made, changed):
        assert response.status_code == 422
        assert [(error["field"], error["code"]) for error in response.json()["errors"]] == [("url", code)]


async def test_a_url_on_the_public_internet_is_taken(house: House) -> None:
    made = await endpoint(house, await house.customer(), url="https://hooks.acme.example/clipwire")

    assert made["url"] == "https://hooks.acme.example/clipwire"


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"events": []}, "events"),
        ({"events": ["post.publishd"]}, "events.0"),
        ({"events": ["x" * 81]}, "events.0"),
        ({"events": ["*"] * 51}, "events"),
        ({"events": "*"}, "events"),
        ({"timeout_s": 0.5}, "timeout_s"),
        ({"timeout_s": 61}, "timeout_s"),
        ({"timeout_s": "15"}, "timeout_s"),
        ({"timeout_s": 10**30}, "timeout_s"),
        ({"description": "x" * 501}, "description"),
        ({"description": "\x00"}, "description"),
        ({"secret": "whsec_mine"}, "secret"),
    ],
)
async def test_a_wrong_endpoint_is_refused_by_field(house: House, more: dict[str, Any], field: str) -> None:
    body = {"customer_id": await house.customer(), "url": URL, "events": ["*"]} | more

    response = await house.post("/v1/endpoints", body)

    assert response.status_code == 422
    assert [error["field"] for error in response.json()["errors"]] == [field]


async def test_a_change_changes_what_it_names_and_nothing_else(house: House) -> None:
    made = await endpoint(house, await house.customer(), description="old")
    path = f"/v1/endpoints/{made['id']}"

    changed = await house.call("PATCH", path, body={"events": ["post.published"], "description": ""})
    same = await house.call("PATCH", path, body={})
    null = await house.call("PATCH", path, body={"url": None})

    assert (changed.json()["events"], changed.json()["description"]) == (["post.published"], "")
    assert changed.json()["url"] == URL
    assert same.json() == changed.json()
    assert null.status_code == 422


async def test_an_endpoint_is_disabled_and_enabled_by_hand(house: House) -> None:
    made = await endpoint(house, await house.customer())
    path = f"/v1/endpoints/{made['id']}"

    disabled = await house.post(f"{path}/disable")
    refused = await house.post(f"{path}/test")
    async with house.broker.listen("notifier") as bell:
        enabled = await house.post(f"{path}/enable")
        assert await bell.wait(1)

    assert (disabled.json()["state"], disabled.json()["reason"]) == ("disabled", "disabled by request")
    assert (refused.status_code, refused.json()["code"]) == (409, "endpoint_disabled")
    assert (enabled.json()["state"], enabled.json()["reason"]) == ("enabled", None)


@pytest.mark.parametrize("events", [["*"], ["post.*"]])
async def test_a_test_is_an_event_whatever_the_endpoint_wants(house: House, events: list[str]) -> None:
    made = await endpoint(house, await house.customer(), events=events)

    async with house.broker.listen("notifier") as bell:
        response = await house.post(f"/v1/endpoints/{made['id']}/test")
        assert await bell.wait(1)

    assert response.status_code == 202
    event = (await house.get(f"/v1/events/{response.json()['event_id']}")).json()
    assert (event["type"], event["data"]["endpoint_id"]) == ("webhook.test", made["id"])


async def test_the_feed_goes_on_from_its_cursor_and_misses_nothing(house: House) -> None:
    customer = await house.customer()
    made = await endpoint(house, customer)
    tests = [(await house.make(f"/v1/endpoints/{made['id']}/test"))["event_id"] for _ in range(5)]

    async def whole() -> bool:
        return len((await feed(house, customer))["data"]) == 5

    await eventually(whole)
    first = await feed(house, customer, "&limit=3")
    second = await feed(house, customer, f"&limit=3&cursor={first['next_cursor']}")
    end = await feed(house, customer, f"&cursor={second['next_cursor']}")

    assert [event["id"] for event in first["data"] + second["data"]] == tests
    assert end == {"data": [], "next_cursor": second["next_cursor"]}
    more = (await house.make(f"/v1/endpoints/{made['id']}/test"))["event_id"]

    async def goes_on() -> bool:
        found = await feed(house, customer, f"&cursor={end['next_cursor']}")
        return [event["id"] for event in found["data"]] == [more]

    await eventually(goes_on)
    assert (await feed(house, customer, "&type=post.published"))["data"] == []
    assert len((await feed(house, customer, "&type=webhook.test"))["data"]) == 6
    assert await feed(house, await house.customer()) == {"data": [], "next_cursor": None}


async def test_an_event_is_shown_byte_for_byte_as_endpoints_get_it(house: House) -> None:
    customer = await house.customer()
    made = await endpoint(house, customer)
    event_id = (await house.make(f"/v1/endpoints/{made['id']}/test"))["event_id"]

    body = (await house.get(f"/v1/events/{event_id}")).text

    assert body == await house.store.events.get(event_id, customer_id=customer)


@pytest.mark.row("SA-61")
async def test_a_delivery_tells_every_try_and_is_sent_again_on_demand(house: House) -> None:
    customer = await house.customer()
    made = await endpoint(house, customer)
    event_id = (await house.make(f"/v1/endpoints/{made['id']}/test"))["event_id"]
    await deliver(house, status=410)

    [listed] = (await house.get(f"/v1/deliveries?customer_id={customer}")).json()["data"]
    shown = (await house.get(f"/v1/deliveries/{listed['id']}")).json()

    assert {name: value for name, value in shown.items() if name != "attempts"} == listed
    assert (listed["event_id"], listed["event_type"], listed["endpoint_id"]) == (event_id, "webhook.test", made["id"])
    assert (listed["state"], listed["tries"], listed["last_status"]) == ("pending", 1, 410)
    [attempt] = shown["attempts"]
    assert (attempt["n"], attempt["status"], attempt["ms"], attempt["response"]) == (1, 410, 12, "they said 410")

    await house.post(f"/v1/endpoints/{made['id']}/enable")
    async with house.broker.listen("notifier") as bell:
        again = await house.post(f"/v1/deliveries/{listed['id']}/redeliver")
        assert await bell.wait(1)
    assert (again.status_code, again.json()["state"]) == (202, "pending")
    await deliver(house, status=200)
    done = (await house.get(f"/v1/deliveries/{listed['id']}")).json()
    assert (done["state"], done["next_try_at"], [each["n"] for each in done["attempts"]]) == ("delivered", None, [1, 2])


@pytest.mark.row("SA-61")
async def test_deliveries_are_found_by_endpoint_event_and_state(house: House) -> None:
    customer = await house.customer()
    one, two = await endpoint(house, customer), await endpoint(house, customer)
    first = (await house.make(f"/v1/endpoints/{one['id']}/test"))["event_id"]
    await house.make(f"/v1/endpoints/{one['id']}/test")
    await deliver(house, status=200)

    async def count(query: str) -> int:
        return len((await house.get(f"/v1/deliveries?customer_id={customer}&{query}")).json()["data"])

    assert await count("limit=200") == 4
    assert await count(f"endpoint_id={two['id']}") == 2
    assert await count(f"event_id={first}") == 2
    assert await count(f"event_id={first}&endpoint_id={two['id']}") == 1
    assert (await count("state=delivered"), await count("state=exhausted")) == (4, 0)


async def test_attempts_are_searched_by_what_they_said(house: House) -> None:
    customer = await house.customer()
    key = await house.key(customer)
    made = await endpoint(house, customer)
    await house.make(f"/v1/endpoints/{made['id']}/test", key=key)
    await deliver(house, status=503)

    async def found(query: str) -> list[dict[str, Any]]:
        data: list[dict[str, Any]] = (await house.get(f"/v1/attempts?{query}", key=key)).json()["data"]
        return data

    (attempt,) = await found("text=they said&failed=true")
    assert (attempt["endpoint_id"], attempt["status"], attempt["n"]) == (made["id"], 503, 1)
    assert await found(f"endpoint_id={made['id']}&status=503") == [attempt]
    assert await found("failed=false") == await found("status=200") == await found("until=2026-01-01T00:00:00Z") == []
    assert (await house.get("/v1/attempts?since=2099-01-01T00:00:00Z", key=key)).status_code == 422
