"""Customers, accounts and keys."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from api_house import House

from libs.model.ids import new_id
from libs.model.key import new_secret
from services.api.app import ensure_operator_key
from tests.eventually import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_customer_is_made_shown_and_listed(house: House) -> None:
    made = await house.post("/v1/customers", {"name": "  Acme & Söhne 🎬 "})

    customer = made.json()
    assert (made.status_code, customer["name"]) == (201, "Acme & Söhne 🎬")
    assert made.headers["Location"] == f"/v1/customers/{customer['id']}"
    assert (await house.get(made.headers["Location"])).json().items() >= customer.items()  # and its use of the store
    assert (await house.get("/v1/customers?limit=1")).json()["data"] == [customer]
    assert (await house.get(f"/v1/customers?customer_id={customer['id']}")).json()["data"] == [customer]


@pytest.mark.parametrize("name", ["", "   ", "x" * 201, "a\x00b", "a\nb", None, 7, ["a"]])
async def test_a_customer_without_a_proper_name_is_refused(house: House, name: Any) -> None:
    response = await house.post("/v1/customers", {"name": name})

    assert response.status_code == 422
    assert response.json()["errors"][0]["field"] == "name"


async def test_an_account_is_made_without_its_tokens_ever_being_shown_and_its_customer_is_told(house: House) -> None:
    customer = await house.customer()
    body = house.grant(customer_id=customer, username="ana", display_name="Ana", refresh_expires_in=31536000)
    before = house.now()

    response = await house.post("/v1/accounts", body)

    after = house.now()
    assert response.status_code == 201
    account = response.json()
    assert (account["state"], account["client_key"], account["username"]) == ("connected", "awhousekey1", "ana")
    granted_at = datetime.fromisoformat(account["access_expires_at"]) - timedelta(hours=24)
    assert before - timedelta(milliseconds=1) < granted_at <= after  # times are shown in whole milliseconds
    assert (await house.get(f"/v1/accounts/{account['id']}")).json() == account
    assert (await house.get(f"/v1/accounts?customer_id={customer}")).json()["data"] == [account]
    granted = await house.store.accounts.grant(account["id"])
    assert granted is not None and granted[1].access_token == body["access_token"]
    [told] = await eventually(lambda: events(house, customer))
    assert (told["type"], told["data"]["account_id"]) == ("account.connected", account["id"])


async def events(house: House, customer: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await house.get(f"/v1/events?customer_id={customer}")).json()["data"]
    return found


async def test_connecting_the_same_creator_again_keeps_the_account_and_tells_again(house: House) -> None:
    customer = await house.customer()
    first = await house.post("/v1/accounts", house.grant(customer_id=customer, username="ana"))

    second = await house.post("/v1/accounts", house.grant(customer_id=customer, scopes=["video.upload"]))

    assert (first.status_code, second.status_code) == (201, 200)
    assert second.json()["id"] == first.json()["id"]
    assert (second.json()["scopes"], second.json()["username"]) == (["video.upload"], "ana")

    async def both() -> bool:
        return len(await events(house, customer)) == 2

    await eventually(both)


@pytest.mark.parametrize(
    ("more", "field", "code"),
    [
        ({"access_token": "has space"}, "access_token", "bad_text"),
        ({"access_token": ""}, "access_token", "too_short"),
        ({"refresh_token": 7}, "refresh_token", "string_type"),
        ({"refresh_token": "x" * 2049}, "refresh_token", "too_long"),
        ({"expires_in": 0}, "expires_in", "greater_than_equal"),
        ({"expires_in": "86400"}, "expires_in", "int_type"),
        ({"expires_in": 10**18}, "expires_in", "less_than_equal"),
        ({"expires_in": 1e30}, "expires_in", "int_type"),
        ({"open_id": "a b"}, "open_id", "bad_text"),
        ({"open_id": "\x00"}, "open_id", "bad_text"),
        ({"scopes": "video.publish,video.upload"}, "scopes", "list_type"),
        ({"scopes": ["Video Publish"]}, "scopes.0", "string_pattern_mismatch"),
        ({"client_key": "another app"}, "client_key", "bad_text"),
        ({"client_key": "anotherapp"}, "client_key", "unknown_app"),
        ({"customer_id": None}, "customer_id", "required"),
        ({"customer_id": "cus_00000000000000000000000000"}, "customer_id", "unknown_customer"),
        ({"token": "act.misplaced"}, "token", "unknown_field"),
    ],
)
async def test_a_wrong_account_is_refused_by_field_and_no_text_repeated(
    house: House, more: dict[str, Any], field: str, code: str
) -> None:
    body = house.grant(customer_id=await house.customer()) | more

    response = await house.post("/v1/accounts", body)

    assert response.status_code == 422
    assert (field, code) in [(error["field"], error["code"]) for error in response.json()["errors"]]
    values = [value for value in more.values() if isinstance(value, str) and len(value) > 5]
    assert not [value for value in values if value in response.text]


@pytest.mark.row("SA-42")
async def test_a_key_is_shown_once_and_opens_what_it_was_granted(house: House) -> None:
    customer = await house.customer()
    response = await house.post("/v1/keys", {"customer_id": customer, "name": "ci", "grants": {"posts": "read"}})

    made = response.json()
    house.secrets.add(made["secret"])
    assert response.status_code == 201
    assert made["secret"].startswith("cw_")
    assert made["grants"] == {"posts": "read"}
    # Before it is used: when it was is noted now and then.
    listed = (await house.get(f"/v1/keys?customer_id={customer}")).json()["data"]
    assert listed == [{name: value for name, value in made.items() if name != "secret"}]
    assert (await house.get("/v1/posts", key=made["secret"])).status_code == 200
    assert (await house.get("/v1/keys", key=made["secret"])).status_code == 403


async def test_a_revoked_key_opens_nothing_from_the_next_request_on(house: House) -> None:
    made = await house.make("/v1/keys", {"name": "old", "grants": {"posts": "read"}})
    assert (await house.get("/v1/posts", key=made["secret"])).status_code == 200

    first = await house.post(f"/v1/keys/{made['id']}/revoke")
    again = await house.post(f"/v1/keys/{made['id']}/revoke")

    assert first.json()["revoked_at"] == again.json()["revoked_at"] is not None
    assert (await house.get("/v1/posts", key=made["secret"])).status_code == 401


async def test_a_key_cannot_make_one_that_may_do_more_or_lives_longer(house: House) -> None:
    customer = await house.customer()
    soon = (house.now() + timedelta(hours=1)).isoformat()
    body = {"customer_id": customer, "name": "maker", "grants": {"keys": "full", "posts": "read"}, "expires_at": soon}
    maker = (await house.make("/v1/keys", body))["secret"]
    later = (house.now() + timedelta(hours=2)).isoformat()

    async def made(**more: Any) -> list[tuple[str, str]]:
        wish = {"name": "made", "grants": {"posts": "read"}, "expires_at": soon} | more
        response = await house.post("/v1/keys", wish, key=maker)
        house.secrets |= {response.json().get("secret", "-" * 40)}
        return [(error["field"], error["code"]) for error in response.json().get("errors", [])]

    assert await made() == []
    assert await made(grants={"posts": "off", "keys": "full"}) == []
    assert await made(grants={"posts": "full"}) == [("grants.posts", "exceeds_own")]
    assert await made(grants={"media": "read", "posts": "read"}) == [("grants.media", "exceeds_own")]
    assert await made(expires_at=None) == [("expires_at", "exceeds_own")]
    assert await made(expires_at=later) == [("expires_at", "exceeds_own")]


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"grants": {}}, "grants"),
        ({"grants": {"everything": "full"}}, "grants.everything.[key]"),
        ({"grants": {"posts": "maybe"}}, "grants.posts"),
        ({"grants": None}, "grants"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"expires_at": "2030-01-01T00:00:00"}, "expires_at"),
        ({"expires_at": "9999-12-31T23:59:59-23:59"}, "expires_at"),
        ({"expires_at": 1e300}, "expires_at"),
    ],
)
async def test_a_wrong_key_is_refused_by_field(house: House, more: dict[str, Any], field: str) -> None:
    response = await house.post("/v1/keys", {"name": "x", "grants": {"posts": "read"}} | more)

    assert response.status_code == 422
    assert [error["field"] for error in response.json()["errors"]] == [field]


async def test_the_operator_key_is_made_once_and_a_revoked_one_stays_revoked(house: House) -> None:
    secret = new_secret()
    house.secrets.add(secret)

    assert await ensure_operator_key(house.store, secret, house.now())
    assert not await ensure_operator_key(house.store, secret, house.now())
    assert (await house.get("/v1/customers", key=secret)).status_code == 200
    own = next(row for row in (await house.get("/v1/keys")).json()["data"] if row["name"] == "operator")
    await house.post(f"/v1/keys/{own['id']}/revoke", key=secret)

    assert not await ensure_operator_key(house.store, secret, house.now())
    assert (await house.get("/v1/customers", key=secret)).status_code == 401


@pytest.mark.parametrize(
    "query",
    [
        "limit=0", "limit=201", "limit=x", "limit=", "limit=1&limit=2", "limit=-1", "limit=" + "9" * 5000, "page=2",
        "cursor=x", "cursor=", "cursor=%00", "cursor=%ff%fe", "cursor=cus_00000000000000000000000000'--",
        "customer_id=x", "customer_id=%00", "limit%00=1", "%ff=1",
    ],
)  # fmt: skip
async def test_every_list_refuses_every_wrong_query_by_name(house: House, query: str) -> None:
    for path in ("customers", "accounts", "media", "posts", "endpoints", "events", "deliveries", "keys"):
        response = await house.get(f"/v1/{path}?{query}")
        assert response.status_code == 422, path
        assert response.json()["errors"], path


@pytest.mark.parametrize(
    "path",
    [
        "posts?state=nothing", "posts?account_id=x", "posts?batch_id=x", "events?type=nothing", "events?post_id=x",
        "events?cursor=99999999999999999999.", "events?cursor=1.evt_x", "events?cursor=-1.", "deliveries?state=x",
        "deliveries?endpoint_id=x", "deliveries?event_id=x",
    ],
)  # fmt: skip
async def test_every_filter_refuses_what_it_cannot_mean(house: House, path: str) -> None:
    response = await house.get(f"/v1/{path}")

    assert response.status_code == 422


@pytest.mark.parametrize(
    "id_", ["x", "%00", "post_0", "acc_" + "z" * 26 + "%0a", "%ff", "..%2f..", "a" * 3000, "'or 1=1"]
)
async def test_what_is_no_id_does_not_exist(house: House, id_: str) -> None:
    for path in ("customers", "accounts", "media", "posts", "endpoints", "events", "deliveries"):
        response = await house.get(f"/v1/{path}/{id_}")
        assert response.status_code == 404, path


async def test_a_query_where_none_is_read_is_refused_too(house: House) -> None:
    id_ = "0" * 26
    for path in (f"posts/post_{id_}", f"posts/post_{id_}/timeline", f"events/evt_{id_}", f"customers/cus_{id_}"):
        response = await house.get(f"/v1/{path}?expand=all")
        assert response.status_code == 422, path
        assert response.json()["errors"][0]["field"] == "expand"
    assert (await house.post("/v1/customers?dry_run=1", {"name": "x"})).status_code == 422


async def test_an_id_of_the_far_future_does_not_exist(house: House) -> None:
    for path, prefix in (("events", "evt"), ("deliveries", "dlv"), ("posts", "post")):
        assert (await house.get(f"/v1/{path}/{prefix}_{'z' * 26}")).status_code == 404
        assert (await house.get(f"/v1/{path}/{new_id('med', house.now())}")).status_code == 404
