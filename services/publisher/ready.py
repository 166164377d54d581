"""A file made ready for one use: as it is where TikTok takes it so, converted once where that mends it.

`Readier.ready` is the one way from a kept file to the file that is sent, for videos and photos alike. A conversion
belongs to the file and its recipe, not to the post: posts that want the same share it, whichever process made it, and
a crash after its bytes were kept converts nothing twice.
"""

import asyncio
import hashlib
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, nullcontext
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from libs.media.convert import ConvertBounds, Converted, changes, convert_photo, convert_video
from libs.media.convert import Refused as Unmended
from libs.media.errors import ObjectMissing, WorkersBusy
from libs.media.finding import PhotoProbe, Unreadable, VideoProbe
from libs.media.fitness import AsIs, Hopeless, errors_of, fitness, placed
from libs.media.limits import MediaLimits
from libs.media.order import LEAD_MS
from libs.media.pieces import file_pieces
from libs.media.port import MediaStorage, Stored
from libs.media.probe import finding_from, probe
from libs.media.rules import violations
from libs.media.workers import Workers
from libs.model.ids import new_id
from libs.model.post import Note
from libs.model.problem import FieldError, invalid
from libs.store.media import Media, Rendition
from libs.store.store import Store
from services.publisher.unusable import Unmendable, Unusable

LIMITS = MediaLimits()
ELSEWHERE_WAIT = timedelta(seconds=10)
"""How long a post waits for a conversion that another one is at, before it looks again."""
SCRATCH = "clipwire-convert-"
BUSY_WAIT = timedelta(seconds=30)
"""The same where every converter of this process is taken."""
PROGRESS_STEP = 0.25
PHOTO_BOUNDS = ConvertBounds(deadline_s=60, cpu_s=60)
ADOPTED_MAX = 3
"""How many earlier makers' results are looked for."""

Tell = Callable[[Note], Awaitable[None]]
"""Puts a line on the timeline of the post that waits for the file."""


