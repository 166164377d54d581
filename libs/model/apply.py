"""What a fact about a publication does to its post."""

from dataclasses import dataclass, replace
from datetime import datetime

from libs.model.cap import CODES, CapKind, Full, reslotted
from libs.model.change import Change, cancel, fail, move, post_event
from libs.model.event import Event, EventType, stamp
from libs.model.fact import Fact, FactKind
from libs.model.news import Heard, News, hear
from libs.model.pace import PUBLIC_ID_FIRST_LOOK, retry_at
from libs.model.post import FINAL, SETTLED, Note, Post, PostState, failed_upstream
from libs.model.publication import Publication, PublicationState
from libs.model.way import passed

RETRIES_MAX = 5
"""Publications TikTok may end with a reason that may pass; hiccups of ours and waits for its limits do not count."""


@dataclass(frozen=True, slots=True)
class Failure:
    """TikTok's reason for a failed publication, read by the TikTok room's table.

    `retry` means a new init may succeed without anyone changing anything. With `full` it is one of TikTok's caps, which
    has room then: no try is spent (`cap_told`).
    """

    code: str
    detail: str
    remedy: str
    retry: bool = False
    full: Full | None = None


def apply(
    fact: Fact,
    *,
    post: Post,
    publication: Publication,
    known: tuple[News, ...],
    failure: Failure | None,
    now: datetime,
) -> Change:
    """The change a fact makes. A change without events or state means: known already, or too late; the note says which.

    `failure` is the reading of `fact.reason` and is required for a FAILED fact.
    """
    match fact.kind:
        case FactKind.FAILED:
            if failure is None:
                raise ValueError("a failed fact needs the reading of its reason")
            return _failed(fact, post=post, publication=publication, known=known, failure=failure, now=now)
        case FactKind.IN_INBOX:
            return _in_inbox(fact, post=post, publication=publication, now=now)
        case FactKind.COMPLETED | FactKind.PUBLIC | FactKind.GONE:
            heard = hear(fact, publication=publication.n, known=known, draft=post.inbox)
            return _published(fact, heard, post=post, publication=publication, now=now)
        case _:
            raise ValueError(f"{fact.kind} is not about a publication")


def cap_told(fact: Fact, *, post: Post, publication: Publication, known: tuple[News, ...]) -> CapKind | None:
    """The cap that this fact says is full, where that changes its post: to be learned before the fact is applied."""
    if fact.kind is not FactKind.FAILED or post.cancel_requested_at is not None:
        return None
    return None if _too_late(post, publication, known) else CODES.get(fact.reason)


def _late(fact: Fact, post: Post, why: str) -> Change:
    return Change(post, notes=(Note("fact.kept", {"kind": fact.kind, "source": fact.source, "why": why}),))


def _failed(
    fact: Fact, *, post: Post, publication: Publication, known: tuple[News, ...], failure: Failure, now: datetime
) -> Change:
    late = _too_late(post, publication, known)
    if late is not None:
        return _late(fact, post, late)
    ended = replace(publication, state=PublicationState.ABANDONED, last_status="FAILED")
    if post.cancel_requested_at and (failure.retry or fact.reason == "publish_cancelled"):
        return cancel(post, now=now, publications=(ended,))
    if failure.full is not None:
        return replace(reslotted(post, failure.full, now=now), publications=(ended,))
    if failure.retry and post.retries + 1 < RETRIES_MAX:
        due = retry_at(post.retries, now=now)
        again = replace(move(post, PostState.QUEUED, now=now, alarm=due), retries=post.retries + 1)
        more = {"reason": failure.code, "next_attempt_at": stamp(due), "attempt": again.retries}
        told = post_event(EventType.POST_RETRYING, again, key=f"retrying:{publication.n}", now=now, more=more)
        return Change(again, (ended,), events=(told,), notes=(Note("retrying", more),))
    problem = failed_upstream(
        code=failure.code,
        detail=failure.detail,
        remedy=failure.remedy,
        fail_reason=fact.reason,
        log_id=fact.data.get("log_id"),
    )
    return fail(post, problem, stage="publish", now=now, publications=(ended,))


