"""A running api with a TikTok behind it, in which the document's examples are true: their ids are given real ones."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from hashlib import sha256
from typing import Any

import httpx
from api_house import House
from api_post import step
from example_match import Bindings

from libs.model.change import Change
from libs.model.delivery import judge
from libs.model.endpoint import wanted
from libs.model.ids import born, new_id
from libs.model.news import News
from libs.model.post import PostState
from libs.model.stats import Taken
from libs.store.deliveries import Settled
from services.api.doc import accounts, connect, endpoints, posts, stats
from services.api.doc.sample import AUDIT, BATCH, COMING, CUSTOMER, DELIVERY, ENDPOINT, EVENT, GROUP, MEDIA, POST
from tests.contract.simulator.clips import clip
from tests.eventually import eventually


@dataclass
class World:
    house: House
    sim: str
    film: bytes = field(default_factory=lambda: clip(seconds=4, fps=10))
    known: Bindings = field(default_factory=Bindings)
    count: int = 0
    counted: str = ""

    async def tiktok(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Pulls a string of the simulator."""
        async with httpx.AsyncClient(verify=False, timeout=30) as http:
            said = await http.post(f"{self.sim}/_sim/{path}", json=body)
        assert said.is_success, said.text
        found: dict[str, Any] = said.json()
        return found

    async def begin(self) -> None:
        """Somebody at TikTok who has agreed; what TikTok gave of them stands for what the examples show."""
        acme = {
            "username": "acme",
            "display_name": "Acme",
            "videos": 1,
            "private": True,
            "scopes": list(accounts.SCOPES),
        }
        given = await self.tiktok("accounts", acme)
        await self.tiktok("accounts", {"username": "acme.boots", "display_name": "Acme Boots", "connect": False})
        self.known |= {
            "Our boots on the beach": "Video 1 of acme",
            accounts.CREATOR.open_id: given["open_id"],
            accounts.TOKENS["access_token"]: given["access_token"],
            accounts.TOKENS["refresh_token"]: given["refresh_token"],
        }
        self.house.secrets |= {given["access_token"], given["refresh_token"]}

    async def post(self, state: PostState, **change: Any) -> None:
        """A post of the example in this state, under a key of its own, and known as the examples' one."""
        self.count += 1
        key = f"{posts.VIDEO['idempotency_key']}-{self.count}"
        wish = self.known.put({name: value for name, value in (posts.VIDEO | change).items() if value is not None})
        made = await self.house.make("/v1/posts", wish | {"idempotency_key": key})
        self.known[POST] = made["id"]
        while (context := await self.house.store.posts.get(made["id"], customer_id=None)) and (
            context.post.state is not state
        ):
            now = self.house.now()
            assert not await self.house.store.posts.save([step(context, state, now=now)], now=now)

    async def delivered(self, status: int) -> None:
        """Every event that waits has gone to its endpoints, which answered so."""
        now, store = self.house.now(), self.house.store.deliveries
        await store.fan_out(
            lambda e, subs: [(new_id("dlv", born(e.id)), s.endpoint_id) for s in subs if wanted(s.events, e.type)],
            now=now, limit=500,
        )  # fmt: skip
        claim = await store.claim(now=now, lease=now + timedelta(seconds=30), lanes=100, per_lane=100)
        await store.settle(
            [Settled(one, judge(status=status, error=None, retry_after=None, tries=one.tries + 1, now=now),
                     new_id("att", now), now, 12, status, None, "busy") for one in claim.deliveries], now=now,
        )  # fmt: skip
        found = (await self.house.get(self.known.put(f"/v1/deliveries?endpoint_id={ENDPOINT}"))).json()["data"]
        chosen = next(one for one in found if one["event_type"] == "post.accepted")
        self.known |= {DELIVERY: chosen["id"], EVENT: chosen["event_id"]}


async def _accepted_event(world: World) -> None:
    async def first() -> str:
        # The feed shows an event once no older transaction of the whole server can still commit.
        feed = await world.house.get(world.known.put(f"/v1/events?type=post.accepted&customer_id={CUSTOMER}"))
        return next((str(event["id"]) for event in feed.json()["data"]), "")

    world.known[EVENT] = await eventually(first)


async def _consent(world: World) -> None:
    link = await world.house.make(
        "/v1/accounts/connect",
        world.known.put({"customer_id": CUSTOMER, "redirect_uri": connect.REDIRECT, "scopes": list(connect.SCOPES)}),
    )
    agreed = await world.tiktok("authorize", {"url": link["auth_url"], "username": "acme.boots"})
    world.known |= {
        connect.STATE: link["state"],
        connect.CODE: agreed["code"],
    }


