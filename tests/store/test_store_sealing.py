"""Encryption keys change while everything runs: what is sealed stays readable, comes under the new key, and the old one
can go when nothing and nobody needs it."""

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio
from store_place import NOW, Place, an_id, connect, waiting_for_locks

from libs.model.connect import LIFE, Connect
from libs.model.endpoint import Secret
from libs.model.post import PostState
from libs.store.errors import WrongKey
from libs.store.idempotency import Held, Kept
from libs.store.media import Quota
from libs.store.reseal import Resealer
from libs.store.sealing import PLACES
from libs.store.store import Store
from libs.store.vault import MARK, UNMARKED, Vault, key_id, new_key, sealed_with
from tests.eventually import eventually

ROOT = Path(__file__).parents[2]
SEALED = {
    "accounts.access_token", "accounts.refresh_token", "apps.secrets", "arrivals.url", "connects.verifier",
    "endpoints.headers", "endpoints.secrets", "idempotency.answer", "posts.sources", "publications.upload_url",
}  # fmt: skip
NO_SECRETS = {
    "receipts.body": "what TikTok said: no token is ever in a webhook",
    "receipts.body_hash": "a hash of it",
    "accounts.refresh_hash": "a hash of a random token",
    "connects.state_hash": "a hash of a random state",
    "connects.link_hash": "a hash of a random token",
    "reconnect_links.token_hash": "a hash of a random token",
    "keys.hash": "a hash of a random key",
    "keys.previous_hash": "a hash of a random key",
    "idempotency.request_hash": "a hash",
    "idempotency.seed": "random, and only ids are made of it",
    "media.sha256": "a hash",
    "arrivals.sha256": "a hash",
    "arrivals.token_hash": "a hash of a random token",
    "pulls.token_hash": "a hash of a random token",
    "posts.request_hash": "a hash",
}
VALUES = 13
"""How many sealed values `furnish` leaves."""


@dataclass
class Keyring:
    """An old and a new encryption key, and stores opened with them on one database."""

    url: str
    sql: "asyncpg.Connection[asyncpg.Record]"
    old: str = field(default_factory=new_key)
    new: str = field(default_factory=new_key)
    opened: list[Store] = field(default_factory=list)

    async def store(self, *keys: str, program: str = "test") -> Store:
        store = Store(self.url, program=program, encryption_keys=keys, size=4)
        await store.open()
        self.opened.append(store)
        return store

    async def under(self, key: str) -> int:
        """How many values that key seals, by looking at every column there is."""
        return sum([await self._column_under(name, key_id(key)) for name in await columns_of_bytes(self.sql)])

    async def _column_under(self, name: str, id_: str) -> int:
        table, column = name.split(".")
        counted = await self.sql.fetch(f"select {column} as value from {table} where {column} is not null")
        values = [v for row in counted for v in (row["value"] if isinstance(row["value"], list) else [row["value"]])]
        return sum(value.startswith(MARK) and sealed_with(value) == id_ for value in values)


@pytest_asyncio.fixture(loop_scope="session")
async def keys(database_url: str) -> AsyncIterator[Keyring]:
    ring = Keyring(database_url, await connect(database_url))
    yield ring
    for store in ring.opened:
        await store.close()
    await ring.sql.close()


async def columns_of_bytes(sql: "asyncpg.Connection[asyncpg.Record]") -> set[str]:
    found = await sql.fetch(
        "select c.table_name || '.' || c.column_name as name from information_schema.columns c"
        " join pg_class t on t.relname = c.table_name and t.relnamespace = 'public'::regnamespace"
        " where c.table_schema = 'public' and not t.relispartition and c.udt_name in ('bytea', '_bytea')"
    )
    return {row["name"] for row in found}


