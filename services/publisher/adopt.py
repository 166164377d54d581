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

    async def adopt(self, facts: Iterable[Fact]) -> bool:
        """Saves the publish ids that can be only one publication's. True: facts were woken, to be settled at once."""
        found = [await self._adopt(fact) for fact in facts if fact.open_id and fact.publish_id]
        return any(found)

    async def _adopt(self, fact: Fact) -> bool:
        now = self._now()
        if fact.post_id and await self._seen_before(fact, now=now):
            return True
        lost = await self._store.pulls.lost(fact.client_key, fact.open_id, since=now - SEEK_FOR)
        if not any(one.state is PublicationState.INTENDED for one in lost):
            return False
        inits = [init for one in lost if (init := await self._init(one)) is not None]
        since = int((min(one.intent_at for one in lost) - SKEW).timestamp())
        strangers = await self._store.pulls.strangers(fact.client_key, fact.open_id, since=since)
        found = owner(fact, inits, strangers=strangers)
        if found is None:
            return False
        context = await self._store.posts.get(found.post_id, customer_id=None)
        if context is None or context.publication is None or context.publication.n != found.n:
            return False
        change = adopted(context.post, context.publication, publish_id=fact.publish_id, now=now)
        stale = await self._store.posts.save([change], now=now)  # a stale one is tried again with the fact
        log.info("pull.adopted", post=found.post_id, publish_id=fact.publish_id, saved=not stale)
        return not stale

    async def _seen_before(self, fact: Fact, *, now: datetime) -> bool:
        """Whether its video is known to be a post's, seen in the list or told by a person: then its publish id is that
        post's, and no other init's."""
        found = await self._store.pulls.of_video(fact.client_key, fact.open_id, fact.post_id)
        if found is None:
            return False
        post_id, n = found
        learnt = await self._store.posts.learn(post_id, n, publish_id=fact.publish_id, now=now)
        log.info("pull.learnt", post=post_id, publish_id=fact.publish_id, kept=learnt)
        return learnt

    async def _init(self, lost: LostPull) -> Init | None:
        context = await self._store.posts.get(lost.post_id, customer_id=None)
        if context is None:
            return None
        post, state = context.post, lost.state
        may_publish = state is PublicationState.INTENDED and post.state is PostState.UNCONFIRMED
        return Init(post.id, lost.n, lost.intent_at, may_publish, photo=post.photo, inbox=post.inbox)
