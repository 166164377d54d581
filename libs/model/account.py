"""A connected TikTok account: one creator's grant to one customer."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from libs.model.connect import missing

REFRESH_AHEAD = timedelta(hours=2)
"""A token lives 24 h (fact sheet 1.2); refreshing this early leaves time for TikTok to be down."""


class AccountState(StrEnum):
    """Whether its token may be used."""

    CONNECTED = "connected"
    REAUTHORIZATION_REQUIRED = "reauthorization_required"
    """TikTok refuses the refresh token: the creator must connect again."""
    DISCONNECTED = "disconnected"
    """Its creator, TikTok or the customer ended the grant."""


def reconnect_path(account_id: str) -> str:
    """What to `POST` for a link by which its creator connects an account again. No link stands where this is said:
    a link is made for whoever asks with a key, and works for days."""
    return f"/v1/accounts/{account_id}/reconnect"


def how_to_reconnect(account_id: str) -> str:
    """The remedy wherever an account has to be connected again."""
    return f"Its creator must connect it again: POST {reconnect_path(account_id)} makes a link to send."


@dataclass(frozen=True, slots=True)
class Account:
    """One row of `accounts` without its tokens, which only `Grant` carries."""

    id: str
    customer_id: str
    client_key: str
    open_id: str
    state: AccountState
    scopes: tuple[str, ...]
    granted_at: datetime
    grant_n: int
    username: str | None = None
    display_name: str | None = None
    reason: str | None = None
    access_expires_at: datetime | None = None
    refresh_expires_at: datetime | None = None
    created_at: datetime | None = None
    group_id: str | None = None
    wanted: tuple[str, ...] = ()
    """The scopes its creator was last asked for."""
    refreshes_failed: int = 0
    """In a row; while it grows, `reason` is the last error."""
    app_audited: bool | None = None
    """Whether TikTok has audited its customer's own app; None: it belongs to the operator's."""

    @property
    def missing_scopes(self) -> tuple[str, ...]:
        """What the creator was asked for and left switched off."""
        return missing(self.wanted, self.scopes)

    @property
    def reconnect(self) -> str | None:
        """Where a link is made by which its creator connects it again; None while nothing is to be gained by that."""
        wanting = self.state is not AccountState.CONNECTED or self.missing_scopes
        return reconnect_path(self.id) if wanting else None

    def ended(self, state: AccountState, reason: str) -> dict[str, Any]:
        """What an event says of an account whose grant has just ended so."""
        return replace(self, state=state, reason=reason).describe()

    def describe(self) -> dict[str, Any]:
        """What every event and answer says of an account."""
        return {
            "account_id": self.id,
            "customer_id": self.customer_id,
            "open_id": self.open_id,
            "state": self.state,
            "scopes": list(self.scopes),
            "missing_scopes": list(self.missing_scopes),
            "group_id": self.group_id,
            "username": self.username,
            "display_name": self.display_name,
            "reason": self.reason,
            "reconnect": self.reconnect,
        }


@dataclass(frozen=True, slots=True, repr=False)
class Grant:
    """An account's tokens. Never logged, never returned by the API; `repr` shows neither."""

    account_id: str
    client_key: str
    grant_n: int
    access_token: str
    refresh_token: str
    access_expires_at: datetime
    refresh_expires_at: datetime | None = None

    def __repr__(self) -> str:
        return f"Grant({self.account_id}, grant_n={self.grant_n}, access_expires_at={self.access_expires_at})"


REMOVED_REASONS = {
    0: "unknown",
    1: "the user disconnected the app",
    2: "the user's account was deleted",
    3: "the user's age changed",
    4: "the user's account was banned",
    5: "the developer revoked the authorization",
}
"""Fact sheet 6.3, `authorization.removed`."""


def removal_applies(*, create_time: int | None, granted_at: datetime) -> bool:
    """Whether a removal heard (up to 72 h late) is about the present grant, not about one before a reconnect."""
    return create_time is None or create_time >= int(granted_at.timestamp())
