"""Forward-only migrations: `migrations/NNNN_name.sql`, each applied once, in order, by whoever comes first."""

import hashlib
from pathlib import Path

import asyncpg
import structlog

from libs.store.errors import SchemaMismatch, opening, translated

log = structlog.get_logger()

FOLDER = Path(__file__).parent / "migrations"
_LOCK = 7_411_001  # any number, the same in every program of ours
CONNECT_S = 10.0


def _all() -> list[tuple[int, str, str]]:
    return [
        (int(path.name.partition("_")[0]), path.stem, path.read_text(encoding="utf-8"))
        for path in sorted(FOLDER.glob("[0-9]*.sql"))
    ]


async def migrate(dsn: str) -> int:
    """Brings the database at `dsn` to this program's schema; returns how many migrations were applied.

    Safe to run from several programs at once. Raises `SchemaMismatch` when the database is newer than this program or
    an applied migration was edited, `Unavailable` when Postgres does not answer.
    """
    with opening(dsn):
        connection = await asyncpg.connect(dsn, timeout=CONNECT_S, command_timeout=300)
    try:
        with translated():
            await connection.execute("select pg_advisory_lock($1)", _LOCK)
            await connection.execute(
                "create table if not exists migrations"
                " (n int primary key, name text not null, hash text not null, at timestamptz not null default now())"
            )
            applied = {row["n"]: row["hash"] for row in await connection.fetch("select n, hash from migrations")}
            known = _all()
            if newer := set(applied) - {n for n, _, _ in known}:
                raise SchemaMismatch(
                    f"the database has migration {max(newer)}, this program does not; run the newer one"
                )
            return await _apply(connection, known, applied)
    finally:
        await connection.close(timeout=5)


async def _apply(connection: asyncpg.Connection, known: list[tuple[int, str, str]], applied: dict[int, str]) -> int:
    fresh = 0
    for n, name, text in known:
        hash_ = hashlib.sha256(text.encode()).hexdigest()
        if n in applied:
            if applied[n] != hash_:
                raise SchemaMismatch(f"migration {name} was edited after it was applied; add a new one instead")
            continue
        async with connection.transaction():
            await connection.execute(text)
            await connection.execute("insert into migrations (n, name, hash) values ($1, $2, $3)", n, name, hash_)
        log.info("migration.applied", migration=name)
        fresh += 1
    return fresh


async def check(
    connection: "asyncpg.Connection[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]",
) -> None:
    """Raises `SchemaMismatch` unless the database has exactly this program's migrations."""
    exists = await connection.fetchval("select to_regclass('migrations') is not null")
    have = {row["n"] for row in await connection.fetch("select n from migrations")} if exists else set()
    want = {n for n, _, _ in _all()}
    if have != want:
        raise SchemaMismatch(
            f"the database has migrations {sorted(have)}, this program needs {sorted(want)}: run `make migrate`"
        )
