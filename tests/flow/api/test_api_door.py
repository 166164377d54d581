"""Who gets in, what a grant opens, and what other customers' keys learn: nothing."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from api_house import House

from libs.model.ids import Prefix, new_id
from libs.model.key import Capability, digest, new_secret
from libs.rest.shape import PageQuery
from services.api.call import _NOUNS
from services.api.dialects import ROUTES as DIALECTS
from services.api.dialects.frame import REST
from services.api.resource import ROUTES as OURS
from services.api.route import Route
from tests.eventually import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROUTES = (*OURS, *DIALECTS)
"""Everything behind the door: our own contract and the vendors' words."""


def routes_of(house: House) -> set[tuple[str, str]]:
    """Every operation the running server has, from its router: none can be forgotten here."""
    router = house.program._server._runner.app.router
    every = {(route.method, route.resource.canonical) for route in router.routes() if route.resource is not None}
    return {(method, path) for method, path in every if method != "*"}  # which says 405 to whatever else is asked


THEIRS: dict[str, Prefix] = {"profiles": "acc", "profile_groups": "grp", "webhooks": "end"}
"""Postproxy's nouns."""


def noun_of(path: str) -> str:
    """What a path is about: `posts` for `/v1/posts/{id}` and for `/compat/acme/v1/posts/{id}`."""
    return path.split("/")[4 if path.startswith("/compat/") else 2]


def prefix_of(path: str) -> Prefix:
    """Of which kind the ids in this path are."""
    noun = noun_of(path)
    if noun in THEIRS:
        return THEIRS[noun]
    return next(prefix for prefix, name in _NOUNS.items() if noun.startswith(name[:3]))


def path_of(route: Route, house: House) -> str:
    """Its path, about something that is not there."""
    if "{" not in route.path or route.path.endswith(REST):
        return route.path.replace(REST, "/v1/nothing")
    return filled(route, {"id": new_id(prefix_of(route.path), house.now()), "name": "nobody"})


def filled(route: Route, row: Mapping[str, Any]) -> str:
    """Its path, about that row."""
    return route.path.format_map({"id": row["id"], "name": row.get("name", "nobody")})


async def rows_of(house: House, customer: str) -> dict[str, list[dict[str, Any]]]:
    """Every row that the database has of this customer, by the prefix of its id."""
    connection = await asyncpg.connect(house.settings.database_url)
    try:
        tables = await connection.fetch(
            "select c.table_name as name from information_schema.columns c"
            " join information_schema.columns i on i.table_name = c.table_name and i.column_name = 'id'"
            " join pg_class r on r.relname = c.table_name and not r.relispartition"
            " where c.column_name = 'customer_id' and c.table_schema = 'public' and c.table_name <> 'audit'"
        )
        found: dict[str, list[dict[str, Any]]] = {}
        for table in tables:
            query = f'select * from "{table["name"]}" where customer_id = $1 order by id'
            for row in await connection.fetch(query, customer):
                found.setdefault(str(row["id"]).partition("_")[0], []).append(dict(row))
        return found | {"cus": [{"id": customer}]}
    finally:
        await connection.close()


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


@pytest.mark.row("SA-38")
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


@pytest.mark.row("SA-38", "BO-61")
async def test_whatever_the_router_has_beneath_v1_goes_through_the_door(house: House) -> None:
    beneath = {(method, path) for method, path in routes_of(house) if path.startswith(("/v1", "/compat"))}

    behind = {(route.method, route.path.replace(REST, "/{rest}")) for route in ROUTES}
    assert behind <= beneath and len(behind) > 30
    key = await house.key(await house.customer())
    for method, path in beneath - behind:  # open to everybody: they say the same to everybody
        assert method in ("GET", "HEAD"), path
        said = [await house.get(path, key=each) for each in ("", key, house.operator)]
        assert len({(one.status_code, one.text.replace(one.headers["X-Request-Id"], "")) for one in said}) == 1, path


