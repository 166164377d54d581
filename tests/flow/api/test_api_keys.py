"""Keys in use: grants for single accounts, changes that hold on the next call, rotation, and no way up."""

from typing import Any

import asyncpg
import httpx
import pytest
from api_house import House

from libs.model.key import PER_ACCOUNT, Capability
from tests.eventually import eventually
from tests.flow.api.test_api_door import ROUTES, filled, furnish, noun_of, rows_of

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def made(house: House, customer: str, **more: Any) -> dict[str, Any]:
    return await house.make("/v1/keys", {"customer_id": customer, "name": "k", **more})


async def two_accounts(house: House) -> tuple[str, str, str]:
    customer = await house.customer()
    first = await house.account(customer, open_id=f"-1{customer}")
    return customer, first, await house.account(customer, open_id=f"-2{customer}")


async def post(house: House, account: str, customer: str, key: str | None = None) -> httpx.Response:
    media = await house.video(customer)
    body = {"account_id": account, "kind": "video", "media": [media], "privacy_level": "SELF_ONLY"}
    return await house.post("/v1/posts", body, key=key)


@pytest.mark.row("BO-62")
async def test_a_grant_for_one_account_opens_that_account_and_no_other(house: House) -> None:
    customer, mine, other = await two_accounts(house)
    scoped = [{"account_id": mine, "grants": {"posts": "full", "accounts": "read"}}]
    key = (await made(house, customer, scoped=scoped))["secret"]
    hidden = (await post(house, other, customer)).json()["id"]

    seen = (await post(house, mine, customer, key)).json()["id"]
    refused = [await post(house, account, customer, key) for account in (other, "acc_00000000000000000000000000")]

    assert [answer.status_code for answer in refused] == [403, 403]
    assert [row["id"] for row in (await house.get("/v1/posts", key=key)).json()["data"]] == [seen]
    assert [row["id"] for row in (await house.get("/v1/accounts", key=key)).json()["data"]] == [mine]
    assert (await house.get(f"/v1/posts/{hidden}", key=key)).status_code == 404
    assert (await house.post(f"/v1/posts/{hidden}/cancel", key=key)).status_code == 404
    assert (await house.get(f"/v1/accounts/{other}", key=key)).status_code == 404
    assert (await house.post(f"/v1/accounts/{mine}/disconnect", key=key)).status_code == 403, "it may only read"
    assert (await house.post("/v1/accounts/connect", {}, key=key)).status_code == 403, "it is not about one account"


async def test_a_grant_for_one_account_opens_its_events_and_lets_it_validate_its_posts(house: House) -> None:
    customer, mine, other = await two_accounts(house)
    scoped = [{"account_id": mine, "grants": {"posts": "full", "events": "read"}}]
    key = (await made(house, customer, scoped=scoped))["secret"]
    but = [{"account_id": other, "grants": {"events": "off"}}]
    rest = (await made(house, customer, grants={"events": "read"}, scoped=but))["secret"]
    for account in (mine, other):
        await post(house, account, customer)

    async def told() -> dict[str, str]:
        # The feed shows an event once no older transaction of the whole server can still commit.
        feed = (await house.get(f"/v1/events?customer_id={customer}")).json()["data"]
        assert [event["data"]["account_id"] for event in feed].count(mine) == 2, "connected, and a post accepted"
        assert len(feed) == 4
        return {event["id"]: event["data"]["account_id"] for event in feed}

    about = await eventually(told)
    own = [id_ for id_, account in about.items() if account == mine]
    seen, left = [(await house.get("/v1/events", key=by)).json()["data"] for by in (key, rest)]

    assert [event["id"] for event in seen] == own
    assert [event["id"] for event in left] == [id_ for id_, account in about.items() if account != other]
    hidden = next(id_ for id_, account in about.items() if account == other)
    assert [(await house.get(f"/v1/events/{id_}", key=key)).status_code for id_ in (own[0], hidden)] == [200, 404]
    assert (await house.get("/v1/consumers", key=key)).status_code == 403, "it is about all of a customer's events"
    draft = {"kind": "video", "media": [await house.video(customer)], "mode": "inbox"}
    asked = [await house.post("/v1/posts/validate", draft | {"account_id": one}, key=key) for one in (mine, other)]
    assert [answer.status_code for answer in asked] == [200, 403], asked[0].text


