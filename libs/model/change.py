"""A change: what one decision does to one post, saved in one transaction or not at all."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from libs.model.event import Event, EventType, event
from libs.model.news import News
from libs.model.post import FINAL, Note, Post, PostState
from libs.model.problem import Problem
from libs.model.publication import Publication


@dataclass(frozen=True, slots=True)
class PullGrant:
    """The URLs of one pull: what they serve, in order, and until when. Only the hash of their token is kept."""

    n: int
    token_hash: bytes
    media: tuple[str, ...]
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Change:
    """The next values of a post and what goes with them. `post.version` is still the one that was read: the guard."""

    post: Post
    publications: tuple[Publication, ...] = ()
    new: tuple[News, ...] = ()
    bound: tuple[News, ...] = ()
    events: tuple[Event, ...] = ()
    """In the order they were made in: that is the order of their ids, and so of every feed."""
    notes: tuple[Note, ...] = ()
    grant: PullGrant | None = None
    look: bool = False
    """The alarm is a look at TikTok's status: it takes its turn among the account's others (`libs.model.roster`)."""


def post_event(
    type_: EventType, post: Post, *, key: str, now: datetime, more: Mapping[str, Any] | None = None
) -> Event:
    """An event about a post. `key` is unique within the post."""
    return event(
        type_,
        key=f"{post.id}:{key}",
        now=now,
        data=post.describe() | dict(more or {}),
        customer_id=post.customer_id,
        account_id=post.account_id,
        post_id=post.id,
    )


def move(post: Post, state: PostState, *, now: datetime, alarm: datetime | None, in_lane: bool = False) -> Post:
    """The post in another state. Final states have no alarm, whatever was asked."""
    final = state in FINAL
    return replace(
        post,
        state=state,
        alarm=None if final else alarm,
        in_lane=in_lane and not final,
        slot_at=post.slot_at if state is PostState.QUEUED else None,
        held_at=post.held_at if state is PostState.UNCONFIRMED else None,
        updated_at=now,
        finished_at=now if final else post.finished_at,
    )


def fail(
    post: Post, problem: Problem, *, stage: str, now: datetime, publications: tuple[Publication, ...] = ()
) -> Change:
    """The post fails for good: proven not published, and not to be tried again."""
    said = problem.as_dict() | {"stage": stage}
    failed = replace(move(post, PostState.FAILED, now=now, alarm=None), problem=said)
    told = post_event(
        EventType.POST_FAILED, failed, key=in_life(post, "failed"), now=now, more={"stage": stage, "problem": said}
    )
    note = Note("failed", {"stage": stage, "code": problem.code, "detail": problem.detail})
    return Change(failed, publications, events=(told,), notes=(note,))


def in_life(post: Post, key: str) -> str:
    """The key of what may happen once in each life of a post."""
    return key if post.life == 1 else f"{key}:{post.life}"


def cancel(post: Post, *, now: datetime, publications: tuple[Publication, ...] = ()) -> Change:
    """The post is cancelled: nothing of it can publish any more."""
    cancelled = move(post, PostState.CANCELLED, now=now, alarm=None)
    told = post_event(EventType.POST_CANCELLED, cancelled, key="cancelled", now=now)
    return Change(cancelled, publications, events=(told,), notes=(Note("cancelled"),))


def unconfirm(post: Post, publication: Publication, *, due: datetime | None, now: datetime) -> Change:
    """The post may have published and nobody says so: never sent again without proof, looked at again at `due`."""
    after = move(post, PostState.UNCONFIRMED, now=now, alarm=due)
    more = {
        "publish_id": publication.publish_id,
        "remedy": "Look in the TikTok app whether it is there; a webhook or a later look may still settle it.",
    }
    told = post_event(EventType.POST_UNCONFIRMED, after, key=f"unconfirmed:{publication.n}", now=now, more=more)
    return Change(after, (publication,), events=(told,), notes=(Note("unconfirmed"),))
