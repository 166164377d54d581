"""Pulls: TikTok is given URLs of ours and fetches by itself. `libs.model.pull` says why each step is as it is."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from weakref import WeakValueDictionary

import structlog

from libs.accounts.errors import Later
from libs.accounts.limit import TIMEOUT_S, WINDOW, Call
from libs.accounts.line import Line
from libs.model.change import fail
from libs.model.drive import send_again, waits
from libs.model.key import digest
from libs.model.post import Post
from libs.model.problem import Problem
from libs.model.publication import Publication
from libs.model.pull import Lost as LostReply
from libs.model.pull import intend_pull, reckoned, unfound, withdrawn
from libs.model.pulling import pulling
from libs.store.errors import Contended, Illegal, Unavailable
from libs.store.media import Media
from libs.store.store import Store
from libs.tiktok.client import TikTokClient
from libs.tiktok.errors import NoReply, TikTokError
from libs.tiktok.posting import Publication as Begun
from libs.tiktok.posting import PullFromUrl
from libs.tiktok.wire import Reply
from services.publisher.saving import Run, Turn
from services.publisher.validate import adjusted
from services.publisher.wording import photo_post, video_post

log = structlog.get_logger()

ONE_UNRESOLVED = "one_unresolved_pull"
"""The index that lets a creator have no two pull inits whose publish id nobody knows."""
SOON, LATEST = timedelta(seconds=2), timedelta(minutes=10)
"""How long to wait behind an unresolved init: as long again as it has been unresolved, within these."""
LEARN_S = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0)
"""Pauses before the tries to keep a publish id that could not be saved with its post."""
ENDINGS = {"jpeg": "jpg", "webp": "webp", "mp4": "mp4", "quicktime": "mov", "webm": "webm"}
Refused = Callable[[Run, Publication, TikTokError], Awaitable[None]]
Send = Callable[[str, float], Awaitable[Reply[Begun]]]


class Puller:
    """Begins pulls, and finds out what became of those whose init has no reply."""

    def __init__(
        self, store: Store, line: Line, client: TikTokClient, *, now: Callable[[], datetime], public_url: str
    ) -> None:
        self._store = store
        self._line = line
        self._client = client
        self._now = now
        self._public_url = public_url.rstrip("/")
        self._gates: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def gate(self, account_id: str) -> asyncio.Lock:
        """Kept from `held` to the end of `begin`: in one process an account's pulls begin one after the other, instead
        of asking TikTok about its creator and then finding that another was quicker."""
        return self._gates.setdefault(account_id, asyncio.Lock())

    async def held(self, run: Run) -> bool:
        """Whether this pull cannot begin now: saved then, before anything was asked of TikTok."""
        now = self._now()
        if not self._public_url:
            await run.save(fail(run.post, unreachable(), stage="validate", now=now), now=now)
            return True
        before = await self._store.pulls.unresolved(run.post.account_id)
        if before is not None:
            await self._queue_behind(run, since=before[1])
        return before is not None

    async def begin(self, run: Run, turn: Turn, media: Sequence[Media], off: tuple[str, ...], refused: Refused) -> None:
        """Grants URLs, saves the intent and makes the init; what came of it is saved. Raises `Lost`, `NotConnected`.

        `off` are fields that go out as true; `refused` saves what an init that did nothing means for its post.
        """
        token, now = secrets.token_urlsafe(32), self._now()
        lease = now + timedelta(seconds=2 * TIMEOUT_S[Call.VIDEO_INIT] + 30)
        ids, size = tuple(one.id for one in media), sum(one.size for one in media)
        intended = intend_pull(run.post, token_hash=digest(token), media=ids, size=size, lease=lease, now=now)
        try:
            await run.save(adjusted(intended, off), now=now)
        except Illegal as illegal:
            if ONE_UNRESOLVED not in str(illegal):
                raise
            await self._queue_behind(run, since=now)
            return
        urls = self._urls(token, media)
        await self._init(
            run, turn, lambda token, timeout: self._send(run.post, media, urls, off, token, timeout), refused
        )

    async def reckon(self, run: Run, publication: Publication) -> None:
        """The driver that intended this init is gone, and nobody knows what came of it."""
        await self._reckon(run, publication, LostReply())

    async def seek(self, run: Run, publication: Publication) -> None:
        """Facts are matched as they are heard (`adopt`); this is for what was heard before."""
        now = self._now()
        await self._store.pulls.wake_strangers(run.post.account_id, now=now)
        await run.save(unfound(run.post, publication, now=now), now=now)
        await run.ring("facts")

    async def withdraw_begun(self, run: Run) -> None:
        """Withdraws a pull that has just begun if a cancel came during its init: every second TikTok fetches more."""
        publication = run.publication
        begun = publication is not None and publication.pull and publication.live and publication.publish_id
        if publication is not None and begun and await self._store.posts.cancel_requested(run.post.id):
            await self.withdraw(run, publication)

    async def withdraw(self, run: Run, publication: Publication) -> None:
        """Asks TikTok to stop a pull. Best effort: what it answers proves nothing either way."""
        try:
            reply = await self._line.call(
                run.post.account_id,
                Call.CANCEL,
                lambda token, timeout: self._client.cancel(token, publication.publish_id or "", timeout=timeout),
                refused=run.refused,
            )
            run.called(reply.trace)
            answer = "ok"
        except TikTokError as error:
            answer = error.word
            run.called(error.trace, code=answer)
        now = self._now()
        await run.save(withdrawn(run.post, publication, answer=answer, now=now), now=now)

    async def _queue_behind(self, run: Run, *, since: datetime) -> None:
        now = self._now()
        why = "an earlier pull of this creator has no publish id yet; until then what is heard could be of either"
        wait = min(max(now - since, SOON), LATEST)
        await run.save(waits(run.post, until=now + wait, why=why, reason="earlier_pull", now=now), now=now)

    async def _init(self, run: Run, turn: Turn, send: Send, refused: Refused) -> None:
        publication, slot = _live(run), turn.take()
        try:
            reply = await self._line.call(
                run.post.account_id,
                slot.call,
                send,
                slot=slot,
                refused=run.refused,
            )
        except Later as later:
            now = self._now()
            wait = max(later.at - now, timedelta(0))
            await run.save(send_again(run.post, publication, why=later.why, wait=wait, now=now), now=now)
            return
        except TikTokError as error:
            if not error.may_have_taken_effect:
                await refused(run, publication, error)
                return
            code = error.word
            run.called(error.trace, code=code)
            why = "the init got no reply" if isinstance(error, NoReply) else f"the init's answer proves nothing: {code}"
            await self._reckon(run, publication, LostReply(why, code, crashed=False))
            return
        finally:
            await self._store.posts.wake_lane(run.post.account_id, at=self._now() + WINDOW)
        run.called(reply.trace, publish_id=reply.value.publish_id)
        await self._begun(run, publication, reply.value.publish_id)

    async def _begun(self, run: Run, publication: Publication, publish_id: str) -> None:
        """The init is done, so its id is kept whatever has become of the post: without it nobody can ask."""
        now = self._now()
        try:
            await run.save(pulling(run.post, publication, publish_id=publish_id, now=now), now=now)
        except Exception as error:  # whatever it is, ours included
            kept = await self._learn(publication, publish_id)
            log.warning("pull.learnt", post=run.post.id, kept=kept, why=type(error).__name__)
            await run.ring("publisher")
            await run.ring("facts")
            raise
        # TikTok may have told of it already: what was looked at while this was being saved found no owner.
        await self._store.pulls.wake_strangers(run.post.account_id, now=now)
        await run.ring("facts")

    async def _learn(self, publication: Publication, publish_id: str) -> bool:
        for pause_s in LEARN_S:
            await asyncio.sleep(pause_s)
            try:
                return await self._store.posts.learn(
                    publication.post_id, publication.n, publish_id=publish_id, now=self._now()
                )
            except (Unavailable, Contended):
                continue
        return False

    async def _reckon(self, run: Run, publication: Publication, lost: LostReply) -> None:
        now = self._now()
        unfetched = await self._store.pulls.revoke_unfetched(publication.post_id, publication.n, now=now)
        await run.save(reckoned(run.post, publication, unfetched=unfetched, lost=lost, now=now), now=now)
        if not unfetched:  # its webhook may have come before
            await self._store.pulls.wake_strangers(run.post.account_id, now=now)
            await run.ring("facts")

    def _urls(self, token: str, media: Sequence[Media]) -> tuple[str, ...]:
        named = enumerate(one.content_type.partition("/")[2] for one in media)
        return tuple(f"{self._public_url}/pull/{token}/{place}.{ENDINGS.get(kind, 'bin')}" for place, kind in named)

    async def _send(
        self,
        post: Post,
        media: Sequence[Media],
        urls: tuple[str, ...],
        off: tuple[str, ...],
        token: str,
        timeout: float,
    ) -> Reply[Begun]:
        if post.photo:
            return await self._client.content_init(token, photo_post(post, urls, off=off), timeout=timeout)
        source = PullFromUrl(urls[0])
        if post.inbox:
            return await self._client.inbox_video_init(token, source, timeout=timeout)
        return await self._client.video_init(token, video_post(post, media[0], off=off), source, timeout=timeout)


def unreachable() -> Problem:
    return Problem(
        code="pulls_not_set_up",
        title="TikTok cannot fetch media from here",
        status=422,
        detail="PUBLIC_URL is not set, so there is no address that TikTok could pull photos or videos from.",
        remedy="The operator sets PUBLIC_URL and verifies it in TikTok's developer portal; then post again.",
    )


def _live(run: Run) -> Publication:
    if run.publication is None:
        raise LookupError("an init without a saved intent")
    return run.publication
