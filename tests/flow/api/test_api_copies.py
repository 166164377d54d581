"""Sixty-four copies at once of every write the router has make one effect, and a crash in the middle wedges nothing.

What is done is counted by the audit log, which has an entry for every write that was carried out and none for an answer
given again. The two that keep their own keys for ever, posts and imports, are counted by their posts.
"""

import asyncio
import io
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from api_house import House, open_house
from api_post import post_in
from PIL import Image
from tiktok_double import SCOPE, Double, tiktok_double

from libs.model.capability import CAPABILITIES
from libs.model.ids import new_id
from libs.model.post import PostState
from tests.flow.api.test_api_door import REST, ROUTES

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.thorough]

COPIES = int(os.environ.get("CLIPWIRE_COPIES", "64"))
Write = tuple[str, str]


@dataclass(frozen=True)
class Sent:
    """A write that succeeds once: where its ids are filled in, and what it sends."""

    path: str = ""
    json: Any = None
    data: bytes | None = None
    kind: str = ""
    status: int = 200

    @property
    def own(self) -> bool:
        """Whether the customer's own key sends it: vendors' calls have no field to say whose something new is."""
        return self.path.startswith("/compat/") and self.status == 201


@dataclass
class World:
    """A house, a customer with something of everything, and a TikTok that says yes."""

    house: House
    tiktok: Double
    session: aiohttp.ClientSession
    customer: str = ""
    key: str = ""
    made: dict[str, str] = field(default_factory=dict)

    async def send(self, method: str, sent: Sent, name: str) -> tuple[int, str, str]:
        """(status, body, whether it was told before); by aiohttp, for there are thousands."""
        key = self.key if sent.own else self.house.operator
        headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": name}
        given: dict[str, Any] = {"json": sent.json} if sent.json is not None else {}
        if sent.data is not None:
            given, headers = {"data": sent.data}, headers | {"Content-Type": sent.kind}
        async with self.session.request(method, sent.path, headers=headers, **given) as answer:
            text = await answer.text()
            assert answer.status < 500, (method, sent.path, text)
            return answer.status, text, answer.headers.get("Idempotent-Replayed", "")

    async def done(self, write: Write) -> int:
        """How often this write was carried out so far."""
        query = (
            "select count(*) from audit where decision = 'allowed' and detail->>'method' = $1 and detail->>'route' = $2"
        )
        return int(await self.house.store.audit._pool.fetchval(query, *write))

    async def posts(self) -> int:
        return int(await self.house.store.audit._pool.fetchval("select count(*) from posts"))

    async def row(self, path: str, body: Any = None) -> str:
        """The id of something new."""
        return str((await self.house.make(path, body))["id"])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(shared_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with (
        tiktok_double() as double,
        open_house(shared_database_url, tmp_path_factory.mktemp("house"), TIKTOK_API_URL=double.url) as house,
        aiohttp.ClientSession(house.program.url) as session,
    ):
        world = World(house, double, session)
        world.customer = await house.customer()
        world.key = await house.key(world.customer)
        yield world


def writes() -> set[Write]:
    """Every write of the router's, but those that are refused whoever asks."""
    refused = {f"/v1{path}" for ability in CAPABILITIES for path in ability.paths}
    refused |= {route.path for route in ROUTES if route.path.endswith(REST)}
    return {(route.method, route.path) for route in ROUTES if route.write and route.path not in refused}


def picture() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (400, 300), "red").save(file, "jpeg")
    return file.getvalue()


def fresh(world: World) -> str:
    """A name that nothing else has."""
    return new_id("con", world.house.now()).replace("_", "-")


Recipe = Callable[[World], Awaitable[Sent]]
RECIPES: dict[Write, Recipe] = {}


def recipe(method: str, path: str) -> Callable[[Recipe], Recipe]:
    def keep(make: Recipe) -> Recipe:
        RECIPES[method, path] = make
        return make

    return keep


def plain(method: str, path: str, status: int, **body: Any) -> None:
    """A write that needs nothing but a body; `customer_id` is added."""

    async def make(world: World) -> Sent:
        return Sent(path, body | {"customer_id": world.customer}, status=status)

    RECIPES[method, path] = make


def about(method: str, path: str, kind: str, body: Any = None, *, status: int = 200) -> None:
    """A write about a new row of that kind."""

    async def make(world: World) -> Sent:
        return Sent(path.format(id=await KINDS[kind](world)), body, status=status)

    RECIPES[method, path] = make


async def _group(world: World) -> str:
    return await world.row("/v1/groups", {"customer_id": world.customer, "name": "brand"})


async def _endpoint(world: World) -> str:
    asked = {"customer_id": world.customer, "url": "http://127.0.0.1:9/x", "events": ["*"]}
    return await world.row("/v1/endpoints", asked)


