"""Accounts and their grants; budgets of calls."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from libs.model.account import REFRESH_AHEAD, Account, AccountState, Grant
from libs.model.event import Event
from libs.model.key import EVERYWHERE, Reach
from libs.store import rows
from libs.store.errors import StoreError
from libs.store.events import record_events
from libs.store.pool import Connection, Pool
from libs.store.sql import Queries
from libs.store.vault import Vault

SQL = Queries("accounts")
CONNECTS = Queries("connects")


@dataclass(frozen=True, slots=True, repr=False)
class Tokens:
    """What TikTok's token endpoint gave."""

    access_token: str
    refresh_token: str
    access_expires_at: datetime
    refresh_expires_at: datetime | None
    scopes: tuple[str, ...] | None = None


class Accounts:
    """The table accounts. Tokens are sealed on the way in; only `Grant` carries them out."""

    def __init__(self, pool: Pool, vault: Vault) -> None:
        self._pool = pool
        self._vault = vault

    async def connect(
        self,
        *,
        id_: str,
        customer_id: str,
        client_key: str,
        open_id: str,
        username: str | None,
        display_name: str | None,
        tokens: Tokens,
        now: datetime,
        wanted: Sequence[str] = (),
        group_id: str | None = None,
        tell: Callable[[Account], Sequence[Event]] | None = None,
    ) -> Account:
        """Inserts the account, or starts a new grant on the one this customer already has of this creator.

        What `tell` makes of the account as it was stored is recorded with it. Posts that nobody could ask about are
        looked at again. It goes into the group if that is the customer's and holds no other account.
        """

        async def write(connection: Connection) -> Account:
            row = await connection.fetchrow(
                SQL.connect, id_, customer_id, client_key, open_id, username, display_name, list(tokens.scopes or ()),
                now, self._vault.seal(tokens.access_token), self._vault.seal(tokens.refresh_token),
                _hash(tokens.refresh_token), tokens.access_expires_at, tokens.refresh_expires_at,
                _refresh_at(tokens.access_expires_at, now=now), list(wanted),
            )  # fmt: skip
            if row is None:
                raise StoreError("an upsert of an account returned no row")
            if group_id is not None:
                row = await _place(connection, row["id"], group_id, customer_id=customer_id, now=now) or row
            account = _account(row)
            if account.grant_n > 1:
                await connection.execute(SQL.look_again, account.id, now)
            await record_events(connection, tell(account) if tell else (), now=now)
            return account

        return await self._pool.transact(write)

    async def get(self, id_: str, *, customer_id: str | None, reach: Reach = EVERYWHERE) -> Account | None:
        row = await self._pool.fetchrow(SQL.get, id_, customer_id, *rows.reach(reach))
        return _account(row) if row else None

    async def get_many(self, ids: Sequence[str], *, customer_id: str | None) -> dict[str, Account]:
        return {row["id"]: _account(row) for row in await self._pool.fetch(SQL.get_many, list(ids), customer_id)}

    async def page(
        self,
        *,
        customer_id: str | None,
        before: str | None,
        limit: int,
        reach: Reach = EVERYWHERE,
        state: AccountState | None = None,
        open_id: str | None = None,
        username: str | None = None,
    ) -> list[Account]:
        """Newest first; a username in any case of its letters."""
        given = (customer_id, before, limit, *rows.reach(reach), state, open_id, username)
        found = await self._pool.fetch(SQL.page, *given)
        return [_account(row) for row in found]

    async def place(self, account: Account, group_id: str | None, *, now: datetime) -> Account | None:
        """Puts it into that group, or into none. None when the group holds another, or is not its customer's."""

        async def write(connection: Connection) -> Account | None:
            if group_id is None:
                row = await connection.fetchrow(SQL.unplace, account.id, now)
            else:
                row = await _place(connection, account.id, group_id, customer_id=account.customer_id, now=now)
            return _account(row) if row else None

        return await self._pool.transact(write)

    async def shared(self, account: Account) -> bool:
        """Whether another customer is connected to the same creator by the same app: TikTok knows one grant only."""
        return await self.connected_elsewhere(account.client_key, account.open_id, but=account.id)

    async def connected_elsewhere(self, client_key: str, open_id: str, *, but: str = "") -> bool:
        """Whether any account but that one stands on this creator's grant to this app."""
        return bool(await self._pool.fetchval(SQL.shared, client_key, open_id, but))

    async def by_open_id(self, *, client_key: str, open_id: str) -> list[Account]:
        """Every customer's account of one creator."""
        return [_account(row) for row in await self._pool.fetch(SQL.by_open_id, client_key, open_id)]

    async def grant(self, id_: str) -> tuple[Account, Grant] | None:
        """An account and its tokens."""
        row = await self._pool.fetchrow(SQL.get, id_, None, *rows.reach(EVERYWHERE))
        return (_account(row), self._grant(row)) if row else None

    async def claim_refresh(self, *, now: datetime, lease: datetime, limit: int) -> list[str]:
        """Ids of accounts whose token wants refreshing; their alarm is moved to `lease`."""
        return [row["id"] for row in await self._pool.fetch(SQL.claim_refresh, now, lease, limit)]

    async def lease_refresh(self, id_: str, *, now: datetime, lease: datetime) -> Grant | None:
        """Makes the caller the account's one refresher until `lease`; None when another is, or it is not connected."""
        row = await self._pool.fetchrow(SQL.lease_refresh, id_, now, lease)
        return self._grant(row) if row else None

    async def release_refresh(self, id_: str, *, lease: datetime) -> None:
        """Ends the lease that ends at `lease` and was not needed; another's, taken since, is left alone."""
        await self._pool.execute(SQL.release_refresh, id_, lease)

    async def refreshed(
        self,
        used: Grant,
        tokens: Tokens,
        *,
        now: datetime,
        tell: Callable[[Account, datetime], Sequence[Event]] | None = None,
    ) -> bool:
        """Stores what a refresh gave; False when it was connected anew or refreshed otherwise.

        An account that had been given up meanwhile is connected again: its posts look again, and `tell` makes the
        events that say so, as of a time after it was given up; `now` is from before the call.
        """
        args = (
            used.account_id, used.grant_n, _hash(used.refresh_token),
            self._vault.seal(tokens.access_token), self._vault.seal(tokens.refresh_token), _hash(tokens.refresh_token),
            tokens.access_expires_at, tokens.refresh_expires_at,
            list(tokens.scopes) if tokens.scopes is not None else None,
            _refresh_at(tokens.access_expires_at, now=now), now,
        )  # fmt: skip

        async def write(connection: Connection) -> bool:
            row = await connection.fetchrow(SQL.refreshed, *args)
            if row is not None and row["was"] != AccountState.CONNECTED:
                at = max(now, row["was_at"] + timedelta(milliseconds=1))
                await connection.execute(SQL.look_again, used.account_id, at)
                await record_events(connection, tell(_account(row), at) if tell else (), now=now)
            return row is not None

        return await self._pool.transact(write)

    async def refresh_failed(
        self, used: Grant, *, again_at: datetime, reason: str, lease: datetime, now: datetime
    ) -> None:
        """Notes why, and when to try again; nothing when another holds a lease since `lease` was over."""
        await self._pool.fetchrow(
            SQL.refresh_failed, used.account_id, used.grant_n, _hash(used.refresh_token), again_at, reason, now, lease
        )

    async def end(
        self,
        account: Account,
        state: AccountState,
        *,
        used: Grant | None,
        reason: str,
        events: Sequence[Event],
        now: datetime,
        links_void: bool = False,
    ) -> bool:
        """Takes an account out of use, wakes its posts and records the events; False when it had changed meanwhile.

        Of a disconnected account the tokens are forgotten. With `links_void` no link that was made to connect it again
        works any more, also when it had changed.

        With REAUTHORIZATION_REQUIRED, `used` is the grant whose refresh token TikTok refused: another one stored since
        keeps the account connected.
        """
        if state is AccountState.REAUTHORIZATION_REQUIRED and used is None:
            raise ValueError("which grant was refused?")

        async def write(connection: Connection) -> bool:
            if links_void:
                await connection.execute(CONNECTS.withdraw, account.id)
            if state is AccountState.REAUTHORIZATION_REQUIRED and used is not None:
                hash_ = _hash(used.refresh_token)
                row = await connection.fetchrow(SQL.reauthorize, account.id, used.grant_n, hash_, reason, now)
            else:
                nothing = self._vault.seal("")
                row = await connection.fetchrow(SQL.disconnect, account.id, account.grant_n, reason, now, nothing)
            if row is None:
                return False
            await connection.execute(SQL.wake_posts, account.id, now)
            await record_events(connection, events, now=now)
            return True

        return await self._pool.transact(write)

    def _grant(self, row: rows.Row) -> Grant:
        return Grant(
            account_id=row["id"],
            client_key=row["client_key"],
            grant_n=row["grant_n"],
            access_token=self._vault.open(row["access_token"]),
            refresh_token=self._vault.open(row["refresh_token"]),
            access_expires_at=row["access_expires_at"],
            refresh_expires_at=row["refresh_expires_at"],
        )


