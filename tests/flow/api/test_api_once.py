"""Idempotency-Key on every write, limits per key, and the audit log of it all."""

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from api_house import House

from libs.model.key import digest
from libs.store.idempotency import LIFE, Held, Kept, Taken
from services.api.once import LEASE
from tests.flow.api.test_api_door import ROUTES, path_of, rows_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

Body = Callable[[str], dict[str, Any]]
MAKES: list[tuple[str, str, Body]] = [
    ("customers", "", lambda customer: {"name": "copied"}),
    ("groups", "grp", lambda customer: {"customer_id": customer, "name": "copied"}),
    ("keys", "key", lambda customer: {"customer_id": customer, "name": "copied", "grants": {"posts": "read"}}),
    ("endpoints", "end", lambda customer: {"customer_id": customer, "url": "http://127.0.0.1:9/x", "events": ["*"]}),
    ("apps", "app", lambda customer: {
        "customer_id": customer, "client_key": f"aw{customer}", "client_secrets": ["planted-app-secret"]}),
]  # fmt: skip


def named(name: str) -> dict[str, str]:
    return {"Idempotency-Key": name}


async def test_a_copy_of_what_is_under_way_is_told_to_come_back_and_one_of_what_is_done_gets_the_same_answer(
    house: House,
) -> None:
    """Of every write tests/flow/api/test_api_copies.py asks it; here is what such answers look like."""
    customer = await house.customer()
    wish, headers = {"customer_id": customer, "name": "copied", "grants": {"posts": "read"}}, named(f"of {customer}")

    first = await asyncio.gather(*(house.post("/v1/keys", wish, headers=headers) for _ in range(8)))
    later = await house.post("/v1/keys", wish, headers=headers)

    house.secrets |= {later.json()["secret"]}
    made = [answer for answer in first if answer.status_code == 201]
    refused = [answer for answer in first if answer.status_code == 409]
    assert len(made) + len(refused) == 8
    assert {answer.text for answer in made} == {later.text}, "the very same answer, the secret in it too"
    assert later.headers["Location"] == made[0].headers["Location"]
    assert later.headers["Idempotent-Replayed"] == "true"
    assert {answer.json()["code"] for answer in refused} <= {"idempotency_in_flight"}
    assert {answer.headers["Retry-After"] for answer in refused} <= {"1"}
    assert len((await rows_of(house, customer))["key"]) == 1


@pytest.mark.parametrize(("path", "prefix", "body"), MAKES, ids=[path for path, _, _ in MAKES])
async def test_whoever_goes_on_after_a_crash_finds_what_was_made_before_it(
    house: House, path: str, prefix: str, body: Body
) -> None:
    """The process died between its effect and its answer: a lease that is over, and no answer kept."""
    customer = await house.customer()
    name = f"crash-{customer}"
    headers = named(name)
    first = await house.post(f"/v1/{path}", body(customer), headers=headers)
    assert first.status_code == 201
    await house.store.idempotency._pool.execute(
        "update idempotency set answer = null, held_until = $2 where name = $1", name, house.now()
    )

    again = await house.post(f"/v1/{path}", body(customer), headers=headers)

    assert again.status_code == 201, again.text
    assert again.json()["id"] == first.json()["id"]
    assert "Idempotent-Replayed" not in again.headers
    if prefix:
        assert len((await rows_of(house, customer)).get(prefix, [])) == 1
    if path == "keys":  # only the secret that was shown last opens: nobody saw the first
        found = await house.store.keys.by_hash(digest(again.json()["secret"]))
        assert found is not None and found.id == first.json()["id"]


async def test_another_body_or_address_under_the_same_name_is_422_and_a_name_is_its_keys_own(house: House) -> None:
    customer = await house.customer()
    first = await house.post("/v1/groups", {"customer_id": customer, "name": "a"}, headers=named("order-1"))

    answers = [
        await house.post("/v1/groups", {"customer_id": customer, "name": "b"}, headers=named("order-1")),
        await house.post("/v1/customers", {"name": "a"}, headers=named("order-1")),
        await house.post(f"/v1/keys/{'key_' + '0' * 26}/revoke", headers=named("order-1")),
    ]
    other = await house.post("/v1/groups", {"name": "a"}, key=await house.key(customer), headers=named("order-1"))

    assert first.status_code == 201
    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(422, "idempotency_key_reused")}
    assert other.status_code == 201
    assert other.json()["id"] != first.json()["id"]


async def test_what_was_refused_frees_its_name(house: House) -> None:
    customer = await house.customer()

    refused = await house.post("/v1/groups", {"customer_id": customer, "name": ""}, headers=named("typo"))
    mended = await house.post("/v1/groups", {"customer_id": customer, "name": "x"}, headers=named("typo"))

    assert (refused.status_code, mended.status_code) == (422, 201)