async def _disabled(world: World) -> str:
    id_ = await _endpoint(world)
    await world.house.make(f"/v1/endpoints/{id_}/disable")
    return id_


async def _key(world: World) -> str:
    return await world.row("/v1/keys", {"customer_id": world.customer, "name": "k", "grants": {"posts": "read"}})


async def _replay(world: World) -> str:
    return await world.row(
        "/v1/replays", {"customer_id": await world.house.customer(), "since": "2026-01-01T00:00:00Z"}
    )


async def _paused(world: World) -> str:
    id_ = await _replay(world)
    await world.house.make(f"/v1/replays/{id_}/pause")
    return id_


async def _account(world: World) -> str:
    return await world.house.account(world.customer, open_id=f"-000{fresh(world)}")


async def _media(world: World) -> str:
    return await world.house.video(world.customer)


async def _app(world: World) -> str:
    customer = await world.house.customer()
    asked = {"customer_id": customer, "client_key": f"aw{customer}", "client_secrets": ["planted-app-secret"]}
    return await world.row("/v1/apps", asked)


async def _delivery(world: World) -> str:
    endpoint = await _endpoint(world)
    await world.house.make(f"/v1/endpoints/{endpoint}/test")
    store, now = world.house.store, world.house.now()
    await store.deliveries.fan_out(
        lambda event, subscriptions: [(new_id("dlv", now), one.endpoint_id) for one in subscriptions], now=now, limit=50
    )
    found = (await world.house.get(f"/v1/deliveries?endpoint_id={endpoint}")).json()["data"]
    return str(found[0]["id"])


def _in(state: PostState) -> Callable[[World], Awaitable[str]]:
    async def make(world: World) -> str:
        return await post_in(world.house, state)

    return make


KINDS: dict[str, Callable[[World], Awaitable[str]]] = {
    "group": _group, "endpoint": _endpoint, "disabled": _disabled, "key": _key, "replay": _replay, "paused": _paused,
    "account": _account, "app": _app, "delivery": _delivery, "media": _media,
    **{str(state): _in(state) for state in PostState
       if state in (PostState.DRAFT, PostState.SCHEDULED, PostState.FAILED, PostState.UNCONFIRMED)},
}  # fmt: skip

plain("POST", "/v1/accounts/connect", 201)
plain("POST", "/v1/groups", 201, name="copied")
plain("POST", "/v1/keys", 201, name="copied", grants={"posts": "read"})
plain("POST", "/v1/endpoints", 201, url="http://127.0.0.1:9/x", events=["*"])
plain("POST", "/v1/replays", 201, since="2026-01-01T00:00:00Z")
plain("POST", "/v1/media/uploads", 201, size=10)
about("PATCH", "/v1/groups/{id}", "group", {"name": "other"})
about("DELETE", "/v1/groups/{id}", "group")
about("PATCH", "/v1/accounts/{id}", "account", {"group_id": None})
about("POST", "/v1/accounts/{id}/disconnect", "account", {"revoke": False})
about("POST", "/v1/accounts/{id}/reconnect", "account", status=201)
about("PATCH", "/v1/apps/{id}", "app", {"audited": True})
about("PATCH", "/v1/endpoints/{id}", "endpoint", {"description": "other"})
about("DELETE", "/v1/endpoints/{id}", "endpoint")
about("POST", "/v1/endpoints/{id}/disable", "endpoint")
about("POST", "/v1/endpoints/{id}/enable", "disabled")
about("POST", "/v1/endpoints/{id}/rotate", "endpoint", status=201)
about("POST", "/v1/endpoints/{id}/test", "endpoint", status=202)
about("POST", "/v1/deliveries/{id}/redeliver", "delivery", status=202)
about("POST", "/v1/replays/{id}/pause", "replay")
about("POST", "/v1/replays/{id}/resume", "paused")
about("POST", "/v1/replays/{id}/cancel", "replay")
about("PATCH", "/v1/keys/{id}", "key", {"name": "other"})
about("POST", "/v1/keys/{id}/rotate", "key")
about("POST", "/v1/keys/{id}/revoke", "key")
about("DELETE", "/v1/media/{id}", "media")
about("DELETE", "/v1/posts/{id}", "scheduled")
about("POST", "/v1/posts/{id}/cancel", "scheduled")
about("POST", "/v1/posts/{id}/reschedule", "scheduled", {"publish_at": "2035-05-01T18:00:00Z"})
about("POST", "/v1/posts/{id}/retry", "failed")
about("POST", "/v1/posts/{id}/resolve", "unconfirmed", {"outcome": "not_published"})
about("PATCH", "/v1/posts/{id}", "draft", {"title": "other"})
about("POST", "/v1/posts/{id}/send", "draft")


