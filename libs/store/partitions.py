"""Daily partitions: made ahead, dropped when old. Names are `<table>_<yyyymmdd>`."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import structlog

from libs.store.errors import Contended
from libs.store.pool import Connection, Pool

TABLES = ("receipts", "events", "deliveries", "attempts")
AHEAD = 3
BEHIND = 4
"""Receipts live on their body's day, and TikTok re-sends for 72 h."""
LOCK_S = 2.0
"""Making and dropping a partition shuts everybody out of its table, and whoever comes while it waits for that waits
behind it: so it waits briefly, and is done the next time."""
_LOCK = 7_411_002

log = structlog.get_logger()


class Partitions:
    """Makes and drops the partitions of the growing tables. Safe to run from several programs at once."""

    def __init__(self, pool: Pool, *, lock_s: float = LOCK_S) -> None:
        self._pool = pool
        self._lock_s = lock_s

    async def ensure(self, *, now: datetime) -> int:
        """Makes the days around now that are missing; returns how many partitions were made.

        A table in long use is left for the next time: until then the rows of a missing day wait in the default one.
        """
        made = 0
        wanted = [now.date() + timedelta(days=d) for d in range(-BEHIND, AHEAD + 1)]
        have = await self._existing()
        for table in TABLES:
            missing = [day for day in wanted if _name(table, day) not in have]
            try:
                made += await self._make(table, missing) if missing else 0
            except Contended:
                log.warning("partition.postponed", table=table)
        return made

    async def drop(self, *, older_than: date) -> list[str]:
        """Drops whole days before `older_than`, and what fell on odd days and is as old; returns the dropped names."""
        dropped = []
        for name in sorted(await self._existing()):
            table, _, day = name.rpartition("_")
            if table in TABLES and day.isdigit() and datetime.strptime(day, "%Y%m%d").date() < older_than:  # noqa: DTZ007
                try:
                    async with self._pool.transaction() as connection:
                        await self._lock_briefly(connection)
                        await connection.execute(f"drop table if exists {name}")
                except Contended:
                    log.warning("partition.postponed", table=table)
                    continue
                dropped.append(name)
        for table in TABLES:
            # Odd receipts all have the same day: they are as old as their arrival.
            age = "(received_at at time zone 'UTC')::date" if table == "receipts" else "day"
            await self._pool.execute(f"delete from {table}_default where {age} < $1", older_than)  # noqa: S608
        return dropped

    async def _existing(self) -> set[str]:
        found = await self._pool.fetch(
            "select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid"
            " join pg_class p on p.oid = i.inhparent where p.relname = any($1::text[])",
            list(TABLES),
        )
        return {row["relname"] for row in found}

    async def _make(self, table: str, days: Sequence[date]) -> int:
        async with self._pool.transaction() as connection:
            await connection.execute("select pg_advisory_xact_lock($1)", _LOCK)
            await self._lock_briefly(connection)
            # The whole table, and not only its default partition: a statement that was planned with the days there were
            # and runs when the rows have moved would find them in neither.
            await connection.execute(f"lock table only {table} in access exclusive mode")
            made = 0
            for day in days:
                if await connection.fetchval("select to_regclass($1) is null", _name(table, day)):
                    await self._attach(connection, table, day)
                    made += 1
        return made

    async def _attach(self, connection: Connection, table: str, day: date) -> None:
        name, following = _name(table, day), day + timedelta(days=1)
        await connection.execute(f"create table {name} (like {table} including defaults including constraints)")
        # Rows of that day may wait in the default partition; they move first, or attaching is refused.
        await connection.execute(
            f"with moved as (delete from {table}_default where day = $1 returning *)"  # noqa: S608 (our own names)
            f" insert into {name} select * from moved",
            day,
        )
        await connection.execute(
            f"alter table {table} attach partition {name} for values from ('{day}') to ('{following}')"
        )

    async def _lock_briefly(self, connection: Connection) -> None:
        await connection.execute(f"set local lock_timeout = '{round(self._lock_s * 1000)}ms'")


def _name(table: str, day: date) -> str:
    return f"{table}_{day:%Y%m%d}"
