"""API keys: what the door opens to. A key is a random secret; only its hash is kept."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

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


class Level(StrEnum):
    OFF = "off"
    READ = "read"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Key:
    """One row of `keys`. Without a customer it is an operator's: it sees every customer."""

    id: str
    customer_id: str | None
    name: str
    grants: dict[str, str]
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None

    def allows(self, capability: Capability, *, write: bool) -> bool:
        """Denied by default: what no grant names is off."""
        level = self.grants.get(capability, Level.OFF)
        return level == Level.FULL or (level == Level.READ and not write)

    def usable(self, now: datetime) -> bool:
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


def new_secret() -> str:
    """A fresh key to show once: 256 random bits."""
    return PREFIX + secrets.token_urlsafe(32)


def digest(secret: str) -> bytes:
    """What is stored and looked up. A fast hash is enough: the secret is 256 random bits, not a password."""
    return hashlib.sha256(secret.encode()).digest()


def everything() -> dict[str, str]:
    """Grants that open every capability, for an operator's first key."""
    return {str(capability): str(Level.FULL) for capability in Capability}
