"""One fresh, migrated database per test: cloned from a template, because a clone costs less than the migrations."""

import asyncio
import secrets
from collections.abc import Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from deploy.filelock import FileLock

T = TypeVar("T")

START = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
"""When the held clocks of whole houses begin."""
_SECONDS = 30.0


class Databases:
    """The databases of one test run on one server; every name starts with the run's token.

    Blocks, and works from sync and async tests alike: its statements run in a thread of their own.
    """

    def __init__(self, server_url: str, *, directory: Path, token: str) -> None:
        """`directory` and `token` are shared by all processes of the run."""
        self._server_url = server_url
        self._directory = directory
        self._prefix = f"clipwire_test_{token}_"
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="databases")

    def template(self, at: datetime | None = None) -> str:
        return f"{self._prefix}template" + (f"_{at:%Y%m%d}" if at else "")

    def prepare_template(self, at: datetime | None = None) -> str:
        """Makes and migrates the template for clocks that show `at` (None: for the true time); the first process does
        it, the others wait. Returns its name.

        With the partitions of that day: to make them anew costs more than all else about a clone. And of no other: each
        is four tables more for every clone to copy, and for every statement to look into.
        """
        # here, so that tests without the schema do not need the store
        from libs.store.migrate import migrate
        from libs.store.partitions import Partitions
        from libs.store.pool import Pool

        async def furnish(url: str) -> None:
            pool = Pool(url, program="test", size=1)
            await pool.open()
            try:
                await Partitions(pool).ensure(now=at or await pool.now())
            finally:
                await pool.close()

        bare, name = f"{self._prefix}bare", self.template(at)
        with FileLock(self._directory / "template.lock", timeout=_SECONDS):
            if not (self._directory / bare).exists():
                self._server(f'create database "{bare}"')
                self._run(migrate(self.url(bare)))
                (self._directory / bare).touch()
            if not (self._directory / name).exists():
                self._clone(name, of=bare)
                self._run(furnish(self.url(name)))
                (self._directory / name).touch()
        return name

    def create(self, at: datetime | None = None) -> str:
        """A fresh clone of the template that was prepared for `at`; its name."""
        name = self._prefix + secrets.token_hex(6)
        self._clone(name, of=self.template(at))
        return name

    def drop(self, name: str) -> None:
        """Also when a test left connections open."""
        self._server(f'drop database "{name}" with (force)')

    def drop_all(self) -> None:
        """Everything of this run, whatever became of the processes that made it."""
        self._run(self._drop_all())

    def url(self, name: str) -> str:
        return urlunsplit(urlsplit(self._server_url)._replace(path=f"/{name}"))

    def close(self) -> None:
        self._thread.shutdown()

    async def _drop_all(self) -> None:
        connection = await asyncpg.connect(self._server_url, timeout=_SECONDS, command_timeout=_SECONDS)
        try:
            query = "select datname from pg_database where starts_with(datname, $1)"
            for row in await connection.fetch(query, self._prefix):
                await connection.execute(f'drop database if exists "{row["datname"]}" with (force)')
        finally:
            await connection.close()

    def _clone(self, name: str, *, of: str) -> None:
        # Its files are copied: not logged page by page, nor in the cache when it is dropped.
        clone = f'create database "{name}" template "{of}" strategy file_copy'
        # No test waits for the disk: what a server's own crash loses is judged where servers are killed. And a house
        # lives for seconds, in which Postgres would plan most statements anew for every one of their few executions.
        settings = {"synchronous_commit": "off", "plan_cache_mode": "force_generic_plan"}
        self._server(clone, *(f'alter database "{name}" set {key} = {value}' for key, value in settings.items()))

    def _server(self, *statements: str) -> None:
        self._run(self._execute(statements))

    async def _execute(self, statements: Sequence[str]) -> None:
        connection = await asyncpg.connect(self._server_url, timeout=_SECONDS, command_timeout=_SECONDS)
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._thread.submit(asyncio.run, work).result()
