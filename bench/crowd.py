"""Whom the measurements happen to: customers with an endpoint each, creators' accounts, posts that wait for TikTok."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bench.ground import Database
from bench.hook import CLIENT_KEY, Series
from libs.model.endpoint import Endpoint, EndpointState, Secret
from libs.model.event import Event, EventType, event
from libs.model.ids import new_id
from libs.signing import new_secret
from libs.store.accounts import Tokens

BATCH = 2_000
# Far beyond any run: nobody refreshes a token or asks TikTok how a post is doing.
LATER = timedelta(days=300)
REQUEST = {
    "kind": "video",
    "mode": "direct",
    "privacy_level": "SELF_ONLY",
    "title": "A morning at the harbour",
    "metadata": {"campaign": "spring", "asset": "4711"},
}

_POSTS = """
insert into posts (id, customer_id, account_id, idempotency_key, request_hash, request, state, alarm, publication,
                   created_at, updated_at)
select id, customer_id, account_id, id, '\\x00', $4, 'processing', $5, 1, $6, $6
from unnest($1::text[], $2::text[], $3::text[]) as p (id, customer_id, account_id)
"""
_PUBLICATIONS = """
insert into publications (post_id, n, state, intent_at, publish_id, size, chunk_size, chunk_count, sent_bytes,
                          committing_at)
select post_id, 1, 'committed', $3, publish_id, 3000000, 3000000, 1, 3000000, $3
from unnest($1::text[], $2::text[]) as p (post_id, publish_id)
"""


@dataclass(frozen=True, slots=True)
class Crowd:
    """`endpoints[i]` and every account at `i` modulo their number belong to `customers[i]`."""

    customers: tuple[str, ...]
    endpoints: tuple[str, ...]
    accounts: tuple[str, ...]

    def customer_of(self, n: int) -> str:
        return self.customers[n % len(self.customers)]

    def account_of(self, n: int) -> str:
        return self.accounts[n % len(self.accounts)]


async def gather(database: Database, *, urls: Sequence[str], accounts_each: int) -> Crowd:
    """Makes a customer for every URL."""
    store = database.store
    now = await store.now()
    customers, endpoints = [], []
    for n, url in enumerate(urls):
        customer = await store.customers.create(id_=new_id("cus", now), name=f"bench {n}", now=now)
        customers.append(customer.id)
        endpoint = await store.endpoints.create(
            Endpoint(
                id=new_id("end", now),
                customer_id=customer.id,
                url=f"{url}/hooks/clipwire",
                events=("*",),
                state=EndpointState.ENABLED,
                secrets=(Secret(new_secret().reveal()),),
                description="bench",
            ),
            now=now,
        )
        endpoints.append(endpoint.id)
    made = [await _account(database, customers[n % len(urls)], n, now=now) for n in range(accounts_each * len(urls))]
    return Crowd(tuple(customers), tuple(endpoints), tuple(made))


async def _account(database: Database, customer_id: str, n: int, *, now: datetime) -> str:
    later = now + LATER
    tokens = Tokens("bench-access", f"bench-refresh-{n}", later, later, ("video.publish",))
    account = await database.store.accounts.connect(
        id_=new_id("acc", now),
        customer_id=customer_id,
        client_key=CLIENT_KEY,
        open_id=Series("", 0, 0, accounts=n + 1).open_id(n),
        username=f"bench{n}",
        display_name=None,
        tokens=tokens,
        now=now,
    )
    return account.id


def published(crowd: Crowd, n: int, *, now: datetime) -> Event:
    """What a customer hears of a published post, in its usual size."""
    post_id = new_id("post", now)
    data = {
        "post_id": post_id,
        "customer_id": crowd.customer_of(n),
        "account_id": crowd.account_of(n),
        "batch_id": None,
        "state": "published",
        "kind": "video",
        "mode": "direct",
        "tiktok_post_ids": [],
        "metadata": REQUEST["metadata"],
        "publish_id": f"v_pub_file~v2-1.{n:012d}",
        "source": "webhook",
        "tiktok_create_time": int(now.timestamp()),
        "completion": 1,
    }
    return event(
        EventType.POST_PUBLISHED,
        key=f"{post_id}:published",
        now=now,
        data=data,
        customer_id=crowd.customer_of(n),
        account_id=crowd.account_of(n),
        post_id=post_id,
    )


async def send_posts(database: Database, crowd: Crowd, series: Series) -> None:
    """Posts that TikTok has whole, one for every webhook of `series`."""
    now = await database.store.now()
    for first in range(series.first, series.first + series.count, BATCH):
        numbers = range(first, min(first + BATCH, series.first + series.count))
        posts = [new_id("post", now) for _ in numbers]
        customers = [crowd.customer_of(n) for n in numbers]
        accounts = [crowd.account_of(n) for n in numbers]
        await database.execute(_POSTS, posts, customers, accounts, REQUEST, now + LATER, now)
        await database.execute(_PUBLICATIONS, posts, [series.publish_id(n) for n in numbers], now)
