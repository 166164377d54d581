"""Counting: the numbers of connected accounts and of posts that are public, taken now and then and kept.

What is due of one account is claimed together, so that one call asks for twenty videos. Whoever is killed is followed
when its lease ends: TikTok is asked again, which changes nothing there, and one snapshot is kept.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

import structlog

from libs.accounts.errors import Later, NotConnected
from libs.accounts.limit import Call
from libs.accounts.line import Line
from libs.broker.port import Broker
from libs.model.stats import (
    ACCOUNT_NUMBERS,
    POST_NUMBERS,
    TROUBLE_PAUSE,
    VIDEOS_AT_ONCE,
    Taken,
    Watch,
    numbers_of,
    plan,
)
from libs.runtime.workers import Patience, first_of
from libs.store.errors import Contended, Unavailable
from libs.store.store import Store
from libs.tiktok.client import TikTokClient
from libs.tiktok.errors import Refused, TikTokError
from libs.tiktok.readings import Class

log = structlog.get_logger()

ACCOUNTS_AT_ONCE: Final = 4
LEASE: Final = timedelta(seconds=240)
"""Longer than both calls, with a refresh and a second try each."""
SOON: Final = timedelta(hours=1)
"""What is due within this is asked for with what is due, so that posts of one account come to share their calls."""
IDLE_S: Final = 30.0
PASSING: Final = frozenset({Class.RETRY, Class.RATE_LIMITED, Class.UNKNOWN})

Watches = Sequence[Watch]
Said = Mapping[Watch, Mapping[str, int] | None]
Ask = Callable[[Watches], Awaitable[Said]]


class Counter:
    """The loop that takes snapshots."""

    def __init__(
        self,
        store: Store,
        broker: Broker,
        line: Line,
        client: TikTokClient,
        *,
        every: timedelta,
        post_days: timedelta,
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._broker = broker
        self._line = line
        self._client = client
        self._every = every
        self._post_days = post_days
        self._now = now

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`; what is on its way then comes back with its lease."""
        patience = Patience("stats")
        async with self._broker.listen("stats") as bell:
            while not stop.is_set():
                try:
                    found = await self._round()
                except (Unavailable, Contended) as error:
                    await patience.after(error, stop)
                    continue
                patience.over()
                if not any(found):
                    await first_of(bell.wait(IDLE_S), stop.wait())

    async def _round(self) -> list[bool]:
        """Counts of several accounts; all of them have ended when one is raised for."""
        ended = await asyncio.gather(*(self.count() for _ in range(ACCOUNTS_AT_ONCE)), return_exceptions=True)
        for one in ended:
            if isinstance(one, BaseException):
                raise one
        return [one for one in ended if not isinstance(one, BaseException)]

    async def count(self) -> bool:
        """Counts what is due of one account; False when nothing is."""
        now = self._now()
        lease = now + LEASE
        due = await self._store.stats.claim(now=now, lease=lease, soon=now + SOON, limit=VIDEOS_AT_ONCE)
        if not due:
            return False
        account = await self._store.accounts.get(due[0].account_id, customer_id=None)
        planned = plan(account, due, keep_on=self._post_days, now=now)
        await self._store.stats.keep(planned.settled, lease=lease, at=now)
        if planned.account is not None:
            await self._kept([planned.account], lease, self._account)
        if planned.videos:
            await self._kept(planned.videos, lease, self._videos)
        return True

    async def _kept(self, watches: Watches, lease: datetime, ask: Ask) -> None:
        said: Said = {}
        again: datetime | None = None
        try:
            said = await ask(watches)
        except NotConnected:
            pass  # it waits until it is connected anew
        except Later as later:
            again = max(later.at, self._now() + timedelta(seconds=1))
        except TikTokError as error:
            log.info("stats.not_taken", account=watches[0].account_id, why=str(error))
            again = self._now() + (TROUBLE_PAUSE if passing(error) else self._every)
        else:
            again = self._now() + self._every
        at = self._now()
        kept = await self._store.stats.keep([Taken(w, again, said.get(w)) for w in watches], lease=lease, at=at)
        if kept:
            log.info("stats.taken", account=watches[0].account_id, count=kept)
            await self._broker.ring("notifier")

    async def _account(self, watches: Watches) -> Said:
        reply = await self._line.call(
            watches[0].account_id,
            Call.USER_INFO,
            lambda token, timeout: self._client.user_info(token, ACCOUNT_NUMBERS, timeout=timeout),
        )
        return {watches[0]: numbers_of(reply.value, ACCOUNT_NUMBERS)}

    async def _videos(self, watches: Watches) -> Said:
        ids = list(dict.fromkeys(watch.tiktok_post_id for watch in watches))
        reply = await self._line.call(
            watches[0].account_id,
            Call.VIDEO_QUERY,
            lambda token, timeout: self._client.video_query(token, ("id", *POST_NUMBERS), ids, timeout=timeout),
        )
        shown = {video.id: numbers_of(video, POST_NUMBERS) for video in reply.value}
        return {watch: shown.get(watch.tiktok_post_id) for watch in watches}


def passing(error: TikTokError) -> bool:
    """Whether it may be over soon: what TikTok refuses for good is asked again no sooner than usual."""
    return not isinstance(error, Refused) or error.reading.kind in PASSING