async def furnish(ring: Keyring, store: Store) -> Callable[[Store], Awaitable[list[object]]]:
    """Something sealed in every place; what comes back reads all of it through another store."""
    place = Place(store, ring.sql)
    account = await place.account()
    endpoint = await place.endpoint(secrets=(Secret("whsec_1"), Secret("whsk_2")), headers={"X-Token": "h"})
    bare = await place.endpoint(url="https://b.example/hook")
    post = (await place.in_state(account, PostState.UPLOADING)).post
    customer = account.customer_id
    signed = {"kind": "video", "mode": "direct", "media": ["https://a.example/v.mp4?sig=1"], "cover": None}
    (draft,) = await place.posts(account, state=PostState.DRAFT, alarm=None, request=signed)
    app = await store.apps.create(
        id_=an_id("app"), customer_id=customer, client_key="k", secrets=["s1", "s2"], audited=False, now=NOW
    )
    coming = await store.arrivals.fetch(
        id_=an_id("med"), customer_id=customer, url="https://a.example/?sig=1", quota=Quota(9, 9), now=NOW
    )
    asked = Connect(customer, "ck", "https://us.example/cb", ("video.publish",), "key_1", NOW, NOW + LIFE)
    await store.connects.begin(asked, state="state", verifier="verifier")
    await ring.sql.execute(
        "insert into keys (id, name, hash, grants, created_at) values ('key_1', 'x', 'h', '{}', now())"
    )
    held = await store.idempotency.claim("key_1", "n", request_hash=b"r", until=NOW + timedelta(minutes=1), now=NOW)
    assert app is not None and isinstance(held, Held)
    assert await store.idempotency.keep(held, Kept(201, {}, "answered"))

    async def read(other: Store) -> list[object]:
        grant = await other.accounts.grant(account.id)
        found = await other.endpoints.get_many([endpoint.id, bare.id])
        again = await other.idempotency.claim("key_1", "n", request_hash=b"r", until=NOW, now=NOW)
        row = await ring.sql.fetchrow("select verifier from connects")
        assert grant is not None and row is not None and isinstance(again, Kept)
        return [
            grant[1].access_token, grant[1].refresh_token, [s.text for s in found[endpoint.id].secrets],
            found[endpoint.id].headers, [s.text for s in found[bare.id].secrets], found[bare.id].headers, again.body,
            await other.apps.credentials("k"), await other.arrivals.get(coming.id, customer_id=None),
            other.connects._vault.open(row["verifier"]),
            (await Place(other, ring.sql).context(post.id)).publications[0].upload_url,
            (await other.posts.whole_request(draft))["media"],
        ]  # fmt: skip

    return read


async def test_every_column_of_bytes_is_one_that_is_resealed_or_one_without_secrets(keys: Keyring) -> None:
    assert await columns_of_bytes(keys.sql) == SEALED | set(NO_SECRETS)
    assert {name.split(".")[0] for name in SEALED} == set(PLACES)


@pytest.mark.row("SA-67", "BO-63")
async def test_two_programs_bring_everything_under_the_new_key_and_the_old_one_can_go(keys: Keyring) -> None:
    before = await keys.store(keys.old)
    read = await furnish(keys, before)
    secrets = await read(before)
    await before.close()
    one, two = [await keys.store(keys.new, keys.old, program="publisher") for _ in range(2)]
    assert await read(one) == secrets
    assert (await keys.under(keys.old), await keys.under(keys.new)) == (VALUES, 0)

    async def done() -> bool:
        rounds = await asyncio.gather(one.resealer.round(), two.resealer.round())
        resealed.append(sum(round_.resealed for round_ in rounds))
        retired.extend(key for round_ in rounds for key in round_.retired)
        return bool(retired)

    resealed: list[int] = []
    retired: list[str] = []
    await eventually(done)

    assert (sum(resealed), retired) == (VALUES, [key_id(keys.old)])
    assert (await keys.under(keys.old), await keys.under(keys.new)) == (0, VALUES)
    use = await one.sealing.use()
    assert (use.settled, dict(use.values)) == (True, {key_id(keys.new): VALUES})
    assert (await two.resealer.round()).resealed == 0
    assert await read(await keys.store(keys.new)) == secrets, "the old key is not needed any more"
    with pytest.raises(WrongKey, match=key_id(keys.new)):
        await keys.store(keys.old)


async def test_of_two_first_programs_with_different_keys_one_starts_and_the_other_says_what_it_lacks(
    keys: Keyring,
) -> None:
    started = await asyncio.gather(keys.store(keys.old), keys.store(keys.new), return_exceptions=True)

    assert sorted(type(one).__name__ for one in started) == ["Store", "WrongKey"]
    said = str(next(one for one in started if isinstance(one, WrongKey)))
    assert re.search(r"encryption key (\w{16}), and CLIPWIRE_ENCRYPTION_KEYS has only (?!\1)\w{16}: add", said)
    assert keys.old not in said and keys.new not in said


async def test_whoever_came_with_a_wrong_key_and_sealed_nothing_keeps_nobody_out(keys: Keyring) -> None:
    wrong = await keys.store(keys.new)
    await wrong.close()

    right = await keys.store(keys.old)

    assert await right.sealing.in_use() == {key_id(keys.old)}


async def test_nothing_is_sealed_anew_while_a_program_that_lives_still_seals_with_the_old_key(keys: Keyring) -> None:
    slow = await keys.store(keys.old, keys.new, program="notifier")
    await furnish(keys, slow)
    quick = await keys.store(keys.new, keys.old, program="publisher")

    waits = await quick.resealer.round()
    assert (waits.resealed, waits.left, waits.behind, waits.retired) == (0, VALUES, ("notifier",), ())
    assert not (await quick.sealing.use()).settled
    assert await keys.under(keys.new) == 0

    await keys.sql.execute("update sealers set until = now() where id = $1", slow.sealing._id)  # it was killed
    assert (await quick.resealer.round()).retired == (key_id(keys.old),)
    late = await keys.store(keys.old, keys.new, program="notifier")
    assert key_id(keys.old) in await late.sealing.in_use(), "and whoever seals with it again needs it again"


