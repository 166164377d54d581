"""Endpoints: where customers want to hear."""

from collections.abc import Sequence
from datetime import datetime

from libs.model.endpoint import Endpoint, EndpointState
from libs.store import rows
from libs.store.pool import Pool
from libs.store.sql import Queries
from libs.store.vault import Vault

SQL = Queries("endpoints")


class Endpoints:
    """The tables endpoints and endpoint_lanes, as the api changes them and the notifier reads them."""

    def __init__(self, pool: Pool, vault: Vault) -> None:
        self._pool = pool
        self._vault = vault

    async def create(
        self,
        *,
        id_: str,
        customer_id: str,
        url: str,
        events: Sequence[str],
        secret: str,
        description: str,
        timeout_s: float,
        now: datetime,
    ) -> Endpoint:
        row = await self._pool.fetchone(
            SQL.insert, id_, customer_id, url, list(events), [self._vault.seal(secret)], description, timeout_s, now
        )
        return self._endpoint(row)

    async def get(self, id_: str, *, customer_id: str | None) -> Endpoint | None:
        row = await self._pool.fetchrow(SQL.get, id_, customer_id)
        return self._endpoint(row) if row else None

    async def get_many(self, ids: Sequence[str]) -> dict[str, Endpoint]:
        return {row["id"]: self._endpoint(row) for row in await self._pool.fetch(SQL.get_many, list(ids))}

    async def page(self, *, customer_id: str | None, before: str | None, limit: int) -> list[Endpoint]:
        return [self._endpoint(row) for row in await self._pool.fetch(SQL.page, customer_id, before, limit)]

    async def change(
        self,
        id_: str,
        *,
        customer_id: str | None,
        url: str | None,
        events: Sequence[str] | None,
        description: str | None,
        timeout_s: float | None,
        now: datetime,
    ) -> Endpoint | None:
        """Changes what is not None; None when there is no such endpoint."""
        wanted = list(events) if events is not None else None
        row = await self._pool.fetchrow(SQL.change, id_, customer_id, url, wanted, description, timeout_s, now)
        return self._endpoint(row) if row else None

    async def enable(self, id_: str, *, customer_id: str | None, now: datetime) -> Endpoint | None:
        """Lets its events flow, those kept while it was disabled included."""
        async with self._pool.transaction() as connection:
            row = await connection.fetchrow(SQL.enable, id_, customer_id, now)
            if row:
                await connection.execute(SQL.enable_lane, id_, now)
            return self._endpoint(row) if row else None

    async def disable(self, id_: str, *, customer_id: str | None, reason: str, now: datetime) -> Endpoint | None:
        """Stops sending; its events are kept."""
        async with self._pool.transaction() as connection:
            row = await connection.fetchrow(SQL.disable, id_, customer_id, reason, now)
            if row:
                await connection.execute(SQL.disable_lane, id_)
            return self._endpoint(row) if row else None

    def _endpoint(self, row: rows.Row) -> Endpoint:
        return Endpoint(
            id=row["id"],
            customer_id=row["customer_id"],
            url=row["url"],
            events=tuple(row["events"]),
            state=EndpointState(row["state"]),
            secrets=tuple(self._vault.open(sealed) for sealed in row["secrets"]),
            description=row["description"],
            failing_since=row["failing_since"],
            reason=row["reason"],
            timeout_s=row["timeout_s"],
            created_at=row["created_at"],
        )