@pytest.mark.row("SA-38")
async def test_what_an_address_does_not_take_is_405_with_what_it_takes_also_where_another_form_would_fit(
    house: House,
) -> None:
    for method, path, allowed in [
        ("PATCH", "/v1/posts/validate", "POST"),
        ("GET", "/v1/accounts/connect", "POST"),
        ("DELETE", "/v1/posts", "GET, POST"),
        ("OPTIONS", "/v1/media/uploads", "POST"),
    ]:
        response = await house.call(method, path)
        assert (response.status_code, response.headers["Allow"]) == (405, allowed), path
        assert response.json()["code"] == "method_not_allowed"


async def test_a_key_is_taken_in_any_letter_case_of_the_scheme(house: House) -> None:
    for scheme in ("bearer", "BEARER", "bEaReR"):
        response = await house.get("/v1/posts", key="", headers={"Authorization": f"{scheme} {house.operator}"})

        assert response.status_code == 200, scheme


@pytest.mark.row("BO-64")
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


async def furnish(house: House, customer: str) -> None:
    """A row of every kind that a route may show or change."""
    account = await house.account(customer, open_id=f"-000{customer}")
    media = await house.video(customer)
    await house.make(
        "/v1/posts", {"account_id": account, "kind": "video", "media": [media], "privacy_level": "SELF_ONLY"}
    )
    endpoint = await house.make(
        "/v1/endpoints", {"customer_id": customer, "url": "http://127.0.0.1:9/x", "events": ["*"]}
    )
    await house.make(f"/v1/endpoints/{endpoint['id']}/test")
    await house.store.deliveries.fan_out(
        lambda e, subs: [(new_id("dlv", house.now()), s.endpoint_id) for s in subs], now=house.now(), limit=50
    )
    await house.make("/v1/keys", {"customer_id": customer, "name": "k", "grants": {"posts": "read"}})
    await house.make("/v1/consumers", {"customer_id": customer, "name": f"consumer-{customer[-8:]}"})
    await house.make("/v1/replays", {"customer_id": customer, "since": "2026-01-01T00:00:00Z"})
    await house.make("/v1/groups", {"customer_id": customer, "name": "brand"})
    app = {"customer_id": customer, "client_key": f"aw{customer}", "client_secrets": ["planted-app-secret"]}
    house.secrets.add("planted-app-secret")
    await house.make("/v1/apps", app)


@pytest.mark.row("BO-05")
async def test_what_is_hidden_from_others_is_there_for_its_own_key(house: House) -> None:
    """Else the tests of isolation would pass whatever the routes do."""
    mine = await house.customer("Mine")
    key = await house.key(mine)
    await furnish(house, mine)
    rows = await rows_of(house, mine)

    for route in ROUTES:
        row = rows.get(prefix_of(route.path)) if "{" in route.path and not route.path.endswith(REST) else None
        if route.method == "GET" and row is not None and row[0]["id"][:3] != "acc":
            seen = await house.get(filled(route, row[0]), key=key)
            assert seen.status_code != 404, route


async def test_lists_show_a_customer_key_its_own_rows_only(house: House) -> None:
    mine, theirs = await house.customer("Mine"), await house.customer("Theirs")
    key = await house.key(mine)
    for customer in (mine, theirs):
        await furnish(house, customer)
    shown = 0

    for route in (route for route in ROUTES if route.method == "GET" and issubclass(route.query, PageQuery)):

        async def rows(query: str, by: str | None, path: str = route.path) -> list[dict[str, Any]]:
            response = await house.get(f"{path}{query}", key=by)
            assert response.status_code == 200, path
            found: list[dict[str, Any]] = response.json()["data"]
            return found

        async def settled(ask: Any = rows, path: str = route.path) -> list[dict[str, Any]]:
            # The feed shows an event once no older transaction of the whole server can still commit.
            own, operators = await ask("", key), await ask(f"?customer_id={mine}", None)
            assert own == operators, path
            assert own or path not in ("/v1/events", "/v1/accounts"), path
            return [*own, {}]

        data = await eventually(settled)
        assert theirs not in str(data), route
        shown += mine in str(data)
        other = await house.get(f"{route.path}?customer_id={theirs}", key=key)
        assert other.status_code == (400 if route.path.startswith("/compat/") else 422), route
        assert other.json()["errors"][0]["code"] == "unknown_customer"

    assert shown >= 10


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
