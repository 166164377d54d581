"""An unconfirmed post, found among the public videos of its creator (fact sheet 2.2).

The last proof that comes without a person. A match makes the post published and nothing else: it never leads to another
init. A video is taken for the post's only when nothing else can explain it: right words, right length, right time, the
only one like it, nobody else's, and nothing heard that could be about another end of the same init.
"""

import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from libs.model.apply import apply
from libs.model.change import Change
from libs.model.drive import abandoned
from libs.model.fact import Fact, FactKind, FactSource
from libs.model.news import News
from libs.model.post import Note, Post, PostState
from libs.model.publication import Publication, PublicationState

SHOWN_UNITS = 150
"""TikTok shows no more of a title or a description in its list, in UTF-16 units (fact sheet 2.3)."""
WEBHOOK_FIRST = timedelta(minutes=5)
"""A video this young is left to its webhook, which also tells the publish id. Longer than clocks differ (`pull.SKEW`),
so that what is told late of this one's publication cannot be about an init made after it was found."""
WITHIN = timedelta(hours=2)
"""TikTok fetches for an hour (fact sheet 4.3) and processes for minutes. What comes later is left to others."""
LENGTH_OFF_S = 1
"""TikTok tells whole seconds."""


@dataclass(frozen=True, slots=True)
class Words:
    """What a post says, or what TikTok shows of that."""

    title: str
    description: str = ""

    def shown(self) -> frozenset[str]:
        """The texts as TikTok may keep them: cut off, without spaces at their ends, in either of its two fields."""
        return frozenset(text for text in (_kept(self.title), _kept(self.description)) if text)


@dataclass(frozen=True, slots=True)
class Video:
    """A video of the list."""

    id: str
    created_at: datetime
    words: Words
    duration_s: int | None = None


@dataclass(frozen=True, slots=True)
class Sought:
    """What the post's video must look like. The list has to be known back to `since`."""

    words: Words
    since: datetime
    until: datetime
    duration_ms: int | None


def words_of(request: dict[str, object]) -> Words:
    return Words(str(request.get("title") or ""), str(request.get("description") or ""))


def sought(post: Post, publication: Publication, *, duration_ms: int | None, now: datetime) -> Sought | None:
    """None where the list can prove nothing, or not yet: of drafts and private posts, of posts without words, of posts
    held since a restored backup (when they were sent is not known), and while a webhook may well come.
    """
    state, words = publication.state, words_of(post.request)
    may_be_out = state in (PublicationState.COMMITTING, PublicationState.COMMITTED) or (
        publication.pull and state is PublicationState.INTENDED
    )
    if post.state is not PostState.UNCONFIRMED or not may_be_out or post.held_at is not None:
        return None
    if post.inbox or not post.may_become_public or not words.shown():
        return None
    # Whole seconds, as TikTok's. No margin for clocks: what was there before is never taken, and being wrong the other
    # way round only leaves the post unconfirmed.
    since = publication.intent_at.replace(microsecond=0)
    if now < since + WEBHOOK_FIRST:
        return None
    return Sought(words, since, since + WITHIN, duration_ms)


def sighted(
    wanted: Sought, videos: Sequence[Video], *, taken: Collection[str], rivals: Collection[Words], now: datetime
) -> Video | None:
    """The one video that can only be this post's; None when there is none, or any doubt.

    `taken` are ids of other posts of ours. `rivals` are the words of other posts to the same creator that may be out
    and have no public id: with the same words, the video may be theirs.
    """
    if any(words.shown() == wanted.words.shown() for words in rivals):
        return None
    alike = [
        video
        for video in videos
        if video.id not in taken
        and wanted.since <= video.created_at <= wanted.until
        and video.words.shown() == wanted.words.shown()
    ]
    if len(alike) != 1 or alike[0].created_at > now - WEBHOOK_FIRST:
        return None
    return alike[0] if _as_long(alike[0], wanted) else None


def seen(post: Post, publication: Publication, video: Video, *, known: tuple[News, ...], now: datetime) -> Change:
    """The post is published: its creator shows it."""
    fact = Fact(f"list|{post.id}|{video.id}", FactKind.PUBLIC, FactSource.VIDEO_LIST, now, post_id=video.id)
    change = apply(fact, post=post, publication=publication, known=known, failure=None, now=now)
    if publication.publish_id is None:
        # Nobody can ask about it, and the creator's next pulls need not wait for an id that was never told.
        change = replace(change, publications=abandoned(publication))
    note = Note("list.adopted", {"publication": publication.n, "tiktok_post_id": video.id})
    return replace(change, notes=(note, *change.notes))


def _as_long(video: Video, wanted: Sought) -> bool:
    if wanted.duration_ms is None or video.duration_s is None:
        return True
    return abs(video.duration_s * 1000 - wanted.duration_ms) < (LENGTH_OFF_S + 1) * 1000


def _kept(text: str) -> str:
    normal = " ".join(unicodedata.normalize("NFC", text).split())
    cut = normal.encode("utf-16-le", "surrogatepass")[: SHOWN_UNITS * 2].decode("utf-16-le", "ignore")
    return cut.strip()
