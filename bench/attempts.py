"""Searching a million attempts, in every way the api offers, and dropping a day of everything.

The attempts lie as they do where customers mostly answer: nine in ten went well, and what failed said something.
"""

import os
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeAlias

from bench.child import BenchError
from bench.ground import Database, Ground
from bench.plan import Plan
from bench.report import Figure, Measured, Spread
from libs.model.endpoint import Endpoint, EndpointState, Secret
from libs.model.ids import first_id, new_id
from libs.signing import new_secret
from libs.store.attempts import Search

NAME = "attempts"
ATTEMPTS = 1_000_000
"""`CLIPWIRE_BENCH_ATTEMPTS` takes fewer for a try."""
CUSTOMERS, ENDPOINTS_EACH = 20, 10
DAYS = 4
CHUNKS = 400
WORDS = 5_000
CALLS = 60
P95_MS, DROP_S = 200.0, 1.0
PAGE = 50

_MAKE = """
with made as (
    select $1 || lpad(n::text, 16, '0') as att, $2 || lpad(n::text, 16, '0') as dlv,
           $3 || lpad(n::text, 16, '0') as evt, ($4::text[])[who] as endpoint, ($5::text[])[who] as customer,
           n % 10 = 3 as failed, n
    from generate_series(1, $6::int) n
    cross join lateral (select 1 + (n * 7919 + n / 10) % cardinality($4::text[]) as who) picked
), tried as (
    insert into attempts (id, day, delivery_id, endpoint_id, event_id, n, at, status, error, ms, response, why, detail)
    select att, $7, dlv, endpoint, evt, 1, $8,
           case when not failed then 200 when n % 4 = 0 then 500 when n % 4 = 1 then 503 when n % 4 = 2 then 404 end,
           case when failed and n % 4 = 3 then 'timeout' end, 12,
           case when failed then 'upstream said word' || (n * 31 + $9) % $10 || ' and was busy' else 'ok' end,
           case when failed then 'answered badly; try 2 of 10' else 'answered 200' end, '{}'
    from made
)
insert into deliveries (id, day, event_id, endpoint_id, customer_id, state, tries, created_at, finished_at)
select dlv, $7, evt, endpoint, customer, 'delivered', 1, $8, $8 from made
"""

Asked: TypeAlias = tuple[Search, str | None, str | None]
"""A search, whose it is (None: an operator's), and the cursor."""


async def measure(ground: Ground, plan: Plan, say: Callable[[str], None]) -> Measured:
    """p95 of each kind of search, and how long it takes to drop the oldest day."""
    count = int(os.environ.get("CLIPWIRE_BENCH_ATTEMPTS", ATTEMPTS))
    async with ground.database() as database:
        say(f"attempts: making {count:,}")
        now = await database.store.now()
        customers, events = await _fill(database, count, now=now)
        figures = []
        for name, searches in _kinds(customers, events, random.Random(7), now=now).items():
            say(f"attempts: {name}")
            figures.append(await _search(database, name, searches, count=count))
        say("attempts: dropping a day")
        began = time.perf_counter()
        dropped = await database.store.partitions.drop(older_than=(now - timedelta(days=DAYS - 1)).date())
        took = time.perf_counter() - began
    details = {"attempts": count, "partitions": dropped}
    if not dropped:
        raise BenchError("no day of attempts was there to drop")
    figures.append(Figure("attempts: a day of data dropped", "s", Spread((took,)), below=DROP_S, details=details))
    return Measured(figures)


async def _fill(database: Database, count: int, *, now: datetime) -> tuple[dict[str, list[str]], list[str]]:
    """Endpoints by customer, and the events of some attempts."""
    customers: dict[str, list[str]] = {}
    for n in range(CUSTOMERS):
        made = await database.store.customers.create(id_=new_id("cus", now), name=f"bench {n}", now=now)
        customers[made.id] = []
        for _ in range(ENDPOINTS_EACH):
            endpoint = Endpoint(
                new_id("end", now), made.id, "https://example.com/hooks", ("*",), EndpointState.ENABLED,
                (Secret(new_secret().reveal()),),
            )  # fmt: skip
            await database.store.endpoints.create(endpoint, now=now)
            customers[made.id].append(endpoint.id)
    pairs = [(endpoint, customer) for customer, endpoints in customers.items() for endpoint in endpoints]
    await database.store.partitions.ensure(now=now)
    events, size = [], max(1, count // CHUNKS)
    for n in range(CHUNKS):
        at = now - timedelta(days=DAYS) + timedelta(days=DAYS) * n / CHUNKS
        prefixes = [first_id(kind, at)[:-16] for kind in ("att", "dlv", "evt")]
        await database.execute(
            _MAKE, *prefixes, [one for one, _ in pairs], [one for _, one in pairs], size, at.date(), at, n * size, WORDS
        )
        events.append(f"{prefixes[2]}{1 + n % size:016d}")
    await database.execute("vacuum (analyze) attempts, deliveries, events")
    return customers, events


def _kinds(
    customers: dict[str, list[str]], events: list[str], chance: random.Random, *, now: datetime
) -> dict[str, list[Asked]]:
    """(search, customer, cursor) by kind of search. Half of them begin anywhere, as a page further on does."""
    every = Search(now - timedelta(days=30), now)

    def calls(
        make: Callable[[Search, str], Search], *, operator: bool
    ) -> Iterator[tuple[Search, str | None, str | None]]:
        for n in range(CALLS):
            customer = chance.choice(list(customers))
            since = now - timedelta(days=DAYS * chance.random()) if n % 3 == 0 else every.since
            before = first_id("att", now - timedelta(days=DAYS * chance.random())) if n % 2 else None
            yield (
                make(replace(every, since=min(since, now - timedelta(hours=1))), customer),
                None if operator else customer,
                before,
            )

    kinds: dict[str, Callable[[Search, str], Search]] = {
        "everything": lambda s, _: s,
        "one endpoint": lambda s, c: replace(s, endpoint_id=chance.choice(customers[c])),
        "one event": lambda s, _: replace(s, event_id=chance.choice(events)),
        "a status that is usual": lambda s, _: replace(s, status=200),
        "a status that is rare": lambda s, _: replace(s, status=chance.choice([404, 500, 503])),
        "a status that never came": lambda s, _: replace(s, status=418),
        "what failed": lambda s, _: replace(s, failed=True),
        "what went well": lambda s, _: replace(s, failed=False),
        "a rare word": lambda s, _: replace(s, words=f"word{chance.randrange(WORDS)}"),
        "a usual word": lambda s, _: replace(s, words="upstream busy"),
        "a word nobody said": lambda s, _: replace(s, words="zebra"),
    }
    found = {}
    for name, make in kinds.items():
        found[f"{name}, of a customer"] = list(calls(make, operator=False))
        found[f"{name}, of all"] = list(calls(make, operator=True))
    return found


async def _search(database: Database, name: str, searches: list[Asked], *, count: int) -> Figure:
    times, found = [], 0
    for search, customer, before in searches:
        began = time.perf_counter()
        rows = await database.store.attempts.search(search, customer_id=customer, before=before, limit=PAGE)
        times.append((time.perf_counter() - began) * 1_000)
        found += len(rows)
    ordered = sorted(times)
    p95 = ordered[int(0.95 * (len(ordered) - 1))]
    details = {
        "attempts": count,
        "searches": len(times),
        "found": found,
        "p50": ordered[len(ordered) // 2],
        "most": ordered[-1],
    }
    return Figure(f"attempts: {name}, p95", "ms", Spread((p95,)), below=P95_MS, details=details)
