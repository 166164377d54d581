"""Consents that were asked for: each state works once, in time, and only where it was meant for."""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from libs.model.connect import OPENINGS_MAX, Connect, Invitation, Judged, judge
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
    """The tables connects and reconnect_links. Neither a state nor a link's token is ever kept."""

    def __init__(self, pool: Pool, vault: Vault) -> None:
        self._pool = pool
        self._vault = vault

    async def begin(self, connect: Connect, *, state: str, verifier: str | None, link: str | None = None) -> bool:
        """False: `link`, by which it was asked for, has too many consents open already."""
        sealed = self._vault.seal(verifier) if verifier is not None else None
        began = await self._pool.fetchval(
            SQL.begin, _hash(state), connect.customer_id, connect.client_key, connect.redirect_uri,
            list(connect.scopes), sealed, connect.account_id, connect.group_id, connect.made_by, connect.created_at,
            connect.expires_at, _hash(link) if link is not None else None, OPENINGS_MAX,
        )  # fmt: skip
        return bool(began)

    async def claim(self, state: str, *, redirect_uri: str, customer_id: str | None, now: datetime) -> Claimed | Judged:
        """Uses the state up, or says why it cannot be used; then it stays as it was. Of many at once one gets it.

        `customer_id` is whose key presents it; None for the hosted page, to which the browser itself comes.
        """
        row = await self._pool.fetchrow(SQL.claim, _hash(state), redirect_uri, customer_id, now)
        if row is not None:
            return Claimed(_connect(row), self._vault.open(row["verifier"]) if row["verifier"] else None)
        found = await self._pool.fetchrow(SQL.get, _hash(state))
        return judge(_connect(found) if found else None, redirect_uri=redirect_uri, customer_id=customer_id, now=now)

    async def invite(self, invitation: Invitation, *, token: str) -> None:
        one = invitation
        await self._pool.execute(
            SQL.invite, _hash(token), one.customer_id, one.account_id, one.client_key, one.redirect_uri,
            list(one.scopes), one.always_ask, one.grant_n, one.made_by, one.created_at, one.expires_at,
        )  # fmt: skip

    async def invitation(self, token: str) -> tuple[Invitation, int] | None:
        """The link of this token, and the number of its account's present grant."""
        row = await self._pool.fetchrow(SQL.invitation, _hash(token))
        return (_invitation(row), row["granted"]) if row is not None else None

    async def forget(self, *, expired_before: datetime, limit: int) -> int:
        """Of each kind up to `limit`; how many there were."""
        states = await self._pool.execute(SQL.forget, expired_before, limit)
        return states + await self._pool.execute(SQL.forget_links, expired_before, limit)


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


def _invitation(row: rows.Row) -> Invitation:
    return Invitation(
        customer_id=row["customer_id"],
        account_id=row["account_id"],
        client_key=row["client_key"],
        redirect_uri=row["redirect_uri"],
        scopes=tuple(row["scopes"]),
        always_ask=row["always_ask"],
        grant_n=row["grant_n"],
        made_by=row["made_by"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
    )
