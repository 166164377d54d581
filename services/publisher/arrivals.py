"""Files on their way to `GET /v1/media`: fetched by URL, or sent to us and now looked into.

A try ends in a row of media, in a failure that is told, or in another try; whoever is killed is followed when its lease
ends. Every try keeps its bytes under a key of its own, so that one who comes late changes nothing of what was checked.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Final

import structlog

from libs.broker.port import Broker
from libs.media.errors import MediaError, ObjectMissing
from libs.media.port import MediaStorage, Stored
from libs.model.event import Event, EventType, event
from libs.model.problem import FieldError, Problem, invalid
from libs.runtime.workers import Patience, first_of
from libs.store.arrivals import Arrival
from libs.store.errors import Contended, StoreError, Unavailable
from libs.store.media import Quota, QuotaReached
from libs.store.store import Store
from services.publisher.fetch import Fetcher
from services.publisher.unusable import Unfetched, Unusable

log = structlog.get_logger()

AT_ONCE: Final = 4
LEASE: Final = timedelta(seconds=30)
SHOWN_EVERY_S: Final = 2.0
"""How old the progress is that is shown; also how often the lease is renewed."""
TRIES: Final = 5
PAUSES: Final = tuple(timedelta(seconds=s) for s in (5, 30, 120, 600))
OURS_AGAIN: Final = timedelta(seconds=30)


class Receiver:
    """The loop that brings files here."""

    def __init__(
        self,
        store: Store,
        broker: Broker,
        storage: MediaStorage,
        fetcher: Fetcher,
        *,
        quota: Quota,
        now: Callable[[], datetime],
        idle_s: float,
    ) -> None:
        self._store = store
        self._broker = broker
        self._storage = storage
        self._fetcher = fetcher
        self._quota = quota
        self._now = now
        self._idle_s = idle_s

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`; what is on its way then is given back."""
        patience = Patience("arrivals")
        at_work: set[asyncio.Task[None]] = set()
        try:
            async with self._broker.listen("arrivals") as bell:
                while not stop.is_set():
                    try:
                        claimed = await self._claim(AT_ONCE - len(at_work))
                    except (Unavailable, Contended) as error:
                        await patience.after(error, stop)
                        continue
                    patience.over()
                    for arrival in claimed:
                        task = asyncio.create_task(self.bring(arrival), name=f"arrival-{arrival.id}")
                        at_work.add(task)
                        task.add_done_callback(at_work.discard)
                    if not claimed:
                        await first_of(bell.wait(self._idle_s), stop.wait())
        finally:
            for task in at_work:
                task.cancel()
            await asyncio.gather(*at_work, return_exceptions=True)

    async def _claim(self, room: int) -> list[Arrival]:
        now = self._now()
        return await self._store.arrivals.claim(now=now, lease=now + LEASE, limit=room) if room > 0 else []

    async def bring(self, arrival: Arrival) -> None:
        """One try. Never raises, but for a bug of ours; then its lease brings it back."""
        try:
            try:
                await self._bring(arrival)
            except Unusable as unusable:
                await self._failed(arrival, unusable.problem)
            except QuotaReached as reached:
                await self._failed(arrival, _full(reached))
            except Overtaken:
                log.info("arrival.overtaken", media_id=arrival.id)
            except Unfetched as unfetched:
                await self._put_off(arrival, unfetched.why)
            except MediaError as error:
                log.warning("arrival.put_off", media_id=arrival.id, why=str(error))
                await self._store.arrivals.again(arrival, at=self._now() + OURS_AGAIN, counted=False, now=self._now())
        except StoreError as error:
            log.warning("arrival.left", media_id=arrival.id, error=type(error).__name__)  # its lease brings it back

    async def _bring(self, arrival: Arrival) -> None:
        if arrival.state == "awaited":
            await self._storage.delete(arrival.sent_to)
            raise Unusable(_not_sent())
        key, progress = f"{arrival.key}.{arrival.version}", Progress(self._store, arrival, self._now)
        kept = False
        try:
            async with progress:
                stored, kind = await self._take(arrival, key, progress)
                _keep_promises(arrival, stored)
                found = await self._fetcher.look(key, field="file")
            await progress.tell()
            media = await self._store.media.create(
                id_=arrival.id,
                customer_id=arrival.customer_id,
                key=key,
                size=stored.size,
                sha256=bytes.fromhex(stored.sha256),
                content_type=found.mime or kind,
                probe=asdict(found),
                now=self._now(),
                quota=self._quota,
                events=(_ready(arrival, stored, now=self._now()),),
            )
            kept = media.key == key
        finally:
            if not kept:
                await self._storage.delete(key)
        await self._storage.delete(arrival.sent_to)
        await self._broker.ring("notifier")

    async def _take(self, arrival: Arrival, key: str, progress: "Progress") -> tuple[Stored, str]:
        if arrival.url is not None:
            return await self._fetcher.fetch(arrival.url, key, field="url", seen=progress.seen)
        try:
            size = await self._storage.size(arrival.sent_to)
            if size != arrival.size:
                raise Unusable(invalid([_broken("size", "size", arrival.size, size)]))
            async with aclosing(await self._storage.open_range(arrival.sent_to, first=0, last=size - 1)) as pieces:
                counted = _counted(pieces, size, progress)
                kind = "application/octet-stream"
                stored = await self._storage.put(key, counted, max_bytes=size, content_type=kind, expected_bytes=size)
        except ObjectMissing as error:
            raise Unusable(_not_sent()) from error
        return stored, kind

    async def _put_off(self, arrival: Arrival, why: str) -> None:
        if arrival.tries + 1 >= TRIES:
            error = FieldError(
                "url", "not_fetchable", f"{why[:1].upper()}{why[1:]}.", remedy="Send a URL that serves it."
            )
            await self._failed(arrival, invalid([error]))
            return
        log.info("arrival.put_off", media_id=arrival.id, why=why)
        now = self._now()
        await self._store.arrivals.again(arrival, at=now + PAUSES[arrival.tries], counted=True, now=now)

    async def _failed(self, arrival: Arrival, problem: Problem) -> None:
        now = self._now()
        said = {"media_id": arrival.id, "post_id": None, "problem": problem.as_dict()}
        told = event(
            EventType.MEDIA_FAILED, key=f"{arrival.id}:failed", now=now, data=said, customer_id=arrival.customer_id
        )
        if await self._store.arrivals.fail(arrival, problem, events=(told,), now=now):
            log.info("arrival.failed", media_id=arrival.id, code=problem.code)
            await self._broker.ring("notifier")
        await self._storage.delete(arrival.sent_to)


