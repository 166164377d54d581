"""What customers hear of a publication on its way: each step once, in order, and none left out.

TikTok may tell that a publication arrived, or that it is being processed, before the step that brought it there is
saved here: a webhook overtakes the save, or an answer is lost. Then that step is told with it and before it.
"""

from dataclasses import replace
from datetime import datetime

from libs.model.change import post_event
from libs.model.event import Event, EventType
from libs.model.post import SETTLED, Post, PostState
from libs.model.publication import Publication, PublicationState


def uploading(post: Post, publication: Publication, *, now: datetime) -> Event:
    """TikTok gave a publish id and takes bytes."""
    return _step(EventType.POST_UPLOADING, post, publication, now=now)


def uploaded(post: Post, publication: Publication, *, now: datetime) -> Event:
    """TikTok has every byte."""
    return _step(EventType.POST_UPLOADED, post, publication, now=now)


def processing(post: Post, publication: Publication, *, now: datetime) -> Event:
    """TikTok works on it: after an upload, or fetching by itself."""
    return _step(EventType.POST_PROCESSING, post, publication, now=now)


def passed(post: Post, publication: Publication, *, now: datetime) -> tuple[Event, ...]:
    """The steps that `publication`, as it was saved, has not told and that TikTok now proves it has taken.

    Where it may have told one already (it was given up since), its key is the one it had, so nobody hears it twice. A
    post at rest has arrived already.
    """
    if post.state in SETTLED or publication.state is PublicationState.COMMITTED:
        return ()
    there = replace(post, state=PostState.PROCESSING)
    if publication.pull:
        return (processing(there, publication, now=now),)
    if publication.url_expires_at is not None:
        return (uploaded(there, publication, now=now),)
    begun = uploading(replace(post, state=PostState.UPLOADING), publication, now=now)
    return begun, uploaded(there, publication, now=now)


def _step(type_: EventType, post: Post, publication: Publication, *, now: datetime) -> Event:
    more: dict[str, object] = {"publish_id": publication.publish_id}
    if type_ is EventType.POST_PROCESSING:
        more["tiktok_status"] = publication.last_status
    else:
        more["size"] = publication.size
    key = f"{type_.removeprefix('post.')}:{publication.n}"
    return post_event(type_, post, key=key, now=now, more=more)
