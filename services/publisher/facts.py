"""Settling what was heard: facts become changes of posts and accounts, and events, in one transaction each.

Facts about publications are settled in batches; a batch that meets a post somebody else has just changed is settled one
by one. A fact nobody owns yet waits: its publication may be saved a moment later (a webhook can beat the init).
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta

import structlog

from libs.broker.port import Broker
from libs.model.apply import apply, cap_told
from libs.model.change import Change
from libs.model.event import stamp
from libs.model.fact import ABOUT_PUBLICATION, FactKind
from libs.model.pace import unmatched_look
from libs.runtime.workers import Patience, first_of
from libs.store.errors import Contended, Stale, Unavailable
from libs.store.facts import Claimed
from libs.store.posts import Owned
from libs.store.store import Store
from services.publisher.adopt import Adopter
from services.publisher.hearsay import Hearsay
from services.publisher.verdict import failure

log = structlog.get_logger()

BATCH = 200
LEASE = timedelta(seconds=15)
"""A batch takes a second or two. Two settlers of one fact do no harm, a dead one's facts should not wait long."""
STALE_TRIES = 5
FOREIGN = "of another creator"
"""What became of a fact that names another creator than its publication's."""


class Settler:
    """The loop that settles facts."""

    def __init__(
        self, store: Store, broker: Broker, hearsay: Hearsay, *, now: Callable[[], datetime], idle_s: float
    ) -> None:
        self._store = store
        self._broker = broker
        self._hearsay = hearsay
        self._adopter = Adopter(store, now=now)
        self._now = now
        self._idle_s = idle_s

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`; a batch under way is finished."""
        patience = Patience("facts")
        async with self._broker.listen("facts") as bell:
            while not stop.is_set():
                try:
                    more = await self.settle_batch()
                except Unavailable as error:
                    await patience.after(error, stop)
                    continue
                patience.over()
                if not more:
                    await first_of(bell.wait(self._idle_s), stop.wait())

    async def settle_batch(self) -> bool:
        """Settles what is due; True when the batch was full and more may wait."""
        now = self._now()
        claimed = await self._store.facts.claim(now=now, lease=now + LEASE, limit=BATCH)
        about = [fact for fact in claimed if fact.fact.kind in ABOUT_PUBLICATION]
        if about:
            await self._about_publications(about)
        for fact in claimed:
            if fact.fact.kind not in ABOUT_PUBLICATION:
                await self._alone(fact, self._hearsay.settle)
        if claimed:
            await self._broker.ring("notifier")
        return len(claimed) == BATCH

    async def _about_publications(self, claimed: Sequence[Claimed]) -> None:
        """One transaction for the first fact of every post, then for the second, and so on."""
        waiting = list(claimed)
        while waiting:
            contexts = await self._store.posts.contexts_by_publish_id(list({c.fact.publish_id for c in waiting}))
            owned, foreign, unowned = _sorted_out(waiting, contexts)
            await self._keep_apart(foreign)
            adopted = await self._adopter.adopt([c.fact for c in unowned])
            await self._postpone(unowned)
            if adopted:
                await self._broker.ring("facts")
            first: dict[str, Claimed] = {}
            for one in owned:
                first.setdefault(contexts[one.fact.publish_id].context.post.id, one)
            if first:
                await self._save(list(first.values()), contexts)
            taken = {one.id for one in first.values()}
            waiting = [one for one in owned if one.id not in taken]

    async def _keep_apart(self, facts: Sequence[Claimed]) -> None:
        """A webhook that names another creator, or another app, than its publication was made for changes nothing."""
        for one in facts:
            fact = one.fact
            log.warning("fact.foreign", fact=one.id, kind=fact.kind, publish_id=fact.publish_id)
        if facts:
            await self._store.facts.settle([(one.id, FOREIGN) for one in facts], now=self._now())

    async def _save(self, facts: Sequence[Claimed], contexts: dict[str, Owned]) -> None:
        now = self._now()
        try:
            changes = [await self._decide(fact, contexts[fact.fact.publish_id], now=now) for fact in facts]
            settled = [(fact.id, "applied" if c.events else "known") for fact, c in zip(facts, changes, strict=True)]
            await self._store.posts.save(changes, now=now, facts=settled)
        except (Stale, Contended):
            await self._one_by_one(facts)
        except Unavailable:
            raise
        except Exception:
            await self._one_by_one(facts)  # one of them is more than we can settle: it shows which

    async def _one_by_one(self, facts: Sequence[Claimed]) -> None:
        for fact in facts:
            await self._alone(fact, self._save_one)

    async def _alone(self, fact: Claimed, settle: Callable[[Claimed], Awaitable[None]]) -> None:
        """A fact that we cannot settle is our bug and waits apart: its neighbours, and all facts after it, go on."""
        try:
            await settle(fact)
        except Unavailable:
            raise
        except Contended:
            log.info("fact.contended", fact=fact.id, kind=fact.fact.kind)  # its lease ends soon
        except Exception:
            log.exception("fact.broke", fact=fact.id, kind=fact.fact.kind)
            await self._postpone([fact])

    async def _save_one(self, fact: Claimed) -> None:
        """The same for one fact, reading its post anew; what stays contended comes back when its lease ends."""
        for _ in range(STALE_TRIES):
            contexts = await self._store.posts.contexts_by_publish_id([fact.fact.publish_id])
            found = contexts.get(fact.fact.publish_id)
            if found is None:
                await self._postpone([fact])
                return
            now = self._now()
            change = await self._decide(fact, found, now=now)
            try:
                await self._store.posts.save(
                    [change], now=now, facts=[(fact.id, "applied" if change.events else "known")]
                )
            except (Stale, Contended):
                continue
            return
        log.info("fact.contended", fact=fact.id, kind=fact.fact.kind)

    async def _decide(self, claimed: Claimed, owned: Owned, *, now: datetime) -> Change:
        """What the fact makes of its post. A cap it tells of is learned first; learned twice it is the same."""
        fact, post, known = claimed.fact, owned.context.post, owned.context.news
        publication = next(p for p in owned.context.publications if p.n == owned.n)
        reading = None
        if fact.kind is FactKind.FAILED:
            kind = cap_told(fact, post=post, publication=publication, known=known)
            full = await self._store.caps.learn(post, kind, now=now, ended=publication.n) if kind else None
            reading = failure(fact.reason, full=full)
            if full is not None:
                log.info("cap.learned", account=post.account_id, cap=full.kind, room_at=stamp(full.at))
        return apply(fact, post=post, publication=publication, known=known, failure=reading, now=now)

    async def _postpone(self, facts: Sequence[Claimed]) -> None:
        if not facts:
            return
        now = self._now()
        until = [(f.id, unmatched_look(f.tries, heard_at=f.fact.heard_at, now=now)) for f in facts]
        await self._store.facts.postpone(until)
        log.info("facts.unmatched", count=len(facts))


def _sorted_out(
    facts: Sequence[Claimed], contexts: Mapping[str, Owned]
) -> tuple[list[Claimed], list[Claimed], list[Claimed]]:
    """(about a publication here, about one here but naming another creator, about none that is known here)"""
    owned: list[Claimed] = []
    foreign: list[Claimed] = []
    unowned: list[Claimed] = []
    for one in facts:
        found = contexts.get(one.fact.publish_id)
        if found is None:
            unowned.append(one)
        elif one.fact.may_be_of(client_key=found.client_key, open_id=found.open_id):
            owned.append(one)
        else:
            foreign.append(one)
    return owned, foreign, unowned
