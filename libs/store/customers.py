"""Customers, and the keys that open the door for them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from libs.store import rows
from libs.store.pool import Pool
from libs.store.sql import Queries

SQL = Queries("customers")
Quota = Literal["bytes", "files"]
QUOTAS: Final[tuple[Quota, ...]] = ("bytes", "files")


@dataclass(frozen=True, slots=True)
class Customer:
    """Whom the operator posts for."""

    id: str
    name: str
    created_at: datetime
    media_bytes_max: int | None = None
    """Its own quotas of media; None: the settings'."""
    media_files_max: int | None = None
    strict_disclosure: bool = False
    """Its posts in another vendor's words have to say whether they are branded content."""


class Customers:
    """The table customers."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def create(self, *, id_: str, name: str, now: datetime) -> Customer:
        return _customer(await self._pool.fetchone(SQL.insert, id_, name, now))

    async def get(self, id_: str) -> Customer | None:
        row = await self._pool.fetchrow(SQL.get, id_)
        return _customer(row) if row else None

    async def change(
        self,
        id_: str,
        *,
        name: str | None = None,
        quotas: Mapping[Quota, int | None] | None = None,
        strict_disclosure: bool | None = None,
    ) -> Customer | None:
        """What is given holds from now on; a quota of None is the settings'."""
        given = quotas or {}
        pairs = [value for which in QUOTAS for value in (which in given, given.get(which))]
        row = await self._pool.fetchrow(SQL.change, id_, name, *pairs, strict_disclosure)
        return _customer(row) if row else None

    async def page(self, *, before: str | None, limit: int) -> list[Customer]:
        return [_customer(row) for row in await self._pool.fetch(SQL.page, before, limit)]


def _customer(row: rows.Row) -> Customer:
    return Customer(
        row["id"],
        row["name"],
        row["created_at"],
        row["media_bytes_max"],
        row["media_files_max"],
        row["strict_disclosure"],
    )
