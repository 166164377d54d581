"""A store with something in it: customers, accounts, posts in any state, endpoints, events and deliveries."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import asyncpg
import orjson

from libs.model.account import Account
from libs.model.change import Change
from libs.model.delivery import DeliveryState, Verdict
from libs.model.endpoint import Endpoint, EndpointState, Secret
from libs.model.event import Event, EventType, event
from libs.model.fact import Fact, FactKind, FactSource
from libs.model.ids import Prefix, new_id
from libs.model.post import FINAL, UNSENT, Post, PostState
from libs.model.publication import Publication, PublicationState
from libs.model.sample import DATA
from libs.store.accounts import Tokens
from libs.store.deliveries import Claimed, Outgoing, Settled, Subscription
from libs.store.facts import Receipt
from libs.store.posts import Context
from libs.store.store import Store

Connection = asyncpg.Connection
KEYS = ["MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="]
NOW = datetime(2027, 3, 10, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
LEASE = NOW + timedelta(minutes=5)
LATER = NOW + timedelta(minutes=6)

_numbers = count(1)


def an_id(prefix: Prefix, *, now: datetime = NOW) -> str:
    return new_id(prefix, now)


def tokens(text: str = "t", *, expires: datetime = NOW + timedelta(hours=24)) -> Tokens:
    return Tokens(f"act.{text}", f"rft.{text}", expires, NOW + timedelta(days=365), ("video.publish", "video.upload"))


async def connect(url: str) -> "Connection[asyncpg.Record]":
    connection = await asyncpg.connect(url, timeout=10, command_timeout=10)
    await connection.set_type_codec(
        "jsonb", schema="pg_catalog", encoder=lambda value: orjson.dumps(value).decode(), decoder=orjson.loads
    )
    return connection


def a_receipt(fact: Fact | None, *, body: bytes | None = None, at: datetime = NOW) -> Receipt:
    body = body or f"body {next(_numbers)}".encode()

    return Receipt(hashlib.sha256(body).digest(), at.date(), at, body, "post.publish.complete", fact)


def a_fact(publish_id: str = "p", *, key: str | None = None, **more: Any) -> Fact:
    defaults: dict[str, Any] = {
        "kind": FactKind.COMPLETED,
        "source": FactSource.WEBHOOK,
        "heard_at": NOW,
        "publish_id": publish_id,
        "create_time": 100,
    }
    return Fact(key=key or f"fact {next(_numbers)}", **(defaults | more))


def a_verdict(state: DeliveryState = DeliveryState.DELIVERED, **more: Any) -> Verdict:
    alarm = LATER if state is DeliveryState.PENDING else None
    return Verdict(state, more.pop("alarm", alarm), "because", healthy=state is DeliveryState.DELIVERED, **more)


def settled(delivery: Claimed, verdict: Verdict | None = None, **more: Any) -> Settled:
    defaults: dict[str, Any] = {"at": NOW, "ms": 7, "status": 200, "error": None, "response": "fine"}
    return Settled(delivery, verdict or a_verdict(), more.pop("attempt_id", an_id("att")), **(defaults | more))


def everybody(outgoing: Outgoing, subscriptions: Sequence[Subscription]) -> list[tuple[str, str]]:
    """A match by which every endpoint wants everything."""
    return [(new_id("dlv", datetime.combine(outgoing.day, NOW.timetz())), s.endpoint_id) for s in subscriptions]


@dataclass
class Place:
    """The store, a plain connection to the same database, and a customer to start with."""

    store: Store
    sql: "Connection[asyncpg.Record]"
    made: dict[str, str] = field(default_factory=dict)

    async def customer(self, name: str = "one") -> str:
        if name not in self.made:
            self.made[name] = (await self.store.customers.create(id_=an_id("cus"), name=name, now=NOW)).id
        return self.made[name]

    async def account(self, open_id: str = "creator", *, customer: str = "one", **more: Any) -> Account:
        return await self.store.accounts.connect(
            id_=an_id("acc"),
            customer_id=await self.customer(customer),
            client_key="ck",
            open_id=open_id,
            username=None,
            display_name=None,
            tokens=more.pop("tokens", tokens()),
            now=more.pop("now", NOW),
        )

    def new_post(self, account: Account, **more: Any) -> Post:
        state = more.pop("state", PostState.QUEUED)
        defaults: dict[str, Any] = {
            "id": an_id("post"),
            "customer_id": account.customer_id,
            "account_id": account.id,
            "batch_id": None,
            "idempotency_key": f"key {next(_numbers)}",
            "request": {"kind": "video", "mode": "direct", "privacy_level": "SELF_ONLY"},
            "state": state,
            "version": 1,
            "alarm": NOW,
            "in_lane": state is PostState.QUEUED,
            "created_at": NOW,
            "updated_at": NOW,
        }
        return Post(**(defaults | more))

    async def posts(self, account: Account, how_many: int = 1, **more: Any) -> list[Post]:
        """Accepted posts, each on its own."""
        posts = [self.new_post(account, **more) for _ in range(how_many)]
        for post in posts:
            await self.store.posts.accept([post], request_hash=b"h", events=[])
        return posts

    async def in_state(self, account: Account, state: PostState, **more: Any) -> Context:
        """A post that has come so far, with a publication of the state that goes with it."""
        (post,) = await self.posts(account, batch_id=more.pop("batch_id", None))
        held = {
            PostState.INITIALIZING: PublicationState.INTENDED,
            PostState.UPLOADING: PublicationState.OPEN,
        }.get(state, PublicationState.COMMITTED)
        publications = [publication(post.id, held)] if state not in UNSENT | FINAL else []
        working = state in (PostState.INITIALIZING, PostState.UPLOADING, PostState.PROCESSING)
        final = state in FINAL
        after = replace(
            post, state=state, publication=len(publications), in_lane=False,
            alarm=NOW if working or state in (PostState.SCHEDULED, PostState.QUEUED) else None,
            finished_at=NOW if final else None, problem={"code": "x"} if final else None,
        )  # fmt: skip
        await self.store.posts.save([Change(after, tuple(publications))], now=NOW)
        return await self.context(post.id)

    async def context(self, post_id: str) -> Context:
        found = await self.store.posts.get(post_id, customer_id=None)
        assert found is not None
        return found

    async def endpoint(
        self, customer: str = "one", url: str = "https://a.example/hook", *, now: datetime = NOW, **more: Any
    ) -> Endpoint:
        secrets = more.pop("secrets", (Secret("whsec_secret"),))
        endpoint = Endpoint(
            an_id("end"), await self.customer(customer), url, ("*",), EndpointState.ENABLED, secrets, **more
        )
        return await self.store.endpoints.create(endpoint, now=now)

    async def event(self, key: str | None = None, *, customer: str | None = "one", now: datetime = NOW) -> Event:
        """A recorded event."""
        customer_id = await self.customer(customer) if customer else None
        told = an_event(key, customer_id=customer_id, now=now)
        await self.store.events.record([told], now=now)
        return told

    async def deliveries(self, how_many: int, *, customer: str = "one", now: datetime = NOW) -> int:
        """So many events, fanned out to whoever listens; returns how many deliveries that made."""
        customer_id = await self.customer(customer)
        await self.store.events.record(
            [an_event(None, customer_id=customer_id, now=now) for _ in range(how_many)], now=now
        )
        _, made = await self.store.deliveries.fan_out(everybody, now=now, limit=how_many)
        return made

    async def lane(self, endpoint_id: str) -> "asyncpg.Record":
        row = await self.sql.fetchrow("select * from endpoint_lanes where endpoint_id = $1", endpoint_id)
        assert row is not None
        return row

    async def post_lane(self, account_id: str) -> "asyncpg.Record":
        row = await self.sql.fetchrow("select * from post_lanes where account_id = $1", account_id)
        assert row is not None
        return row


def an_event(
    key: str | None = None, *, customer_id: str | None, now: datetime = NOW, post_id: str | None = None
) -> Event:
    return event(
        EventType.POST_PUBLISHED,
        key=key or f"event {next(_numbers)}",
        now=now,
        data=DATA[EventType.POST_PUBLISHED],
        customer_id=customer_id,
        post_id=post_id,
    )


def publication(post_id: str, state: PublicationState, *, n: int = 1, **more: Any) -> Publication:
    known = state is not PublicationState.INTENDED
    defaults: dict[str, Any] = {
        "publish_id": f"v_pub_file~v2-1.{next(_numbers)}" if known else None,
        "upload_url": "https://upload.example/secret" if known else None,
        "url_expires_at": LATER if known else None,
        "size": 100,
        "chunk_size": 50,
        "chunk_count": 2,
        "committing_at": NOW if state in (PublicationState.COMMITTING, PublicationState.COMMITTED) else None,
    }
    return Publication(post_id, n, state, NOW, **(defaults | more))


async def waiting_for_locks(place: Place, how_many: int) -> bool:
    """Whether so many statements on this database wait for somebody else's transaction."""
    waiting = await place.sql.fetchval(
        "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    )
    return bool(waiting == how_many)
