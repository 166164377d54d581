"""The schema refuses what the model never does, partitions hold their days, hot statements use their indexes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import date, datetime, timedelta
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from store_place import KEYS, LATER, LEASE, NOW, Place, a_fact, a_receipt, connect, everybody

from libs.model.post import PostState
from libs.store.errors import Contended
from libs.store.partitions import AHEAD, BEHIND, TABLES, Partitions
from libs.store.pool import Pool
from libs.store.sql import Queries
from libs.store.store import Store
from tests.eventually import eventually

DAY = timedelta(days=1)

ILLEGAL = [
    # the table, what is set, the rule
    ("posts", "state = 'queued', alarm = null, in_lane = false", "working_posts_have_an_alarm"),
    ("posts", "state = 'scheduled', alarm = null, in_lane = false", "working_posts_have_an_alarm"),
    ("posts", "state = 'processing', alarm = null, in_lane = false, publication = 1", "working_posts_have_an_alarm"),
    ("posts", "state = 'draft', in_lane = false", "resting_posts_have_none"),
    ("posts", "state = 'in_inbox', in_lane = false, publication = 1", "resting_posts_have_none"),
    ("posts", "state = 'failed', in_lane = false, problem = '{}', finished_at = now()", "resting_posts_have_none"),
    ("posts", "state = 'cancelled', alarm = null, in_lane = false", "finished_exactly_when_final"),
    ("posts", "finished_at = now()", "finished_exactly_when_final"),
    ("posts", "state = 'failed', alarm = null, in_lane = false, finished_at = now()", "failed_says_why"),
    ("posts", "state = 'uploading', publication = 1, in_lane = true", "only_waiting_posts_are_in_a_lane"),
    ("posts", "state = 'uploading', in_lane = false", "sent_posts_have_a_publication"),
    ("posts", "state = 'published', in_lane = false", "sent_posts_have_a_publication"),
    ("posts", "state = 'posted', in_lane = false", "posts_state_check"),
    ("publications", "state = 'open', publish_id = null", "known_to_tiktok_once_open"),
    ("publications", "state = 'committing', committing_at = null", "committing_has_a_time"),
    ("publications", "state = 'committed', committing_at = null", "committing_has_a_time"),
    ("publications", "sent_bytes = size + 1", "publications_check"),
    ("publications", "sent_bytes = -1", "publications_check"),
    ("publications", "n = 0", "publications_n_check"),
    ("publications", "publish_id = ''", "publications_publish_id_check"),
    ("accounts", "state = 'disconnected'", "only_connected_accounts_refresh"),
    ("accounts", "state = 'lost'", "accounts_state_check"),
    ("facts", "settled_at = now()", "settled_facts_have_no_alarm"),
    ("facts", "source = 'rumour'", "facts_source_check"),
    ("batches", "unsettled = -1", "batches_unsettled_check"),
    ("endpoints", "state = 'disabled', disabled_for = 'gone', reason = null", "disabled_says_why"),
    ("endpoints", "state = 'disabled', reason = 'x'", "disabled_for_a_cause"),
    ("endpoints", "secrets = '{}', secret_ends = '{}'", "live_keys_are_few"),
    (
        "endpoints",
        "secrets = array_fill(''::bytea, array[11]), secret_ends = array_fill(null::timestamptz, array[11])",
        "live_keys_are_few",
    ),
    ("endpoints", "secret_ends = '{}'", "every_key_has_an_end_or_null"),
    ("endpoints", "failing_told = 50", "told_only_while_failing"),
    ("endpoints", "failing_told = 60, failing_since = now()", "told_only_while_failing"),
    ("endpoints", "schedule_s = '{5}'", "endpoints_schedule_s_check"),
    ("endpoints", "schedule_s = '{0,604801}'", "endpoints_schedule_s_check"),
    ("endpoints", "rate_per_s = 0", "endpoints_rate_per_s_check"),
    ("endpoints", "payload = 'fat'", "endpoints_payload_check"),
    ("endpoints", "disable_after = '1 minute'", "endpoints_disable_after_check"),
    ("endpoint_lanes", "failures = -1", "endpoint_lanes_failures_check"),
    ("endpoints", "timeout_s = 0", "endpoints_timeout_s_check"),
    ("deliveries", "alarm = null", "pending_exactly_when_alarmed"),
    ("deliveries", "state = 'delivered'", "pending_exactly_when_alarmed"),
    ("customers", "name = ''", "customers_name_check"),
]


@pytest_asyncio.fixture(loop_scope="session")
async def full(place: Place) -> Place:
    """One legal row in every table that has rules."""
    account = await place.account()
    await place.endpoint()
    await place.sql.execute("insert into batches values ('bat_1', $1, 1, 1, now())", account.customer_id)
    await place.in_state(account, PostState.UPLOADING)
    await place.sql.execute("update posts set state = 'queued', in_lane = true, publication = 0")
    await place.store.facts.receive([a_receipt(a_fact())])
    await place.deliveries(1)
    return place


async def test_the_schema_refuses_what_the_model_never_does(full: Place) -> None:
    for table, change, rule in ILLEGAL:
        with pytest.raises(asyncpg.CheckViolationError) as refused:
            await full.sql.execute(f"update {table} set {change}")
        assert refused.value.constraint_name == rule, change


# Partitions


@pytest_asyncio.fixture(loop_scope="session")
async def bare(database_url: str) -> AsyncIterator[tuple[Store, "asyncpg.Connection[asyncpg.Record]"]]:
    """A store on a database of its own, with today's partitions by its own clock and none around NOW."""
    store = Store(database_url, program="test", encryption_keys=KEYS)
    await store.open()
    connection = await connect(database_url)
    yield store, connection
    await connection.close()
    await store.close()


