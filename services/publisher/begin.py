"""The beginning at TikTok: ask about the creator, save the intent, init."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from libs.accounts.budget import Slot
from libs.accounts.errors import Later
from libs.accounts.limit import TIMEOUT_S, WINDOW, Call
from libs.accounts.line import Line
from libs.model.change import fail
from libs.model.drive import abandoned, begin_failed, send_again, tried, waits
from libs.model.post import Post
from libs.model.publication import Publication
from libs.model.upload import intend, opened
from libs.store.media import Media
from libs.store.store import Store
from libs.tiktok.chunks import ChunkPlan, plan
from libs.tiktok.client import TikTokClient
from libs.tiktok.errors import TikTokError
from libs.tiktok.posting import CreatorInfo, FileUpload, UploadSlot
from libs.tiktok.wire import Reply
from services.publisher.pull import Puller
from services.publisher.saving import Lost, Run, Turn
from services.publisher.validate import adjusted, problem_before_init, turned_off
from services.publisher.verdict import Retry, Stop, Wait, judge
from services.publisher.wording import video_post

URL_LIFE = timedelta(hours=1)
"""Fact sheet 3.2: an upload URL is valid for an hour after issuance."""


class Beginner:
    """Takes a post that has its turn as far as an upload URL."""

    def __init__(
        self,
        store: Store,
        line: Line,
        client: TikTokClient,
        puller: Puller,
        *,
        now: Callable[[], datetime],
        chunk_lease: timedelta,
        audited: bool,
    ) -> None:
        """`audited` is the operator's app; an account of a customer's own app goes by that."""
        self._store = store
        self._line = line
        self._client = client
        self._puller = puller
        self._now = now
        self._chunk_lease = chunk_lease
        self._audited = audited

    async def begin(self, run: Run, turn: Turn) -> bool:
        """True when an upload URL was given; otherwise what happened instead is saved.

        Raises `Lost`, `NotConnected`, `Later`; the last only before the intent was saved.
        """
        if not run.post.pulled:
            return await self._begin(run, turn)
        async with self._puller.gate(run.post.account_id):
            return not await self._puller.held(run) and await self._begin(run, turn)

    async def _begin(self, run: Run, turn: Turn) -> bool:
        ids = run.post.media_ids
        found = await self._store.media.use(ids, customer_id=run.post.customer_id, now=self._now())
        if not ids or len(found) < len(set(ids)):
            raise LookupError(f"{run.post.id} has no media")
        media = [found[id_] for id_ in ids]
        off = await self._allowed(run, media)
        if off is None:
            return False
        if run.post.pulled:
            await self._puller.begin(run, turn, media, off, self._refused)
            return False
        chunks = plan(media[0].size)
        now = self._now()
        lease = now + timedelta(seconds=2 * TIMEOUT_S[init_call(run.post)] + 30)
        intended = intend(
            run.post, lease=lease, size=media[0].size, chunk_size=chunks.chunk_size, chunk_count=chunks.count, now=now
        )
        await run.save(adjusted(intended, off), now=now)
        return await self._init(run, turn.take(), media[0], chunks, off)

    async def _allowed(self, run: Run, media: Sequence[Media]) -> tuple[str, ...] | None:
        """Checks the post against the rules and, for a direct post, its creator's settings of right now.

        None when that says no, which is saved then; else the fields that go out as true whatever was asked for.
        """
        creator: CreatorInfo | None = None
        if not run.post.inbox:
            try:
                reply = await self._line.call(
                    run.post.account_id,
                    Call.CREATOR_INFO,
                    lambda token, timeout: self._client.creator_info(token, timeout=timeout),
                    refused=run.refused,
                )
            except TikTokError as error:
                await self._refused_before(run, error)
                return None
            run.called(reply.trace)
            creator = reply.value
        audited = creator is None or await self._app_audited(run.post)  # a draft is nobody's to see yet
        problem = problem_before_init(run.post, media, creator, audited=audited)
        if problem is not None:
            now = self._now()
            await run.save(fail(run.post, problem, stage="validate", now=now), now=now)
            return None
        return turned_off(run.post, creator) if creator is not None else ()

    async def _app_audited(self, post: Post) -> bool:
        account = await self._store.accounts.get(post.account_id, customer_id=post.customer_id)
        own = account.app_audited if account is not None else None
        return self._audited if own is None else own

    async def _refused_before(self, run: Run, error: TikTokError) -> None:
        """A call before the init failed: nothing was begun."""
        run.called(error.trace, code=error.word)
        now = self._now()
        match judge(error):
            case Retry(why, code):
                change = tried(run.post, run.publication, why=why, code=code, now=now)
            case Wait(why, wait):
                change = waits(run.post, until=now + wait, why=why, now=now)
            case Stop(problem):
                change = fail(run.post, problem, stage="init", now=now)
        await run.save(change, now=now)

    async def _init(self, run: Run, slot: Slot, media: Media, chunks: ChunkPlan, off: tuple[str, ...]) -> bool:
        publication = run.publication
        if publication is None:
            raise LookupError("an init without a saved intent")
        try:
            reply = await self._line.call(
                run.post.account_id,
                slot.call,
                lambda token, timeout: self._send(run.post, media, chunks, off, token, timeout),
                slot=slot,
                refused=run.refused,
            )
        except Later as later:
            # Not sent, or refused for the minute: the intent is void, and the post belongs back in its lane.
            now = self._now()
            wait = max(later.at - now, timedelta(0))
            await run.save(send_again(run.post, publication, why=later.why, wait=wait, now=now), now=now)
            return False
        except TikTokError as error:
            await self._refused(run, publication, error)
            return False
        finally:
            # The lane may rest until this call's deadline would have freed its slot: it is free a minute from now.
            await self._store.posts.wake_lane(run.post.account_id, at=self._now() + WINDOW)
        now = self._now()
        run.called(reply.trace, publish_id=reply.value.publish_id)
        change = opened(
            run.post,
            publication,
            publish_id=reply.value.publish_id,
            upload_url=reply.value.upload_url.get_secret_value(),
            expires=now + URL_LIFE,
            lease=now + self._chunk_lease,
            now=now,
        )
        try:
            await run.save(change, now=now)
        except Lost:  # nothing of it can publish, but what is heard of it has an owner
            await self._store.posts.learn(run.post.id, publication.n, publish_id=reply.value.publish_id, now=now)
            raise
        return True

    async def _send(
        self, post: Post, media: Media, chunks: ChunkPlan, off: tuple[str, ...], token: str, timeout: float
    ) -> Reply[UploadSlot]:
        source = FileUpload(chunks)
        if post.inbox:
            return await self._client.inbox_video_init(token, source, timeout=timeout)
        return await self._client.video_init(token, video_post(post, media, off=off), source, timeout=timeout)

    async def _refused(self, run: Run, publication: Publication, error: TikTokError) -> None:
        """The init was refused or its reply lost. An upload that nobody has the URL of never publishes."""
        run.called(error.trace, code=error.word)
        now = self._now()
        match judge(error):
            case Retry(why, code):
                change = begin_failed(run.post, publication, why=why, code=code, now=now)
            case Wait(why, wait):
                change = send_again(run.post, publication, why=why, wait=wait, now=now)
            case Stop(problem):
                change = fail(run.post, problem, stage="init", now=now, publications=abandoned(publication))
        await run.save(change, now=now)


def init_call(post: Post) -> Call:
    """Which budget a post's init spends."""
    return Call.INBOX_INIT if post.inbox else Call.VIDEO_INIT
