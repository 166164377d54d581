"""TikTok's caps over 24 hours around an init: nothing is asked beyond what was learned; the rest waits for its slot."""

from collections.abc import Awaitable, Callable
from datetime import datetime

import structlog

from libs.model.cap import CODES, reslotted
from libs.model.event import stamp
from libs.store.store import Store
from libs.tiktok.readings import Class, read_code
from services.publisher.saving import Run, Turn

log = structlog.get_logger()
Begin = Callable[[Run, Turn], Awaitable[bool]]

MAY_HAVE_BEEN_MADE = frozenset({Class.UNKNOWN, Class.RETRY})
"""What TikTok's last word leaves open; every other word says that no init was made."""


class Capped:
    """Admits a post to its init under the caps, and learns them from TikTok's answers."""

    def __init__(self, store: Store, *, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now

    async def begin(self, run: Run, turn: Turn, begin: Begin) -> bool:
        """What `begin` does, unless a cap is full: then the post gets another slot and its customer hears of it."""
        n, now = run.post.publication + 1, self._now()
        full = await self._store.caps.admit(run.post, n, now=now)
        if full is not None:
            await run.save(reslotted(run.post, full, now=now), now=now)
            return False
        went = False
        run.last = {}
        try:
            went = await begin(run, turn)
        finally:
            await self._count(run, n)
        kind = CODES.get(run.last.get("code", ""))
        if not went and kind is not None and run.post.alarm is not None:
            now = self._now()
            full = await self._store.caps.learn(run.post, kind, now=now)
            log.info("cap.learned", account=run.post.account_id, cap=kind, room_at=stamp(full.at))
            await run.save(reslotted(run.post, full, now=now), now=now)
        return went

    async def _count(self, run: Run, n: int) -> None:
        """Keeps the count of an init that TikTok took or may have taken."""
        intended = run.post.publication >= n
        if intended and "publish_id" in run.last:
            await self._store.caps.made(run.post.id, n, now=self._now())
        elif not intended or read_code(run.last.get("code", "")).kind not in MAY_HAVE_BEEN_MADE:
            await self._store.caps.release(run.post.id, n)
