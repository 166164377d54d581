"""Disconnecting: the grant is revoked at TikTok, its tokens are forgotten, and the account's id and history stay."""

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum

import structlog

from libs.accounts.apps import AppBook
from libs.accounts.errors import NotConnected
from libs.accounts.token import TokenKeeper, with_any
from libs.model.account import Account, AccountState
from libs.model.event import EventType, event
from libs.store.store import Store
from libs.tiktok.client import TikTokClient
from libs.tiktok.errors import Refused

log = structlog.get_logger()

REVOKE_S = 15.0


class AtTikTok(StrEnum):
    """What became of the grant at TikTok."""

    REVOKED = "revoked"
    ALREADY_OVER = "already_over"
    """TikTok knows it no more, or no usable token is left to end it with."""
    SHARED = "shared"
    """Another customer is connected to the same creator by the same app: TikTok knows one grant, and it goes on."""
    LEFT = "left"
    """It was not asked to be revoked."""


class Disconnector:
    """Ends grants on a customer's wish."""

    def __init__(
        self,
        store: Store,
        client: TikTokClient,
        apps: AppBook,
        tokens: TokenKeeper,
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._client = client
        self._apps = apps
        self._tokens = tokens
        self._now = now

    async def disconnect(self, account: Account, *, revoke: bool) -> AtTikTok:
        """Revokes and then ends it here; TikTok's own webhook about it makes the same event, which is told once.

        Raises `Later` and `TikTokError` when TikTok is in trouble: nothing is changed here then.
        """
        became = await self._revoke(account) if revoke else AtTikTok.LEFT
        now = self._now()
        reason = "disconnected by request"
        told = event(
            EventType.ACCOUNT_DISCONNECTED,
            key=f"{account.id}:disconnected:{account.grant_n}",
            now=now,
            data=account.ended(AccountState.DISCONNECTED, reason) | {"at_tiktok": became},
            customer_id=account.customer_id,
            account_id=account.id,
        )
        state = AccountState.DISCONNECTED
        changed = await self._store.accounts.end(
            account, state, used=None, reason=reason, events=[told], now=now, links_void=True
        )
        log.info("account.disconnected", account=account.id, at_tiktok=became, changed=changed)
        return became

    async def _revoke(self, account: Account) -> AtTikTok:
        if account.state is not AccountState.CONNECTED:
            return AtTikTok.ALREADY_OVER
        if await self._store.accounts.shared(account):
            return AtTikTok.SHARED
        try:
            # An expired token cannot be revoked: it is refreshed first (fact sheet 1.3).
            token = await self._tokens.usable(account.id, now=self._now())
        except NotConnected:
            return AtTikTok.ALREADY_OVER
        apps = await self._apps.credentials(account.client_key)
        if not apps:
            return AtTikTok.LEFT
        try:
            await with_any(apps, lambda app: self._client.revoke(app, token, timeout=REVOKE_S))
        except Refused as error:
            if error.code != "invalid_request":  # what TikTok says of a token it knows no more
                raise
            return AtTikTok.ALREADY_OVER
        return AtTikTok.REVOKED
