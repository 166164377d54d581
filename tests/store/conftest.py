"""One migrated database for the run, emptied before every test; a fresh one costs a test half a second."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import asyncpg
import pytest
import pytest_asyncio
from store_place import KEYS, NOW, Place, connect

from libs.store.store import Store
from tests.databases import Databases


async def _with_partitions(url: str) -> None:
    store = Store(url, program="test", encryption_keys=KEYS)
    await store.open()
    await store.partitions.ensure(now=NOW)
    await store.close()


@pytest.fixture(scope="session")
def kept_database_url(databases: Databases, template_database: str) -> Iterator[str]:
    """A database for many tests; use it through `place`, which empties it."""
    name = databases.create()
    asyncio.run(_with_partitions(databases.url(name)))
    yield databases.url(name)
    databases.drop(name)


@pytest_asyncio.fixture
async def sql(kept_database_url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """A connection of the test's own, to look and to hold transactions open with."""
    connection = await connect(kept_database_url)
    tables = await connection.fetch(
        "select relname from pg_class where relkind in ('r', 'p') and not relispartition"
        " and relnamespace = 'public'::regnamespace and relname <> 'migrations'"
    )
    await connection.execute(
        "set session_replication_role = replica;"  # no foreign key minds the order
        + ";".join(f"delete from {row['relname']}" for row in tables)
        + "; set session_replication_role = default"
    )
    yield connection
    await connection.close()


@pytest_asyncio.fixture
async def place(kept_database_url: str, sql: "asyncpg.Connection[asyncpg.Record]") -> AsyncIterator[Place]:
    """An open store on an empty database."""
    store = Store(kept_database_url, program="test", encryption_keys=KEYS, size=16)
    await store.open()
    yield Place(store, sql)
    await store.close()


@pytest_asyncio.fixture
async def other_connection(
    kept_database_url: str,
) -> AsyncIterator[Callable[[], Awaitable["asyncpg.Connection[asyncpg.Record]"]]]:
    """More connections, closed at the test's end."""
    opened: list[asyncpg.Connection[asyncpg.Record]] = []

    async def another() -> "asyncpg.Connection[asyncpg.Record]":
        opened.append(await connect(kept_database_url))
        return opened[-1]

    yield another
    for connection in opened:
        await connection.close()
