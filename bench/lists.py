"""A thousand list calls over a million posts, with every combination of filters that the api offers, one after another.

The posts lie as they do in a database that has run for long: nearly all of them at rest, few in each other state, the
accounts of very different size. A cursor is set anywhere between the newest and the oldest.
"""

import itertools
import json
import os
import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import asyncpg
from aiohttp import ClientSession

from bench.child import BenchError
from bench.ground import Database, Ground
from bench.plan import Plan
from bench.report import Figure, Measured, Memory, Spread
from bench.scene import ours
from libs.model.ids import first_id, new_id
from libs.model.key import Capability, new_secret
from libs.store.accounts import Tokens
from services.api.app import ensure_operator_key

NAME = "lists"
POSTS = 1_000_000
"""`CLIPWIRE_BENCH_POSTS` takes fewer for a try."""
CALLS = 1_000
LIMITS_MS = {"p95": 50.0}
CUSTOMERS, ACCOUNTS_EACH, BATCHES_EACH = 20, 20, 100
SPAN = timedelta(days=400)
LIMITS = (50, 200)
CHUNK = 50_000
FILL_S = 300.0
STATES = ("published", "failed", "in_inbox", "scheduled", "draft", "unconfirmed")
"""From nearly all of them to none at all."""

_LETTERS = """
create function letters(n bigint) returns text language sql immutable parallel safe return (
    select string_agg(substr('0123456789abcdefghjkmnpqrstvwxyz', ((n >> (5 * place)) & 31)::int + 1, 1), ''
                      order by place desc)
    from generate_series(0, 9) as place)
"""
_MAKE = """
insert into posts (id, customer_id, account_id, batch_id, idempotency_key, request_hash, request, state, alarm,
                   publication, created_at, updated_at, finished_at, problem)
select 'post_' || letters(ms) || lpad(n::text, 16, '0'), ($5::text[])[1 + account % $8], ($6::text[])[1 + account],
       case when n % 10 = 0 then ($7::text[])[1 + (account % $8) * $9 + n / 10 % $9] end, 'bench-' || n, '\\x00',
       jsonb_build_object('kind', case when n % 13 = 0 then 'photo' else 'video' end, 'mode', 'direct', 'media',
                          jsonb_build_array('med_' || n), 'title', 'A morning at the harbour ' || n, 'description', '',
                          'privacy_level', 'SELF_ONLY', 'metadata', jsonb_build_object('order', n::text)),
       state, case when state = 'scheduled' then to_timestamp(4e9) end,
       case when state in ('published', 'in_inbox') then 1 else 0 end, to_timestamp(ms / 1e3), to_timestamp(ms / 1e3),
       case when state = 'failed' then to_timestamp(ms / 1e3) end,
       case when state = 'failed' then jsonb_build_object('code', 'spam_risk') end
from (
    select n, $3::bigint + (n * $4::bigint) as ms,
           floor(power(random(), 3) * cardinality($6::text[]))::int as account,
           case when n % 1000 = 1 then 'failed' when n % 500 = 2 then 'in_inbox' when n % 10000 = 3 then 'scheduled'
                when n % 100000 = 4 then 'draft' else 'published' end as state
    from generate_series($1::bigint, $2::bigint) as n
) made
"""


@dataclass(frozen=True, slots=True)
class Archive:
    """What is listed, and keys that may: an operator's, a customer's, and one for three accounts only."""

    customers: tuple[str, ...]
    accounts: tuple[str, ...]
    batches: tuple[str, ...]
    groups: tuple[str, ...]
    first: datetime
    keys: Mapping[str, str]


class Taken(NamedTuple):
    """A call: milliseconds, how many posts it showed, and what it asked."""

    ms: float
    posts: int
    asked: str


async def measure(ground: Ground, plan: Plan, say: Callable[[str], None]) -> Measured:
    """Milliseconds of each call as its caller sees it, on one connection."""
    count = int(os.environ.get("CLIPWIRE_BENCH_POSTS", POSTS))
    async with AsyncExitStack() as parts:
        database = await parts.enter_async_context(ground.database())
        api = await parts.enter_async_context(ours("api", ground, database))
        session = await parts.enter_async_context(ClientSession(f"http://127.0.0.1:{api.port}"))
        say(f"lists: making {count:,} posts")
        archive = await _fill(database, session, count)
        queries = list(_queries(archive, random.Random(7)))
        await _ask(session, archive, queries[: len(queries) // 10])  # warm: connections, statements, the usual pages
        before = api.child.usage()
        say(f"lists: {len(queries):,} calls")
        taken = sorted(await _ask(session, archive, queries))
        after = api.child.usage()
    times = [one.ms for one in taken]
    at = {name: times[int(part * (len(times) - 1))] for name, part in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))}
    slowest = "; ".join(f"{one.ms:.0f} ms {one.asked}" for one in taken[-3:])
    shown = [one.posts for one in taken]
    details = {"posts": count, "calls": len(times), "showed some": sum(map(bool, shown)), "posts shown": sum(shown)}
    if details["showed some"] < len(times) / 10:
        raise BenchError(f"only {details['showed some']} of {len(times)} lists showed anything")
    figures = [
        Figure(f"lists: posts of {count:,}, {name}", "ms", Spread((value,)), below=LIMITS_MS.get(name), details=details)
        for name, value in at.items()
    ]
    said = f"{details['showed some']} of them showed posts; slowest: {slowest}"
    figures[-1] = Figure(figures[-1].name, "ms", figures[-1].ours, limit=said, details=details)
    return Measured(figures, [Memory(NAME, "api", before.rss_mb, after.rss_mb)])