async def test_a_token_that_is_refreshed_meanwhile_is_not_overwritten(keys: Keyring) -> None:
    before = await keys.store(keys.old)
    place = Place(before, keys.sql)
    account = await place.account()
    await before.close()
    store = await keys.store(keys.new, keys.old)
    refreshed = Vault([keys.new, keys.old]).seal("act.refreshed")
    async with keys.sql.transaction():
        await keys.sql.execute("update accounts set access_token = $1", refreshed)

        resealing = asyncio.create_task(store.resealer.round())
        other = await connect(keys.url)
        await eventually(lambda: waiting_for_locks(Place(store, other), 1))
        await other.close()
    first = await resealing

    grant = await store.accounts.grant(account.id)
    assert grant is not None and grant[1].access_token == "act.refreshed"
    assert (first.resealed, first.retired) == (0, ()), "the refresh token is still under the old key"
    assert (await store.resealer.round()).retired == (key_id(keys.old),)
    grant = await store.accounts.grant(account.id)
    assert grant is not None and (grant[1].access_token, grant[1].refresh_token) == ("act.refreshed", "rft.t")


async def test_a_secret_that_no_key_opens_stops_nobody_and_its_key_is_not_told_to_go(keys: Keyring) -> None:
    before = await keys.store(keys.old)
    await furnish(keys, before)
    await before.close()
    damaged = MARK + bytes.fromhex(key_id(keys.old)) + b"damaged"
    await keys.sql.execute("update publications set upload_url = $1", damaged)
    store = await keys.store(keys.new, keys.old)

    done = await store.resealer.round()

    assert (done.resealed, done.left, done.retired) == (VALUES - 1, 1, ())


async def test_values_from_before_they_named_their_key_are_read_checked_and_brought_along(keys: Keyring) -> None:
    before = await keys.store(keys.old)
    read = await furnish(keys, before)
    secrets = await read(before)
    await before.close()
    for name in SEALED:
        table, column = name.split(".")
        bare = f"array(select substring(v from 10) from unnest({column}) as v)"
        one = bare if column == "secrets" else f"substring({column} from 10)"
        await keys.sql.execute(f"update {table} set {column} = {one} where {column} is not null")
    await keys.sql.execute("update sealing_keys set id = $1", UNMARKED)

    with pytest.raises(WrongKey):
        await keys.store(keys.new)
    store = await keys.store(keys.old)
    assert await read(store) == secrets
    done = await Resealer(store._pool, Vault([keys.old]), store.sealing, batch=1).round()

    assert (done.resealed, done.retired) == (VALUES, (UNMARKED,))
    assert await read(store) == secrets


async def _rotate(keys: Keyring, *words: str) -> asyncio.subprocess.Process:
    environ = {"DATABASE_URL": keys.url, "CLIPWIRE_ENCRYPTION_KEYS": f"{keys.new},{keys.old}", "PYTHONPATH": str(ROOT)}
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "libs.store.rotate", *words, env=dict(os.environ) | environ,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip


async def test_killed_half_way_another_goes_on_and_the_command_says_when_the_old_key_can_go(keys: Keyring) -> None:
    before = await keys.store(keys.old)
    place = Place(before, keys.sql)
    accounts = [await place.account(f"creator {n}") for n in range(60)]
    await before.close()
    looking = await connect(keys.url)
    async with keys.sql.transaction():
        await keys.sql.execute("select from accounts where id = $1 for update", max(a.id for a in accounts))
        halfway = await _rotate(keys)
        await eventually(lambda: waiting_for_locks(Place(before, looking), 1), timeout=20)
        halfway.kill()
        await halfway.communicate()
    reached = await looking.fetchval(
        "select count(*) from accounts where sealed_with(access_token) = $1", key_id(keys.new)
    )
    await looking.close()
    assert reached == 50, "one batch was kept, the one it died in was not"

    check = await _rotate(keys, "--check")
    told = (await check.communicate())[0].decode()
    assert (check.returncode, "not yet: 20 values" in told) == (1, True), told
    rest = await _rotate(keys)
    told = (await rest.communicate())[0].decode()
    assert (rest.returncode, "every other key can be removed" in told) == (0, True), told
    store = await keys.store(keys.new)
    for account in accounts:
        grant = await store.accounts.grant(account.id)
        assert grant is not None and grant[1].access_token == "act.t"
