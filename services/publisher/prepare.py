"""Before a post may be sent: its media are here, whole, looked at, and made ready."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import assert_never

from libs.media.errors import MediaError
from libs.model.change import Change, fail
from libs.model.drive import tried, waits
from libs.model.event import Event, EventType, event
from libs.model.post import Note, Post
from libs.model.problem import FieldError, Problem, invalid
from libs.store.media import Media
from libs.store.store import Store
from services.publisher.fetch import Fetcher
from services.publisher.ready import Elsewhere, Readier, Ready
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
            outcome = await self._video(post, now=now)
        except Unusable as unusable:
            problem = unusable.problem
            return lambda post, now: _failed(post, problem, now=now)
        except Unfetched as unfetched:
            why, code = unfetched.why, unfetched.code
            return lambda post, now: tried(post, None, why=why, code=code, now=now)
        except MediaError as error:
            why, code = str(error), type(error).__name__
            return lambda post, now: tried(post, None, why=why, code=code, now=now)
        match outcome:
            case Ready():
                ready = outcome
                return lambda post, now: _ready(post, ready, now=now)
            case Elsewhere(until=until):
                return lambda post, now: waits(post, until=until, why="its media is being converted", now=now)
            case _:
                assert_never(outcome)

    async def _video(self, post: Post, *, now: datetime) -> Ready | Elsewhere:
        asked = post.request
        media = await self._fetcher.fetched(post, str(asked["media"][0]), field="media.0", now=now)
        cover = None
        if asked.get("cover"):
            cover = await self._fetcher.fetched(post, str(asked["cover"]), field="cover", now=now)
            if cover.probe["kind"] != "photo":
                raise Unusable(_no_photo(cover))

        async def tell(note: Note) -> None:
            await self._store.posts.add_note(post.id, note, now=self._now())

        return await self._readier.ready(
            media, kind="video", field="media.0", convert=asked.get("convert") != "never", tell=tell, cover=cover
        )


def _ready(post: Post, ready: Ready, *, now: datetime) -> Change:
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
    after = replace(post, media_id=media.id, alarm=now, updated_at=now)
    return Change(after, events=(told,), notes=(Note("media.ready", said),))


def _failed(post: Post, problem: Problem, *, now: datetime) -> Change:
    change = fail(post, problem, stage="media", now=now)
    return replace(change, events=(_media_failed(post, problem, now=now), *change.events))


def _media_failed(post: Post, problem: Problem, *, now: datetime) -> Event:
    named = [str(source) for source in post.request["media"] if str(source).startswith("med_")]
    return event(
        EventType.MEDIA_FAILED,
        key=f"{post.id}:media_failed",
        now=now,
        data={"post_id": post.id, "media_ids": named, "problem": problem.as_dict()},
        customer_id=post.customer_id,
        account_id=post.account_id,
        post_id=post.id,
    )


def _no_photo(cover: Media) -> Problem:
    detail = "A cover is a photo."
    return invalid([FieldError("cover", "not_a_photo", detail, found=cover.content_type, remedy="Send an image.")])
