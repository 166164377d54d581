"""What a post does next, and what each answer of TikTok makes of it (design section 4).

`next_step` looks at a claimed post and its live publication and names one step; the publisher takes it and comes back
with one of the changes below, or of `upload` and `pull`. A FILE_UPLOAD commits at its last byte, so:

- an init whose reply was lost left an upload nobody has the URL of: it can never publish, a new init is safe;
- the last chunk goes out only after `committing` is saved, and from then on the publication may have published: it is
  asked about before anything else, and bytes are only ever added to the *same* publication;
- once it was committing, a new init is made only when the upload URL is dead (refused, or expired) *and* TikTok shows
  missing bytes: then a frozen worker that wakes up cannot finish the old one either.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from libs.model.change import Change, cancel, fail, move, post_event, unconfirm
from libs.model.event import EventType, stamp
from libs.model.pace import UNCONFIRMED_AFTER, next_look, next_public_id_look, retry_at
from libs.model.post import SETTLED, Note, Post, PostState
from libs.model.problem import Problem
from libs.model.publication import Publication, PublicationState
from libs.model.pulling import pulling

URL_MARGIN = timedelta(minutes=2)
"""An upload URL this close to its end is not started on: a chunk may take this long. As long after it, it is dead."""
LIMIT = "limit"
"""The reason of a wait for one of TikTok's limits, or ours."""
TRIES_MAX = 25
"""With the pauses of `pace.RETRY`, about two days of one thing failing."""


@dataclass(frozen=True, slots=True)
class Settle:
    """Nothing to ask anybody: save this."""

    change: Change


@dataclass(frozen=True, slots=True)
class Prepare:
    """Fetch and check the media, then come back."""


@dataclass(frozen=True, slots=True)
class Begin:
    """It has its turn: ask about the creator, save the intent, init."""


@dataclass(frozen=True, slots=True)
class Upload:
    """Send chunks to the live publication from this byte on."""

    publication: Publication


@dataclass(frozen=True, slots=True)
class Look:
    """Ask TikTok how the publication stands."""

    publication: Publication


@dataclass(frozen=True, slots=True)
class Reckon:
    """A pull's init has no reply: revoke its URLs, or learn that they were fetched (`libs.model.pull.reckoned`)."""

    publication: Publication