async def test_on_every_route_a_key_for_one_account_learns_nothing_of_the_others(house: House) -> None:
    customer = await house.customer()
    await furnish(house, customer)
    own = await house.account(customer, open_id=f"-own{customer}")
    every = {str(name): "full" for name in PER_ACCOUNT}
    key = (await made(house, customer, scoped=[{"account_id": own, "grants": every}]))["secret"]
    rows = await rows_of(house, customer)

    for route in ROUTES:
        for prefix in ("acc", "post"):
            row = next(row for row in rows[prefix] if row["id"] != own)
            if "{id}" not in route.path or noun_of(route.path) != {"acc": "accounts", "post": "posts"}[prefix]:
                continue
            answer = await house.call(route.method, filled(route, row), key=key)
            unsupported = answer.json()["code"] == "capability_not_supported"  # said of any post, without a look
            assert unsupported or answer.status_code in (403, 404, 415), route
        if "{" not in route.path and route.method == "GET":
            listed = await house.get(route.path, key=key)
            mine = (own, customer)
            others = [
                row["id"]
                for rows_ in rows.values()
                for row in rows_
                if row["id"] not in mine and row.get("account_id") != own
            ]
            assert not [id_ for id_ in others if id_ in listed.text], route


@pytest.mark.row("PP-11")
async def test_a_grant_for_a_group_follows_the_account_that_is_in_it_from_call_to_call(house: House) -> None:
    customer, first, second = await two_accounts(house)
    group = (await house.make("/v1/groups", {"customer_id": customer, "name": "brand"}))["id"]
    key = (await made(house, customer, scoped=[{"group_id": group, "grants": {"accounts": "read"}}]))["secret"]

    async def seen() -> list[str]:
        return [row["id"] for row in (await house.get("/v1/accounts", key=key)).json()["data"]]

    assert await seen() == []
    for account in (first, second):
        placed = await house.call("PATCH", f"/v1/accounts/{account}", body={"group_id": group})
        assert placed.status_code == 200
        assert await seen() == [account]
        taken = await house.call("PATCH", f"/v1/accounts/{second}", body={"group_id": group})
        assert taken.status_code == (409 if account == first else 200), "a group holds one account"
        await house.call("PATCH", f"/v1/accounts/{account}", body={"group_id": None})
        assert await seen() == []
    assert (await house.call("DELETE", f"/v1/groups/{group}")).status_code == 200
    assert (await house.get("/v1/accounts", key=key)).status_code == 403, "its grant went with the group"


async def test_a_key_cannot_rise_by_moving_accounts_into_its_group_or_out_of_it(house: House) -> None:
    customer, first, _ = await two_accounts(house)
    group, other = [(await house.make("/v1/groups", {"customer_id": customer, "name": n}))["id"] for n in ("a", "b")]
    scoped = [{"group_id": group, "grants": {"posts": "full"}}]
    key = await made(house, customer, grants={"accounts": "full"}, scoped=scoped)
    path = f"/v1/accounts/{first}"

    assert (await house.call("PATCH", path, key=key["secret"], body={"group_id": group})).status_code == 403
    assert (await house.call("PATCH", path, key=key["secret"], body={"group_id": other})).status_code == 200
    assert (await house.call("PATCH", path, body={"group_id": group})).status_code == 200
    assert (await house.call("PATCH", path, key=key["secret"], body={"group_id": None})).status_code == 403


@pytest.mark.row("BO-68")
async def test_a_changed_grant_holds_on_the_next_call(house: House) -> None:
    customer, first, _ = await two_accounts(house)
    key = await made(house, customer, grants={"posts": "full", "media": "read"})

    async def change(**more: Any) -> None:
        answer = await house.call("PATCH", f"/v1/keys/{key['id']}", body=more)
        assert answer.status_code == 200, answer.text

    assert (await house.get("/v1/media", key=key["secret"])).status_code == 200
    await change(grants={"posts": "read"})
    assert (await house.get("/v1/media", key=key["secret"])).status_code == 403
    assert (await post(house, first, customer, key["secret"])).status_code == 403
    await change(grants={}, scoped=[{"account_id": first, "grants": {"posts": "full"}}], name="renamed")
    assert (await post(house, first, customer, key["secret"])).status_code == 201
    shown = (await house.get(f"/v1/keys/{key['id']}")).json()
    assert (shown["name"], shown["grants"], shown["scoped"][0]["account_id"]) == ("renamed", {}, first)
    await change(scoped=[])
    assert (await house.get("/v1/posts", key=key["secret"])).status_code == 403


async def test_a_rotated_key_keeps_its_id_and_its_former_secret_as_long_as_was_asked(house: House) -> None:
    key = await made(house, await house.customer(), grants={"posts": "read"})

    first = await house.make(f"/v1/keys/{key['id']}/rotate", {"grace_s": 3600})
    both = [(await house.get("/v1/posts", key=each["secret"])).status_code for each in (key, first)]
    second = await house.make(f"/v1/keys/{key['id']}/rotate")
    all_three = [(await house.get("/v1/posts", key=each["secret"])).status_code for each in (key, first, second)]

    assert (first["id"], second["id"]) == (key["id"], key["id"])
    assert (both, all_three) == ([200, 200], [401, 401, 200])
    await house.post(f"/v1/keys/{key['id']}/revoke")
    assert (await house.post(f"/v1/keys/{key['id']}/rotate")).status_code == 409