Bare = tuple[Store, "asyncpg.Connection[asyncpg.Record]"]


async def where(sql: "asyncpg.Connection[asyncpg.Record]", table: str) -> list[str]:
    return sorted(row[0] for row in await sql.fetch(f"select tableoid::regclass::text from {table}"))


async def test_partitions_are_made_once_though_many_make_them_and_take_what_waited(bare: Bare) -> None:
    store, sql = bare
    place = Place(store, sql)
    await place.endpoint()
    for day in (-2, 0, 60):
        await place.event(now=NOW + day * DAY)
    await store.deliveries.fan_out(everybody, now=NOW + 90 * DAY, limit=9)
    found = await store.deliveries.claim(now=NOW + 90 * DAY, lease=LATER + 90 * DAY, lanes=9, per_lane=9)
    before = await sql.fetch("select id, xid from events order by id")
    await store.facts.receive([a_receipt(a_fact(), at=NOW - DAY)])
    assert await where(sql, "events") == ["events_default"] * 3

    made = await asyncio.gather(*(store.partitions.ensure(now=NOW) for _ in range(3)))

    assert sum(made) == len(TABLES) * (AHEAD + BEHIND + 1)
    assert await store.partitions.ensure(now=NOW) == 0
    assert await where(sql, "events") == ["events_20270308", "events_20270310", "events_default"]
    assert await where(sql, "deliveries") == ["deliveries_20270308", "deliveries_20270310", "deliveries_default"]
    assert await where(sql, "receipts") == ["receipts_20270309"]
    assert await sql.fetch("select id, xid from events order by id") == before, "the feed's order is kept"
    assert len(found.deliveries) == 3
    # What moved is still what it was: a claimed delivery can be settled.
    await store.deliveries.release(found.deliveries, now=NOW)
    assert len((await store.deliveries.claim(now=NOW, lease=LATER, lanes=9, per_lane=9)).deliveries) == 3


async def test_a_receipt_met_again_after_its_day_was_made_is_still_the_same(bare: Bare) -> None:
    store, _ = bare
    receipt = a_receipt(a_fact())
    assert await store.facts.receive([receipt]) == (1, 1)

    await store.partitions.ensure(now=NOW)

    assert await store.facts.receive([receipt]) == (0, 0)


def patient(store: Store) -> Partitions:
    """Leaves no table for the next time, however long others are at it."""
    return Partitions(store._pool, lock_s=30.0)


async def again_when_contended(act: Callable[[], Awaitable[Any]]) -> None:
    """As ingest does: a row on its way into the default partition gives way to the partition made for it."""
    for _ in range(5):
        try:
            await act()
        except Contended:
            continue
        return
    raise AssertionError("always contended")