async def _ask(session: ClientSession, archive: Archive, queries: list[tuple[str, str]]) -> list[Taken]:
    taken = []
    for who, query in queries:
        began = time.perf_counter()
        async with session.get(
            f"/v1/posts?{query}", headers={"Authorization": f"Bearer {archive.keys[who]}"}
        ) as answer:
            said = await answer.read()
        took = (time.perf_counter() - began) * 1e3
        if answer.status != 200:
            raise BenchError(f"a list was answered {answer.status}: {said[:500].decode()}")
        taken.append(Taken(took, len(json.loads(said)["data"]), f"{who} {query}"))
    return taken


def _queries(archive: Archive, chance: random.Random) -> Iterator[tuple[str, str]]:
    """Who asks for what: every combination in turn until there are `CALLS`, from the top and from a cursor."""
    wheres, ranges, cursors = ("", "account", "group", "batch"), (False, True), (False, True)
    combinations = list(itertools.product(archive.keys, wheres, ("", *STATES), ("", "video", "photo"), ranges, cursors))
    chance.shuffle(combinations)
    calls = max(CALLS, len(combinations))
    for who, where, state, kind, ranged, deep in itertools.islice(itertools.cycle(combinations), calls):
        query = f"limit={chance.choice(LIMITS)}"
        if where:
            ids = {"account": archive.accounts, "group": archive.groups, "batch": archive.batches}[where]
            own = ids[:BATCHES_EACH] if where == "batch" else ids[::CUSTOMERS]  # the first customer's
            query += f"&{where}_id={chance.choice(ids if who == 'operator' else own)}"
        query += f"&state={state}" if state else ""
        query += f"&kind={kind}" if kind else ""
        if ranged:
            since = archive.first + chance.random() * SPAN
            until = since + timedelta(days=chance.choice((1, 30, 300)))
            query += f"&since={since:%Y-%m-%dT%H:%M:%SZ}&until={until:%Y-%m-%dT%H:%M:%SZ}"
        if deep:
            query += f"&cursor={first_id('post', archive.first + chance.random() * SPAN)}"
        yield who, query


async def _fill(database: Database, session: ClientSession, count: int) -> Archive:
    store = database.store
    now = await store.now()
    operator = new_secret()
    await ensure_operator_key(store, operator, now)
    customers = [
        (await store.customers.create(id_=new_id("cus", now), name=f"bench {n}", now=now)).id for n in range(CUSTOMERS)
    ]
    groups, accounts = [], []
    later = now + timedelta(days=300)
    for n in range(CUSTOMERS * ACCOUNTS_EACH):
        owner = customers[n % CUSTOMERS]
        group = await store.groups.create(id_=new_id("grp", now), customer_id=owner, name=f"bench {n}", now=now)
        account = await store.accounts.connect(
            id_=new_id("acc", now), customer_id=owner, client_key="bench", open_id=f"bench-{n}", username=None,
            display_name=None, tokens=Tokens("a", f"r-{n}", later, later, ("video.publish",)), now=now,
            group_id=group.id,
        )  # fmt: skip
        groups.append(group.id)
        accounts.append(account.id)
    batches = [new_id("bat", now) for _ in range(CUSTOMERS * BATCHES_EACH)]
    owners = [customers[n // BATCHES_EACH] for n in range(len(batches))]
    await database.execute(
        "insert into batches select id, owner, 50, 0, $3 from unnest($1::text[], $2::text[]) as b (id, owner)",
        batches, owners, now,
    )  # fmt: skip
    first = now - SPAN
    step = max(1, int(SPAN.total_seconds() * 1000) // count)
    own = await asyncpg.connect(database.url, command_timeout=FILL_S)
    try:
        await own.execute(_LETTERS)
        for at in range(0, count, CHUNK):
            until, start = min(at + CHUNK, count) - 1, int(first.timestamp() * 1000)
            await own.execute(_MAKE, at, until, start, step, customers, accounts, batches, CUSTOMERS, BATCHES_EACH)
        await own.execute("vacuum (analyze) posts")
    finally:
        await own.close(timeout=5)
    keys = {"operator": operator} | await _keys(session, operator, customers[0], accounts[::CUSTOMERS][:3])
    return Archive(tuple(customers), tuple(accounts), tuple(batches), tuple(groups), first, keys)


async def _keys(session: ClientSession, operator: str, customer: str, accounts: list[str]) -> dict[str, str]:
    """A key for everything of the customer, and one for these accounts of it alone."""
    wide: dict[str, Any] = {"customer_id": customer, "name": "bench", "grants": {Capability.POSTS: "read"}}
    narrow = wide | {
        "grants": {Capability.POSTS: "off"},
        "scoped": [{"account_id": id_, "grants": {Capability.POSTS: "read"}} for id_ in accounts],
    }
    made = {}
    for who, wish in (("customer", wide), ("three accounts", narrow)):
        async with session.post("/v1/keys", json=wish, headers={"Authorization": f"Bearer {operator}"}) as answer:
            said = await answer.json()
        if answer.status != 201:
            raise BenchError(f"a key was not made: {said}")
        made[who] = said["secret"]
    return made