@recipe("POST", "/v1/customers")
async def _(world: World) -> Sent:
    return Sent("/v1/customers", {"name": "copied"}, status=201)


@recipe("PATCH", "/v1/customers/{id}")
async def _(world: World) -> Sent:
    return Sent(f"/v1/customers/{world.customer}", {"media_bytes_max": None, "media_files_max": 999})


@recipe("POST", "/v1/apps")
async def _(world: World) -> Sent:
    customer = await world.house.customer()
    asked = {"customer_id": customer, "client_key": f"aw{customer}", "client_secrets": ["planted-app-secret"]}
    return Sent("/v1/apps", asked, status=201)


@recipe("POST", "/v1/accounts")
async def _(world: World) -> Sent:
    return Sent(
        "/v1/accounts", world.house.grant(customer_id=world.customer, open_id=f"-000{fresh(world)}"), status=201
    )


@recipe("POST", "/v1/accounts/exchange")
async def _(world: World) -> Sent:
    begun = await world.house.make("/v1/accounts/connect", {"customer_id": world.customer, "scopes": SCOPE.split(",")})
    asked = {"state": begun["state"], "redirect_uri": begun["redirect_uri"], "code": fresh(world)}
    return Sent("/v1/accounts/exchange", asked, status=201)


@recipe("POST", "/v1/media")
async def _(world: World) -> Sent:
    return Sent(f"/v1/media?customer_id={world.customer}", data=picture(), kind="image/jpeg", status=201)


@recipe("POST", "/v1/media/{id}/complete")
async def _(world: World) -> Sent:
    address = await world.house.make("/v1/media/uploads", {"customer_id": world.customer, "size": 3})
    async with world.session.put(address["url"], data=b"abc") as answer:
        assert answer.status == 204
    return Sent(address["complete"], status=202)


@recipe("POST", "/v1/posts")
async def _(world: World) -> Sent:
    return Sent("/v1/posts", await _post(world), status=201)


@recipe("POST", "/v1/imports")
async def _(world: World) -> Sent:
    asked = await _post(world)
    cells = asked | {"media": asked["media"][0]}
    sheet = ",".join(cells) + "\n" + ",".join(cells.values()) + "\n"
    return Sent(f"/v1/imports?customer_id={world.customer}", data=sheet.encode(), kind="text/csv")


@recipe("POST", "/v1/consumers")
async def _(world: World) -> Sent:
    return Sent("/v1/consumers", {"customer_id": world.customer, "name": fresh(world)}, status=201)


def consumer(method: str, path: str, body: Any = None) -> None:
    async def make(world: World) -> Sent:
        name = fresh(world)
        made = await world.house.make("/v1/consumers", {"customer_id": world.customer, "name": name})
        asked = {"cursor": made["cursor"]} if path.endswith("acknowledge") else body
        return Sent(f"{path.format(name=name)}?customer_id={world.customer}", asked)

    RECIPES[method, path] = make


SOCIALAPI = "/compat/socialapi/v1"
CONNECT = {"platform": "tiktok", "metadata": {"redirect_uri": "https://app.acme.example/tiktok"}}
about("DELETE", f"{SOCIALAPI}/posts/{{id}}", "scheduled")


@recipe("POST", f"{SOCIALAPI}/accounts/connect")
async def _(world: World) -> Sent:
    return Sent(f"{SOCIALAPI}/accounts/connect", CONNECT, status=201)


@recipe("POST", f"{SOCIALAPI}/oauth/exchange")
async def _(world: World) -> Sent:
    begun = await world.house.make(f"{SOCIALAPI}/accounts/connect", CONNECT, key=world.key)
    metadata = CONNECT["metadata"] | {"state": begun["state"]}  # type: ignore[operator]
    asked = {"platform": "tiktok", "code": fresh(world), "metadata": metadata}
    return Sent(f"{SOCIALAPI}/oauth/exchange", asked, status=201)


@recipe("POST", f"{SOCIALAPI}/media/upload")
async def _(world: World) -> Sent:
    return Sent(f"{SOCIALAPI}/media/upload", data=picture(), kind="image/jpeg", status=201)


@recipe("POST", f"{SOCIALAPI}/posts")
async def _(world: World) -> Sent:
    post = await _post(world)
    settings = {"tiktok": {"privacy_level": "PRIVATE"}}
    asked = {"account_ids": [post["account_id"]], "media_ids": post["media"], "platform_data": settings}
    return Sent(f"{SOCIALAPI}/posts", asked, status=201)


SOCIALSYNCER = "/compat/socialsyncer/v1"
about("DELETE", f"{SOCIALSYNCER}/posts/{{id}}", "scheduled")
about("POST", f"{SOCIALSYNCER}/posts/{{id}}/retry", "failed")


