"""A post while it is being driven: its latest values, and the one way to change them."""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from libs.accounts.budget import Slot
from libs.broker.port import Broker
from libs.model.change import Change
from libs.model.post import Note, Post
from libs.model.publication import Publication
from libs.store.store import Store
from libs.tiktok.errors import Refused
from libs.tiktok.wire import Trace

T = TypeVar("T")


class Lost(Exception):
    """Somebody else went on with the post: its lease ended, or a fact changed it. The work is dropped."""


class Turn:
    """A slot that is used at most once."""

    def __init__(self, slot: Slot | None) -> None:
        self.slot = slot

    def take(self) -> Slot:
        """The slot, which is then its taker's to use up."""
        if self.slot is None:
            raise LookupError("no turn")
        slot, self.slot = self.slot, None
        return slot


class Run:
    """One claimed post. `post` and `publication` are always what was saved last."""

    def __init__(self, store: Store, broker: Broker, post: Post, publication: Publication | None) -> None:
        self._store = store
        self._broker = broker
        self.post = post
        self.publication = publication
        self._notes: list[Note] = []
        self.made: Counter[str] = Counter()
        """How many calls of each kind were made for it, whatever came of them."""
        self.last: dict[str, Any] = {}
        """What is known of the last call."""

    def called(self, trace: Trace, **more: Any) -> None:
        """Remembers a call for the timeline; it is saved with the next change."""
        code = "no_reply" if trace.status is None else "ok"
        detail = {"call": trace.call, "status": trace.status, "log_id": trace.log_id, "ms": trace.elapsed_ms}
        if trace.call != "put_chunk" or trace.status is None:  # a chunk's answer is its status alone
            detail["code"] = code
        self.last = {name: value for name, value in (detail | more).items() if value is not None}
        self._notes.append(Note("call", self.last))
        self.made[trace.call] += 1

    def tell(self, note: Note) -> None:
        """A line for the timeline; it is saved with the next change."""
        self._notes.append(note)

    def refused(self, error: Refused) -> None:
        """The same for a refusal that the account's line deals with: a token to refresh, a minute that is full."""
        self.called(error.trace, code=error.code)

    async def keep_calls(self, *, now: datetime) -> None:
        """After `Lost`: what was asked of TikTok was asked all the same, and stays on the timeline. Raises
        `StoreError`."""
        for note in self._notes:
            if note.kind == "call":
                await self._store.posts.add_note(self.post.id, note, now=now)
        self._notes.clear()

    async def save(self, change: Change, *, now: datetime) -> None:
        """Saves a change of this post. Raises `Lost` when it is no longer ours, `StoreError` when the store fails."""
        whole = replace(change, notes=(*self._notes, *change.notes))
        if change.look and change.post.alarm is not None:
            change, stale = await self._store.posts.save_look(whole, now=now)
        else:
            stale = bool(await self._store.posts.save([whole], now=now))
        if stale:
            raise Lost(self.post.id)
        self._saved(change)
        if change.events:
            await self._broker.ring("notifier")
        if change.post.alarm is not None and change.post.alarm <= now:
            await self._broker.ring("publisher")

    async def progress(self, change: Change) -> bool:
        """Saves how far an upload got; whether a cancel was asked for meanwhile. Raises like `save`."""
        whole = replace(change, notes=(*self._notes, *change.notes))
        cancel_requested = await self._store.posts.save_progress(whole)
        if cancel_requested is None:
            raise Lost(self.post.id)
        self._saved(change)
        return cancel_requested

    def _saved(self, change: Change) -> None:
        self._notes.clear()
        self.post = replace(change.post, version=change.post.version + 1)
        for publication in change.publications:
            if publication.n == self.post.publication:
                self.publication = publication

    async def keeping(self, work: Coroutine[Any, Any, T], *, lease: timedelta, clock: Callable[[], datetime]) -> T:
        """Awaits `work`, renewing the lease while it lasts. Raises `Lost`, with the work cancelled, when that fails."""
        task = asyncio.ensure_future(work)
        try:
            while True:
                done, _ = await asyncio.wait([task], timeout=lease.total_seconds() / 3)
                if done:
                    return task.result()
                now = clock()
                await self.save(Change(replace(self.post, alarm=now + lease)), now=now)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)  # also when it has ended: else nobody hears its error

    async def ring(self, bell: str) -> None:
        """Wakes who waits for what was just saved."""
        await self._broker.ring(bell)
