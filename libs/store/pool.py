"""The pool of connections, and the few ways this room talks through it."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, TypeAlias, TypeVar

import asyncpg
import orjson
import structlog

from libs.store.errors import Contended, StoreError, Unavailable, opening, translated
from libs.store.migrate import check

T = TypeVar("T")
log = structlog.get_logger()

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"

COMMAND_S = 20.0
ACQUIRE_S = 10.0
CONNECT_S = 5.0
DEADLOCK_TRIES = 5
IDLE_IN_TRANSACTION_S = 10.0
"""A process that is frozen between two statements keeps its row locks, and everybody who wants them waits, however
short its leases are. Postgres ends its session after this long; nothing of ours pauses inside a transaction."""


class Pool:
    """Connections to one database. Every call has a deadline and raises this room's errors."""

    def __init__(
        self, dsn: str, *, program: str, size: int = 10, idle_in_transaction_s: float = IDLE_IN_TRANSACTION_S
    ) -> None:
        self._dsn = dsn
        self._size = size
        self._settings = {
            "application_name": f"clipwire-{program}",
            "jit": "off",
            "idle_in_transaction_session_timeout": str(round(idle_in_transaction_s * 1000)),
        }
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None

    async def open(self) -> None:
        """Connects and checks the schema. Raises `Unavailable` or `SchemaMismatch`."""
        with opening(self._dsn):
            self._pool = await asyncpg.create_pool(
                self._dsn,
                # No floor: asyncpg would restore it in the background, and log a traceback for every try that fails.
                min_size=0,
                max_size=self._size,
                timeout=CONNECT_S,
                command_timeout=COMMAND_S,
                max_inactive_connection_lifetime=120,
                init=_prepare,
                reset=_nothing_to_reset,
                server_settings=self._settings,
            )
        try:
            with opening(self._dsn):
                async with self.connection() as connection:
                    await check(connection)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        if self._pool is None:
            return
        try:
            async with asyncio.timeout(5):
                await self._pool.close()
        except TimeoutError:
            self._pool.terminate()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection outside a transaction; `Unavailable` when none comes in time."""
        if self._pool is None:
            raise Unavailable("the store is not open")
        with translated():
            async with self._pool.acquire(timeout=ACQUIRE_S) as connection:
                yield connection

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """A connection inside a transaction: committed at the end of the block, rolled back on any exception."""
        async with self.connection() as connection, connection.transaction():
            yield connection

    async def transact(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Runs `work` inside a transaction, and anew when it gave way to another: nothing of it was saved then.

        `work` has no effect but through the connection. Raises `Contended` when it always gave way.
        """
        for tries in range(1, DEADLOCK_TRIES):
            try:
                async with self.transaction() as connection:
                    return await work(connection)
            except Contended:
                log.warning("transaction.contended", tries=tries)
                await asyncio.sleep(random.uniform(0, 0.05 * tries))
        async with self.transaction() as connection:
            return await work(connection)

    async def fetch(self, statement: str, *args: Any) -> list[asyncpg.Record]:
        async with self.connection() as connection:
            return await connection.fetch(statement, *args)

    async def fetchrow(self, statement: str, *args: Any) -> asyncpg.Record | None:
        async with self.connection() as connection:
            return await connection.fetchrow(statement, *args)

    async def fetchone(self, statement: str, *args: Any) -> asyncpg.Record:
        """The row of a statement that always returns one."""
        row = await self.fetchrow(statement, *args)
        if row is None:
            raise StoreError("a statement that always returns a row returned none")
        return row

    async def fetchval(self, statement: str, *args: Any) -> Any:
        async with self.connection() as connection:
            return await connection.fetchval(statement, *args)

    async def execute(self, statement: str, *args: Any) -> int:
        """Runs it and returns how many rows it touched."""
        async with self.connection() as connection:
            tag = await connection.execute(statement, *args)
        last = tag.rpartition(" ")[2]
        return int(last) if last.isdigit() else 0

    async def now(self) -> datetime:
        """The database's clock."""
        value: datetime = await self.fetchval("select clock_timestamp()")
        return value


async def _prepare(connection: Connection) -> None:
    await connection.set_type_codec(
        "jsonb", schema="pg_catalog", encoder=lambda value: orjson.dumps(value).decode(), decoder=orjson.loads
    )


async def _nothing_to_reset(connection: Connection) -> None:
    """This room leaves nothing in a session: settings and locks are a transaction's, and nothing listens. What asyncpg
    would send after each use costs a round trip, as much as many a statement; a transaction left open it ends itself.
    """