class Budgets:
    """Sliding-minute budgets per (account, call), counted across replicas."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def take(self, account_id: str, call: str, *, limit: int, mark: datetime, now: datetime) -> bool:
        """Takes a slot if one is free. `mark` is when it frees itself should the caller die; it names the slot."""
        return bool(await self._pool.fetchval(SQL.take, account_id, call, now, limit, mark))

    async def free_at(self, account_id: str, call: str, *, limit: int, now: datetime) -> datetime | None:
        """When the next slot is free; None when one is now."""
        at: datetime | None = await self._pool.fetchval(SQL.free_at, account_id, call, now, limit)
        return at if at is not None and at > now else None

    async def give_back(self, account_id: str, call: str, *, mark: datetime, free_at: datetime) -> None:
        """The call of the slot `mark` ended (or was not made): the slot is free at `free_at`."""
        await self._pool.execute(SQL.give_back, account_id, call, mark, free_at)

    async def block(self, account_id: str, call: str, *, until: datetime) -> None:
        """TikTok said the limit is reached, whatever we counted."""
        await self._pool.execute(SQL.block, account_id, call, until)


async def _place(
    connection: Connection, account_id: str, group_id: str, *, customer_id: str, now: datetime
) -> rows.Row | None:
    # The group's row is held, so that of two accounts that want its one place the second finds it taken.
    if await connection.fetchrow(SQL.hold_group, group_id, customer_id) is None:
        return None
    return await connection.fetchrow(SQL.place, account_id, group_id, now)


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _refresh_at(access_expires_at: datetime, *, now: datetime) -> datetime:
    """Ahead of the token's end, yet not at once when its whole life is short."""
    life = access_expires_at - now
    return max(access_expires_at - REFRESH_AHEAD, now + life / 2)


def _account(row: rows.Row) -> Account:
    return Account(
        id=row["id"],
        customer_id=row["customer_id"],
        client_key=row["client_key"],
        open_id=row["open_id"],
        state=AccountState(row["state"]),
        scopes=tuple(row["scopes"]),
        granted_at=row["granted_at"],
        grant_n=row["grant_n"],
        username=row["username"],
        display_name=row["display_name"],
        reason=row["reason"],
        access_expires_at=row["access_expires_at"],
        refresh_expires_at=row["refresh_expires_at"],
        created_at=row["created_at"],
        group_id=row["group_id"],
        wanted=tuple(row["wanted"]),
        refreshes_failed=row["refreshes_failed"],
        app_audited=row.get("app_audited"),
    )
