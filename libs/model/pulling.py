"""The moment a pull is TikTok's: the init's publish id is known, however late."""

from dataclasses import replace
from datetime import datetime

from libs.model.change import Change, move
from libs.model.pace import LOOK_FIRST
from libs.model.post import Note, Post, PostState
from libs.model.publication import Publication, PublicationState
from libs.model.way import processing


def pulling(post: Post, publication: Publication, *, publish_id: str, now: datetime) -> Change:
    """TikTok took the init, which commits a pull: it fetches and publishes by itself."""
    begun = replace(
        publication,
        state=PublicationState.COMMITTED,
        publish_id=publish_id,
        committing_at=publication.committing_at or now,
    )
    after = move(post, PostState.PROCESSING, now=now, alarm=now + LOOK_FIRST)
    more = {"publish_id": publish_id, "tiktok_status": publication.last_status}
    told = processing(after, begun, now=now)
    return Change(after, (begun,), events=(told,), notes=(Note("pulling", more),), look=True)
