"""What becomes of a post whose bytes we send: its intent, its URL, each chunk, the last one (`libs.model.drive`)."""

from dataclasses import replace
from datetime import datetime

from libs.model.change import Change, move
from libs.model.pace import LOOK_FIRST
from libs.model.post import Note, Post, PostState
from libs.model.publication import Publication, PublicationState
from libs.model.way import uploaded, uploading


def intend(post: Post, *, lease: datetime, size: int, chunk_size: int, chunk_count: int, now: datetime) -> Change:
    """Saved before the init call, so that a lost reply is known to be possible."""
    n = post.publication + 1
    intended = Publication(
        post.id, n, PublicationState.INTENDED, now, size=size, chunk_size=chunk_size, chunk_count=chunk_count
    )
    after = replace(move(post, PostState.INITIALIZING, now=now, alarm=lease), publication=n)
    return Change(after, (intended,), notes=(Note("intended", {"publication": n, "chunks": chunk_count}),))


def opened(
    post: Post,
    publication: Publication,
    *,
    publish_id: str,
    upload_url: str,
    expires: datetime,
    lease: datetime,
    now: datetime,
) -> Change:
    """TikTok gave a publish id and an upload URL."""
    open_ = replace(
        publication,
        state=PublicationState.OPEN,
        publish_id=publish_id,
        upload_url=upload_url,
        url_expires_at=expires,
    )
    after = move(post, PostState.UPLOADING, now=now, alarm=lease)
    more = {"publish_id": publish_id, "size": publication.size}
    return Change(after, (open_,), events=(uploading(after, open_, now=now),), notes=(Note("uploading", more),))


def progressed(post: Post, publication: Publication, *, sent: int, lease: datetime, now: datetime) -> Change:
    """A chunk was accepted; the lease is renewed."""
    return Change(replace(post, alarm=lease, updated_at=now), (replace(publication, sent_bytes=sent),))


def committing(post: Post, publication: Publication, *, lease: datetime, now: datetime) -> Change:
    """Saved before the last chunk goes out."""
    about_to = replace(publication, state=PublicationState.COMMITTING, committing_at=now)
    return Change(replace(post, alarm=lease, updated_at=now), (about_to,))


def committed(post: Post, publication: Publication, *, now: datetime) -> Change:
    """TikTok has every byte."""
    done = replace(
        publication,
        state=PublicationState.COMMITTED,
        sent_bytes=publication.size,
        committing_at=publication.committing_at or now,
    )
    after = move(post, PostState.PROCESSING, now=now, alarm=now + LOOK_FIRST)
    more = {"publish_id": publication.publish_id, "size": publication.size}
    told = uploaded(after, done, now=now)
    return Change(after, (done,), events=(told,), notes=(Note("uploaded", more),), look=True)