@pytest.mark.parametrize("bad", ["", "x" * 256])
async def test_a_name_that_is_none_is_refused_on_every_write(house: House, bad: str) -> None:
    for route in (route for route in ROUTES if route.write and not route.own_key):
        answer = await house.call(route.method, path_of(route, house), headers=named(bad))
        assert answer.status_code == 422, route
        assert answer.json()["errors"][0]["field"] == "idempotency_key"


async def test_every_write_heeds_the_key(house: House) -> None:
    """The name is another request's: whichever route is asked under it, its handler is never reached."""
    operator = await house.store.keys.by_hash(digest(house.operator))
    assert operator is not None
    now = house.now()
    taken = await house.store.idempotency.claim(operator.id, "taken", request_hash=b"x", until=now + LEASE, now=now)
    assert isinstance(taken, Held)

    for route in (route for route in ROUTES if route.write and not route.own_key):
        answer = await house.call(route.method, path_of(route, house), headers=named("taken"))
        assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused"), route


async def test_a_name_is_one_holders_at_a_time_and_free_after_a_day(house: House) -> None:
    operator = await house.store.keys.by_hash(digest(house.operator))
    assert operator is not None
    now, names = house.now(), house.store.idempotency

    async def claim(at: timedelta, hash_: bytes = b"h") -> Held | Kept | Taken:
        return await names.claim(operator.id, "one", request_hash=hash_, until=now + at + LEASE, now=now + at)

    first = await claim(timedelta(0))
    assert isinstance(first, Held)
    assert await claim(LEASE / 2) is Taken.IN_FLIGHT
    assert await claim(LEASE / 2, b"other") is Taken.OTHER_REQUEST
    assert await names.hold(first, until=now + 2 * LEASE)
    assert await claim(LEASE) is Taken.IN_FLIGHT, "it was prolonged"
    second = await claim(2 * LEASE)
    assert isinstance(second, Held)
    assert (second.seed, second.begun_at, second.holder != first.holder) == (first.seed, first.begun_at, True)
    assert not await names.keep(first, Kept(201, {}, "late")), "the one that was followed has nothing to say"
    assert await names.keep(second, Kept(201, {"a": "b"}, "{}"))
    assert await claim(3 * LEASE) == Kept(201, {"a": "b"}, "{}")
    anew = await claim(LIFE, b"other")
    assert isinstance(anew, Held)
    assert anew.seed != first.seed


async def test_a_key_that_asks_too_often_is_told_when_to_come_back(house: House) -> None:
    wish = {"customer_id": await house.customer(), "name": "slow", "grants": {"posts": "read"}, "rate_per_minute": 3}
    slow = (await house.make("/v1/keys", wish))["secret"]

    answers = [await house.get("/v1/posts", key=slow) for _ in range(4)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[0].headers["RateLimit"] == '"key";r=2;t=20'
    assert answers[3].headers["RateLimit-Policy"] == '"key";q=3;w=60'
    assert 1 <= int(answers[3].headers["Retry-After"]) <= 20
    assert (await house.get("/v1/posts")).status_code == 200


async def entries(house: House, query: str, key: str | None = None) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await house.get(f"/v1/audit?{query}", key=key)).json()["data"]
    return found


@pytest.mark.row("BO-65", "BO-66")
async def test_the_log_tells_who_did_what_where_and_who_was_refused(house: House) -> None:
    customer = await house.customer()
    body = {"customer_id": customer, "name": "ci", "grants": {"accounts": "full", "audit": "read"}}
    key = await house.make("/v1/keys", body)
    group = await house.make("/v1/groups", {"name": "brand"}, key=key["secret"])
    await house.call("PATCH", f"/v1/groups/{group['id']}", key=key["secret"], body={"name": ""})
    await house.get("/v1/posts", key=key["secret"])
    await house.get("/v1/accounts", key=key["secret"])
    await house.call("DELETE", f"/v1/groups/{group['id']}")

    mine = await entries(house, "", key["secret"])

    assert [(one["action"], one["decision"]) for one in mine] == [
        ("groups.delete", "allowed"), ("posts.read", "refused"), ("groups.change", "refused"),
        ("groups.create", "allowed"), ("keys.create", "allowed"),
    ]  # fmt: skip
    assert mine[0]["who"] == 'The key "operator"', "what an operator does to a customer, the customer sees"
    assert mine[1]["sentence"] == f'The key "ci" was refused posts.read of {customer}: forbidden.'
    assert (mine[3]["subject"], mine[3]["key_id"]) == (group["id"], key["id"])
    assert mine[3]["request_id"]
    refused = await entries(house, f"customer_id={customer}&decision=refused&key_id={key['id']}")
    assert Counter(one["action"] for one in refused) == {"posts.read": 1, "groups.change": 1}
    assert (await house.get(f"/v1/audit/{mine[0]['id']}", key=key["secret"])).json() == mine[0]
    stranger = await house.key(await house.customer())
    assert (await house.get(f"/v1/audit/{mine[0]['id']}", key=stranger)).status_code == 404