async def test_a_key_cannot_rise_by_changing_or_taking_over_another(house: House) -> None:
    customer, mine, other = await two_accounts(house)
    strong = await made(house, customer, grants={str(each): "full" for each in Capability})
    weak = await made(
        house, customer, grants={"keys": "full", "posts": "full"},
        scoped=[{"account_id": other, "grants": {"posts": "off"}}, {"account_id": mine, "grants": {"videos": "read"}}],
    )  # fmt: skip
    by = weak["secret"]

    async def refused(method: str, path: str, **body: Any) -> list[str]:
        answer = await house.call(method, path, key=by, body=body)
        assert answer.status_code == 422, answer.text
        return [error["code"] for error in answer.json()["errors"]]

    assert "exceeds_own" in await refused("POST", f"/v1/keys/{strong['id']}/rotate")
    assert "exceeds_own" in await refused("PATCH", f"/v1/keys/{weak['id']}", grants={"media": "read"})
    assert "exceeds_own" in await refused("PATCH", f"/v1/keys/{weak['id']}", scoped=[])
    assert await refused("POST", "/v1/keys", name="x", grants={"posts": "full"}) == ["exceeds_own"]
    over = [{"account_id": other, "grants": {"posts": "read"}}]
    assert await refused("POST", "/v1/keys", name="x", scoped=over) == ["exceeds_own"]
    within = [{"account_id": mine, "grants": {"posts": "full", "videos": "read"}}]
    assert (await house.make("/v1/keys", {"name": "x", "scoped": within}, key=by))["scoped"]


@pytest.mark.parametrize(
    ("scoped", "code"),
    [
        ({"grants": {"posts": "full"}}, "one_place"),
        ({"account_id": "ACC", "group_id": "grp_00000000000000000000000000", "grants": {"posts": "full"}}, "one_place"),
        ({"account_id": "ACC", "grants": {"keys": "full"}}, "not_per_account"),
        ({"account_id": "ACC", "grants": {"media": "full"}}, "not_per_account"),
        ({"account_id": "acc_00000000000000000000000000", "grants": {"posts": "read"}}, "unknown"),
        ({"account_id": "ACC", "grants": {}}, "too_short"),
    ],
)
async def test_a_wrong_scoped_grant_is_refused_by_name(house: House, scoped: dict[str, Any], code: str) -> None:
    customer, mine, _ = await two_accounts(house)
    wish = scoped | ({"account_id": mine} if scoped.get("account_id") == "ACC" else {})

    answer = await house.post("/v1/keys", {"customer_id": customer, "name": "k", "scoped": [wish]})

    assert answer.status_code == 422
    assert code in [error["code"] for error in answer.json()["errors"]]


async def test_another_customers_account_cannot_be_granted(house: House) -> None:
    customer, (_, theirs, _) = await house.customer(), await two_accounts(house)
    body = {"customer_id": customer, "name": "k", "scoped": [{"account_id": theirs, "grants": {"posts": "read"}}]}

    answer = await house.post("/v1/keys", body)

    assert [error["code"] for error in answer.json()["errors"]] == ["unknown"]


async def test_a_thousand_keys_in_use_are_enough_and_those_that_are_over_do_not_count(house: House) -> None:
    customer = await house.customer()
    first = await made(house, customer, grants={"posts": "read"})
    connection = await asyncpg.connect(house.settings.database_url)
    await connection.execute(
        """insert into keys (id, customer_id, name, hash, grants, created_at, revoked_at, expires_at)
           select $2 || n, $1, 'k', decode(md5($2 || n), 'hex'), '{}', now, case when n > 1500 then now end,
                  case when n between 1000 and 1500 then now end
           from generate_series(1, 2000) n, (values ($3::timestamptz)) as given (now)""",
        customer, f"key_{customer}", house.now(),
    )  # fmt: skip
    await connection.close()

    refused = await house.post("/v1/keys", {"customer_id": customer, "name": "k", "grants": {"posts": "read"}})

    assert (refused.status_code, refused.json()["code"]) == (409, "too_many_live_keys")
    assert (await house.post(f"/v1/keys/{first['id']}/rotate")).status_code == 200
    await house.post(f"/v1/keys/{first['id']}/revoke")
    await made(house, customer, grants={"posts": "read"})
    await made(house, await house.customer(), grants={"posts": "read"})
