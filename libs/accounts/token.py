"""Tokens: one refresher per account, stored before used (design section 4, Tokens)."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

import structlog

from libs.accounts.apps import AppBook
from libs.accounts.errors import Later, NotConnected
from libs.model.account import Account, AccountState, Grant
from libs.model.event import Event, EventType, event
from libs.model.key import digest
from libs.store.accounts import Tokens
from libs.store.store import Store
from libs.tiktok.client import TikTokClient
from libs.tiktok.errors import OAuthRefused, TikTokError
from libs.tiktok.oauth import App, UserTokens
from libs.tiktok.readings import Class
from libs.tiktok.wire import Reply

T = TypeVar("T")
log = structlog.get_logger()

REFRESH_TIMEOUT_S = 14.0
LEASE = timedelta(seconds=60)
"""More than twice the deadline of both calls, one for each live secret: nobody refreshes while another may be at it."""
USABLE = timedelta(seconds=90)
"""A token that ends sooner is refreshed before use: a call must not outlive it."""
BUSY = timedelta(seconds=2)
AGAIN = tuple(timedelta(seconds=s) for s in (30, 120, 600, 1800, 3600))


REFUSED_SECRET = "invalid_client"  # noqa: S105 (a code of TikTok's)


async def with_any(apps: Sequence[App], ask: Callable[[App], Awaitable[Reply[T]]]) -> Reply[T]:
    """Asks with the newest secret, and with the former one when TikTok does not know that (any more, or yet).

    `apps` is not empty. A refused secret proves that nothing was done.
    """
    for app in apps[:-1]:
        try:
            return await ask(app)
        except OAuthRefused as error:
            if error.code != REFUSED_SECRET:
                raise
    return await ask(apps[-1])


class TokenKeeper:
    """Hands out access tokens that are good for a while, and refreshes them."""

    def __init__(self, store: Store, client: TikTokClient, apps: AppBook) -> None:
        self._store = store
        self._client = client
        self._apps = apps

    async def usable(self, account_id: str, *, refused: str | None = None, now: datetime) -> str:
        """An access token for a call now. `refused` is one TikTok has just refused: another is returned.

        Raises `NotConnected`, `Later` (another worker is refreshing, or TikTok is in trouble), `TikTokError` never.
        """
        account, grant = await self._read(account_id)
        if account.state is not AccountState.CONNECTED:
            raise _not_connected(account)
        fresh = now < grant.access_expires_at - USABLE
        if fresh and grant.access_token != refused:
            return grant.access_token
        await self.refresh(account_id, unless_not=grant.access_token, now=now)
        account, grant = await self._read(account_id)
        if account.state is not AccountState.CONNECTED:
            raise _not_connected(account)
        if grant.access_token == refused:
            raise Later("the access token could not be replaced yet", at=now + BUSY)
        return grant.access_token

    async def refresh(self, account_id: str, *, unless_not: str | None = None, now: datetime) -> None:
        """Refreshes the account's tokens. With `unless_not`, only while that is still its access token.

        Raises `Later` when another worker is refreshing or TikTok is in trouble. When TikTok refuses the refresh token
        and it is still the stored one, the account asks for reauthorization and `NotConnected` is raised.
        """
        lease = now + LEASE
        used = await self._store.accounts.lease_refresh(account_id, now=now, lease=lease)
        if used is None:
            raise Later("another worker is refreshing this account's token", at=now + BUSY)
        if unless_not is not None and used.access_token != unless_not:
            await self._store.accounts.release_refresh(account_id, lease=lease)
            return
        apps = await self._apps.credentials(used.client_key)
        if not apps:
            await self._failed(used, reason=f"no secret for client key {used.client_key}", lease=lease, now=now)
            raise Later("the account belongs to a TikTok app this installation does not know", at=now + AGAIN[-1])
        try:
            reply = await with_any(
                apps, lambda app: self._client.refresh(app, used.refresh_token, timeout=REFRESH_TIMEOUT_S)
            )
        except OAuthRefused as error:
            if error.reading.kind is Class.REAUTHORIZE:
                await self._reauthorize(used, code=error.code, now=now)
                return
            await self._failed(used, reason=error.code, lease=lease, now=now)
            raise Later(f"TikTok refused to refresh: {error.code}", at=now + AGAIN[0]) from error
        except TikTokError as error:
            await self._failed(used, reason=error.word, lease=lease, now=now)
            raise Later("TikTok did not refresh the token; trying again", at=now + AGAIN[0]) from error
        kept = await self._store.accounts.refreshed(
            used, tokens_of(reply.value, now=now), now=now, tell=lambda account, at: [came_back(account, used, now=at)]
        )
        log.info("token.refreshed", account=account_id, kept=kept, log_id=reply.log_id, ms=reply.elapsed_ms)

    async def _read(self, account_id: str) -> tuple[Account, Grant]:
        found = await self._store.accounts.grant(account_id)
        if found is None:
            raise NotConnected(account_id, removed=True, reason="there is no such account")
        return found

    async def _failed(self, used: Grant, *, reason: str, lease: datetime, now: datetime) -> None:
        again_at = now + AGAIN[0]
        await self._store.accounts.refresh_failed(used, again_at=again_at, reason=reason, lease=lease, now=now)
        log.warning("token.refresh_failed", account=used.account_id, reason=reason)

    async def _reauthorize(self, used: Grant, *, code: str, now: datetime) -> None:
        account, _ = await self._read(used.account_id)
        reason = f"TikTok refused the refresh token ({code})"
        told = event(
            EventType.ACCOUNT_REAUTHORIZATION_REQUIRED,
            key=f"{account.id}:reauthorize:{_which(used)}",
            now=now,
            data=account.ended(AccountState.REAUTHORIZATION_REQUIRED, reason),
            customer_id=account.customer_id,
            account_id=account.id,
        )
        state = AccountState.REAUTHORIZATION_REQUIRED
        changed = await self._store.accounts.end(account, state, used=used, reason=reason, events=[told], now=now)
        log.warning("account.reauthorization_required", account=account.id, code=code, changed=changed)
        if changed:
            raise NotConnected(account.id, removed=False, reason=reason)


def came_back(account: Account, used: Grant, *, now: datetime) -> Event:
    """An account that was given up is connected after all: its refresh had succeeded, and was heard of late."""
    return event(
        EventType.ACCOUNT_CONNECTED,
        key=f"{account.id}:connected:{_which(used)}",
        now=now,
        data=account.describe(),
        customer_id=account.customer_id,
        account_id=account.id,
    )


def _which(used: Grant) -> str:
    """Names the refresh token of a grant: one grant may be given up, come back, and be over one day."""
    return f"{used.grant_n}:{digest(used.refresh_token).hex()[:16]}"


def tokens_of(given: UserTokens, *, now: datetime) -> Tokens:
    """What to store of TikTok's answer."""
    return Tokens(
        access_token=given.access_token.get_secret_value(),
        refresh_token=given.refresh_token.get_secret_value(),
        access_expires_at=now + timedelta(seconds=given.expires_in),
        refresh_expires_at=now + timedelta(seconds=given.refresh_expires_in),
        scopes=given.scopes,
    )


def _not_connected(account: Account) -> NotConnected:
    removed = account.state is AccountState.DISCONNECTED
    return NotConnected(account.id, removed=removed, reason=account.reason or str(account.state))
