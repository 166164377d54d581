"""Endpoints: where customers want to hear."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson

from libs.model.endpoint import SCHEDULE, DisabledFor, Endpoint, EndpointState, Naming, Order, Payload, Secret
from libs.store import rows
from libs.store.pool import Connection, Pool
from libs.store.sql import Queries
from libs.store.vault import Vault

SQL = Queries("endpoints")
DELIVERIES = Queries("deliveries")
ENDED_AT_ONCE = 1000
"""Deliveries that a request ends; of what is left the notifier ends some at a time."""


class Endpoints:
    """The tables endpoints and endpoint_lanes, as the api changes them and the notifier reads them."""

    def __init__(self, pool: Pool, vault: Vault) -> None:
        self._pool = pool
        self._vault = vault

    async def create(self, endpoint: Endpoint, *, now: datetime) -> Endpoint:
        """Keeps a new endpoint; it is enabled."""
        return self._endpoint(
            await self._pool.fetchone(
                SQL.insert, *self._columns(endpoint), now, str(endpoint.ordering), str(endpoint.naming)
            )
        )

    async def get(self, id_: str, *, customer_id: str | None) -> Endpoint | None:
        row = await self._pool.fetchrow(SQL.get, id_, customer_id)
        return self._endpoint(row) if row else None

    async def get_many(self, ids: Sequence[str]) -> dict[str, Endpoint]:
        return {row["id"]: self._endpoint(row) for row in await self._pool.fetch(SQL.get_many, list(ids))}

    async def count(self, *, customer_id: str, besides: str) -> int:
        """A customer's endpoints, without the one that has the id `besides`."""
        return int(await self._pool.fetchval(SQL.count, customer_id, besides))

    async def page(self, *, customer_id: str | None, before: str | None, limit: int) -> list[Endpoint]:
        return [self._endpoint(row) for row in await self._pool.fetch(SQL.page, customer_id, before, limit)]

    async def change(
        self, id_: str, *, customer_id: str | None, edit: Callable[[Endpoint], Endpoint], now: datetime
    ) -> Endpoint | None:
        """Saves what `edit` makes of the endpoint, keys included; None when there is no such endpoint.

        Its row is held meanwhile, so that two changes never undo one another. What `edit` raises changes nothing.
        """

        async def write(connection: Connection) -> Endpoint | None:
            held = await connection.fetchrow(SQL.hold, id_, customer_id)
            if held is None:
                return None
            row = await connection.fetchrow(SQL.change, *self._columns(edit(self._endpoint(held))), now)
            return self._endpoint(row) if row else None

        return await self._pool.transact(write)

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

    async def delete(self, id_: str, *, customer_id: str | None, now: datetime) -> Endpoint | None:
        """Nothing is sent to it any more, its keys and headers are gone, and nobody finds it; what was sent stays to be
        read. Some of what waited ends at once, the rest with `Deliveries.end_deleted`. Twice is fine; None when there
        never was one."""

        async def write(connection: Connection) -> Endpoint | None:
            row = await connection.fetchrow(SQL.delete, id_, customer_id, now)
            if row is None:
                return None
            await connection.execute(SQL.delete_feed, id_)
            await connection.execute(SQL.delete_lane, id_)
            await connection.execute(DELIVERIES.end_deleted, now, ENDED_AT_ONCE)
            return self._endpoint(row)

        return await self._pool.transact(write)

    def _columns(self, endpoint: Endpoint) -> tuple[Any, ...]:
        headers = self._vault.seal(orjson.dumps(dict(endpoint.headers)).decode()) if endpoint.headers else None
        waits = [wait // timedelta(seconds=1) for wait in endpoint.schedule] if endpoint.schedule != SCHEDULE else None
        return (
            endpoint.id, endpoint.customer_id, endpoint.url, list(endpoint.events),
            [self._vault.seal(secret.text) for secret in endpoint.secrets],
            [secret.until for secret in endpoint.secrets], endpoint.description, list(endpoint.accounts), headers,
            str(endpoint.payload), waits, endpoint.timeout_s, endpoint.rate_per_s, endpoint.concurrency,
            endpoint.disable_after,
        )  # fmt: skip

    def _endpoint(self, row: rows.Row) -> Endpoint:
        waits, headers, cause = row["schedule_s"], row["headers"], row["disabled_for"]
        return Endpoint(
            id=row["id"],
            customer_id=row["customer_id"],
            url=row["url"],
            events=tuple(row["events"]),
            state=EndpointState(row["state"]),
            secrets=tuple(
                Secret(self._vault.open(sealed), until)
                for sealed, until in zip(row["secrets"], row["secret_ends"], strict=True)
            ),
            description=row["description"],
            accounts=tuple(row["accounts"]),
            headers=orjson.loads(self._vault.open(headers)) if headers else {},
            payload=Payload(row["payload"]),
            naming=Naming(row["naming"]),
            schedule=tuple(timedelta(seconds=wait) for wait in waits) if waits else SCHEDULE,
            timeout_s=row["timeout_s"],
            rate_per_s=row["rate_per_s"],
            concurrency=row["concurrency"],
            disable_after=row["disable_after"],
            failing_since=row["failing_since"],
            reason=row["reason"],
            disabled_for=DisabledFor(cause) if cause else None,
            version=row["version"],
            ordering=Order(row["ordering"]),
            created_at=row["created_at"],
        )
