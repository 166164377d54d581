"""Before a post may be sent: its media are here, whole, looked at, and made ready."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from libs.media.errors import MediaError
from libs.model.change import Change, fail
from libs.model.drive import tried, waits
from libs.model.event import Event, EventType, event
from libs.model.ids import is_id
from libs.model.post import Note, Post
from libs.model.problem import FieldError, Problem, invalid
from libs.store.media import Media
from libs.store.store import Store
from services.publisher.fetch import Fetcher
from services.publisher.ready import Elsewhere, Readier, Ready, Tell
from services.publisher.unusable import Unfetched, Unusable

Then = Callable[[Post, datetime], Change]
"""What to do with the post as it is now."""


class Preparer:
    """Takes a post as far as a file that may be sent."""

    def __init__(self, store: Store, fetcher: Fetcher, readier: Readier, *, now: Callable[[], datetime]) -> None:
        self._store = store
        self._fetcher = fetcher
        self._readier = readier
        self._now = now

    async def prepare(self, post: Post, *, now: datetime) -> Then:
        """Fetches, stores, probes and converts; returns how to change the post, whose lease may have been renewed
        meanwhile."""
        try:
            outcome = await (self._photos(post, now=now) if post.photo else self._video(post, now=now))
        except Unusable as unusable:
            problem = unusable.problem
            return lambda post, now: _failed(post, problem, now=now)
        except Unfetched as unfetched:
            why, code = unfetched.why, unfetched.code
            return lambda post, now: tried(post, None, why=why, code=code, now=now)
        except MediaError as error:
            why, code = str(error), error.word
            return lambda post, now: tried(post, None, why=why, code=code, now=now)
        match outcome:
            case Elsewhere(until=until):
                return lambda post, now: waits(
                    post, until=until, why="its media is being converted", reason="media", now=now
                )
            case Ready():
                files: tuple[Ready, ...] = (outcome,)
            case _:
                files = outcome
        return lambda post, now: _ready(post, files, now=now)

    async def _photos(self, post: Post, *, now: datetime) -> tuple[Ready, ...] | Elsewhere:
        """One after the other; what is ready is found ready again by whoever has to begin anew."""
        files: list[Ready] = []
        convert = post.request.get("convert") != "never"
        asked = await self._store.posts.whole_request(post)
        for place, source in enumerate(asked["media"]):
            field = f"media.{place}"
            media = await self._fetcher.fetched(post, str(source), field=field, now=now)
            tell = self._teller(post)
            outcome = await self._readier.ready(media, kind="photo", field=field, convert=convert, tell=tell)
            if isinstance(outcome, Elsewhere):
                return outcome
            files.append(outcome)
        return tuple(files)

    async def _video(self, post: Post, *, now: datetime) -> Ready | Elsewhere:
        asked = await self._store.posts.whole_request(post)
        media = await self._fetcher.fetched(post, str(asked["media"][0]), field="media.0", now=now)
        cover = None
        if asked.get("cover"):
            cover = await self._fetcher.fetched(post, str(asked["cover"]), field="cover", now=now)
            if cover.probe["kind"] != "photo":
                raise Unusable(_no_photo(cover))
        convert = asked.get("convert") != "never"
        return await self._readier.ready(
            media, kind="video", field="media.0", convert=convert, tell=self._teller(post), cover=cover
        )

    def _teller(self, post: Post) -> Tell:
        async def tell(note: Note) -> None:
            await self._store.posts.add_note(post.id, note, now=self._now())

        return tell


def _ready(post: Post, files: tuple[Ready, ...], *, now: datetime) -> Change:
    """Every file is here and may be sent. One that stands in the post twice is told of once."""
    ids = tuple(file.media.id for file in files)
    told = [_told(post, file, now=now) for file in {file.media.id: file for file in files}.values()]
    after = replace(post, media_id=ids[0], photos=ids if post.photo else (), alarm=now, updated_at=now)
    return Change(after, events=tuple(event for event, _ in told), notes=tuple(note for _, note in told))


def _told(post: Post, ready: Ready, *, now: datetime) -> tuple[Event, Note]:
    media = ready.media
    said = {"media_id": media.id, "size": media.size}
    if media.made_from is not None:
        said |= {"made_from": media.made_from, "changes": list(ready.changes)}
    told = event(
        EventType.MEDIA_READY,
        key=f"{media.id}:ready",
        now=now,
        data=said | {"post_id": post.id, "sha256": media.sha256.hex()},
        customer_id=post.customer_id,
        post_id=post.id,
    )
    return told, Note("media.ready", said)


def _failed(post: Post, problem: Problem, *, now: datetime) -> Change:
    change = fail(post, problem, stage="media", now=now)
    return replace(change, events=(_media_failed(post, problem, now=now), *change.events))


def _media_failed(post: Post, problem: Problem, *, now: datetime) -> Event:
    named = [str(source) for source in post.request["media"] if is_id(str(source), "med")]
    return event(
        EventType.MEDIA_FAILED,
        key=f"{post.id}:media_failed",
        now=now,
        data={"post_id": post.id, "media_id": named[0] if len(named) == 1 else None, "problem": problem.as_dict()},
        customer_id=post.customer_id,
        account_id=post.account_id,
        post_id=post.id,
    )


def _no_photo(cover: Media) -> Problem:
    detail = "A cover is a photo."
    return invalid([FieldError("cover", "not_a_photo", detail, found=cover.content_type, remedy="Send an image.")])
