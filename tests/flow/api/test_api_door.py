"""Who gets in, what a grant opens, and what other customers' keys learn: nothing."""

from datetime import timedelta

import pytest
from api_house import House

from libs.model.ids import new_id
from libs.model.key import Capability, digest, new_secret
from services.api.resource import ROUTES
from services.api.route import Route
from tests.eventually import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

IDS = {
    "customers": "cus", "accounts": "acc", "media": "med", "posts": "post", "events": "evt", "endpoints": "end",
    "deliveries": "dlv", "keys": "key", "consumers": "con", "replays": "rpl", "attempts": "att",
}  # fmt: skip


def path_of(route: Route, house: House) -> str:
    prefix = IDS[route.path.split("/")[2]]
    return route.path.replace("{name}", "nobody").replace("{id}", new_id(prefix, house.now()))  # type: ignore[arg-type]


async def dead_key(house: House, *, how: str) -> str:
    """A key that was good once."""
    secret, now = new_secret(), house.now()
    id_ = new_id("key", now)
    made = now - timedelta(days=2)
    expires = now - timedelta(seconds=1) if how == "expired" else None
    await house.store.keys.create(
        id_=id_,
        customer_id=None,
        name=how,
        hash_=digest(secret),
        grants={"posts": "full"},
        expires_at=expires,
        now=made,
    )
    if how == "revoked":
        await house.store.keys.revoke(id_, customer_id=None, now=now)
    return secret


async def test_every_way_of_having_no_key_gets_the_same_401_on_every_route(house: House) -> None:
    unknown, expired, revoked = new_secret(), await dead_key(house, how="expired"), await dead_key(house, how="revoked")
    ways: list[list[tuple[str, str | bytes]]] = [
        [],
        [("Authorization", "")],
        [("Authorization", "Bearer")],
        [("Authorization", b"Bearer cw_\xff\xfe")],
        [("Authorization", "Bearer cw_")],
        [("Authorization", f"Bearer {house.operator}")] * 2,
        [("Authorization", f"Basic {house.operator}")],
        [("Authorization", f"Bearer {house.operator}x")],
        [("Authorization", "Bearer " + "cw_" + "x" * 4000)],
        *([("Authorization", f"Bearer {key}")] for key in (unknown, expired, revoked)),
    ]

    seen = set()
    for headers in ways:
        response = await house.http.get("/v1/posts", headers=headers)  # type: ignore[arg-type]
        assert response.status_code == 401
        assert response.headers["WWW-Authenticate"] == 'Bearer realm="clipwire"'
        seen.add(response.text.replace(response.headers["X-Request-Id"], ""))
    assert len(seen) == 1
    for route in ROUTES:
        assert (await house.http.request(route.method, path_of(route, house))).status_code == 401, route


async def test_a_key_is_taken_in_any_letter_case_of_the_scheme(house: House) -> None:
    response = await house.get("/v1/posts", key="", headers={"Authorization": f"bearer {house.operator}"})

    assert response.status_code == 200


async def test_a_key_without_the_grant_is_refused_on_every_route(house: House) -> None:
    customer = await house.customer()
    for capability in Capability:
        others = {str(each): "full" for each in Capability if each is not capability}
        key = await house.key(customer, **others)
        reader = await house.key(customer, **others | {str(capability): "read"})
        for route in ROUTES:
            if route.capability is not capability:
                continue
            refused = await house.call(route.method, path_of(route, house), key=key)
            assert refused.status_code == 403, route
            assert refused.json()["code"] == "forbidden"
            seen = await house.call(route.method, path_of(route, house), key=reader)
            assert (seen.status_code == 403) is route.write, route


async def test_only_operator_keys_open_what_is_for_operators(house: House) -> None:
    key = await house.key(await house.customer())

    for route in (route for route in ROUTES if route.operators_only):
        assert (await house.call(route.method, path_of(route, house), key=key, body={"name": "x"})).status_code == 403


