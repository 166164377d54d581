"""A clock that follows a simulator's (`CLIPWIRE_CLOCK`, tests only): programs live in its virtual time.

The setting is a simulator's URL, or that of a page answering `{"now": ISO 8601, "frozen": bool, "version": int}` and,
given `version` and `wait_s`, answers when the clock next jumps. It is refused unless TikTok's API is on this machine:
virtual time and a real TikTok must never meet.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlsplit

import structlog

from libs.runtime.clock import SyncedClock, SystemClock
from libs.runtime.settings import SettingsError, on_this_machine

log = structlog.get_logger()

PAGE = "/_sim/clock"
WAIT_S = 5.0
ANSWER_S = 10.0
AGAIN_S = 0.5


class FollowedClock(SyncedClock):
    """The last reading, going on at the machine's pace unless frozen. The database's clock has no say in it."""

    def __init__(self) -> None:
        super().__init__(SystemClock())
        self._real = SystemClock()
        self._shift = timedelta(0)
        self._frozen_at: datetime | None = None
        self._jumped = asyncio.Event()

    def now(self) -> datetime:
        return self._frozen_at or self._real.now() + self._shift

    async def sleep(self, seconds: float) -> None:
        """Returns once that much virtual time has passed, also when it jumps."""
        due = self.now() + timedelta(seconds=seconds)
        while (left := (due - self.now()).total_seconds()) > 0:
            jumped = self._jumped
            try:
                async with asyncio.timeout(None if self._frozen_at else left):
                    await jumped.wait()
            except TimeoutError:
                continue

    def correct(self, *, shared: datetime, sent: datetime, received: datetime) -> None:
        """Nothing to correct: every program that follows the same page agrees."""
        self.error = 0.0

    def read(self, page: dict[str, Any]) -> int:
        """Takes a reading; returns its version."""
        now = datetime.fromisoformat(page["now"]).astimezone(UTC)
        self._frozen_at = now if page["frozen"] else None
        self._shift = now - self._real.now()
        self.error = 0.0
        jumped, self._jumped = self._jumped, asyncio.Event()
        jumped.set()
        return int(page["version"])


def open_clock(clipwire_clock: str | None, *, tiktok_api_url: str) -> AbstractAsyncContextManager[SyncedClock]:
    """The clock of a program: the machine's, or with `clipwire_clock` a followed one, in step before it is handed out.

    Raises `SettingsError` when the setting is used with anything but a TikTok on this machine.
    """
    if not clipwire_clock:
        return _own()
    if not on_this_machine(clipwire_clock) or not on_this_machine(tiktok_api_url):
        raise SettingsError("bad settings: CLIPWIRE_CLOCK is for tests: it and TIKTOK_API_URL must be on this machine")
    bare = urlsplit(clipwire_clock).path in ("", "/")
    return _followed(clipwire_clock.rstrip("/") + PAGE if bare else clipwire_clock)


@asynccontextmanager
async def _own() -> AsyncIterator[SyncedClock]:
    yield SyncedClock(SystemClock())


@asynccontextmanager
async def _followed(url: str) -> AsyncIterator[SyncedClock]:
    clock = FollowedClock()
    version = clock.read(await asyncio.to_thread(_ask, url))
    task = asyncio.create_task(_follow(clock, url, version), name="clock-follower")
    try:
        yield clock
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _follow(clock: FollowedClock, url: str, version: int) -> None:
    while True:
        try:
            version = clock.read(await asyncio.to_thread(_ask, f"{url}?version={version}&wait_s={WAIT_S:g}"))
        except (OSError, HTTPException, ValueError, KeyError) as error:
            log.warning("clock.unread", why=f"{type(error).__name__}: {error}")
            await asyncio.sleep(AGAIN_S)


def _ask(url: str) -> dict[str, Any]:
    place = urlsplit(url)
    connection = HTTPConnection(place.hostname or "", place.port, timeout=ANSWER_S)
    try:
        connection.request("GET", f"{place.path}?{place.query}")
        page: dict[str, Any] = json.loads(connection.getresponse().read(65536))
    finally:
        connection.close()
    return page