@recipe("POST", f"{SOCIALSYNCER}/posts")
async def _(world: World) -> Sent:
    post = await _post(world)
    asked = {
        "mediaItems": [{"type": "video", "url": post["media"][0]}],
        "platforms": [{"platform": "tiktok", "accountId": post["account_id"]}],
        "tiktokSettings": {
            "privacy_level": "SELF_ONLY", "allow_comment": True, "allow_duet": True, "allow_stitch": True,
            "content_preview_confirmed": True, "express_consent_given": True,
        },
        "publishNow": True,
    }  # fmt: skip
    return Sent(f"{SOCIALSYNCER}/posts", asked, status=201)


POSTPROXY = "/compat/postproxy/api"
about("DELETE", f"{POSTPROXY}/posts/{{id}}", "scheduled")
about("DELETE", f"{POSTPROXY}/webhooks/{{id}}", "endpoint")
about("POST", f"{POSTPROXY}/profile_groups/{{id}}/initialize_connection", "group", {"platform": "tiktok"})


@recipe("POST", f"{POSTPROXY}/posts")
async def _(world: World) -> Sent:
    post = await _post(world)
    settings = {"tiktok": {"privacy_status": "SELF_ONLY"}}
    asked = {"profiles": [post["account_id"]], "media": post["media"], "platforms": settings}
    return Sent(f"{POSTPROXY}/posts", asked, status=201)


@recipe("POST", f"{POSTPROXY}/webhooks")
async def _(world: World) -> Sent:
    asked = {"url": "http://127.0.0.1:9/x", "events": ["platform_post.published"]}
    return Sent(f"{POSTPROXY}/webhooks", asked, status=201)


consumer("POST", "/v1/consumers/{name}/acknowledge")
consumer("POST", "/v1/consumers/{name}/seek", {"to": "beginning"})
consumer("DELETE", "/v1/consumers/{name}")


async def _post(world: World) -> dict[str, Any]:
    media = await world.house.video(world.customer)
    account = await _account(world)
    return {"account_id": account, "kind": "video", "media": [media], "privacy_level": "SELF_ONLY"}


async def test_there_is_a_recipe_for_every_write_of_the_router() -> None:
    assert set(RECIPES) == writes() and len(RECIPES) > 40


OWN = {(route.method, route.path) for route in ROUTES if route.own_key}


@pytest.mark.timeout(300)
async def test_many_copies_at_once_of_each_write_make_one_effect(world: World) -> None:
    for write, make in RECIPES.items():
        sent, name = await make(world), f"copies {write[0]} {write[1]}"
        done, posts, asked = await world.done(write), await world.posts(), world.tiktok.asked.copy()

        answers = await asyncio.gather(*(world.send(write[0], sent, name) for _ in range(COPIES)))

        again = await world.send(write[0], sent, name)
        refused = {text for status, text, _ in answers if status == 409}
        assert all('"idempotency_in_flight"' in text for text in refused), write
        if write in OWN:
            assert await world.posts() == posts + 1, write
            continue
        told = {(status, text) for status, text, _ in answers if status != 409}
        assert told == {again[:2]} and again[::2] == (sent.status, "true"), (write, again)
        assert await world.done(write) == done + 1, write
        calls = world.tiktok.asked - asked
        assert set(calls.values()) <= {1} and bool(calls) == write[1].endswith("/exchange"), (write, calls)


async def test_a_crash_between_effect_and_answer_wedges_no_key_and_makes_nothing_new(world: World) -> None:
    """As a process leaves it that died there: a lease that is over, and no answer kept."""
    for write, make in RECIPES.items():
        if write in OWN:
            continue  # nothing of theirs is kept but the posts
        sent, name = await make(world), f"crash {write[0]} {write[1]}"
        first = await world.send(write[0], sent, name)
        assert first[0] == sent.status, (write, first)
        await world.house.store.idempotency._pool.execute(
            "update idempotency set answer = null, held_until = $2 where name = $1",
            name,
            world.house.now(),
        )

        status, text, replayed = await world.send(write[0], sent, name)
        later = await world.send(write[0], sent, name)

        assert not replayed and "idempotency_in_flight" not in text, write
        if status < 300:  # an account that was there already is 200
            assert later[:2] == (status, text) and later[2] == "true", write
            assert _id(text) == _id(first[1]), (write, "another one was made")
        else:  # it says that it cannot be done twice, and the name is free again
            assert status in (404, 409, 422), (write, text)
            assert "in_flight" not in later[1], write


def _id(text: str) -> Any:
    said = json.loads(text)
    return said.get("id") if isinstance(said, dict) else None
