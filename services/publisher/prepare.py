"""Before a post may be sent: its media are here, whole, and looked at."""

from collections.abc import AsyncIterator, Callable
from dataclasses import asdict, dataclass, replace
from datetime import datetime

from libs.egress import Download, DownloadBroken, Failed, GuardedClient, Redirected
from libs.media.errors import MediaError, ObjectTooLarge, StorageFull
from libs.media.finding import PhotoProbe, Unreadable, VideoProbe
from libs.media.port import MediaStorage, Stored
from libs.media.probe import probe
from libs.media.workers import Workers
from libs.model.change import Change, fail
from libs.model.drive import tried
from libs.model.event import EventType, event
from libs.model.ids import new_id
from libs.model.post import Note, Post
from libs.model.problem import FieldError, Problem, invalid
from libs.store.customers import Media
from libs.store.store import Store

REDIRECTS_MAX = 5
FETCH_TIMEOUT_S = 1800.0
FETCH_IDLE_S = 30.0


@dataclass(frozen=True, slots=True)
class Unusable(Exception):
    """The media cannot be posted, however often it is fetched."""

    problem: Problem


@dataclass(frozen=True, slots=True)
class Unfetched(Exception):
    """The media could not be fetched this time."""

    why: str
    code: str


Then = Callable[[Post, datetime], Change]
"""What to do with the post as it is now."""


class Preparer:
    """Fetches a post's media by URL through the egress guard, stores it and looks into it."""

    def __init__(
        self, store: Store, storage: MediaStorage, egress: GuardedClient, workers: Workers, *, max_bytes: int
    ) -> None:
        self._store = store
        self._storage = storage
        self._egress = egress
        self._workers = workers
        self._max_bytes = max_bytes

    async def prepare(self, post: Post, *, now: datetime) -> Then:
        """Fetches, stores and probes; returns how to change the post, whose lease may have been renewed meanwhile."""
        url = str(post.request["media"][0])
        key = f"{post.customer_id}/{post.id}"
        try:
            stored, kind = await self._fetch(url, key)
            probed = await self._look(key, field="media.0")
        except Unusable as unusable:
            await self._storage.delete(key)
            problem = unusable.problem
            return lambda post, now: fail(post, problem, stage="media", now=now)
        except Unfetched as unfetched:
            why, code = unfetched.why, unfetched.code
            return lambda post, now: tried(post, None, why=why, code=code, now=now)
        except MediaError as error:
            why, code = str(error), type(error).__name__
            return lambda post, now: tried(post, None, why=why, code=code, now=now)
        media = await self._store.media.create(
            id_=new_id("med", now),
            customer_id=post.customer_id,
            key=key,
            size=stored.size,
            sha256=bytes.fromhex(stored.sha256),
            content_type=probed.mime or kind,
            probe=asdict(probed),
            now=now,
        )
        return lambda post, now: _ready(post, media, now=now)

    async def _fetch(self, url: str, key: str) -> tuple[Stored, str]:
        for _ in range(REDIRECTS_MAX + 1):
            async with self._egress.get(
                url, max_bytes=self._max_bytes, timeout_s=FETCH_TIMEOUT_S, idle_timeout_s=FETCH_IDLE_S
            ) as got:
                match got:
                    case Redirected(url=None):
                        raise Unusable(_refused("The URL redirects to nowhere.", found=None))
                    case Redirected(url=str(elsewhere)):
                        url = elsewhere  # read and judged anew by the guard, as if it had been given
                    case Failed(refusal=refusal) if refusal is not None and not refusal.transient:
                        raise Unusable(_refused(refusal.detail, found=refusal.reason, remedy=refusal.remedy))
                    case Failed(kind=kind, detail=detail):
                        raise Unfetched(f"the media could not be fetched: {detail}", code=str(kind))
                    case Download():
                        return await self._keep(got, key)
        raise Unusable(_refused(f"The URL redirects more than {REDIRECTS_MAX} times.", found=None))

    async def _keep(self, got: Download, key: str) -> tuple[Stored, str]:
        if got.status != 200:
            why = f"the media's server answered {got.status}"
            if got.status in (408, 425, 429) or got.status >= 500:
                raise Unfetched(why, code=f"http_{got.status}")
            raise Unusable(_refused(f"{why}.", found=got.status))
        kind = got.headers.get("content-type", "application/octet-stream")
        try:
            stored = await self._storage.put(
                key, _pieces(got), max_bytes=self._max_bytes, content_type=kind, expected_bytes=got.whole_length
            )
        except DownloadBroken as broken:
            raise Unfetched("the media's transfer broke off", code="download_broken") from broken
        except ObjectTooLarge as error:
            raise Unusable(_refused("The file is too large.", found=None, limit=error.limit_bytes)) from error
        except StorageFull as error:
            raise Unfetched("our media store is full", code="storage_full") from error
        return stored, kind

    async def _look(self, key: str, *, field: str) -> VideoProbe | PhotoProbe:
        async with self._storage.local_path(key, max_bytes=self._max_bytes) as path:
            found = await probe(path, workers=self._workers)
        match found:
            case Unreadable(reason=reason, detail=detail):
                raise Unusable(
                    invalid([FieldError(field, f"media_{reason}", detail, remedy="Send a whole video file.")])
                )
            case PhotoProbe(format=format_):
                raise Unusable(
                    invalid([FieldError(field, "not_a_video", "A video post needs a video.", found=format_)])
                )
            case VideoProbe():
                return found


def _ready(post: Post, media: Media, *, now: datetime) -> Change:
    told = event(
        EventType.MEDIA_READY,
        key=f"{media.id}:ready",
        now=now,
        data={"media_id": media.id, "post_id": post.id, "size": media.size, "sha256": media.sha256.hex()},
        customer_id=post.customer_id,
        post_id=post.id,
    )
    ready = replace(post, media_id=media.id, alarm=now, updated_at=now)
    return Change(ready, events=(told,), notes=(Note("media.ready", {"media_id": media.id, "size": media.size}),))


async def _pieces(got: Download) -> AsyncIterator[bytes]:
    async for chunk in got.chunks():
        yield chunk


def _refused(
    detail: str, *, found: str | int | None, limit: int | None = None, remedy: str = "Send a URL that serves the file."
) -> Problem:
    return invalid([FieldError("media.0", "not_fetchable", detail, limit=limit, found=found, remedy=remedy)])