def _too_late(post: Post, publication: Publication, known: tuple[News, ...]) -> str | None:
    """Why a failure changes nothing any more, or None."""
    if post.state in FINAL:
        return f"the post is already {post.state}"
    if publication.n != post.publication or publication.state is PublicationState.ABANDONED:
        return "it is about an abandoned publication"
    if known or post.state in (PostState.PUBLISHED, PostState.IN_INBOX):
        # A draft that has arrived may fail once and be posted the next minute: only its completions are told.
        return f"the post is already {post.state}"
    return None


def _in_inbox(fact: Fact, *, post: Post, publication: Publication, now: datetime) -> Change:
    if post.state in FINAL or post.state in (PostState.PUBLISHED, PostState.IN_INBOX):
        return _late(fact, post, f"the post is already {post.state}")
    if not post.inbox:
        return _late(fact, post, "the post is no draft")
    arrived = _arrived(publication, post, status="SEND_TO_USER_INBOX", now=now)
    waiting = replace(move(post, PostState.IN_INBOX, now=now, alarm=None), publication=publication.n)
    steps = passed(post, publication, now=now)
    told = post_event(
        EventType.POST_IN_INBOX, waiting, key="in_inbox", now=now, more={"publish_id": publication.publish_id}
    )
    return Change(waiting, (arrived,), events=(*steps, told), notes=(Note("in_inbox"),))


def _published(fact: Fact, heard: Heard, *, post: Post, publication: Publication, now: datetime) -> Change:
    if post.state in FINAL:
        return _late(fact, post, f"the post is already {post.state}")
    if not heard.new:
        return Change(post, bound=heard.bound)
    ids = list(post.public_post_ids)
    ids += [news.tiktok_post_id for news in heard.new if news.kind == "public" and news.tiktok_post_id not in ids]
    first = post.state is not PostState.PUBLISHED
    after = replace(
        move(post, PostState.PUBLISHED, now=now, alarm=_next_look(post, ids=ids, first=first, now=now)),
        public_post_ids=tuple(ids),
        # What is asked about from now on is what went out, also when a later publication was under way.
        publication=post.publication if post.state in SETTLED else publication.n,
    )
    arrived = _arrived(publication, post, status="PUBLISH_COMPLETE", now=now)
    steps = passed(post, publication, now=now)
    events = (*steps, *(_told(news, after, publication=publication, fact=fact, now=now) for news in heard.new))
    notes = tuple(
        Note(news.kind, {"n": news.n, "source": fact.source, "tiktok_post_id": news.tiktok_post_id})
        for news in heard.new
    )
    return Change(after, (arrived,), heard.new, heard.bound, events, notes)


def _arrived(publication: Publication, post: Post, *, status: str, now: datetime) -> Publication:
    """The publication TikTok has whole. An abandoned one counts as live again only if no later one can be live:
    whoever drives a later one is stopped by the guard on the post, which is never sent again once it is at rest.
    """
    seen = replace(publication, last_status=status)
    again = publication.n == post.publication and post.state not in SETTLED
    if not (publication.live or again):
        return seen
    return replace(seen, state=PublicationState.COMMITTED, committing_at=publication.committing_at or now)


def _next_look(post: Post, *, ids: list[str], first: bool, now: datetime) -> datetime | None:
    """A public id is worth asking for while none is known; a draft's completions come by webhook alone."""
    if ids or not post.may_become_public or post.inbox:
        return None
    return now + PUBLIC_ID_FIRST_LOOK if first else post.alarm


def _told(news: News, post: Post, *, publication: Publication, fact: Fact, now: datetime) -> Event:
    more = {"publish_id": publication.publish_id, "source": fact.source, "tiktok_create_time": news.create_time}
    match news.kind:
        case "published":
            key = f"published:{publication.n}:{news.n}" if post.inbox else "published"
            return post_event(EventType.POST_PUBLISHED, post, key=key, now=now, more=more | {"completion": news.n})
        case "public":
            key = f"public:{publication.n}:{news.tiktok_post_id}:{news.n}"
            type_ = EventType.POST_PUBLICLY_AVAILABLE
        case "gone":
            key = f"gone:{publication.n}:{news.tiktok_post_id}:{news.n}"
            type_ = EventType.POST_NO_LONGER_AVAILABLE
    return post_event(type_, post, key=key, now=now, more=more | {"tiktok_post_id": news.tiktok_post_id})
