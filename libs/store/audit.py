"""The audit log: only ever written to the end, and forgotten by age."""

from datetime import datetime

from libs.model.audit import Entry
from libs.model.ids import first_id
from libs.store.pool import Pool
from libs.store.rows import Row
from libs.store.sql import Queries

SQL = Queries("audit")


class Audit:
    """The table audit."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def record(self, entry: Entry) -> None:
        await self._pool.execute(
            SQL.record, entry.id, entry.at, entry.customer_id, entry.key_id, entry.who, entry.action, entry.subject,
            str(entry.decision), entry.sentence, dict(entry.detail), entry.request_id,
        )  # fmt: skip

    async def page(
        self,
        *,
        customer_id: str | None,
        before: str | None,
        limit: int,
        key_id: str | None = None,
        decision: str | None = None,
        action: str | None = None,
        subject: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> list[Row]:
        """Newest first, those with an id below `before`, from `since` on and before `until`."""
        first = first_id("aud", since) if since else ""
        below = min((one for one in (before, first_id("aud", until) if until else None) if one), default=None)
        return await self._pool.fetch(SQL.page, customer_id, below, key_id, decision, action, limit, subject, first)

    async def get(self, id_: str, *, customer_id: str | None) -> Row | None:
        return await self._pool.fetchrow(SQL.get, id_, customer_id)

    async def forget(self, *, before: datetime, limit: int) -> int:
        return await self._pool.execute(SQL.forget, before, limit)
