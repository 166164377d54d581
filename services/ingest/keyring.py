"""Which secrets sign the webhooks of which TikTok app: the operator's from the settings, customers' from the store."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import orjson
import structlog

from libs.store.errors import StoreError

log = structlog.get_logger()

FRESH = timedelta(seconds=10)
"""A secret that was rotated counts after this long at most. TikTok tries again, so nothing is lost meanwhile."""
KEPT_MAX = 10_000
MISSES_PER_S = 20
"""How many client keys nobody here has are looked up a second: strangers could name one after another."""
CLIENT_KEY_MAX = 128


class Credentials(Protocol):
    """What a keyring asks of the store."""

    async def credentials(self, client_key: str) -> tuple[str, ...]:
        """The live secrets of that app, newest first; none when it is nobody's."""


@dataclass(frozen=True, slots=True, repr=False)
class AppSecrets:
    """An app and the secrets that may have signed for it."""

    client_key: str
    secrets: tuple[str, ...]
    until: datetime


class Keyring:
    """The operator's app costs nothing to find; another's is read from the store now and then."""

    def __init__(
        self, apps: Credentials, *, client_key: str, secrets: Sequence[str], now: Callable[[], datetime]
    ) -> None:
        self._apps = apps
        self._now = now
        self._known: dict[str, AppSecrets] = {}
        self._lookups = asyncio.Semaphore(2)
        self._missed: tuple[int, int] = (0, 0)
        self.operator = AppSecrets(client_key, tuple(secrets), now())

    async def named_in(self, body: bytes) -> AppSecrets | None:
        """The app that an unverified body claims to come from; None when it is the operator's or nobody's.

        A store that does not answer makes it nobody's for now: TikTok is refused, and tries again.
        """
        client_key = claimed(body)
        if client_key is None or client_key == self.operator.client_key:
            return None
        now, known = self._now(), self._known.get(client_key)
        if known is None or known.until <= now:
            if known is None and not self._may_miss(now):
                return None
            known = await self._look(client_key, now) or known
        return known if known is not None and known.secrets else None

    async def _look(self, client_key: str, now: datetime) -> AppSecrets | None:
        try:
            async with self._lookups:
                secrets = await self._apps.credentials(client_key)
        except StoreError as error:
            log.warning("keyring.stale", error=type(error).__name__)
            return None
        if not secrets:
            self._known.pop(client_key, None)
            return AppSecrets(client_key, (), now)
        if len(self._known) >= KEPT_MAX:
            self._known.clear()
        found = self._known[client_key] = AppSecrets(client_key, secrets, now + FRESH)
        return found

    def _may_miss(self, now: datetime) -> bool:
        second = int(now.timestamp())
        count = self._missed[1] + 1 if self._missed[0] == second else 1
        self._missed = (second, count)
        return count <= MISSES_PER_S


def claimed(body: bytes) -> str | None:
    """The `client_key` of a body that nobody has verified; None when it has none of a likely form."""
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    key = said.get("client_key") if isinstance(said, dict) else None
    return (
        key if isinstance(key, str) and 0 < len(key) <= CLIENT_KEY_MAX and key.isascii() and key.isprintable() else None
    )
