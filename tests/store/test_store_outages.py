"""What the pool makes of servers that go away and of clients that stop in the middle."""

import asyncio
import itertools
import logging
import socket
from collections.abc import Callable

import asyncpg
import pytest

from deploy.postgres import EmbeddedPostgres
from libs.store.errors import Unavailable, translated
from libs.store.migrate import migrate
from libs.store.pool import Pool
from tests.eventually import eventually


async def opened(url: str, **more: float) -> Pool:
    pool = Pool(url, program="test", **more)
    await pool.open()
    return pool


async def test_a_process_frozen_inside_a_transaction_holds_nobody_up_for_long(database_url: str) -> None:
    """SIGSTOP between two statements: its row locks would otherwise last until it is woken or its host is rebooted."""
    frozen, other = await opened(database_url, idle_in_transaction_s=2.0), await opened(database_url)
    try:
        await other.execute("insert into customers values ('cus_1', 'before', now())")

        async def stopped_in_the_middle() -> None:
            async with frozen.transaction() as connection:
                await connection.execute("update customers set name = 'frozen'")
                async with asyncio.timeout(10):
                    assert await other.execute("update customers set name = 'other'") == 1
                await connection.execute("update customers set name = 'woken'")

        with pytest.raises(Unavailable):
            await stopped_in_the_middle()
        assert await other.fetchval("select name from customers") == "other"
        assert await frozen.fetchval("select name from customers") == "other"
    finally:
        await frozen.close()
        await other.close()


async def test_who_cannot_begin_is_told_where_and_by_which_setting_without_the_password() -> None:
    with socket.socket() as held:  # bound and never listened on: refused, and nobody else's meanwhile
        held.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{held.getsockname()[1]}/clipwire"
        for begin, user in itertools.product((opened, migrate), ("me:hunter2", "me:1/hunter2")):
            with pytest.raises(Unavailable) as caught:
                await begin(f"postgresql://{user}@{place}")

            assert f"DATABASE_URL: PostgreSQL at {place}" in str(caught.value)
            assert "start it, or correct" in str(caught.value) and "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.InternalClientError("cannot switch to state 12; another operation (2) is in progress"),
        asyncpg.IdleInTransactionSessionTimeoutError("terminating connection"),
        asyncpg.ReadOnlySQLTransactionError("cannot execute UPDATE in a read-only transaction"),
        asyncpg.DiskFullError("could not extend file"),
        asyncpg.AdminShutdownError("terminating connection due to administrator command"),
        asyncpg.PostgresIOError("could not read block"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_whatever_a_server_in_trouble_says_is_unavailable(error: Exception) -> None:
    with pytest.raises(Unavailable), translated():
        raise error


async def test_a_server_that_is_killed_and_restarted_is_found_again_without_a_word_outside_the_log(
    private_postgres: Callable[[], EmbeddedPostgres], caplog: pytest.LogCaptureFixture
) -> None:
    """asyncpg's own logger writes a traceback for every try to restore its floor of connections."""
    server = private_postgres()
    pool = Pool(server.url(), program="test")
    await migrate(server.url())
    await pool.open()
    with caplog.at_level(logging.WARNING):
        await asyncio.gather(*(pool.now() for _ in range(5)))
        await asyncio.to_thread(server.kill)
        for _ in range(20):
            with pytest.raises(Unavailable):
                await pool.now()
        await asyncio.to_thread(server.start)
        await eventually(pool.now)
    await pool.close()
    assert not caplog.records