async def test_partitions_are_made_while_others_write_and_settle(bare: Bare) -> None:
    store, sql = bare
    place = Place(store, sql)
    await place.customer()
    await place.endpoint()

    async def write() -> None:
        for _ in range(10):
            await place.deliveries(2)
            await again_when_contended(lambda: store.facts.receive([a_receipt(a_fact())]))
            found = await store.deliveries.claim(now=NOW, lease=LEASE, lanes=9, per_lane=9)
            await store.deliveries.release(found.deliveries, now=NOW)

    await asyncio.gather(write(), write(), patient(store).ensure(now=NOW))
    while await store.deliveries.fan_out(everybody, now=NOW, limit=9) != (0, 0):  # what one skipped for the other
        pass

    assert await sql.fetchval("select count(*) from deliveries") == 40
    assert await where(sql, "deliveries") == ["deliveries_20270310"] * 40


async def test_who_looks_while_a_day_is_made_sees_what_moves_there(bare: Bare, database_url: str) -> None:
    """Planned with the days there were, and run when the rows were in the new one, it would find them in neither."""
    store, sql = bare
    place = Place(store, sql)
    moving = await place.event(now=NOW - BEHIND * DAY)  # of the day that is made first
    held = sql.transaction()
    await held.start()
    await sql.fetch("select from events_default")
    other = await connect(database_url)

    async def waiting(many: int) -> bool:
        query = "select count(*) from pg_locks where not granted and database = (select oid from pg_database"
        return bool(await sql.fetchval(f"{query} where datname = current_database())") == many)

    async with asyncio.TaskGroup() as group:
        making = group.create_task(patient(store).ensure(now=NOW))
        await eventually(lambda: waiting(1))
        looking = group.create_task(other.fetch("select id from events"))
        await eventually(lambda: waiting(2))
        await held.rollback()

    assert [row["id"] for row in looking.result()] == [moving.id]
    assert making.result() == len(TABLES) * (AHEAD + BEHIND + 1)
    assert await where(sql, "events") == ["events_20270306"]
    await other.close()


async def test_a_table_in_long_use_keeps_nobody_waiting_and_gets_its_days_the_next_time(
    bare: Bare, database_url: str
) -> None:
    _, sql = bare
    pool = Pool(database_url, program="test", size=2)
    await pool.open()
    partitions = Partitions(pool, lock_s=0.05)
    in_use = sql.transaction()
    await in_use.start()
    await sql.fetch("select * from receipts")

    others = (len(TABLES) - 1) * (AHEAD + BEHIND + 1)
    assert await partitions.ensure(now=NOW) == others
    assert "receipts_20270310" not in await partitions.drop(older_than=(NOW + 9 * DAY).date())
    await in_use.rollback()

    assert await partitions.ensure(now=NOW) == others + AHEAD + BEHIND + 1
    await pool.close()


async def test_old_days_are_dropped_and_what_fell_on_odd_days_with_them(bare: Bare) -> None:
    store, sql = bare
    place = Place(store, sql)
    await store.partitions.ensure(now=NOW)
    await place.endpoint()
    for day in (-3, 0, -60):
        await place.event(now=NOW + day * DAY)
    await store.deliveries.fan_out(everybody, now=NOW, limit=9)
    for at in (NOW, NOW - 60 * DAY):
        odd = a_receipt(a_fact(), at=at)
        await store.facts.receive([type(odd)(odd.body_hash, date(1970, 1, 1), at, odd.body, odd.event, odd.fact)])

    dropped = await store.partitions.drop(older_than=(NOW - 2 * DAY).date())

    assert {name for name in dropped if name.startswith("events_2027")} == {"events_20270306", "events_20270307"}
    for table in ("events", "deliveries"):
        assert await where(sql, table) == [f"{table}_20270310"]
    assert await sql.fetchval("select received_at from receipts") == NOW
    assert await store.partitions.drop(older_than=(NOW - 2 * DAY).date()) == []


# Plans

