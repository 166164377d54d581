"""Customers, and the keys that open the door for them."""

from dataclasses import dataclass
from datetime import datetime

from libs.model.key import Key
from libs.store import rows
from libs.store.pool import Pool
from libs.store.sql import Queries

SQL = Queries("customers")


@dataclass(frozen=True, slots=True)
class Customer:
    """Whom the operator posts for."""

    id: str
    name: str
    created_at: datetime
    media_bytes_max: int | None = None
    """Its own quotas of media; None: the settings'."""
    media_files_max: int | None = None


class Customers:
    """The table customers."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def create(self, *, id_: str, name: str, now: datetime) -> Customer:
        return _customer(await self._pool.fetchone(SQL.insert, id_, name, now))

    async def get(self, id_: str) -> Customer | None:
        row = await self._pool.fetchrow(SQL.get, id_)
        return _customer(row) if row else None

    async def set_quota(self, id_: str, *, bytes_max: int | None, files_max: int | None) -> Customer | None:
        """Its own quotas of media from now on; None gives it the settings'."""
        row = await self._pool.fetchrow(SQL.set_quota, id_, bytes_max, files_max)
        return _customer(row) if row else None

    async def page(self, *, before: str | None, limit: int) -> list[Customer]:
        return [_customer(row) for row in await self._pool.fetch(SQL.page, before, limit)]


class Keys:
    """The table keys. Only hashes come here."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def create(
        self,
        *,
        id_: str,
        customer_id: str | None,
        name: str,
        hash_: bytes,
        grants: dict[str, str],
        expires_at: datetime | None,
        now: datetime,
    ) -> Key:
        return _key(await self._pool.fetchone(SQL.insert_key, id_, customer_id, name, hash_, grants, now, expires_at))

    async def ensure(
        self, *, id_: str, customer_id: str | None, name: str, hash_: bytes, grants: dict[str, str], now: datetime
    ) -> bool:
        """Makes the key unless there is one with this hash, whatever became of that; True when it is new."""
        row = await self._pool.fetchrow(SQL.ensure_key, id_, customer_id, name, hash_, grants, now)
        return row is not None

    async def by_hash(self, hash_: bytes) -> Key | None:
        """The key with this hash, revoked and expired ones included."""
        row = await self._pool.fetchrow(SQL.key_by_hash, hash_)
        return _key(row) if row else None

    async def page(self, *, customer_id: str | None, before: str | None, limit: int) -> list[Key]:
        return [_key(row) for row in await self._pool.fetch(SQL.page_keys, customer_id, before, limit)]

    async def revoke(self, id_: str, *, customer_id: str | None, now: datetime) -> Key | None:
        row = await self._pool.fetchrow(SQL.revoke_key, id_, customer_id, now)
        return _key(row) if row else None

    async def used(self, ids: list[str], *, now: datetime) -> None:
        """Remembers that keys were used; called now and then, not on every request."""
        await self._pool.execute(SQL.used_keys, ids, now)


def _customer(row: rows.Row) -> Customer:
    return Customer(row["id"], row["name"], row["created_at"], row["media_bytes_max"], row["media_files_max"])


def _key(row: rows.Row) -> Key:
    return Key(
        id=row["id"],
        customer_id=row["customer_id"],
        name=row["name"],
        grants=row["grants"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        revoked_at=row["revoked_at"],
        last_used_at=row["last_used_at"],
    )
