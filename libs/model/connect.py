"""Connecting an account: what was asked for, and what became of it. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

LIFE = timedelta(minutes=15)
"""How long a consent may take. Long enough to log in at TikTok; a leaked link is soon worth nothing."""
LINK_LIFE = timedelta(days=7)
"""How long a link to reconnect works unless its maker says otherwise: it is mailed, and found on Monday."""
OPENINGS_MAX = 20
"""Consents that one link has open at once. Mail programs open links too; nobody may fill a table with one."""


@dataclass(frozen=True, slots=True)
class Connect:
    """One consent that was asked for, without its state."""

    customer_id: str
    client_key: str
    redirect_uri: str
    scopes: tuple[str, ...]
    made_by: str
    created_at: datetime
    expires_at: datetime
    account_id: str | None = None
    """Only this account will do: it is being connected again."""
    group_id: str | None = None
    used_at: datetime | None = None


class Judged(StrEnum):
    """Why a consent ended without an account."""

    UNKNOWN_STATE = "unknown_state"
    """Never given out here, or long gone, or another customer's: whoever shows it learns no more."""
    REPLAYED_STATE = "replayed_state"
    EXPIRED_STATE = "expired_state"
    WRONG_REDIRECT = "wrong_redirect"
    """The state was made for another address: it was taken elsewhere."""
    NO_ANSWER = "no_answer"
    """Neither a code nor an error came along."""
    DENIED = "denied"
    REFUSED_BY_TIKTOK = "refused_by_tiktok"
    EXPIRED_CODE = "expired_code"
    FOREIGN_CODE = "foreign_code"
    """The code was given to somebody else's browser: PKCE does not fit."""
    TIKTOK_TROUBLE = "tiktok_trouble"
    UNKNOWN_APP = "unknown_app"
    OTHER_CREATOR = "other_creator"
    """Somebody else consented than the one whose account was to be connected again."""


@dataclass(frozen=True, slots=True)
class Invitation:
    """A link by which the creator of one account connects it again, without the token that opens it."""

    customer_id: str
    account_id: str
    client_key: str
    redirect_uri: str
    scopes: tuple[str, ...]
    always_ask: bool
    grant_n: int
    """The grant it is to replace."""
    made_by: str
    created_at: datetime
    expires_at: datetime

    def begin(self, now: datetime) -> Connect:
        """The consent that opening it begins."""
        return Connect(
            customer_id=self.customer_id,
            client_key=self.client_key,
            redirect_uri=self.redirect_uri,
            scopes=self.scopes,
            made_by=self.made_by,
            created_at=now,
            expires_at=now + LIFE,
            account_id=self.account_id,
        )


class Unopened(StrEnum):
    """Why a link to reconnect leads nowhere."""

    UNKNOWN = "unknown_link"
    EXPIRED = "expired_link"
    DONE = "connected_already"
    """The account has been connected again since the link was made."""
    TOO_OFTEN = "opened_too_often"


def may_open(found: Invitation | None, *, granted: int, now: datetime) -> Unopened | None:
    """Why a link cannot be opened; None: it can. `granted` is the number of the account's present grant."""
    if found is None:
        return Unopened.UNKNOWN
    if granted > found.grant_n:
        return Unopened.DONE
    return Unopened.EXPIRED if found.expires_at <= now else None


def judge(found: Connect | None, *, redirect_uri: str, customer_id: str | None, now: datetime) -> Judged:
    """Why a state cannot be used. Whose it is comes first: a stranger learns nothing about another's."""
    if found is None or (customer_id is not None and found.customer_id != customer_id):
        return Judged.UNKNOWN_STATE
    if found.redirect_uri != redirect_uri:
        return Judged.WRONG_REDIRECT
    if found.used_at is not None:
        return Judged.REPLAYED_STATE
    return Judged.EXPIRED_STATE if found.expires_at <= now else Judged.REPLAYED_STATE


def missing(wanted: tuple[str, ...], granted: tuple[str, ...]) -> tuple[str, ...]:
    """The scopes that were asked for and not granted, in the order they were asked for."""
    return tuple(scope for scope in wanted if scope not in granted)


CANNOT: dict[str, str] = {
    "user.info.basic": "show who the account is",
    "user.info.profile": "show its username and profile",
    "user.info.stats": "show its followers and likes",
    "video.list": "show its public videos",
    "video.publish": "publish posts directly",
    "video.upload": "send posts to the creator's inbox as drafts",
}
"""What is not possible without a scope."""
