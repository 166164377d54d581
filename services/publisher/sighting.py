"""Looking for an unconfirmed post among its creator's public videos; what may be taken for it is the model's to say."""

from collections.abc import Callable
from datetime import UTC, datetime

import structlog

from libs.accounts.errors import Later, NotConnected
from libs.accounts.limit import Call
from libs.accounts.line import Line
from libs.media.finding import VideoProbe
from libs.media.probe import finding_from
from libs.model.account import Account, AccountState
from libs.model.post import Post
from libs.model.publication import Publication
from libs.model.pull import URL_LIFE
from libs.model.sighting import Sought, Video, Words, seen, sighted, sought
from libs.store.store import Store
from libs.tiktok.client import TikTokClient
from libs.tiktok.display import Video as Listed
from libs.tiktok.display import VideoPage
from libs.tiktok.errors import TikTokError
from services.publisher.saving import Run

log = structlog.get_logger()

SCOPE = "video.list"
FIELDS = ("id", "create_time", "title", "video_description", "duration")
PAGES = 3
"""Sixty videos. A creator who makes more in some hours is left to webhooks and people."""
RIVALS = 200


class Sighter:
    """Asks for the list, and saves what is seen."""

    def __init__(self, store: Store, line: Line, client: TikTokClient, *, now: Callable[[], datetime]) -> None:
        self._store = store
        self._line = line
        self._client = client
        self._now = now

    async def find(self, run: Run, publication: Publication) -> Video | None:
        """The video that can only be this post's. That TikTok does not answer is no matter: it is asked again at the
        post's next look."""
        wanted = sought(run.post, publication, duration_ms=await self._duration_ms(run.post), now=self._now())
        found = await self._store.accounts.grant(run.post.account_id) if wanted is not None else None
        if wanted is None or found is None:
            return None
        account = found[0]
        if account.state is not AccountState.CONNECTED or SCOPE not in account.scopes:
            return None
        return await self._sighted(run, wanted, account)

    async def keep(self, run: Run, publication: Publication, video: Video) -> None:
        """Saves the post as published. Raises `Lost`."""
        context = await self._store.posts.get(run.post.id, customer_id=None)
        known = context.news if context is not None else ()
        now = self._now()
        await run.save(seen(run.post, publication, video, known=known, now=now), now=now)
        log.info("post.seen", post=run.post.id, tiktok_post_id=video.id)

    async def _sighted(self, run: Run, wanted: Sought, account: Account) -> Video | None:
        key, open_id = account.client_key, account.open_id
        if await self._store.pulls.strangers(key, open_id, since=int(wanted.since.timestamp())):
            return None  # something was heard of the creator that is nobody's: it may be how this init ended
        try:
            videos = await self._list(run, wanted)
        except (TikTokError, Later, NotConnected) as error:
            log.info("post.not_looked_for", post=run.post.id, why=str(error))
            return None
        if videos is None:
            return None
        taken = await self._store.pulls.taken([video.id for video in videos])
        others = await self._store.pulls.unnamed(
            key, open_id, but=run.post.id, since=wanted.since - URL_LIFE, limit=RIVALS
        )
        if len(others) == RIVALS:
            return None
        return sighted(wanted, videos, taken=taken, rivals=[Words(*other) for other in others], now=self._now())

    async def _list(self, run: Run, wanted: Sought) -> list[Video] | None:
        """The creator's videos back to the time the post was sent; None when there are too many, or one without a time,
        which proves nothing about the others."""
        videos: list[Video] = []
        cursor: int | None = None
        for _ in range(PAGES):
            page = await self._page(run, cursor)
            made = [_video(one, at=one.create_time) for one in page.videos if one.create_time is not None]
            if len(made) < len(page.videos):
                return None
            videos += made
            beyond = bool(videos) and videos[-1].created_at < wanted.since
            if beyond or not page.has_more or page.cursor is None:
                return videos
            cursor = page.cursor
        return None

    async def _page(self, run: Run, cursor: int | None) -> VideoPage:
        reply = await self._line.call(
            run.post.account_id,
            Call.VIDEO_LIST,
            lambda token, timeout: self._client.video_list(token, FIELDS, timeout=timeout, cursor=cursor),
        )
        run.called(reply.trace, videos=len(reply.value.videos))
        return reply.value

    async def _duration_ms(self, post: Post) -> int | None:
        if post.photo or post.media_id is None:
            return None
        media = await self._store.media.get(post.media_id, customer_id=post.customer_id)
        found = finding_from(media.probe) if media is not None else None
        return found.duration_ms if isinstance(found, VideoProbe) else None


def _video(listed: Listed, *, at: int) -> Video:
    words = Words(listed.title or "", listed.video_description or "")
    return Video(listed.id, datetime.fromtimestamp(at, UTC), words, listed.duration)
