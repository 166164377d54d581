"""What every part of the store relies on: errors of one family, sealed secrets, a schema that is its own."""

import asyncio
import re

import asyncpg
import pytest
from store_place import KEYS, NOW, Place, a_fact, a_receipt, an_id, tokens

from libs.model.endpoint import Endpoint, EndpointState, Secret
from libs.model.post import PostState
from libs.store import migrate as migrations
from libs.store.errors import BadData, Illegal, SchemaMismatch, Unavailable, WrongKey
from libs.store.migrate import migrate
from libs.store.store import Store
from libs.store.vault import Vault, new_key

SECRET = "https://signed.example/?sig=secret"
UNSTORABLE = {
    "a NUL": {"reason": SECRET + "\x00"},
    "half a surrogate pair": {"reason": SECRET + "\ud800"},
    "an integer beyond 64 bits": {"create_time": 2**63},
    "a NUL within JSON": {"data": {"k": SECRET + "\x00"}},
}


@pytest.mark.parametrize("more", UNSTORABLE.values(), ids=UNSTORABLE.keys())
async def test_a_value_that_postgres_cannot_hold_is_bad_data_and_its_neighbours_can_be_received_without_it(
    place: Place, more: dict[str, object]
) -> None:
    good, poison = a_receipt(a_fact()), a_receipt(a_fact(**more))

    with pytest.raises(BadData) as refused:
        await place.store.facts.receive([good, poison])
    assert str(refused.value) and "secret" not in str(refused.value)

    assert await place.store.facts.receive([good]) == (1, 1)


async def test_a_row_that_the_schema_refuses_is_an_error_of_this_room(place: Place) -> None:
    nobodys = Endpoint(an_id("end"), "cus_nobody", "https://a.example", ("*",), EndpointState.ENABLED, (Secret("s"),))
    with pytest.raises(Illegal, match="foreign key") as refused:
        await place.store.endpoints.create(nobodys, now=NOW)
    assert "cus_nobody" not in str(refused.value)


async def test_a_store_that_is_not_open_or_not_there_is_unavailable(kept_database_url: str) -> None:
    closed = Store(kept_database_url, program="test", encryption_keys=KEYS)
    with pytest.raises(Unavailable):
        await closed.now()

    for url in ("postgresql://127.0.0.1:1/nothing", kept_database_url + "_is_not_there"):
        with pytest.raises(Unavailable):
            await Store(url, program="test", encryption_keys=KEYS).open()
        with pytest.raises(Unavailable):
            await migrate(url)


def test_the_first_key_seals_and_every_key_opens() -> None:
    old, new = new_key(), new_key()
    sealed = Vault([old]).seal("secret")

    assert b"secret" not in sealed
    assert Vault([new, old]).open(sealed) == "secret"
    assert Vault([new]).open(Vault([new, old]).seal("secret")) == "secret"
    with pytest.raises(WrongKey):
        Vault([new]).open(sealed)
    with pytest.raises(WrongKey):
        Vault([old]).open(b"no token of ours")


@pytest.mark.parametrize("keys", [[], ["short"], [""], ["é" * 44], [new_key(), "x"]])
def test_a_bad_encryption_key_is_told_at_once(keys: list[str]) -> None:
    with pytest.raises(ValueError, match="key"):
        Vault(keys)


@pytest.mark.row("SA-67")
async def test_no_secret_is_in_the_database_in_clear(place: Place) -> None:
    account = await place.account(tokens=tokens("clear"))
    endpoint = await place.endpoint()
    post = (await place.in_state(account, PostState.UPLOADING)).post

    dump = str(await place.sql.fetch("select * from accounts"))
    dump += str(await place.sql.fetch("select * from endpoints")) + str(
        await place.sql.fetch("select * from publications")
    )
    assert not any(secret in dump for secret in ("act.clear", "rft.clear", "whsec_secret", "upload.example"))
    found = await place.store.accounts.grant(account.id)
    assert found is not None and found[1].access_token == "act.clear"
    assert (await place.store.endpoints.get_many([endpoint.id]))[endpoint.id].secrets[0].text == "whsec_secret"
    assert (await place.context(post.id)).publications[0].upload_url == "https://upload.example/secret"


async def test_migrations_are_applied_once_however_many_programs_start(
    databases: object, template_database: str
) -> None:
    url = databases.url(databases.create())  # type: ignore[attr-defined]
    empty = await asyncpg.connect(url)
    await empty.execute("drop schema public cascade; create schema public")

    applied = await asyncio.gather(*(migrate(url) for _ in range(4)))

    assert sorted(applied) == [0, 0, 0, await empty.fetchval("select count(*) from migrations")]
    assert await migrate(url) == 0
    await empty.close()


async def test_an_edited_migration_and_a_newer_database_are_refused(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute("update migrations set hash = 'edited' where n = 1")
    with pytest.raises(SchemaMismatch, match="edited"):
        await migrate(database_url)

    await connection.execute("insert into migrations (n, name, hash) values (9999, 'x', 'y')")
    with pytest.raises(SchemaMismatch, match="9999"):
        await migrate(database_url)
    with pytest.raises(SchemaMismatch, match="9999"):
        await Store(database_url, program="test", encryption_keys=KEYS).open()

    await connection.execute("drop table migrations")
    with pytest.raises(SchemaMismatch, match="make migrate"):
        await Store(database_url, program="test", encryption_keys=KEYS).open()
    await connection.close()


def test_every_statement_has_a_name_of_its_own_and_every_migration_a_number() -> None:
    from libs.store.sql import FOLDER, Queries

    for file in FOLDER.glob("*.sql"):
        text = file.read_text()
        names = [line.removeprefix("-- name: ").strip() for line in text.splitlines() if line.startswith("-- name: ")]
        assert len(names) == len(set(names))
        assert all(getattr(Queries(file.stem), name) for name in names)
    numbers = [path.name[:4] for path in sorted(migrations.FOLDER.glob("*.sql"))]
    assert numbers == sorted(set(numbers)) and numbers[0] == "0001"


async def test_the_databases_clock_is_the_one_that_counts(place: Place) -> None:
    now = await place.store.now()

    assert now.tzinfo is not None and await place.store.now() >= now
    assert await place.store.check() is None


def test_what_is_claimed_under_a_limit_is_selected_once() -> None:
    """Joined with, a selection that locks under a limit may be run again for each row it meets, and claims more."""
    joined = re.compile(r"(?:\bfrom|\bin|\bjoin) *\(\s*select\b[^()]*\bfor update skip locked", re.IGNORECASE)
    folder = migrations.FOLDER.parent / "queries"
    texts = {path.name: path.read_text() for path in folder.glob("*.sql")}
    assert any("for update skip locked" in text for text in texts.values())
    assert [name for name, text in texts.items() if joined.search(text)] == []