STATEMENTS = {
    name: Queries(name)
    for name in (
        "posts",
        "deliveries",
        "events",
        "facts",
        "stats",
        "accounts",
        "consumers",
        "replays",
        "attempts",
        "ordering",
        "lists",
    )
}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def crowd_url(databases: Any, template_database: str) -> AsyncIterator[str]:
    """Thousands of rows over a week, most of them at rest, as in a database that has been running for a while."""
    name = databases.create()
    store = Store(databases.url(name), program="test", encryption_keys=KEYS)
    await store.open()
    await store.partitions.ensure(now=NOW)
    await store.close()
    sql = await connect(databases.url(name))
    await sql.execute("set session_replication_role = replica")
    await sql.execute(CROWD)
    await sql.execute("analyze")
    await sql.close()
    yield databases.url(name)
    databases.drop(name)


CROWD = """
insert into customers select 'cus_' || n, 'c', now() from generate_series(0, 399) n;
insert into accounts (id, customer_id, client_key, open_id, scopes, state, granted_at, access_token, refresh_token,
                      refresh_hash, access_expires_at, alarm, created_at, updated_at)
select 'acc_' || n, 'cus_' || n % 50, 'ck', 'o' || n, '{}', 'connected', now(), '', '', '', now(),
       '2027-03-11', now(), now() from generate_series(1, 2000) n;
insert into post_lanes
select 'acc_' || n, case when n % 100 = 0 then timestamptz '2027-03-10' end from generate_series(1, 2000) n;
insert into posts (id, customer_id, account_id, idempotency_key, request_hash, request, state, alarm, in_lane,
                   publication, created_at, updated_at)
select 'post_' || n, 'cus_' || n % 400, 'acc_' || n % 2000, n::text, '', '{"kind": "video"}',
       case when n % 100 = 0 then 'queued' when n % 100 = 1 then 'processing' else 'published' end,
       case when n % 100 < 2 then timestamptz '2027-03-10' + n * interval '1 second' end, n % 100 = 0, 1, now(), now()
from generate_series(1, 20000) n;
insert into publications (post_id, n, state, intent_at, publish_id, committing_at)
select 'post_' || n, 1, 'committed', now(), 'pub_' || n, now() from generate_series(1, 20000) n;
insert into facts (key, kind, source, publish_id, heard_at, settled_at, alarm)
select n, 'completed', 'webhook', 'pub_' || n, now(), case when n % 50 > 0 then now() end,
       case when n % 50 = 0 then timestamptz '2027-03-10' end from generate_series(1, 20000) n;
insert into events (id, day, key, type, customer_id, post_id, occurred_at, body, fan_out_at, relay_at)
select 'evt_' || n, date '2027-03-06' + n % 7, n, 'post.published', 'cus_' || n % 400, 'post_' || n, now(), 'body',
       case when n % 200 = 0 then timestamptz '2027-03-10' end, case when n % 200 = 0 then timestamptz '2027-03-10' end
from generate_series(1, 30000) n;
insert into endpoints (id, customer_id, url, events, state, secrets, secret_ends, created_at, updated_at)
select 'end_' || n, 'cus_' || n % 50, 'u', '{*}', 'enabled', '{x}', '{null}', now(), now()
from generate_series(1, 200) n;
insert into endpoint_lanes
select 'end_' || n, case when n % 20 = 0 then timestamptz '2027-03-10' end from generate_series(1, 200) n;
insert into deliveries (id, day, event_id, endpoint_id, customer_id, state, alarm, created_at)
select 'dlv_' || n, date '2027-03-06' + n % 7, 'evt_' || n, 'end_' || 1 + n % 200, 'cus_' || n % 400,
       case when n % 20 = 0 then 'pending' else 'delivered' end,
       case when n % 20 = 0 then timestamptz '2027-03-10' end, now()
from generate_series(1, 30000) n;
insert into attempts (id, day, delivery_id, endpoint_id, event_id, n, at, ms)
select 'att_' || n, date '2027-03-06' + n % 7, 'dlv_' || n, 'end_1', 'evt_' || n, 1, now(), 1
from generate_series(1, 30000) n;
insert into watches (subject, tiktok_post_id, account_id, customer_id, since, alarm)
select 'post_' || n, n, 'acc_' || n % 2000 + 1, 'cus_1', timestamptz '2027-03-11' + n * interval '1 second',
       timestamptz '2027-03-12' from generate_series(1, 20000) n;
insert into snapshots (subject, tiktok_post_id, at, numbers)
select 'post_' || n % 2000, n % 2000, timestamptz '2027-03-11' + n * interval '1 second', '{}'
from generate_series(1, 20000) n;
"""