@dataclass(frozen=True, slots=True)
class Ready:
    """What to send. `changes` says what conversion made different; none when the file goes out as it is."""

    media: Media
    changes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Somebody else is converting it, or every converter is busy: look again at `until`."""

    until: datetime


class Readier:
    """Makes files ready. `converters` is a pool of its own: a conversion holds its place for minutes."""

    def __init__(
        self,
        store: Store,
        storage: MediaStorage,
        *,
        workers: Workers,
        converters: Workers,
        at_once: int,
        now: Callable[[], datetime],
        lease: timedelta,
    ) -> None:
        """`at_once` videos are converted at once: as many as `converters` has places."""
        self._store = store
        self._storage = storage
        self._workers = workers
        self._converters = converters
        self._videos = asyncio.Semaphore(at_once)
        self._now = now
        self._lease = lease

    async def ready(
        self,
        media: Media,
        *,
        kind: Literal["video", "photo"],
        field: str,
        convert: bool,
        tell: Tell,
        cover: Media | None = None,
    ) -> Ready | Elsewhere:
        """The file to send in a post of `kind` for `media`, which stands at `field` (`media.0`) of the request.

        Raises `Unusable`, naming the field, when it breaks a rule and cannot be mended or must not be (`convert`);
        `MediaError` when it is not the file's fault. Takes minutes; cancelling it gives the file back.
        """
        found = finding_from(media.probe)
        verdict = fitness(found, kind=kind, limits=LIMITS, convert=convert, covered=cover is not None)
        if isinstance(verdict, AsIs):
            return Ready(media)
        if isinstance(verdict, Hopeless):
            raise Unusable(invalid(verdict.errors(field)))
        recipe = kind if cover is None else f"{kind}.{cover.id}"
        known = await self._store.renditions.get(media.id, recipe)
        if known is not None and known.state != "making":
            return await self._ended(known, media, field=field)
        if kind == "video" and self._videos.locked():
            return Elsewhere(self._now() + BUSY_WAIT)  # before anything is claimed or copied for nothing
        async with self._videos if kind == "video" else nullcontext():
            now = self._now()
            rendition = await self._store.renditions.claim(media.id, recipe, now=now, lease=now + self._lease)
            if not rendition.ours:
                return await self._ended(rendition, media, field=field)
            await tell(Note("media.converting", {"media_id": media.id, "why": list(verdict.why), "percent": 0}))
            return await self._hold(rendition, media, cover, field=field, tell=tell)

    async def _ended(self, rendition: Rendition, media: Media, *, field: str) -> Ready | Elsewhere:
        """What another one made of it, unless he is still at it."""
        now = self._now()
        if rendition.made_id is not None:
            made = await self._store.media.use([rendition.made_id], customer_id=media.customer_id, now=now)
            if rendition.made_id in made:
                return Ready(made[rendition.made_id], rendition.changes)
        if rendition.problem is not None:
            errors = [FieldError(**error) for error in rendition.problem["errors"]]
            raise Unusable(invalid([placed(error, field) for error in errors]))
        return Elsewhere(now + ELSEWHERE_WAIT)

    async def _hold(
        self, rendition: Rendition, media: Media, cover: Media | None, *, field: str, tell: Tell
    ) -> Ready | Elsewhere:
        """Makes it, renewing the lease and telling how far it is. Whatever keeps it from ending gives it back."""
        progress = Progress()
        work = asyncio.ensure_future(self._make(rendition, media, cover, report=progress.report))
        try:
            while not work.done():
                moved = asyncio.ensure_future(progress.moved.wait())
                pause = self._lease.total_seconds() / 3
                await asyncio.wait([work, moved], timeout=pause, return_when=asyncio.FIRST_COMPLETED)
                moved.cancel()
                if work.done():
                    break
                if not await self._store.renditions.renew(rendition, lease=self._now() + self._lease):
                    return Elsewhere(self._now() + ELSEWHERE_WAIT)
                if progress.moved.is_set():
                    await tell(Note("media.converting", {"media_id": media.id, "percent": progress.percent()}))
            return work.result()
        except WorkersBusy:
            return Elsewhere(self._now() + BUSY_WAIT)
        except Unmendable as refused:
            errors = [error.as_dict() for error in refused.errors]
            await self._store.renditions.finish(rendition, made_id=None, problem={"errors": errors}, now=self._now())
            raise Unusable(invalid([placed(error, field) for error in refused.errors])) from refused
        finally:
            if not work.done():
                work.cancel()
            await asyncio.gather(work, return_exceptions=True)
            await self._store.renditions.release(rendition, now=self._now())

    async def _make(
        self, rendition: Rendition, media: Media, cover: Media | None, *, report: Callable[[float], None]
    ) -> Ready | Elsewhere:
        async with AsyncExitStack() as places:
            source = await places.enter_async_context(self._storage.local_path(media.key, max_bytes=media.size))
            kept = await self._kept(rendition, media, covered=cover is not None)
            if kept is None:
                image = None
                if cover is not None:
                    image = await places.enter_async_context(self._storage.local_path(cover.key, max_bytes=cover.size))
                folder = Path(places.enter_context(tempfile.TemporaryDirectory(prefix=SCRATCH)))
                made = await self._converted(media, source, folder / "made", image, report=report)
                key = _key(rendition, media, rendition.version)
                stored = await self._storage.put(
                    key,
                    file_pieces(folder / "made"),
                    max_bytes=LIMITS.video_max_bytes,
                    content_type=made.found.mime,
                    expected_bytes=made.found.size,
                )
                kept = _Kept(key, stored, made)
        return await self._recorded(rendition, media, kept)

    async def _converted(
        self, media: Media, source: Path, target: Path, image: Path | None, *, report: Callable[[float], None]
    ) -> Converted:
        match finding_from(media.probe):
            case VideoProbe() as found:
                outcome = await convert_video(
                    source,
                    target,
                    found=found,
                    workers=self._converters,
                    checkers=self._workers,
                    limits=LIMITS,
                    cover=image,
                    report=report,
                )
            case PhotoProbe() as found:
                # A second or less: it need not wait behind videos.
                outcome = await convert_photo(
                    source, target, found=found, workers=self._workers, limits=LIMITS, bounds=PHOTO_BOUNDS
                )
            case found:
                raise LookupError(f"{media.id} is {found.reason}")
        if isinstance(outcome, Unmended):
            raise Unmendable(errors_of(outcome.violations))
        return outcome

    async def _kept(self, rendition: Rendition, media: Media, *, covered: bool) -> "_Kept | None":
        """What an earlier maker kept and could not record any more."""
        for version in range(rendition.version - 1, max(0, rendition.version - 1 - ADOPTED_MAX), -1):
            key = _key(rendition, media, version)
            try:
                size = await self._storage.size(key)
            except ObjectMissing:
                continue
            async with self._storage.local_path(key, max_bytes=size) as path:
                found = await probe(path, workers=self._workers)
                sha256 = await asyncio.to_thread(_sha256, path)
            before = finding_from(media.probe)
            if isinstance(before, Unreadable) or isinstance(found, Unreadable):
                continue
            if not violations(found, kind=before.kind, limits=LIMITS):
                cover_ms = LEAD_MS // 2 if covered else None
                made = Converted(found=found, changes=changes(before, found), cover_timestamp_ms=cover_ms)
                return _Kept(key, Stored(size=size, sha256=sha256), made)
        return None

    async def _recorded(self, rendition: Rendition, media: Media, kept: "_Kept") -> Ready | Elsewhere:
        now = self._now()
        row = await self._store.media.create(
            id_=new_id("med", now),
            customer_id=media.customer_id,
            key=kept.key,
            size=kept.stored.size,
            sha256=bytes.fromhex(kept.stored.sha256),
            content_type=kept.made.found.mime,
            probe=asdict(kept.made.found),
            now=now,
            made_from=media.id,
            cover_ms=kept.made.cover_timestamp_ms,
        )
        if not await self._store.renditions.finish(rendition, made_id=row.id, changes=kept.made.changes, now=now):
            return Elsewhere(now + ELSEWHERE_WAIT)  # another maker was given it meanwhile; this file ages out unused
        return Ready(row, kept.made.changes)


@dataclass(frozen=True, slots=True)
class _Kept:
    key: str
    stored: Stored
    made: Converted


class Progress:
    """How much is done; `moved` is set when that is worth a line."""

    def __init__(self) -> None:
        self.moved = asyncio.Event()
        self._done = self._told = 0.0

    def report(self, done: float) -> None:
        self._done = done
        if done >= self._told + PROGRESS_STEP:
            self.moved.set()

    def percent(self) -> int:
        """What to tell now."""
        self._told = self._done - self._done % PROGRESS_STEP
        self.moved.clear()
        return round(self._told * 100)


def _key(rendition: Rendition, media: Media, version: int) -> str:
    """Each maker has a key of its own: a frozen one that wakes up late replaces nobody's file."""
    return f"{media.customer_id}/{media.id}.{rendition.recipe}.{version}"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
