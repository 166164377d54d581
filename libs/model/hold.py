"""A database that came back from a backup: what it does not remember may have been published (design section 4).

A post that was unfinished at the backup may have gone further since, under publications this database has never heard
of. So no proof of "not published" counts for it any more: it is held, unconfirmed, until TikTok says that one of its
publications arrived, or a person has looked.
"""

from dataclasses import replace
from datetime import datetime

from libs.model.change import Change, move, post_event
from libs.model.event import EventType, stamp
from libs.model.pace import next_look
from libs.model.post import Note, Post, PostState
from libs.model.publication import Publication, PublicationState

UNFINISHED = frozenset(
    {
        PostState.SCHEDULED,
        PostState.QUEUED,
        PostState.INITIALIZING,
        PostState.UPLOADING,
        PostState.PROCESSING,
        PostState.UNCONFIRMED,
    }
)


def hold(post: Post, publication: Publication | None, *, now: datetime) -> Change | None:
    """The post held; None when it needs none: it rests, its time is still to come, or it is held already.

    A post that was never begun here gets an abandoned publication in place of the one it may have had.
    """
    ahead = post.state is PostState.SCHEDULED and post.publish_at is not None and post.publish_at > now
    if post.state not in UNFINISHED or ahead or post.held_at is not None:
        return None
    if publication is None:
        publication = Publication(post.id, post.publication + 1, PublicationState.ABANDONED, now)
    gone = replace(publication, state=PublicationState.ABANDONED)
    begun = replace(post, publication=gone.n)
    # What TikTok knows under a publish id can be asked about, for a week; the rest waits for a webhook or a person.
    due = now if gone.publish_id is not None else None
    held = replace(move(begun, PostState.UNCONFIRMED, now=now, alarm=due), held_at=now)
    more = {
        "publish_id": gone.publish_id,
        "remedy": "The database came back from a backup. Look in the TikTok app whether it is there, then resolve it.",
    }
    told = post_event(EventType.POST_UNCONFIRMED, held, key=f"held:{stamp(now)}", now=now, more=more)
    note = Note("held", {"why": "the database was restored from a backup", "was": str(post.state)})
    return Change(held, (gone,), events=(told,), notes=(note,))


def seen_held(post: Post, publication: Publication, *, status: str, now: datetime) -> Change:
    """TikTok was asked about a held post and did not say that it arrived: it stays held, and is asked about again."""
    due = next_look(since=post.held_at or now, now=now)
    return Change(replace(post, alarm=due, updated_at=now), (replace(publication, last_status=status[:64]),))
