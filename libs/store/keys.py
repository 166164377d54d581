"""The keys that open the door. Only hashes come here."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from libs.model.key import Capability, Key, Level, Scoped
from libs.store import rows
from libs.store.errors import StoreError
from libs.store.pool import Connection, Pool
from libs.store.sql import Queries

SQL = Queries("keys")


class Keys:
    """The tables keys and key_grants."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def create(
        self,
        *,
        id_: str,
        customer_id: str | None,
        name: str,
        hash_: bytes,
        grants: Mapping[str, str],
        expires_at: datetime | None,
        now: datetime,
        scoped: Sequence[Scoped] = (),
        rate_per_minute: int | None = None,
    ) -> Key:
        """Makes it; called again with the same id, gives that key this hash."""

        async def write(connection: Connection) -> None:
            await connection.execute(
                SQL.insert, id_, customer_id, name, hash_, dict(grants), now, expires_at, rate_per_minute
            )
            await _write_scoped(connection, id_, scoped)

        await self._pool.transact(write)
        return await self._certain(id_)

    async def ensure(
        self, *, id_: str, customer_id: str | None, name: str, hash_: bytes, grants: Mapping[str, str], now: datetime
    ) -> bool:
        """Makes the key unless there is one with this hash, whatever became of that; True when it is new."""
        row = await self._pool.fetchrow(SQL.ensure, id_, customer_id, name, hash_, dict(grants), now)
        return row is not None

    async def by_hash(self, hash_: bytes) -> Key | None:
        """The key with this secret's hash, or that had it before; revoked and expired ones included."""
        row = await self._pool.fetchrow(SQL.by_hash, hash_)
        return _key(row) if row else None

    async def get(self, id_: str, *, customer_id: str | None) -> Key | None:
        row = await self._pool.fetchrow(SQL.get, id_, customer_id)
        return _key(row) if row else None

    async def count(self, *, customer_id: str | None, besides: str, now: datetime) -> int:
        """Keys that open something now, a customer's or (None) the operators', without the one with id `besides`."""
        return int(await self._pool.fetchval(SQL.count, customer_id, besides, now))

    async def page(self, *, customer_id: str | None, before: str | None, limit: int) -> list[Key]:
        return [_key(row) for row in await self._pool.fetch(SQL.page, customer_id, before, limit)]

    async def change(self, key: Key) -> Key:
        """Saves its name, grants, end and rate as they are in `key`; they count from the next call on."""

        async def write(connection: Connection) -> None:
            await connection.execute(
                SQL.change, key.id, key.name, dict(key.grants), key.expires_at, key.rate_per_minute
            )
            await _write_scoped(connection, key.id, key.scoped)

        await self._pool.transact(write)
        return await self._certain(key.id)

    async def rotate(self, id_: str, *, hash_: bytes, former_until: datetime) -> Key:
        """Gives it another secret; the one it had is good until then."""
        await self._pool.execute(SQL.rotate, id_, hash_, former_until)
        return await self._certain(id_)

    async def unknown_places(self, ids: Sequence[str], *, customer_id: str | None) -> set[str]:
        """Those of the ids that are neither an account nor a group of this customer (None: of anybody)."""
        rows_ = await self._pool.fetch(SQL.unknown_places, list(ids), customer_id)
        return {row["place"] for row in rows_}

    async def revoke(self, id_: str, *, customer_id: str | None, now: datetime) -> Key | None:
        await self._pool.execute(SQL.revoke, id_, customer_id, now)
        return await self.get(id_, customer_id=customer_id)

    async def used(self, ids: list[str], *, now: datetime) -> None:
        """Remembers that keys were used; called now and then, not on every request."""
        await self._pool.execute(SQL.used, ids, now)

    async def _certain(self, id_: str) -> Key:
        found = await self.get(id_, customer_id=None)
        if found is None:
            raise StoreError("a key that was just saved is not there")
        return found


async def _write_scoped(connection: Connection, id_: str, scoped: Sequence[Scoped]) -> None:
    await connection.execute(SQL.clear_scoped, id_)
    columns = rows.columns([(s.account_id, s.group_id, str(s.capability), str(s.level)) for s in scoped], 4)
    await connection.execute(SQL.insert_scoped, id_, *columns)


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
        scoped=tuple(_scoped(grant) for grant in row["scoped"]),
        rate_per_minute=row["rate_per_minute"],
        former_until=row["previous_until"] if row["former"] else None,
    )


def _scoped(grant: Mapping[str, str | None]) -> Scoped:
    return Scoped(
        Capability(str(grant["capability"])),
        Level(str(grant["level"])),
        grant["account_id"],
        grant["group_id"],
        grant["holds"],
    )
