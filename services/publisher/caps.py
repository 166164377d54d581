"""TikTok's caps over 24 hours around an init: nothing is asked beyond what was learned; the rest waits for its slot."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from weakref import WeakValueDictionary

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
TURN_S = 10.0
"""Six inits, each with its look at the creator, take a third of this where TikTok is slow."""


class Capped:
    """Admits a post to its init under the caps, and learns them from TikTok's answers."""

    def __init__(self, store: Store, *, now: Callable[[], datetime], in_order: bool) -> None:
        """`in_order`: in one process a creator's inits are made one after the other (`_turn`)."""
        self._store = store
        self._now = now
        self._in_order = in_order
        self._gates: WeakValueDictionary[tuple[str, bool], asyncio.Lock] = WeakValueDictionary()

    async def begin(self, run: Run, turn: Turn, begin: Begin) -> bool:
        """What `begin` does, unless a cap is full: then the post gets another slot and its customer hears of it."""
        if not self._in_order:
            return await self._admitted(run, turn, begin)
        async with self._turn(run):
            return await self._admitted(run, turn, begin)

    @asynccontextmanager
    async def _turn(self, run: Run) -> AsyncIterator[None]:
        """The posts of a creator as they were taken out of its lane: made at once, the last may be the one that TikTok
        takes, and those before it hear that the day is full. Uploads do not wait for each other, and nobody waits long
        for a TikTok that hangs.
        """
        gate = self._gates.setdefault((run.post.account_id, run.post.inbox), asyncio.Lock())
        try:
            async with asyncio.timeout(TURN_S):
                await gate.acquire()
        except TimeoutError:
            gate = asyncio.Lock()  # its own: it goes on without the others
            await gate.acquire()
        try:
            yield
        finally:
            gate.release()

    async def _admitted(self, run: Run, turn: Turn, begin: Begin) -> bool:
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
