"""One migrated database, one event loop and one open store for the run; the database is emptied before every test."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio
from store_place import KEYS, NOW, Place, connect

from libs.store.store import Store
from tests.databases import Databases

Connection = asyncpg.Connection


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A connection belongs to its loop: opening both anew would cost each test more than the test itself."""
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here) and pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest.fixture(scope="session")
def kept_database_url(databases: Databases) -> Iterator[str]:
    """A database for many tests; use it through `place`, which empties it."""
    databases.prepare_template(NOW)
    name = databases.create(NOW)
    yield databases.url(name)
    databases.drop(name)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def kept_store(kept_database_url: str) -> AsyncIterator[Store]:
    store = Store(kept_database_url, program="test", encryption_keys=KEYS, size=16)
    await store.open()
    yield store
    await store.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def kept_connection(kept_database_url: str) -> AsyncIterator["Connection[asyncpg.Record]"]:
    connection = await connect(kept_database_url)
    yield connection
    await connection.close()


@pytest_asyncio.fixture(loop_scope="session")
async def place(kept_store: Store, kept_connection: "Connection[asyncpg.Record]") -> Place:
    """An open store on an empty database, and a connection to look into it."""
    tables = await kept_connection.fetch(
        "select relname from pg_class where relkind in ('r', 'p') and not relispartition"
        " and relnamespace = 'public'::regnamespace and relname <> 'migrations'"
    )
    await kept_connection.execute(
        "set session_replication_role = replica;"  # no foreign key minds the order
        + ";".join(f"delete from {row['relname']}" for row in tables)
        + "; set session_replication_role = default"
    )
    return Place(kept_store, kept_connection)


@pytest_asyncio.fixture(loop_scope="session")
async def other_connection(
    kept_database_url: str,
) -> AsyncIterator[Callable[[], Awaitable["Connection[asyncpg.Record]"]]]:
    """More connections, closed at the test's end."""
    opened: list[Connection[asyncpg.Record]] = []

    async def another() -> "Connection[asyncpg.Record]":
        opened.append(await connect(kept_database_url))
        return opened[-1]

    yield another
    for connection in opened:
        await connection.close()
