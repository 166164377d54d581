"""Customers' own TikTok apps, and groups."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from libs.store import rows
from libs.store.pool import Pool
from libs.store.sql import Queries
from libs.store.vault import Vault

SQL = Queries("apps")


@dataclass(frozen=True, slots=True)
class App:
    """A customer's own TikTok app, without its secrets."""

    id: str
    customer_id: str
    client_key: str
    secrets: int
    audited: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Group:
    """A place for one TikTok account, such as a brand."""

    id: str
    customer_id: str
    name: str
    account_id: str | None
    created_at: datetime


class Apps:
    """The table apps. Secrets are sealed on the way in; only `credentials` carries them out."""

    def __init__(self, pool: Pool, vault: Vault) -> None:
        self._pool = pool
        self._vault = vault

    async def create(
        self, *, id_: str, customer_id: str, client_key: str, secrets: Sequence[str], audited: bool, now: datetime
    ) -> App | None:
        """None when the customer has an app, or the client key is another's. The same id again finds its row."""
        row = await self._pool.fetchrow(SQL.insert, id_, customer_id, client_key, self._sealed(secrets), audited, now)
        return _app(row) if row else None

    async def get(self, id_: str, *, customer_id: str | None) -> App | None:
        row = await self._pool.fetchrow(SQL.get, id_, customer_id)
        return _app(row) if row else None

    async def of_customer(self, customer_id: str) -> App | None:
        row = await self._pool.fetchrow(SQL.of_customer, customer_id)
        return _app(row) if row else None

    async def page(self, *, customer_id: str | None, before: str | None, limit: int) -> list[App]:
        return [_app(row) for row in await self._pool.fetch(SQL.page, customer_id, before, limit)]

    async def change(
        self, id_: str, *, secrets: Sequence[str] | None, audited: bool | None, now: datetime
    ) -> App | None:
        """Changes what is not None. The list of secrets replaces the one before: newest first, at most two."""
        sealed = self._sealed(secrets) if secrets is not None else None
        row = await self._pool.fetchrow(SQL.change, id_, sealed, audited, now)
        return _app(row) if row else None

    async def credentials(self, client_key: str) -> tuple[str, ...]:
        """The live secrets of that app, newest first; none when it is nobody's."""
        row = await self._pool.fetchrow(SQL.secrets, client_key)
        return tuple(self._vault.open(sealed) for sealed in row["secrets"]) if row else ()

    def _sealed(self, secrets: Sequence[str]) -> list[bytes]:
        return [self._vault.seal(secret) for secret in secrets]


class Groups:
    """The table groups. Which account is in one is the account's to say."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def create(self, *, id_: str, customer_id: str, name: str, now: datetime) -> Group:
        """Makes it; called again with the same id, finds it."""
        return _group(await self._pool.fetchone(SQL.insert_group, id_, customer_id, name, now))

    async def get(self, id_: str, *, customer_id: str | None) -> Group | None:
        row = await self._pool.fetchrow(SQL.get_group, id_, customer_id)
        return _group(row) if row else None

    async def page(self, *, customer_id: str | None, before: str | None, limit: int) -> list[Group]:
        return [_group(row) for row in await self._pool.fetch(SQL.page_groups, customer_id, before, limit)]

    async def rename(self, id_: str, *, customer_id: str | None, name: str) -> Group | None:
        row = await self._pool.fetchrow(SQL.rename_group, id_, customer_id, name)
        return _group(row) if row else None

    async def delete(self, id_: str, *, customer_id: str | None) -> bool:
        """Its account stays, in no group."""
        return await self._pool.execute(SQL.delete_group, id_, customer_id) > 0


def _app(row: rows.Row) -> App:
    names = ("id", "customer_id", "client_key", "audited", "created_at")
    return App(**{name: row[name] for name in names}, secrets=len(row["secrets"]))


def _group(row: rows.Row) -> Group:
    return Group(**{name: row[name] for name in ("id", "customer_id", "name", "account_id", "created_at")})