async def test_every_row_of_another_customer_is_404_on_every_route_with_an_id(house: House) -> None:
    mine, theirs = await house.customer("Mine"), await house.customer("Theirs")
    key = await house.key(mine)
    account = await house.account(theirs)
    media = await house.video(theirs)
    body = {"account_id": account, "kind": "video", "media": [media], "privacy_level": "SELF_ONLY"}
    endpoint = await house.make(
        "/v1/endpoints", {"customer_id": theirs, "url": "http://127.0.0.1:9/x", "events": ["*"]}
    )
    post = await house.make("/v1/posts", body)
    event = (await house.make(f"/v1/endpoints/{endpoint['id']}/test"))["event_id"]
    await house.store.deliveries.fan_out(
        lambda e, subs: [(new_id("dlv", house.now()), s.endpoint_id) for s in subs], now=house.now(), limit=50
    )
    delivery = (await house.get(f"/v1/deliveries?customer_id={theirs}")).json()["data"][0]["id"]
    key_id = (await house.make("/v1/keys", {"customer_id": theirs, "name": "k", "grants": {"posts": "read"}}))["id"]
    rows = {
        "customers": theirs, "accounts": account, "media": media, "posts": post["id"], "events": event,
        "endpoints": endpoint["id"], "deliveries": delivery, "keys": key_id,
    }  # fmt: skip

    for route in (route for route in ROUTES if "{id}" in route.path):
        noun = route.path.split("/")[2]
        path = route.path.replace("{id}", rows[noun])
        change = {"description": "mine now"} if route.method == "PATCH" else None
        hidden = await house.call(route.method, path, key=key, body=change)
        absent = await house.call(route.method, path_of(route, house), key=key, body=change)
        assert hidden.status_code == absent.status_code == 404, route
        assert hidden.json()["code"] == absent.json()["code"] == "not_found"

    await house.make("/v1/consumers", {"customer_id": theirs, "name": "theirs"})
    for route in (route for route in ROUTES if "{name}" in route.path):
        body = {"cursor": "1."} if route.method == "POST" else None
        hidden = await house.call(route.method, route.path.replace("{name}", "theirs"), key=key, body=body)
        assert hidden.status_code == 404, route

    assert (await house.get(f"/v1/endpoints/{endpoint['id']}")).json()["description"] == ""
    assert (await house.get(f"/v1/posts/{post['id']}")).json()["state"] == "queued"


async def test_lists_show_a_customer_key_its_own_rows_only(house: House) -> None:
    mine, theirs = await house.customer("Mine"), await house.customer("Theirs")
    key = await house.key(mine)
    for customer in (mine, theirs):
        account = await house.account(customer, open_id=f"-000{customer}")
        media = await house.video(customer)
        await house.make(
            "/v1/posts", {"account_id": account, "kind": "video", "media": [media], "privacy_level": "SELF_ONLY"}
        )
        await house.make("/v1/endpoints", {"customer_id": customer, "url": "http://127.0.0.1:9/x", "events": ["*"]})
        await house.make("/v1/consumers", {"customer_id": customer, "name": "mine"})
    await house.store.deliveries.fan_out(
        lambda e, subs: [(new_id("dlv", house.now()), s.endpoint_id) for s in subs], now=house.now(), limit=50
    )

    for route in (route for route in ROUTES if route.method == "GET" and "{" not in route.path):

        async def rows(path: str = route.path) -> list[dict[str, str]]:
            response = await house.get(path, key=key)
            assert response.status_code == 200
            found: list[dict[str, str]] = response.json()["data"]
            return found

        # The feed shows an event once no older transaction of the whole server can still commit.
        data = await eventually(rows)
        assert theirs not in str(data), route
        assert mine in str(data), route
        other = await house.get(f"{route.path}?customer_id={theirs}", key=key)
        assert other.status_code == 422, route
        assert other.json()["errors"][0]["code"] == "unknown_customer"


async def test_a_customer_key_cannot_make_things_for_another_customer(house: House) -> None:
    mine, theirs = await house.customer("Mine"), await house.customer("Theirs")
    key = await house.key(mine)
    account, media = await house.account(theirs), await house.video(theirs)
    post = {"account_id": account, "kind": "video", "media": [media], "privacy_level": "SELF_ONLY"}

    answers = [
        await house.post("/v1/accounts", house.grant(customer_id=theirs), key=key),
        await house.post(
            "/v1/endpoints", {"customer_id": theirs, "url": "http://127.0.0.1:9/", "events": ["*"]}, key=key
        ),
        await house.post("/v1/keys", {"customer_id": theirs, "name": "x", "grants": {"posts": "read"}}, key=key),
        await house.post(
            f"/v1/media?customer_id={theirs}", key=key, content=b"x", headers={"Content-Type": "video/mp4"}
        ),
        await house.post("/v1/posts", post | {"customer_id": theirs}, key=key),
        await house.post("/v1/posts", post, key=key),
    ]

    assert [answer.status_code for answer in answers] == [422] * 6
    assert {error["code"] for answer in answers for error in answer.json()["errors"]} == {
        "unknown_customer", "unknown_account", "unknown_media",
    }  # fmt: skip


async def test_when_a_key_was_used_is_remembered_in_batches(own_house: House) -> None:
    key = await own_house.key(await own_house.customer(), posts="read", keys="read")
    await own_house.get("/v1/posts", key=key)

    await own_house.program.stop()

    found = await own_house.store.keys.by_hash(digest(key))
    assert found is not None
    assert found.last_used_at is not None


@pytest.mark.parametrize("path", ["/v1", "/v1/", "/v1/nothing", "/nothing", "/v1/posts/", "/v1/posts/x/y/z"])
async def test_addresses_that_nobody_serves_are_a_404_problem(house: House, path: str) -> None:
    response = await house.get(path)

    assert response.status_code == 404
    assert response.json()["code"] == "unknown_address"


async def test_a_method_that_an_address_does_not_have_is_a_405_that_lists_the_others(house: House) -> None:
    response = await house.call("DELETE", "/v1/posts")

    assert response.status_code == 405
    assert response.headers["Allow"] == "GET, POST"
