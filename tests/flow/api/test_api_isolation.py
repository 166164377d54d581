"""What a key learns of another customer's things: nothing, on any route, by any id, in any header.

Considered beside what is shown here:

Enumeration. Ids are 48 bits of time and 80 random bits, and guessing one brings nothing: another customer's row is
filtered out in SQL by the same statement that finds one's own, so the answer is that of an id that was never given out.
Headers. No answer has an ETag, a length or a count that depends on rows out of reach; `RateLimit` is the asking key's.
Timing. A key is found by the SHA-256 of what was sent, in a unique index: how long that takes depends on a hash nobody
can steer, and what is missing, malformed, unknown, expired or revoked costs the same one lookup. A row of another costs
one probe of an index, as one that is not there does, and no second statement: only what is one's own is read further.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import asyncpg
import httpx
import pytest
import pytest_asyncio
from api_house import House
from pydantic import BaseModel

from libs.model.ids import Prefix, new_id
from services.api.call import _NOUNS
from services.api.route import Route
from tests.flow.api.test_api_door import REST, ROUTES, furnish, path_of, prefix_of, routes_of, rows_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

KEYLESS = {
    "/healthz", "/readyz", "/metrics", "/oauth/tiktok/callback", "/pull/{token}/{name}", "/push/{token}",
    "/oauth/tiktok/reconnect/{token}",
}  # fmt: skip
"""Whatever else needs no key says the same to everybody (tests/flow/api/test_api_door.py)."""
CHANGING = {"date", "x-request-id", "ratelimit", "traceparent"}
PREFIXES: dict[str, Prefix] = {
    "account_id": "acc", "account_ids": "acc", "accounts": "acc", "group_id": "grp", "batch_id": "bat",
    "post_id": "post", "endpoint_id": "end", "event_id": "evt", "key_id": "key", "media": "med", "scoped": "acc",
    "media_ids": "med", "accountId": "acc", "platforms": "acc", "mediaItems": "med", "post_ids": "post",
    "profiles": "acc", "profile_group_id": "grp",
}  # fmt: skip
"""What the fields of requests that name things are about; a new one has to be added here."""
OURS_ALONE = {"customer_id", "open_id", "client_key", "publish_id"}
"""Names that are the caller's own word, or whose strangers are refused by name: `unknown_customer`."""

EITHER = {"account_id", "account_ids"}

