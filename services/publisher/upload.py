"""Sending the bytes: chunk after chunk, each saved; the last only after the point of no return is."""

from collections.abc import Callable
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime, timedelta
from typing import cast

from libs.media.port import MediaStorage
from libs.model.change import cancel, fail
from libs.model.drive import abandoned, tried
from libs.model.post import failed_upstream
from libs.model.publication import Publication, PublicationState
from libs.model.upload import committed, committing, progressed
from libs.store.media import Media
from libs.store.store import Store
from libs.tiktok.chunks import ChunkPlan
from libs.tiktok.client import TikTokClient
from libs.tiktok.errors import NoReply, TikTokError
from libs.tiktok.upload import ChunkAnswer, ChunkKind, ContentType
from services.publisher.reading import Reading
from services.publisher.saving import Run

RESYNCS_MAX = 3
CONTENT_TYPES = ("video/mp4", "video/quicktime", "video/webm")


class Uploader:
    """Sends what is missing of a publication."""

    def __init__(
        self,
        store: Store,
        storage: MediaStorage,
        client: TikTokClient,
        *,
        now: Callable[[], datetime],
        chunk_timeout_s: float,
        chunk_lease: timedelta,
    ) -> None:
        self._store = store
        self._storage = storage
        self._client = client
        self._now = now
        self._chunk_timeout_s = chunk_timeout_s
        self._chunk_lease = chunk_lease

    async def upload(self, run: Run, publication: Publication) -> bool | None:
        """Sends from `publication.sent_bytes` on. None when what happened is saved; else ask TikTok: True when the
        upload URL is dead, False when it is not known what TikTok has.

        Raises `Lost`. A chunk's whole deadline is shorter than the lease it is sent under.
        """
        media = await self._store.media.get(run.post.media_id or "", customer_id=run.post.customer_id)
        if media is None:
            raise LookupError(f"{run.post.id} has no media")
        chunks = ChunkPlan(publication.size, publication.chunk_size, publication.chunk_count)
        run.publication = publication
        async with aclosing(Reading(self._storage, media.key, chunks)) as reading:
            return await self._send(run, media, chunks, reading)

    async def _send(self, run: Run, media: Media, chunks: ChunkPlan, reading: Reading) -> bool | None:
        publication = _live(run)
        index = chunks.resume(publication.sent_bytes)
        resyncs = 0
        cancelling = await self._store.posts.cancel_requested(run.post.id)
        while index is not None and index < chunks.count:
            if cancelling and await self._cancelled(run):
                return None
            answer = await self._chunk(run, media, chunks, index, reading)
            if not isinstance(answer, ChunkAnswer):
                return answer
            match answer.kind:
                case ChunkKind.COMPLETE:
                    break
                case ChunkKind.ACCEPTED:
                    index, cancelling = await self._progress(run, chunks, index, answer)
                case ChunkKind.RESYNC:
                    resyncs += 1
                    if answer.received is None or resyncs > RESYNCS_MAX:
                        return False
                    index, cancelling = await self._progress(run, chunks, index, answer)
                case ChunkKind.EXPIRED | ChunkKind.UNKNOWN_TASK:
                    return True
                case ChunkKind.BAD:
                    return await self._bad(run, answer)
                case ChunkKind.TROUBLE | ChunkKind.UNEXPECTED:
                    return await self._trouble(run, f"TikTok's upload server answered {answer.trace.status}")
        if index is None:
            return False
        now = self._now()
        await run.save(committed(run.post, _live(run), now=now), now=now)
        return None

    async def _chunk(
        self, run: Run, media: Media, chunks: ChunkPlan, index: int, reading: Reading
    ) -> ChunkAnswer | bool | None:
        """One PUT. Without an answer, what `upload` returns: None when saved, False when TikTok must be asked."""
        first, last = chunks.range(index)
        final = index == chunks.count - 1
        pieces = await reading.chunk(index)
        if final:
            now = self._now()
            await run.save(committing(run.post, _live(run), lease=now + self._chunk_lease, now=now), now=now)
        kind = media.content_type if media.content_type in CONTENT_TYPES else "video/mp4"
        try:
            async with aclosing(pieces):
                answer = await self._client.put_chunk(
                    _live(run).upload_url or "",
                    pieces,
                    first=first,
                    last=last,
                    total=chunks.size,
                    content_type=cast("ContentType", kind),
                    timeout=self._chunk_timeout_s,
                )
        except TikTokError as error:
            run.called(error.trace, first=first, last=last)
            if final and error.may_have_taken_effect:
                return False
            why = "no reply" if isinstance(error, NoReply) else str(error)
            return await self._trouble(run, f"sending bytes {first}-{last} failed: {why}")
        run.called(answer.trace, first=first, last=last, received=answer.received)
        return answer

    async def _progress(self, run: Run, chunks: ChunkPlan, index: int, answer: ChunkAnswer) -> tuple[int | None, bool]:
        """(the chunk to send next, whether to cancel instead)"""
        sent = answer.received if answer.received is not None else chunks.range(index)[1] + 1
        following = chunks.resume(sent)
        if following is None:
            return None, False  # no boundary of this plan: what was saved is the last place to go on from
        now = self._now()
        lease = now + self._chunk_lease
        change = progressed(run.post, _live(run), sent=min(sent, chunks.size), lease=lease, now=now)
        return following, await run.progress(change)

    async def _cancelled(self, run: Run) -> bool:
        """Between chunks a cancel is acted on, as long as the last chunk was never sent."""
        if _live(run).state is not PublicationState.OPEN:
            return False
        now = self._now()
        await run.save(cancel(run.post, now=now, publications=abandoned(run.publication)), now=now)
        return True

    async def _trouble(self, run: Run, why: str) -> bool | None:
        """The same chunk again after a pause; what may be complete is asked about first, by its next driver."""
        now = self._now()
        await run.save(tried(run.post, run.publication, why=why, code="upload_interrupted", now=now), now=now)
        return None

    async def _bad(self, run: Run, answer: ChunkAnswer) -> bool | None:
        """TikTok will not take these bytes. Sent ones may be complete only if the last chunk had gone out before."""
        publication = _live(run)
        if publication.state is not PublicationState.OPEN and publication.chunk_count > 1:
            return await self._trouble(run, f"TikTok's upload server answered {answer.trace.status}")
        now = self._now()
        problem = failed_upstream(
            code="invalid_file_upload",
            detail=f"TikTok's upload server refused the bytes with {answer.trace.status}.",
            remedy="Post again; if it is refused again, encode the file anew as H.264 in MP4.",
        )
        gone = abandoned(replace(publication, state=PublicationState.OPEN))
        await run.save(fail(run.post, problem, stage="upload", now=now, publications=gone), now=now)
        return None


def _live(run: Run) -> Publication:
    if run.publication is None:
        raise LookupError(f"{run.post.id} has no publication")
    return run.publication