class Overtaken(Exception):
    """The try lost its lease, and another is at the file."""


class Progress:
    """Keeps the lease of a try and tells how far it is, while in its block. `seen` and `tell` raise `Overtaken`."""

    def __init__(self, store: Store, arrival: Arrival, now: Callable[[], datetime]) -> None:
        self._store = store
        self._arrival = arrival
        self._now = now
        self._received, self._expected = 0, arrival.size
        self._ours = True
        self._telling: asyncio.Task[None] | None = None

    def seen(self, received: int, expected: int | None) -> None:
        """So much of it has come."""
        self._received, self._expected = received, expected
        if not self._ours:
            raise Overtaken

    async def tell(self) -> None:
        """Says how far it is, and holds the lease."""
        now = self._now()
        self._ours = await self._store.arrivals.hold(
            self._arrival, lease=now + LEASE, received=self._received, expected=self._expected, now=now
        )
        if not self._ours:
            raise Overtaken

    async def __aenter__(self) -> None:
        self._telling = asyncio.create_task(self._tell_on(), name=f"progress-{self._arrival.id}")

    async def __aexit__(self, *_: object) -> None:
        if self._telling is not None:
            self._telling.cancel()
            await asyncio.gather(self._telling, return_exceptions=True)

    async def _tell_on(self) -> None:
        while True:
            await asyncio.sleep(SHOWN_EVERY_S)
            try:
                await self.tell()
            except StoreError as error:
                log.info("arrival.untold", media_id=self._arrival.id, error=type(error).__name__)


async def _counted(pieces: AsyncIterator[bytes], size: int, progress: Progress) -> AsyncIterator[bytes]:
    taken = 0
    async for piece in pieces:
        taken += len(piece)
        progress.seen(taken, size)
        yield piece


def _keep_promises(arrival: Arrival, stored: Stored) -> None:
    promised = arrival.sha256.hex() if arrival.sha256 else stored.sha256
    if stored.sha256 != promised:
        raise Unusable(invalid([_broken("sha256", "SHA-256", promised, stored.sha256)]))


def _broken(field: str, noun: str, promised: str | int | None, found: str | int) -> FieldError:
    remedy = "Ask for another address and send the file that was meant, whole."
    return FieldError(field, "not_as_promised", f"The file has another {noun} than was said.", promised, found, remedy)


def _ready(arrival: Arrival, stored: Stored, *, now: datetime) -> Event:
    said = {"media_id": arrival.id, "size": stored.size, "sha256": stored.sha256, "post_id": None}
    return event(EventType.MEDIA_READY, key=f"{arrival.id}:ready", now=now, data=said, customer_id=arrival.customer_id)


def _not_sent() -> Problem:
    return Problem("upload_missing", "The file was not sent", 422, "Nothing came to its address in time.",
                   "Ask for another address, send the file there and complete it.")  # fmt: skip


def _full(reached: QuotaReached) -> Problem:
    detail = (
        f"This customer keeps {reached.usage.files} files and {reached.usage.bytes} bytes; this one does not fit in."
    )
    return Problem("media_quota_reached", "The media quota is reached", 413, detail,
                   "Wait until media of finished posts age out, or ask the operator for a larger quota.")  # fmt: skip
