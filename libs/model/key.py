"""API keys: what the door opens to. A key is a random secret; only its hash is kept."""

import hashlib
import secrets
from collections.abc import Mapping, Set
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

PREFIX = "cw_"


class Capability(StrEnum):
    """What a grant is about. `read` looks, `full` also changes."""

    CUSTOMERS = "customers"
    ACCOUNTS = "accounts"
    PROFILE = "profile"
    """Who the creator is, and its numbers."""
    VIDEOS = "videos"
    POSTS = "posts"
    MEDIA = "media"
    ENDPOINTS = "endpoints"
    EVENTS = "events"
    KEYS = "keys"
    APPS = "apps"
    AUDIT = "audit"


PER_ACCOUNT: Final = frozenset(
    {Capability.ACCOUNTS, Capability.PROFILE, Capability.VIDEOS, Capability.POSTS, Capability.EVENTS}
)
"""What can be granted for one account or group, too. Files, endpoints and the rest belong to a customer whole."""


class Level(StrEnum):
    OFF = "off"
    READ = "read"
    FULL = "full"

    def opens(self, *, write: bool) -> bool:
        return self is Level.FULL or (self is Level.READ and not write)


_LEVELS: Final = {str(level): level for level in Level}


@dataclass(frozen=True, slots=True)
class Scoped:
    """A grant for one account, or for the account of one group: of the two ids one is set."""

    capability: Capability
    level: Level
    account_id: str | None = None
    group_id: str | None = None
    holds: str | None = None
    """The account that is meant now; None for a group that is empty."""


@dataclass(frozen=True, slots=True)
class Reach:
    """Which accounts a key's grant is about: those of `only` (None: all there are), but none of `but`."""

    only: frozenset[str] | None = None
    but: frozenset[str] = frozenset()

    @property
    def whole(self) -> bool:
        return self.only is None and not self.but

    def has(self, account_id: str) -> bool:
        return account_id not in self.but and (self.only is None or account_id in self.only)


EVERYWHERE: Final = Reach()


@dataclass(frozen=True, slots=True)
class Key:
    """One row of `keys`. Without a customer it is an operator's: it sees every customer."""

    id: str
    customer_id: str | None
    name: str
    grants: Mapping[str, str]
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None
    scoped: tuple[Scoped, ...] = ()
    rate_per_minute: int | None = None
    former_until: datetime | None = None
    """It was found by the secret it had before it was rotated, which is good until then."""

    def allows(self, capability: Capability, *, write: bool) -> bool:
        """Whether the grant for everything opens it. Denied by default: what no grant names is off."""
        return _LEVELS.get(self.grants.get(capability, ""), Level.OFF).opens(write=write)

    def reach(self, capability: Capability, *, write: bool) -> Reach | None:
        """For which accounts it is open; None: for none. The nearest wins: account, then group, then everything."""
        nearest: dict[str, bool] = {}
        about = [grant for grant in self.scoped if grant.capability is capability]
        for grant in sorted(about, key=lambda grant: grant.account_id is not None):  # groups, then accounts over them
            if grant.holds is not None:
                nearest[grant.holds] = grant.level.opens(write=write)
        if self.allows(capability, write=write):
            return Reach(but=frozenset(id_ for id_, opens in nearest.items() if not opens))
        some = any(grant.level.opens(write=write) for grant in about)
        return Reach(only=frozenset(id_ for id_, opens in nearest.items() if opens)) if some else None

    def would_reach_by(self, group_ids: Set[str | None]) -> bool:
        """Whether moving an account between these groups would change what this very key reaches, and it may not say
        what keys reach.
        """
        return not self.allows(Capability.KEYS, write=True) and any(one.group_id in group_ids for one in self.scoped)

    def usable(self, now: datetime) -> bool:
        ends = [end for end in (self.expires_at, self.former_until) if end is not None]
        return self.revoked_at is None and all(now < end for end in ends)


def new_secret() -> str:
    """A fresh key to show once: 256 random bits."""
    return PREFIX + secrets.token_urlsafe(32)


def digest(secret: str) -> bytes:
    """What is stored and looked up. A fast hash is enough: the secret is 256 random bits, not a password."""
    return hashlib.sha256(secret.encode()).digest()


def everything() -> dict[str, str]:
    """Grants that open every capability, for an operator's first key."""
    return {str(capability): str(Level.FULL) for capability in Capability}
