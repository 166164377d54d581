"""The database as an auditor reads it: plain SQL against the tables, on connections of its own."""

from typing import Any

import asyncpg

_ANSWER_S = 30.0

# A fact about a publication that nobody made waits lawfully, as long as it is looked for again.
_STRANGE = """
    f.settled_at is null and f.publish_id <> ''
    and not exists (select from publications p where p.publish_id = f.publish_id)"""

UNDONE = f"""
select (select count(*) from posts
        where state in ('scheduled', 'queued', 'initializing', 'uploading', 'processing')) as posts,
       (select count(*) from facts f where f.settled_at is null and not ({_STRANGE})) as facts,
       (select count(*) from events where fan_out_at is not null) as fan_outs,
       (select count(*) from deliveries where state = 'pending') as deliveries,
       (select count(*) from events where relay_at is not null) as relays
"""

# Alarms that passed `$1` seconds ago and nobody came.
PASSED = """
select 'posts' as of, id as row from posts where alarm < clock_timestamp() - $1 * interval '1 s'
union all select 'facts', id::text from facts where alarm < clock_timestamp() - $1 * interval '1 s'
union all select 'deliveries', id from deliveries where alarm < clock_timestamp() - $1 * interval '1 s'
union all select 'events (fan-out)', id from events where fan_out_at < clock_timestamp() - $1 * interval '1 s'
union all select 'events (relay)', id from events where relay_at < clock_timestamp() - $1 * interval '1 s'
union all select 'accounts', id from accounts where alarm < clock_timestamp() - $1 * interval '1 s'
union all select 'post_lanes', account_id from post_lanes where alarm < clock_timestamp() - $1 * interval '1 s'
union all select 'endpoint_lanes', endpoint_id from endpoint_lanes where alarm < clock_timestamp() - $1 * interval '1 s'
"""

# Lanes that sleep though something in them has been due for `$1` seconds. A post lane may rest for want of a free init,
# two minutes at most: a dead driver's slot, and TikTok's minute.
ASLEEP = """
select 'endpoint ' || l.endpoint_id as lane
from endpoint_lanes l
where (l.alarm is null or l.alarm > clock_timestamp() + interval '1 s')
  and (l.paused_until is null or l.paused_until < clock_timestamp())
  and exists (select from deliveries d where d.endpoint_id = l.endpoint_id
              and d.alarm < clock_timestamp() - $1 * interval '1 s')
union all
select 'account ' || l.account_id
from post_lanes l
where (l.alarm is null or l.alarm > clock_timestamp() + interval '125 s')
  and exists (select from posts p where p.account_id = l.account_id and p.in_lane
              and p.alarm < clock_timestamp() - $1 * interval '1 s')
"""

POSTS = "select id, idempotency_key, state, problem ->> 'code' as code, request ->> 'mode' as mode from posts"
PUBLICATIONS = "select post_id, n, state, publish_id from publications where publish_id is not null"
EVENTS = "select id, key, type, customer_id, body::jsonb -> 'data' as data from events"
RECEIPTS = """
select encode(r.body_hash, 'hex') as hash, f.key, f.publish_id, f.settled_at, f.alarm, f.result
from receipts r left join facts f on f.key = r.fact_key
"""
DELIVERIES = "select event_id, endpoint_id, state, tries from deliveries"


class Ledger:
    """Reads; a connection per question, so that a server that was away is no trouble."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def rows(self, question: str, *args: Any) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(self._url, timeout=10, command_timeout=_ANSWER_S)
        try:
            return list(await connection.fetch(question, *args))
        finally:
            await connection.close(timeout=5)

    async def undone(self) -> dict[str, int]:
        """How many of what have not come to rest; only what is above zero."""
        row = (await self.rows(UNDONE))[0]
        return {name: count for name, count in row.items() if count}

    async def passed(self, *, grace_s: float) -> list[str]:
        """Rows whose alarm passed `grace_s` ago."""
        return [f"{row['of']} {row['row']}" for row in await self.rows(PASSED, grace_s)]

    async def asleep(self, *, grace_s: float) -> list[str]:
        """Lanes that sleep past due work."""
        return [str(row["lane"]) for row in await self.rows(ASLEEP, grace_s)]