SAVED = (
    '[{"id": "post_1", "version": 1, "state": "published", "publication": 1, "public_post_ids": [], "in_lane": false,'
    ' "failures": 0, "retries": 0, "life": 1, "updated_at": "2027-03-10T12:00:00Z"}]'
)
SETTLED = (
    "dlv_1",
    date(2027, 3, 7),
    1,
    "delivered",
    None,
    200,
    None,
    "att_x",
    "end_1",
    "evt_1",
    NOW,
    7,
    "fine",
    "why",
    1,
    "{}",
    None,
)
MADE = ("dlv_0", date(2027, 3, 7), "evt_1", "end_1", "cus_1")
REPLAYED = ("cus_7", "dlv_1", "dlv_2", date(2027, 3, 6), date(2027, 3, 12), ["exhausted"], None, None)
AGAIN: list[Any] = ["cus_7", "dlv_1", "dlv_2", date(2027, 3, 6), date(2027, 3, 12), ["exhausted"]]
TRIED = ["att_1", "att_2", date(2027, 3, 1), date(2027, 3, 15), None, None, 50]
LISTED = ["post_", "post_9", 50]
SENT = ["failed", "published"]
KINDS = ["video", "photo"]
HOT: list[tuple[str, str, list[Any]]] = [
    ("posts", "save", [SAVED]),
    ("posts", "claim_due", [NOW, LEASE, 20]),
    ("posts", "claim_lanes", [NOW, LEASE, 20]),
    ("posts", "claim_in_lane", ["acc_100", NOW, LEASE, 5]),
    ("posts", "rest_lane", ["acc_100", 0, NOW, NOW]),
    ("posts", "looks", ["acc_100", "post_1", NOW, LEASE]),
    ("posts", "young", ["acc_100", NOW]),
    ("posts", "twins", ["acc_7", SENT, "post_15", "video", 1, "", "", "direct", 50]),
    ("posts", "same_bytes", [["med_1"]]),
    ("lists", "of_all", [*LISTED]),
    ("lists", "of_customer", [*LISTED, "cus_7", []]),
    ("lists", "of_key", [*LISTED, "7", "cus_7", SENT, KINDS, None, [], None]),
    ("lists", "of_batch", [*LISTED, "bat_1", None, SENT, KINDS, None, []]),
    ("lists", "states_of_all", [*LISTED, SENT, KINDS]),
    ("lists", "states_of_customer", [*LISTED, SENT, KINDS, "cus_7", []]),
    ("lists", "states_of_accounts", [*LISTED, SENT, KINDS, ["acc_7", "acc_8"], "cus_7"]),
    ("lists", "batch", ["bat_1", "cus_7", None, []]),
    ("lists", "batches", ["cus_7", None, 50]),
    ("posts", "by_publish_ids", [["pub_1", "pub_2"]]),
    ("posts", "publications_of", [["post_1", "post_2"]]),
    ("posts", "news_of", [["post_1", "post_2"]]),
    ("posts", "known", ["cus_1", "1", ["acc_1"]]),
    ("posts", "wake_facts", [["pub_50"], NOW]),
    ("facts", "claim", [NOW, LEASE, 200]),
    ("stats", "claim", [NOW, LEASE, NOW, 20]),
    ("stats", "series", ["post_1", None, None, None, 101]),
    ("stats", "many", [["post_1", "post_2"], None, None, 31]),
    ("stats", "forget", [NOW, 500]),
    ("stats", "forget_watches", [NOW, 500]),
    ("stats", "posts", [["post_1", "post_2"], "cus_1", None, []]),
    ("facts", "settle", [[1, 2], ["a", "b"], NOW]),
    ("facts", "postpone", [[1, 2], [NOW, NOW]]),
    ("deliveries", "claim", [NOW, LEASE, 10, 20, [], ["end_7"], 5]),
    ("deliveries", "sleep_lanes", [["end_1", "end_2"], [0, 0]]),
    ("deliveries", "fan_out", [*([each] for each in MADE), NOW, ["evt_1"], [date(2027, 3, 7)]]),
    ("deliveries", "sweep_lanes", [NOW]),
    ("deliveries", "ring_lanes", [["end_1", "end_2"], [NOW, NOW]]),
    ("deliveries", "page", ["cus_7", "dlv_9", None, None, None, 50]),
    ("deliveries", "attempts_of", ["dlv_7", 50]),
    ("deliveries", "release", [["dlv_1"], [date(2027, 3, 7)], [1], NOW]),
    ("deliveries", "settle", [*([value] for value in SETTLED), NOW, ["end_1"]]),
    ("deliveries", "redeliver", ["dlv_1", date(2027, 3, 7), NOW, None]),
    ("accounts", "claim_refresh", [NOW, LEASE, 20]),
    ("accounts", "by_open_id", ["ck", "o7"]),
    ("accounts", "wake_posts", ["acc_100", NOW]),
    ("accounts", "look_again", ["acc_100", NOW]),
    ("events", "claim_fan_out", [NOW, 50]),
    ("events", "claim_relay", [NOW, LEASE, 50]),
    ("events", "relayed", [["evt_1"], [date(2027, 3, 7)]]),
    ("events", "feed", ["0", "", None, None, 50, "cus_7", None, []]),
    ("events", "feed_of_all", ["0", "", None, None, 50, None, []]),
    *(("replays", "next", [*AGAIN, endpoint_id, None, 200, "rpl_1"]) for endpoint_id in (None, "end_7")),
    ("replays", "again", [["dlv_1"], [date(2027, 3, 7)], [NOW]]),
    ("replays", "rooms", [["end_7"], NOW, 500]),
    ("attempts", "of_endpoints", [*TRIED, ["end_2", "end_3"]]),
    ("attempts", "of_failed", [*TRIED, ["end_2", "end_3"]]),
    ("attempts", "of_event", [*TRIED, "evt_7", date(2027, 3, 7), None]),
    ("attempts", "of_words", [*TRIED, "word", None, None]),
    ("attempts", "of_words_lately", [*TRIED, "word", None, None, 500]),
    ("attempts", "of_words_lately_at", [*TRIED, "word", ["end_2", "end_3"], None, 250]),
    ("attempts", "of_all", TRIED),
    ("ordering", "behind", [20]),
    ("ordering", "news", ["cus_7", "0", "", 500]),
    ("ordering", "lanes_of", [["dlv_1"], [date(2027, 3, 7)]]),
    ("ordering", "promote", [["end_1"], ["acc_1"], NOW]),
    ("consumers", "position_at", ["cus_7", date(2027, 3, 12), "evt_2"]),
    ("events", "get", ["evt_1", date(2027, 3, 7), None, None, []]),
]
BIG = ("posts", "publications", "facts", "events", "deliveries", "attempts", "accounts", "watches", "snapshots")


