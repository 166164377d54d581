"""What people may ask of a post after it was accepted: another time, another life, an answer to what nobody knows.

Each returns the change to save, or the problem that says why not. The version guard of the save is what makes them safe
beside a driver: whoever comes second reads the post anew.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Literal

from libs.model.apply import apply
from libs.model.change import Change, cancel, fail, in_life, move, post_event
from libs.model.drive import abandoned
from libs.model.event import Event, EventType, stamp
from libs.model.fact import Fact, FactKind, FactSource
from libs.model.news import News
from libs.model.post import Note, Post, PostState
from libs.model.post_rule import before_publish_at, passed
from libs.model.problem import Problem, invalid
from libs.model.publication import Publication

AUTHORIZATION = "authorization"
"""The stage of a failure by which nobody could ask TikTok any more."""
NOT_PUBLISHED = "resolved_not_published"

Outcome = Literal["published", "not_published"]


def reschedule(
    post: Post, *, publish_at: datetime | None, publish_before: datetime | None, now: datetime
) -> Change | Problem:
    """Another time for a post that waits for its time or its turn; without `publish_at` (or in the past): at once.

    Times that no new post could have are an invalid request, as they are for a new post.
    """
    if post.state not in (PostState.SCHEDULED, PostState.QUEUED):
        remedy = "Only a post that is scheduled or queued has a time; a draft is edited."
        return _no(post, "not_reschedulable", f"It is {post.state}.", remedy)
    if post.cancel_requested_at is not None:
        return _no(post, "not_reschedulable", "It is being cancelled.", "Post again.")
    if publish_before is not None and publish_at is not None and publish_before <= publish_at:
        return invalid([before_publish_at(publish_before, publish_at)])
    if publish_before is not None and publish_before <= now:
        if publish_before != post.publish_before:
            return invalid([passed(publish_before, now=now)])
        return _no(post, "publish_before_passed", "Its publish_before has passed.", "Send a later publish_before, too.")
    timed = replace(post, publish_at=publish_at, publish_before=publish_before, slot_at=None)
    after = entering(timed, now=now)
    told = scheduled(after, now=now)
    note = Note("rescheduled", {"publish_at": stamp(publish_at) if publish_at else None})
    return Change(after, events=told, notes=(note,))


def send(post: Post, *, now: datetime) -> Change | Problem:
    """A draft is to go out, at its time or at once. Its request has been checked as if it were new."""
    if post.state is not PostState.DRAFT:
        return _no(post, "not_a_draft", f"It is {post.state}: only a draft is sent.", _instead(post))
    if post.publish_before is not None and post.publish_before <= now:
        return _no(post, "publish_before_passed", "Its publish_before has passed.", "Edit the draft first.")
    after = entering(post, now=now)
    return Change(after, events=scheduled(after, now=now), notes=(Note("draft.sent"),))


def not_editable(post: Post) -> Problem:
    """Why the request of a post that is no draft stays as it is."""
    return _no(post, "not_a_draft", f"It is {post.state}: only a draft is edited.", _instead(post))


def revive(post: Post, publications: Sequence[Publication], *, heard_of: bool, now: datetime) -> Change | Problem:
    """Another life for a failed post, only when it is proven that nothing of it was posted.

    `heard_of` says that TikTok told of one of its publications that it arrived, after the post had failed.
    """
    if post.state is not PostState.FAILED:
        return _no(post, "not_retryable", f"It is {post.state}.", "Only a failed post is tried again.")
    if heard_of or _may_be_out(post, publications):
        detail = "It cannot be proven that nothing of it was posted."
        return _no(post, "may_be_published", detail, "Look in the TikTok app; if it is not there, post it anew.")
    if post.publish_before is not None and post.publish_before <= now:
        return _no(post, "publish_before_passed", "Its publish_before has passed.", "Post anew with a later one.")
    fresh = replace(post, life=post.life + 1, failures=0, retries=0, problem=None, finished_at=None)
    after = entering(replace(fresh, cancel_requested_at=None), now=now)
    more = {"reason": "requested", "next_attempt_at": stamp(after.alarm or now), "attempt": 0}
    told = post_event(EventType.POST_RETRYING, after, key=in_life(after, "revived"), now=now, more=more)
    note = Note("revived", {"life": after.life, "failed_with": (post.problem or {}).get("code")})
    return Change(after, events=(told,), notes=(note,))


def resolve(
    post: Post,
    publication: Publication | None,
    *,
    outcome: Outcome,
    tiktok_post_id: str,
    known: tuple[News, ...],
    by: str,
    now: datetime,
) -> Change | Problem:
    """A person has looked and says how an unconfirmed post ended. What TikTok says afterwards still counts."""
    if post.state is not PostState.UNCONFIRMED or publication is None:
        remedy = "Only what nobody could confirm is decided by a person."
        return _no(post, "not_unconfirmed", f"It is {post.state}.", remedy)
    note = Note("resolved", {"outcome": outcome, "tiktok_post_id": tiktok_post_id or None, "by": by})
    if outcome == "published":
        kind = FactKind.PUBLIC if tiktok_post_id else FactKind.COMPLETED
        seen = Fact(f"person|{post.id}", kind, FactSource.PERSON, now, post_id=tiktok_post_id)
        change = apply(seen, post=post, publication=publication, known=known, failure=None, now=now)
        if publication.publish_id is None:  # nobody can ask about it, so it does not come to life
            # A pull is given up with it: the creator's next pulls need not wait for an id that was never told.
            change = replace(change, publications=abandoned(publication) if publication.pull else ())
    elif post.cancel_requested_at is not None:
        change = cancel(post, now=now, publications=abandoned(publication))
    else:
        change = fail(post, _not_there(), stage="resolve", now=now, publications=abandoned(publication))
    return replace(change, notes=(note, *change.notes))


def entering(post: Post, *, now: datetime) -> Post:
    """The post on its way in: scheduled while its time is ahead, else queued, in its lane once its media are here."""
    ahead = post.publish_at is not None and post.publish_at > now
    ready = post.media_id is not None
    if ahead:
        return move(post, PostState.SCHEDULED, now=now, alarm=post.publish_at if ready else now, in_lane=ready)
    return move(post, PostState.QUEUED, now=now, alarm=now, in_lane=ready)


def scheduled(post: Post, *, now: datetime) -> tuple[Event, ...]:
    """The event of a post that has just got a time ahead."""
    if post.state is not PostState.SCHEDULED or post.publish_at is None:
        return ()
    more = {"publish_at": stamp(post.publish_at)}
    return (post_event(EventType.POST_SCHEDULED, post, key=f"scheduled:v{post.version}", now=now, more=more),)


def _instead(post: Post) -> str:
    """What can be done with a post that is no draft."""
    match post.state:
        case PostState.SCHEDULED | PostState.QUEUED:
            return (f"POST /v1/posts/{post.id}/reschedule gives it another time, or none: then it goes out now."
                    " To change more, cancel it and post anew.")  # fmt: skip
        case PostState.FAILED:
            return f"POST /v1/posts/{post.id}/retry tries it again as it is; to change it, post anew."
        case _:
            return "To change it, post anew."


def _may_be_out(post: Post, publications: Sequence[Publication]) -> bool:
    """Whether its last publication may have published. Those before it were fenced when it was made.

    A post fails with bytes at TikTok in three ways only: TikTok said that it failed, a person said that it is not
    there, or its account was lost and nobody can ask.
    """
    last = next((p for p in publications if p.n == post.publication), None)
    if last is None or last.last_status == "FAILED" or (last.committing_at is None and not last.pull):
        return False
    return (post.problem or {}).get("stage") == AUTHORIZATION


def _not_there() -> Problem:
    return Problem(
        code=NOT_PUBLISHED,
        title="A person found that it was not published",
        status=422,
        detail="Nobody could confirm the post, and a person has looked and not found it.",
        remedy="Try it again, or post it anew.",
        retryable=True,
    )


def _no(post: Post, code: str, detail: str, remedy: str) -> Problem:
    extra = {"post_id": post.id, "state": str(post.state)}
    return Problem(code, "This cannot be done now", 409, detail, remedy, extra=extra)