async def _empty_group(world: World) -> None:
    made = await world.house.make("/v1/groups", world.known.put({"customer_id": CUSTOMER, "name": "Acme Shoes"}))
    world.known[GROUP] = made["id"]


async def _other_customer(world: World) -> None:
    world.known[CUSTOMER] = await world.house.customer("Another")


async def _sent(world: World) -> None:
    body = {"size": len(world.film), "sha256": sha256(world.film).hexdigest(), "customer_id": CUSTOMER}
    place = await world.house.make("/v1/media/uploads", world.known.put(body))
    async with httpx.AsyncClient(verify=False, timeout=30) as http:
        assert (await http.put(place["url"], content=world.film, headers=place["headers"])).status_code == 204
    world.known[COMING] = place["id"]


async def _unneeded(world: World) -> None:
    """A file that no post has named."""
    query, kind = world.known.put(f"customer_id={CUSTOMER}"), {"Content-Type": "video/mp4"}
    made = await world.house.call("POST", f"/v1/media?{query}", content=world.film, headers=kind)
    world.known[MEDIA] = made.json()["id"]


def in_state(state: PostState, **change: Any) -> Callable[[World], Awaitable[None]]:
    async def prepare(world: World) -> None:
        await world.post(state, **change)

    return prepare


async def _endpoint(world: World) -> None:
    body = endpoints.CREATE.examples[0].body
    made = await world.house.make("/v1/endpoints", world.known.put(dict(body or {})))
    world.known[ENDPOINT] = made["id"]


async def _delivery(world: World) -> None:
    await _endpoint(world)
    await world.post(PostState.SCHEDULED)
    await world.delivered(503)


async def _batch(world: World) -> None:
    found = await world.house.get(world.known.put(f"/v1/batches?customer_id={CUSTOMER}"))
    world.known[BATCH] = found.json()["data"][0]["id"]


async def _counted(world: World) -> None:
    """A post that is public, and the numbers of the examples: once, for the lists are short."""
    if world.counted:
        world.known[POST] = world.counted
        return
    await world.post(PostState.PUBLISHED, publish_at=None)
    store, now = world.house.store, world.house.now()
    context = await store.posts.get(world.known[POST], customer_id=None)
    assert context is not None
    post = replace(context.post, public_post_ids=(stats.VIDEO,))
    await store.posts.save([Change(post, new=(News(1, "public", stats.VIDEO, 1, None),))], now=now)
    lease = now + timedelta(minutes=5)
    while watches := await store.stats.claim(now=now, lease=lease, soon=now, limit=20):
        said = [stats.NUMBERS if watch.tiktok_post_id else stats.ACCOUNT_NUMBERS for watch in watches]
        taken = [Taken(watch, None, numbers) for watch, numbers in zip(watches, said, strict=True)]
        await store.stats.keep(taken, lease=lease, at=now)
    world.counted = post.id


async def _entry(world: World) -> None:
    found = await world.house.get("/v1/audit?action=customers.create")
    world.known[AUDIT] = found.json()["data"][0]["id"]
    world.known[CUSTOMER] = found.json()["data"][0]["subject"]


BEFORE: dict[str, Callable[[World], Awaitable[None]]] = {
    "accounts.stats.read": _counted,
    "posts.stats.read": _counted,
    "posts.stats.list": _counted,
    "accounts.exchange": _consent,
    "accounts.change": _empty_group,
    "apps.create": _other_customer,
    "audit.list": _entry,
    "batches.read": _batch,
    "deliveries.list": _delivery,
    "endpoints.change": _endpoint,
    "endpoints.enable": _endpoint,
    "endpoints.disable": _endpoint,
    "endpoints.delete": _endpoint,
    "endpoints.rotate": _endpoint,
    "events.list": _accepted_event,
    "events.read": _accepted_event,
    "media.complete": _sent,
    "media.delete": _unneeded,
    "posts.cancel": in_state(PostState.SCHEDULED),
    "posts.change": in_state(PostState.DRAFT, draft=True),
    "posts.delete": in_state(PostState.SCHEDULED),
    "posts.read": in_state(PostState.SCHEDULED),
    "posts.reschedule": in_state(PostState.SCHEDULED),
    "posts.resolve": in_state(PostState.UNCONFIRMED, publish_at=None),
    "posts.retry": in_state(PostState.FAILED, publish_at=None),
    "posts.send": in_state(PostState.DRAFT, draft=True, publish_at=None),
}
"""What has to happen before an operation's examples are true."""
