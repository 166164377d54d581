"""Numbers over time: who is to be counted, claimed by one process at a time, and what was counted."""

from collections.abc import Sequence
from datetime import datetime

from libs.model.key import EVERYWHERE, Reach
from libs.model.post import Post
from libs.model.stats import Snapshot, Taken, Watch, told
from libs.store import rows
from libs.store.events import record_events
from libs.store.pool import Connection, Pool
from libs.store.sql import Queries

SQL = Queries("stats")


class Stats:
    """The tables watches and snapshots. Watches are made with what they watch: by a connect, and by public news."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def claim(self, *, now: datetime, lease: datetime, soon: datetime, limit: int) -> list[Watch]:
        """What is due of one account, and until `soon`, leased until `lease`; nothing when nobody is due."""
        return [_watch(row) for row in await self._pool.fetch(SQL.claim, now, lease, soon, limit)]

    async def keep(self, taken: Sequence[Taken], *, lease: datetime, at: datetime) -> int:
        """Keeps the numbers that TikTok told at `at` with their events, and moves the alarms of what was claimed until
        `lease`; how many snapshots that made. What is another's by now, or changed meanwhile, is left alone.
        """
        ordered = sorted(taken, key=lambda one: (one.watch.subject, one.watch.tiktok_post_id))
        columns = rows.columns([(t.watch.subject, t.watch.tiktok_post_id, t.next, t.numbers) for t in ordered], 4)

        async def write(connection: Connection) -> int:
            kept = {tuple(row) for row in await connection.fetch(SQL.keep, *columns, lease, at)}
            news = [told(t, at=at) for t in ordered if (t.watch.subject, t.watch.tiktok_post_id) in kept]
            await record_events(connection, news, now=at)
            return len(kept)

        return await self._pool.transact(write) if ordered else 0

    async def series(
        self, subject: str, *, before: int | None, since: datetime | None, until: datetime | None, limit: int
    ) -> list[Snapshot]:
        """One subject's snapshots from `since` on and before `until`, newest first, those with an id below `before`."""
        found = await self._pool.fetch(SQL.series, subject, before, since, until, limit)
        return [_snapshot(row) for row in found]

    async def many(
        self, subjects: Sequence[str], *, since: datetime | None, until: datetime | None, limit: int
    ) -> dict[str, list[Snapshot]]:
        """The newest `limit` of each of several."""
        found: dict[str, list[Snapshot]] = {subject: [] for subject in subjects}
        for row in await self._pool.fetch(SQL.many, list(found), since, until, limit):
            found[row["subject"]].append(_snapshot(row))
        return found

    async def posts(self, ids: Sequence[str], *, customer_id: str | None, reach: Reach = EVERYWHERE) -> dict[str, Post]:
        """Those of the posts that are that customer's (None: anybody's) and within reach."""
        found = await self._pool.fetch(SQL.posts, list(ids), customer_id, *rows.reach(reach))
        return {row["id"]: rows.post(row) for row in found}

    async def forget(self, *, before: datetime, limit: int) -> int:
        """Forgets some of the snapshots from before then."""
        return await self._pool.execute(SQL.forget, before, limit)

    async def forget_watches(self, *, since: datetime, limit: int) -> int:
        """Forgets some of the videos that have been public since before then and are counted no longer."""
        return await self._pool.execute(SQL.forget_watches, since, limit)


def _watch(row: rows.Row) -> Watch:
    return Watch(**{name: row[name] for name in ("subject", "tiktok_post_id", "account_id", "customer_id", "since")})


def _snapshot(row: rows.Row) -> Snapshot:
    return Snapshot(**{name: row[name] for name in ("id", "subject", "tiktok_post_id", "at", "numbers")})
