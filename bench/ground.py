"""What measurements stand on: a durable Postgres, RabbitMQ where there is one, a folder, and databases of their own.

Durable means as in production: fsync and synchronous_commit on. A server named by `TEST_DATABASE_URL` is taken as it
is, and what it is set to is printed.
"""

import asyncio
import os
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pika

from deploy.backing import find_test_rabbitmq
from deploy.errors import Unsupported
from deploy.postgres import EmbeddedPostgres
from libs.broker.topology import EXCHANGES, QUEUES, Names
from libs.store.migrate import migrate
from libs.store.pool import Pool
from libs.store.store import Store
from libs.store.vault import new_key

DURABILITY = ("server_version", "fsync", "synchronous_commit", "full_page_writes", "wal_sync_method", "shared_buffers")
SERVER_S = 30.0


@dataclass(frozen=True, slots=True)
class Database:
    """A migrated database of one measurement, and two ways to speak to it."""

    url: str
    encryption_key: str
    store: Store
    pool: Pool

    async def value(self, statement: str, *args: Any) -> Any:
        return await self.pool.fetchval(statement, *args)

    async def execute(self, statement: str, *args: Any) -> None:
        await self.pool.execute(statement, *args)

    async def backends(self) -> list[int]:
        """Process ids of the server's own processes and of everybody's connections to it."""
        return [row["pid"] for row in await self.pool.fetch("select pid from pg_stat_activity where pid is not null")]


@dataclass(frozen=True, slots=True)
class Rabbit:
    """A RabbitMQ and the prefix under which everything of this run lives there."""

    url: str
    prefix: str
    origin: str


class Ground:
    """Between `async with` and its end; then everything it made is gone."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._parts = AsyncExitStack()
        self.folder = Path()
        self.postgres_origin = ""
        self._server_url = ""
        self._rabbit: Rabbit | str | None = None

    async def __aenter__(self) -> Self:
        # Others may pass through, for a server that root has to run as another user.
        self.folder = Path(tempfile.mkdtemp(prefix="clipwire-bench-"))
        self.folder.chmod(0o711)
        self._parts.callback(shutil.rmtree, self.folder)
        try:
            await self._find_postgres()
        except BaseException:
            await self._parts.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._parts.aclose()

    @asynccontextmanager
    async def database(self) -> AsyncIterator[Database]:
        """A fresh one, dropped afterwards."""
        name = f"clipwire_bench_{secrets.token_hex(6)}"
        url = urlunsplit(urlsplit(self._server_url)._replace(path=f"/{name}"))
        await self._server(f'create database "{name}"')
        try:
            await migrate(url)
            key = new_key()
            store, pool = Store(url, program="bench", encryption_keys=[key]), Pool(url, program="bench", size=4)
            try:
                await store.open()
                await pool.open()
                yield Database(url, key, store, pool)
            finally:
                await store.close()
                await pool.close()
        finally:
            await self._server(f'drop database "{name}" with (force)')

    async def durability(self) -> dict[str, str]:
        """The server's settings that decide what a commit is worth."""
        connection = await asyncpg.connect(self._server_url, timeout=SERVER_S, command_timeout=SERVER_S)
        try:
            found = await connection.fetch(
                "select name, current_setting(name) as value from pg_settings where name = any($1::text[])",
                list(DURABILITY),
            )
        finally:
            await connection.close(timeout=SERVER_S)
        return {row["name"]: row["value"] for row in found}

    async def rabbitmq(self) -> Rabbit | str:
        """RabbitMQ, or why there is none; looked for once."""
        if self._rabbit is None:
            try:
                backing = await asyncio.to_thread(
                    find_test_rabbitmq, dict(os.environ), directory=self.folder / "rabbitmq", say=self._say
                )
            except Unsupported as error:
                self._rabbit = str(error)
            else:
                self._parts.push_async_callback(asyncio.to_thread, backing.close)
                self._rabbit = Rabbit(backing.url, f"bench-{secrets.token_hex(6)}.", backing.origin)
                self._parts.push_async_callback(asyncio.to_thread, _delete_queues, self._rabbit)
        return self._rabbit

    async def _find_postgres(self) -> None:
        if named := os.environ.get("TEST_DATABASE_URL"):
            self._server_url, self.postgres_origin = named, "TEST_DATABASE_URL"
            return
        server = EmbeddedPostgres(self.folder / "postgres")
        self._parts.push_async_callback(asyncio.to_thread, server.remove)
        await asyncio.to_thread(server.start)
        self._server_url, self.postgres_origin = server.url(), "embedded PostgreSQL"

    async def _server(self, statement: str) -> None:
        connection = await asyncpg.connect(self._server_url, timeout=SERVER_S, command_timeout=SERVER_S)
        try:
            await connection.execute(statement)
        finally:
            await connection.close(timeout=SERVER_S)


def _delete_queues(rabbit: Rabbit) -> None:
    connection = pika.BlockingConnection(pika.URLParameters(rabbit.url))
    try:
        channel = connection.channel()
        for each in (*QUEUES, *EXCHANGES):
            # RabbitMQ answers "deleted" for what is not there.
            channel.queue_delete(Names(rabbit.prefix).of(each))
            channel.exchange_delete(Names(rabbit.prefix).of(each))
    finally:
        connection.close()
