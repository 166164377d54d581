"""Connecting an account: what was asked for, and what became of it. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

LIFE = timedelta(minutes=15)
"""How long a consent may take. Long enough to log in at TikTok; a leaked link is soon worth nothing."""


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