Theirs = tuple[House, str, dict[str, list[dict[str, Any]]]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def theirs(house: House) -> Theirs:
    """A key of one customer, and everything that another one has."""
    mine, other = await house.customer("Mine"), await house.customer("Theirs")
    key = await house.key(mine)
    await furnish(house, other)
    account = await house.account(other, open_id=f"-001{other}")
    body = {"account_ids": [account], "kind": "video", "media": [await house.video(other)], "mode": "inbox"}
    await house.make("/v1/posts", body)
    await house.make("/v1/media/uploads", {"customer_id": other, "size": 3})
    rows = await rows_of(house, other)
    connection = await asyncpg.connect(house.settings.database_url)
    told = await connection.fetch("select id from audit where customer_id = $1 order by id limit 2", other)
    await connection.close()
    return house, key, rows | {"aud": [dict(row) for row in told]}


def blank(answer: httpx.Response, *ids: str) -> tuple[int, dict[str, str], str]:
    """The whole answer, but for the ids that were asked for and what every answer has of its own."""
    text = answer.text
    for id_ in (answer.headers["X-Request-Id"], *ids):
        text = text.replace(id_, "…")
    headers = {name: value for name, value in answer.headers.items() if name not in CHANGING}
    return answer.status_code, headers, text


def example(route: Route) -> Mapping[str, Any]:
    """A body that the operation takes, as its documentation has it."""
    return next((one.body for one in route.doc.examples if one.body), {}) if route.doc else {}


async def test_every_kind_of_thing_is_there_to_be_hidden(theirs: Theirs) -> None:
    _, _, rows = theirs

    assert {prefix_of(route.path) for route in ROUTES if "{id}" in route.path} <= rows.keys()
    assert rows.keys() >= set(PREFIXES.values())


async def test_whatever_needs_no_key_is_known(house: House) -> None:
    behind = {route.path.replace(REST, "/{rest}") for route in ROUTES}
    outside = {path for _, path in routes_of(house) if path not in behind and not path.startswith("/v1/")}

    assert {path for path in outside if "{" in path} <= KEYLESS
    for path in outside - KEYLESS:
        said = [await house.get(path, key=key) for key in ("", house.operator)]
        assert said[0].text == said[1].text, path


async def test_by_an_id_in_the_path_another_customers_thing_is_one_that_was_never_there(theirs: Theirs) -> None:
    house, key, rows = theirs
    asked = 0

    for route in (route for route in ROUTES if "{id}" in route.path):
        absent = path_of(route, house)
        nothing = re.findall(r"/([a-z]{3,4}_[0-9a-z]{26})", absent)[0]
        for body in [None, {}, example(route)] if route.write else [None]:
            unseen = blank(await house.call(route.method, absent, key=key, body=body), nothing)
            assert 400 <= unseen[0] < 500, (route.path, unseen)
            for row in rows[prefix_of(route.path)][:2]:
                path = route.path.format(id=row["id"])
                hidden = blank(await house.call(route.method, path, key=key, body=body), row["id"])
                assert hidden == unseen, (route.method, route.path, body)
                asked += 1
                if route.method == "GET" and route.path.endswith("{id}"):  # it is there for whoever may see it
                    assert (await house.get(path)).status_code not in (401, 403, 404), path

    assert asked > 100
    assert await rows_of(house, rows["cus"][0]["id"]) == {name: there for name, there in rows.items() if name != "aud"}


def filters() -> Iterator[tuple[Route, str]]:
    for route in ROUTES:
        for name in route.query.model_fields:
            if route.method == "GET" and "{" not in route.path and name.endswith(("_id", "_ids", "Id")):
                yield route, name


async def test_by_a_filter_another_customers_thing_has_nothing(theirs: Theirs) -> None:
    house, key, rows = theirs
    asked = 0

    for route, name in filters():
        if name in OURS_ALONE:
            continue
        prefix = PREFIXES[name]
        absent, hidden = new_id(prefix, house.now()), rows[prefix][0]["id"]
        seen = [await house.get(f"{route.path}?{name}={id_}", key=key) for id_ in (absent, hidden)]
        assert [one.status_code for one in seen] == [200, 200], (route.path, seen[0].text)
        assert not seen[1].json()["data"] and not seen[0].json()["data"], (route.path, name)
        assert blank(seen[0], absent) == blank(seen[1], hidden), (route.path, name)
        asked += 1

    assert asked >= 6


def named() -> Iterator[tuple[Route, str]]:
    """Fields of bodies that name things."""
    for route in ROUTES:
        body = route.doc.body if route.doc else None
        if route.write and "{" not in route.path and isinstance(body, type) and issubclass(body, BaseModel):
            for name in body.model_fields:
                if name in PREFIXES or re.search(r"(_ids?|Id)$", name):
                    yield route, name


async def test_by_a_field_of_a_body_another_customers_thing_is_one_that_was_never_there(theirs: Theirs) -> None:
    house, key, rows = theirs
    asked = set()

    for route, name in named():
        if name in OURS_ALONE:
            continue
        prefix = PREFIXES[name]
        absent, hidden = new_id(prefix, house.now()), str(rows[prefix][0]["id"])
        answers = []
        for id_ in (absent, hidden):
            body = {field: value for field, value in example(route).items() if {field, name} != EITHER}
            body[name] = _value(name, id_)
            body = {field: value for field, value in body.items() if field not in OURS_ALONE - {"open_id"}}
            answers.append(blank(await house.call(route.method, route.path, key=key, body=body), id_))
        assert answers[0] == answers[1], (route.path, name)
        assert answers[0][0] in (400, 403, 404, 422) or name == "accounts", (route.path, name, answers[0])
        asked.add((route.path, name))

    assert {("/v1/posts", "account_id"), ("/v1/posts", "media"), ("/v1/accounts/connect", "group_id")} <= asked


def _value(name: str, id_: str) -> Any:
    match name:
        case "scoped":
            return [{"account_id": id_, "grants": {"posts": "read"}}]
        case "account_ids" | "accounts" | "media" | "media_ids" | "profiles":
            return [id_]
        case "platforms":
            return [{"platform": "tiktok", "accountId": id_}]
        case "mediaItems":
            return [{"type": "video", "url": id_}]
        case _:
            return id_


async def test_no_prefix_of_ids_is_forgotten() -> None:
    assert set(PREFIXES.values()) <= set(_NOUNS)
