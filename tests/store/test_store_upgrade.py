"""A database with endpoints of the first schema is brought to today's, and every endpoint is what it was."""

import hashlib
from typing import Any

import asyncpg
from store_place import KEYS, LATER, NOW

from libs.store import migrate as migrations
from libs.store.migrate import migrate
from libs.store.store import Store
from libs.store.vault import Vault

OLD = """
insert into customers values ('cus_1', 'one', now());
insert into endpoints (id, customer_id, url, events, state, secrets, failing_since, reason, created_at, updated_at)
select 'end_' || name, 'cus_1', 'https://a.example', '{*}', state, array[$1::bytea], since, reason, now(), now()
from (values ('well', 'enabled', null, null), ('ill', 'enabled', timestamptz '2027-03-10', null),
             ('gone', 'disabled', null, 'answered 410 Gone'), ('hand', 'disabled', null, 'disabled by request'),
             ('failing', 'disabled', timestamptz '2027-03-01', 'failing for 5 days')) as x (name, state, since, reason);
insert into endpoint_lanes (endpoint_id, paused_until)
select id, case when state = 'disabled' then timestamptz 'infinity' end from endpoints;
"""
REPLAYS = """
insert into customers values ('cus_1', 'one', now());
insert into endpoints (id, customer_id, url, events, state, secrets, secret_ends, created_at, updated_at)
values ('end_1', 'cus_1', 'https://a.example', '{*}', 'enabled', '{x}', '{null}', now(), now());
insert into replays (id, customer_id, state, since, until, endpoint_id, states, per_second, total, place, alarm,
                     created_at, updated_at, finished_at)
select 'rpl_' || n, 'cus_1', state, timestamptz '2027-03-10', timestamptz '2027-03-11', endpoint, '{exhausted}', 5, 9,
       'dlv_7', case when state = 'running' then now() end, now(), now(), case when state = 'done' then now() end
from (values (1, 'running', 'end_1'), (2, 'paused', 'end_1'), (3, 'done', 'end_1'), (4, 'running', null),
             (5, 'paused', null)) as x (n, state, endpoint);
"""


async def begun(sql: "asyncpg.Connection[asyncpg.Record]", *, before: str) -> None:
    """An empty database with the migrations that came before that one."""
    await sql.execute("drop schema public cascade; create schema public")
    await sql.execute(
        "create table migrations (n int primary key, name text not null, hash text not null, at timestamptz)"
    )
    for path in sorted(each for each in migrations.FOLDER.glob("[0-9]*.sql") if each.name < before):
        text = path.read_text(encoding="utf-8")
        await sql.execute(text)
        digest = hashlib.sha256(text.encode()).hexdigest()
        await sql.execute("insert into migrations values ($1, $2, $3, now())", int(path.name[:4]), path.stem, digest)


async def test_replays_that_were_under_way_go_on_from_their_places(databases: Any, template_database: str) -> None:
    name = databases.create()
    url = databases.url(name)
    sql = await asyncpg.connect(url)
    await begun(sql, before="0055")
    await sql.execute(REPLAYS)

    await migrate(url)

    found = await sql.fetch("select replay_id, endpoint_id, place from replay_shares order by 1")
    scans = [row["id"] for row in await sql.fetch("select id from replays where scan_at is not null order by 1")]
    await sql.close()
    databases.drop(name)
    assert [tuple(row) for row in found] == [("rpl_1", "end_1", "dlv_7"), ("rpl_2", "end_1", "dlv_7")]
    assert scans == ["rpl_4", "rpl_5"]


async def test_endpoints_of_the_first_schema_are_what_they_were(databases: Any, template_database: str) -> None:
    name = databases.create()
    url = databases.url(name)
    sql = await asyncpg.connect(url)
    await begun(sql, before="0002")
    sealed = Vault(KEYS).seal("whsec_old")
    for statement in OLD.strip().split(";\n"):
        await sql.execute(statement, *([sealed] if "$1" in statement else []))

    await migrate(url)

    store = Store(url, program="test", encryption_keys=KEYS)
    await store.open()
    found = await store.endpoints.get_many(["end_well", "end_ill", "end_gone", "end_hand", "end_failing"])
    lanes = {row["endpoint_id"]: row for row in await sql.fetch("select * from endpoint_lanes")}
    await store.endpoints.disable("end_well", customer_id=None, reason="still possible", now=NOW)
    await store.endpoints.enable("end_gone", customer_id=None, now=LATER)
    await store.close()
    await sql.close()
    databases.drop(name)

    assert {id_: one.disabled_for for id_, one in found.items()} == {
        "end_well": None, "end_ill": None, "end_gone": "gone", "end_hand": "request", "end_failing": "failing",
    }  # fmt: skip
    assert all([secret.text for secret in one.secrets] == ["whsec_old"] for one in found.values())
    assert all(one.secrets[0].until is None and one.rate_per_s is None for one in found.values())
    assert lanes["end_failing"]["alarm"] is not None and lanes["end_failing"]["open_since"] is not None
    assert lanes["end_gone"]["alarm"] is None and lanes["end_hand"]["open_since"] is None