EMPTY = 20.0
"""More than reading a table without rows costs, less than reading one of a day."""


def cost(line: str) -> float:
    return float(line.partition("..")[2].partition(" ")[0])


def literal(value: Any) -> str:
    match value:
        case None:
            return "null"
        case datetime() | date():
            return f"'{value.isoformat()}'"
        case list():
            return "'{" + ",".join(literal(each).strip("'") for each in value) + "}'"
        case int():
            return str(value)
        case _:
            return f"'{value}'"


@pytest.mark.thorough
@pytest.mark.parametrize(("group", "name", "args"), HOT, ids=[f"{group}.{name}" for group, name, _ in HOT])
async def test_a_hot_statement_uses_its_indexes_also_when_its_plan_is_kept(
    crowd_url: str, group: str, name: str, args: list[Any]
) -> None:
    """As the driver runs it: prepared once, executed often, so that Postgres may settle for a generic plan."""
    sql = await connect(crowd_url)
    transaction = sql.transaction()
    await transaction.start()
    await sql.execute(f"prepare hot as {getattr(STATEMENTS[group], name)}")
    call = f"execute hot({', '.join(map(literal, args))})"
    for _ in range(6):
        await sql.execute(call)
    plan = [row[0] for row in await sql.fetch(f"explain {call}")]
    await transaction.rollback()
    await sql.close()

    scans = [line for line in plan if "Seq Scan on" in line and any(f" on {table}" in line for table in BIG)]
    assert [line for line in scans if cost(line) > EMPTY] == [], "\n".join(plan[:60])