@dataclass(frozen=True, slots=True)
class Seek:
    """A pull may have published under a publish id nobody knows: look for it, then `libs.model.pull.unfound`."""

    publication: Publication


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Ask TikTok to cancel a running pull, once, then look at it."""

    publication: Publication


Step = Settle | Prepare | Begin | Upload | Look | Reckon | Seek | Withdraw


def next_step(post: Post, publication: Publication | None, *, turn: bool, now: datetime) -> Step:
    """The one thing to do with a claimed post. `turn` says its lane gave it a free init.

    `publication` is the post's current one. A post that has come to rest is never sent again, whatever woke it and
    whatever became of its publication; a cancel is done as soon as nothing that is live can have published.
    """
    live = publication if publication is not None and publication.live else None
    if _at_rest(post, live):
        return _rest(post, publication, now=now)
    if post.cancel_requested_at and (live is None or live.never_whole):
        return Settle(cancel(post, now=now, publications=abandoned(live)))
    if live is not None:
        return _with_publication(post, live, now=now)
    if post.publish_before and now >= post.publish_before:
        return Settle(fail(post, expired(post.publish_before), stage="schedule", now=now))
    if post.media_id is None:
        return Prepare()
    if post.publish_at and post.publish_at > now and post.state is PostState.SCHEDULED:
        # It waits in its lane, where its time is its place: many that are due at once are not written to for that.
        return Settle(Change(replace(post, alarm=post.publish_at, in_lane=True, updated_at=now)))
    if turn:
        return Begin()
    # In its lane the order is that of the posts' own times, whoever was looked at first when many were due at once;
    # slots under a cap are given in the same order.
    place = min(now, post.publish_at or post.created_at)
    return Settle(
        Change(
            move(post, PostState.QUEUED, now=now, alarm=place, in_lane=True),
            notes=(Note("queued", {"for": "its turn"}),),
        )
    )


def _at_rest(post: Post, live: Publication | None) -> bool:
    """Nothing is to be sent: all is said, or a person must speak first."""
    resting = post.state in SETTLED or post.state is PostState.DRAFT
    return resting or (post.state is PostState.UNCONFIRMED and live is None)


def _rest(post: Post, publication: Publication | None, *, now: datetime) -> Step:
    """Only a published post is still asked about, for its public id, and a held one, whether it arrived after all."""
    asked = post.state is PostState.PUBLISHED or post.held_at is not None
    if asked and publication is not None and publication.publish_id:
        return Look(publication)
    return Settle(Change(replace(post, alarm=None, updated_at=now)))


def _with_publication(post: Post, publication: Publication, *, now: datetime) -> Step:
    if publication.pull:
        return _with_pull(post, publication, now=now)
    match publication.state:
        case PublicationState.INTENDED:
            return Settle(send_again(post, publication, why="the init's reply was lost; nothing was sent", now=now))
        case PublicationState.OPEN if url_usable(publication, now=now):
            return Upload(publication)
        case _:
            return Look(publication)


def _with_pull(post: Post, publication: Publication, *, now: datetime) -> Step:
    """Without a publish id nothing is known but whether its URLs were fetched; with one it can be asked about."""
    if publication.publish_id is None:
        return Seek(publication) if post.state is PostState.UNCONFIRMED else Reckon(publication)
    if publication.state is PublicationState.INTENDED:
        return Settle(pulling(post, publication, publish_id=publication.publish_id, now=now))
    if post.cancel_requested_at and publication.cancel_asked_at is None:
        return Withdraw(publication)
    return Look(publication)


def abandoned(publication: Publication | None) -> tuple[Publication, ...]:
    return () if publication is None else (replace(publication, state=PublicationState.ABANDONED),)


def url_usable(publication: Publication, *, now: datetime) -> bool:
    """Whether the upload URL will live long enough to send one more chunk."""
    return publication.url_expires_at is not None and now < publication.url_expires_at - URL_MARGIN


def expired(publish_before: datetime) -> Problem:
    return Problem(
        code="publish_before_passed",
        title="Too late to publish",
        status=422,
        detail=f"The post was not sent before {stamp(publish_before)}.",
        remedy="Post again with a later publish_before, or without one.",
    )


def send_again(
    post: Post, publication: Publication, *, why: str, now: datetime, wait: timedelta | None = None
) -> Change:
    """The publication is fenced: it can never publish. The post goes back to its lane for a new init."""
    due = now + (wait or timedelta(0))
    after = move(post, PostState.QUEUED, now=now, alarm=due)
    more = {"publication": publication.n, "why": why} | ({"reason": LIMIT, "until": stamp(due)} if wait else {})
    return Change(after, abandoned(publication), notes=(Note("publication.abandoned", more),))


def tried(
    post: Post, publication: Publication | None, *, why: str, code: str, now: datetime, due: datetime | None = None
) -> Change:
    """A step failed in a way that proves nothing was published: the post waits and the same step is tried again.

    The budget of tries ends a post only while nothing of it can publish; an upload ends with its URL, and looks that
    fail for as long as TikTok may be silent count as its silence.
    """
    if publication is not None and post.state in (PostState.PUBLISHED, PostState.UNCONFIRMED):
        return _not_seen(post, publication, why=why, code=code, now=now, due=due)
    since = publication.committing_at if publication is not None and publication.live else None
    if publication is not None and since is not None and now - since >= UNCONFIRMED_AFTER:
        return unconfirm(post, publication, due=next_look(since=since, now=now), now=now)
    live = publication if publication is not None and publication.live else None
    if post.failures + 1 >= TRIES_MAX and (live is None or (live.state is PublicationState.INTENDED and not live.pull)):
        return fail(post, tries_spent(why, code=code), stage="publish", now=now, publications=abandoned(live))
    due = due or retry_at(post.failures, now=now)
    after = replace(post, alarm=due, in_lane=False, failures=post.failures + 1, updated_at=now)
    more = {"reason": code, "detail": why, "next_attempt_at": stamp(due), "attempt": after.failures}
    told = post_event(
        EventType.POST_RETRYING, after, key=f"retrying:{post.publication}:{post.version}", now=now, more=more
    )
    return Change(after, events=(told,), notes=(Note("retrying", more),))


def _not_seen(
    post: Post, publication: Publication, *, why: str, code: str, now: datetime, due: datetime | None
) -> Change:
    """A look at a post that is not being sent failed: no customer's business. There is another, or it was the last."""
    since = publication.committing_at or publication.intent_at
    look = (next_public_id_look if post.state is PostState.PUBLISHED else next_look)(since=since, now=now)
    alarm = max(look, due or look) if look is not None else None
    note = Note("look.failed", {"reason": code, "detail": why})
    return Change(replace(post, alarm=alarm, updated_at=now), notes=(note,))


def tries_spent(why: str, *, code: str) -> Problem:
    return Problem(
        code="tries_spent",
        title="Given up after many tries",
        status=502,
        detail=f"{TRIES_MAX} tries failed; the last one: {why} ({code}).",
        remedy="See what the timeline says of each try, mend the cause, then post again.",
        retryable=True,
    )


def begin_failed(post: Post, publication: Publication, *, why: str, code: str, now: datetime) -> Change:
    """The init failed or its reply was lost. Nobody has an upload URL, so nothing can publish: a new init, later."""
    if post.failures + 1 >= TRIES_MAX:
        return fail(post, tries_spent(why, code=code), stage="init", now=now, publications=abandoned(publication))
    due = retry_at(post.failures, now=now)
    after = replace(move(post, PostState.QUEUED, now=now, alarm=due), failures=post.failures + 1)
    more = {"reason": code, "detail": why, "next_attempt_at": stamp(due), "attempt": after.failures}
    told = post_event(EventType.POST_RETRYING, after, key=f"retrying:{publication.n}:init", now=now, more=more)
    return Change(after, abandoned(publication), events=(told,), notes=(Note("retrying", more),))


def waits(post: Post, *, until: datetime, why: str, now: datetime, reason: str = LIMIT) -> Change:
    """The post waits for somebody else, most often a limit; this spends no try and tells no customer."""
    note = Note("waiting", {"reason": reason, "why": why, "until": stamp(until)})
    return Change(replace(post, alarm=until, in_lane=False, updated_at=now), notes=(note,))
