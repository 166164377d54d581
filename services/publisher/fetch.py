"""Files by URL: fetched through the egress guard, kept and looked into. Those a post names may be kept already."""

from collections.abc import AsyncIterator, Callable
from dataclasses import asdict
from datetime import datetime

from libs.egress import Download, DownloadBroken, Failed, GuardedClient, Redirected
from libs.media.errors import ObjectTooLarge, StorageFull
from libs.media.finding import PhotoProbe, Unreadable, VideoProbe
from libs.media.port import MediaStorage, Stored
from libs.media.probe import probe
from libs.media.workers import Workers
from libs.model.ids import is_id, new_id
from libs.model.post import Post
from libs.model.problem import FieldError, Problem, invalid
from libs.store.errors import Illegal
from libs.store.media import Media
from libs.store.store import Store
from services.publisher.unusable import Unfetched, Unusable

REDIRECTS_MAX = 5
FETCH_TIMEOUT_S = 1800.0
FETCH_IDLE_S = 30.0


Seen = Callable[[int, int | None], None]
"""Told how many bytes have come, of how many as far as is known."""


class Fetcher:
    """Brings a post's files here, each once."""

    def __init__(
        self, store: Store, storage: MediaStorage, egress: GuardedClient, workers: Workers, *, max_bytes: int
    ) -> None:
        self._store = store
        self._storage = storage
        self._egress = egress
        self._workers = workers
        self._max_bytes = max_bytes

    async def fetched(self, post: Post, source: str, *, field: str, now: datetime) -> Media:
        """The file that stands at `field` (`media.0`, `cover`) of the post's request, by id or by URL.

        A URL is fetched once per post and field, whatever crashed since. Raises `Unusable`, naming the field,
        `Unfetched` when it may work later, and `MediaError` when that is not the file's fault.
        """
        if is_id(source, "med"):
            found = await self._store.media.use([source], customer_id=post.customer_id, now=now)
            if source not in found:
                raise Unusable(_gone(field, source))
            return found[source]
        origin = f"{post.id}:{field}"
        known = await self._store.media.by_origin(origin)
        if known is not None and known.state == "ready":
            return known
        return await self._fetch_and_keep(post, source, field=field, origin=origin, now=now)

    async def _fetch_and_keep(self, post: Post, url: str, *, field: str, origin: str, now: datetime) -> Media:
        id_ = new_id("med", now)
        key = f"{post.customer_id}/{id_}"
        kept = False
        try:
            stored, kind = await self.fetch(url, key, field=field)
            probed = await self.look(key, field=field)
            media = await self._store.media.create(
                id_=id_,
                customer_id=post.customer_id,
                key=key,
                size=stored.size,
                sha256=bytes.fromhex(stored.sha256),
                content_type=probed.mime or kind,
                probe=asdict(probed),
                now=now,
                origin=origin,
            )
            kept = True
            return media
        except Illegal as error:
            raise Unfetched("another process fetched the same", code="fetched_twice") from error
        finally:
            if not kept:
                await self._storage.delete(key)

    async def fetch(
        self, url: str, key: str, *, field: str, seen: Seen = lambda received, expected: None
    ) -> tuple[Stored, str]:
        """Keeps the file under `key`; what it is, its server says. Raises as `fetched` does."""
        for _ in range(REDIRECTS_MAX + 1):
            async with self._egress.get(
                url, max_bytes=self._max_bytes, timeout_s=FETCH_TIMEOUT_S, idle_timeout_s=FETCH_IDLE_S
            ) as got:
                match got:
                    case Redirected(url=None):
                        raise Unusable(_refused(field, "The URL redirects to nowhere.", found=None))
                    case Redirected(url=str(elsewhere)):
                        url = elsewhere  # read and judged anew by the guard, as if it had been given
                    case Failed(refusal=refusal) if refusal is not None and not refusal.transient:
                        raise Unusable(_refused(field, refusal.detail, found=refusal.reason, remedy=refusal.remedy))
                    case Failed(kind=kind, detail=detail):
                        raise Unfetched(f"{field} could not be fetched: {detail}", code=str(kind))
                    case Download():
                        return await self._keep(got, key, field=field, seen=seen)
        raise Unusable(_refused(field, f"The URL redirects more than {REDIRECTS_MAX} times.", found=None))

    async def _keep(self, got: Download, key: str, *, field: str, seen: Seen) -> tuple[Stored, str]:
        if got.status != 200:
            why = f"the media's server answered {got.status}"
            if got.status in (408, 425, 429) or got.status >= 500:
                raise Unfetched(why, code=f"http_{got.status}")
            raise Unusable(_refused(field, f"{why}.", found=got.status))
        kind = got.headers.get("content-type", "application/octet-stream")
        try:
            stored = await self._storage.put(
                key, _pieces(got, seen), max_bytes=self._max_bytes, content_type=kind, expected_bytes=got.whole_length
            )
        except DownloadBroken as broken:
            raise Unfetched("the media's transfer broke off", code="download_broken") from broken
        except ObjectTooLarge as error:
            raise Unusable(_refused(field, "The file is too large.", found=None, limit=error.limit_bytes)) from error
        except StorageFull as error:
            raise Unfetched("our media store is full", code="storage_full") from error
        return stored, kind

    async def look(self, key: str, *, field: str) -> VideoProbe | PhotoProbe:
        """What the kept file is. Raises `Unusable` when it is nothing that could be posted."""
        async with self._storage.local_path(key, max_bytes=self._max_bytes) as path:
            found = await probe(path, workers=self._workers)
        if isinstance(found, Unreadable):
            remedy = "Send a whole file that plays or shows."
            raise Unusable(invalid([FieldError(field, f"media_{found.reason}", found.detail, remedy=remedy)]))
        return found


async def _pieces(got: Download, seen: Seen) -> AsyncIterator[bytes]:
    received = 0
    async for chunk in got.chunks():
        received += len(chunk)
        seen(received, got.whole_length)
        yield chunk


def _gone(field: str, source: str) -> Problem:
    detail = "The file is not kept any more."
    return invalid([FieldError(field, "media_expired", detail, found=source, remedy="Upload it again and post anew.")])


def _refused(
    field: str,
    detail: str,
    *,
    found: str | int | None,
    limit: int | None = None,
    remedy: str = "Send a URL that serves the file.",
) -> Problem:
    return invalid([FieldError(field, "not_fetchable", detail, limit=limit, found=found, remedy=remedy)])
