"""Consents that were asked for: each state works once, in time, and only where it was meant for."""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from libs.model.connect import Connect, Judged, judge
from libs.store import rows
from libs.store.pool import Pool
from libs.store.sql import Queries
from libs.store.vault import Vault

SQL = Queries("connects")


@dataclass(frozen=True, slots=True, repr=False)
class Claimed:
    """A state that has just been used up, and the PKCE verifier that goes with it."""

    connect: Connect
    verifier: str | None


class Connects:
    """The table connects. The state itself is never kept."""

    def __init__(self, pool: Pool, vault: Vault) -> None:
        self._pool = pool
        self._vault = vault

    async def begin(self, connect: Connect, *, state: str, verifier: str | None) -> None:
        sealed = self._vault.seal(verifier) if verifier is not None else None
        await self._pool.execute(
            SQL.begin, _hash(state), connect.customer_id, connect.client_key, connect.redirect_uri,
            list(connect.scopes), sealed, connect.account_id, connect.group_id, connect.made_by, connect.created_at,
            connect.expires_at,
        )  # fmt: skip

    async def claim(self, state: str, *, redirect_uri: str, customer_id: str | None, now: datetime) -> Claimed | Judged:
        """Uses the state up, or says why it cannot be used; then it stays as it was. Of many at once one gets it.

        `customer_id` is whose key presents it; None for the hosted page, to which the browser itself comes.
        """
        row = await self._pool.fetchrow(SQL.claim, _hash(state), redirect_uri, customer_id, now)
        if row is not None:
            return Claimed(_connect(row), self._vault.open(row["verifier"]) if row["verifier"] else None)
        found = await self._pool.fetchrow(SQL.get, _hash(state))
        return judge(_connect(found) if found else None, redirect_uri=redirect_uri, customer_id=customer_id, now=now)

    async def forget(self, *, expired_before: datetime, limit: int) -> int:
        return await self._pool.execute(SQL.forget, expired_before, limit)


def _hash(state: str) -> bytes:
    return hashlib.sha256(state.encode("utf-8", "replace")).digest()


def _connect(row: rows.Row) -> Connect:
    return Connect(
        customer_id=row["customer_id"],
        client_key=row["client_key"],
        redirect_uri=row["redirect_uri"],
        scopes=tuple(row["scopes"]),
        account_id=row["account_id"],
        group_id=row["group_id"],
        made_by=row["made_by"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        used_at=row["used_at"],
    )
