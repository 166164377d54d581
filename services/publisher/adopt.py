"""Giving an owner to what was heard of a publish id that nobody knows: a pull whose init's reply was lost."""

from collections.abc import Callable, Iterable
from datetime import datetime

import structlog

from libs.model.fact import Fact
from libs.model.post import PostState
from libs.model.publication import PublicationState
from libs.model.pull import SEEK_FOR, SKEW, Init, adopted, owner
from libs.store.pulls import LostPull
from libs.store.store import Store

log = structlog.get_logger()


class Adopter:
    """Looks for pulls that may have published; which fact is whose is the model's decision."""

    def __init__(self, store: Store, *, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now

    async def adopt(self, facts: Iterable[Fact]) -> None:
        """Saves the publish ids that can be only one publication's. That wakes the facts; settling is for later."""
        for fact in facts:
            if fact.open_id and fact.publish_id:
                await self._adopt(fact)

    async def _adopt(self, fact: Fact) -> None:
        now = self._now()
        lost = await self._store.pulls.lost(fact.client_key, fact.open_id, since=now - SEEK_FOR)
        if not any(one.state is PublicationState.INTENDED for one in lost):
            return
        inits = [init for one in lost if (init := await self._init(one)) is not None]
        since = int((min(one.intent_at for one in lost) - SKEW).timestamp())
        strangers = await self._store.pulls.strangers(fact.client_key, fact.open_id, since=since)
        found = owner(fact, inits, strangers=strangers)
        if found is None:
            return
        context = await self._store.posts.get(found.post_id, customer_id=None)
        if context is None or context.publication is None or context.publication.n != found.n:
            return
        change = adopted(context.post, context.publication, publish_id=fact.publish_id, now=now)
        stale = await self._store.posts.save([change], now=now)  # a stale one is tried again with the fact
        log.info("pull.adopted", post=found.post_id, publish_id=fact.publish_id, saved=not stale)

    async def _init(self, lost: LostPull) -> Init | None:
        context = await self._store.posts.get(lost.post_id, customer_id=None)
        if context is None:
            return None
        post, state = context.post, lost.state
        may_publish = state is PublicationState.INTENDED and post.state is PostState.UNCONFIRMED
        return Init(post.id, lost.n, lost.intent_at, may_publish, photo=post.photo, inbox=post.inbox)
