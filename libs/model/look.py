"""What a look at TikTok makes of a post whose end it has not told (design section 4)."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal

from libs.model.account import how_to_reconnect
from libs.model.change import Change, cancel, fail, move, unconfirm
from libs.model.drive import URL_MARGIN, Upload, abandoned, send_again, url_usable
from libs.model.hold import seen_held
from libs.model.pace import GIVE_UP_LOOKING, LOOK_YOUNG, UNCONFIRMED_AFTER, next_look, next_public_id_look
from libs.model.post import Note, Post, PostState
from libs.model.problem import Problem
from libs.model.publication import Publication, PublicationState
from libs.model.way import passed, processing

FENCE = timedelta(minutes=5)
"""A publication that was committing is believed to lack bytes only this long after the last moment at which a chunk
could be begun: that chunk takes its time, and TikTok's count may lag."""

Shown = Literal["uploading", "processing", "unknown"]


def looked(
    post: Post, publication: Publication, *, shown: Shown, status: str, uploaded: int | None, dead: bool, now: datetime
) -> Change | Upload:
    """TikTok was asked and has not said how it ended (an end is a fact and goes through `apply`).

    An `Upload` is to be taken at once, under the same lease: TikTok lacks bytes and the URL lives.

    `uploaded` is TikTok's byte count when it gave one; `dead` means the upload URL was refused as gone.
    """
    if post.held_at is not None:
        return seen_held(post, publication, status=status, now=now)
    seen = replace(publication, last_status=status[:64])
    if dead:  # remembered, or the next look would send bytes to it again and push the fence ahead, until the URL ends
        seen = replace(seen, url_expires_at=min(publication.url_expires_at or now, now))
    if post.state is PostState.PUBLISHED:
        since = publication.committing_at or publication.intent_at
        return Change(replace(post, alarm=next_public_id_look(since=since, now=now), updated_at=now), (seen,))
    if publication.state is PublicationState.OPEN and shown != "processing" and (uploaded or 0) < publication.size:
        return _never_whole(post, seen, uploaded=uploaded, answered=shown == "uploading", dead=dead, now=now)
    if shown == "uploading" and publication.state is not PublicationState.COMMITTED:
        if uploaded is not None and uploaded < publication.size:
            return _short(post, seen, uploaded=uploaded, dead=dead, now=now)
        # Every byte is there though the answer to the last chunk was lost; or TikTok does not say, and then it may be.
        whole = uploaded is not None
        seen = replace(seen, state=PublicationState.COMMITTED if whole else PublicationState.COMMITTING)
    return _still_processing(post, publication, replace(seen, committing_at=seen.committing_at or now), now=now)


def ended(post: Post, publication: Publication, *, status: str, now: datetime) -> Change:
    """TikTok told how it ended: that is a fact, recorded apart. Should nothing come of it, look again after a while."""
    since = publication.committing_at or publication.intent_at
    public = post.state is PostState.PUBLISHED
    due = (next_public_id_look if public else next_look)(since=since, now=now)
    seen = replace(publication, last_status=status[:64])
    return Change(replace(post, alarm=due if public else due or now + GIVE_UP_LOOKING, updated_at=now), (seen,))


def account_lost(post: Post, publication: Publication | None, *, removed: bool, reason: str, now: datetime) -> Change:
    """Its account may no longer be used. `removed` says the grant was ended, not merely that its tokens ran out.

    TikTok fails what a removed grant was posting (fact sheet 8, trap 24) and cannot be asked about it any more. With
    tokens that merely ran out it may still publish what it has, so such a post is unconfirmed until a webhook tells.
    """
    may_publish = publication is not None and (
        publication.state in (PublicationState.COMMITTING, PublicationState.COMMITTED)
        or (publication.pull and publication.state is PublicationState.INTENDED and post.state is PostState.UNCONFIRMED)
    )
    if post.state is PostState.PUBLISHED or post.held_at is not None:
        return Change(replace(post, alarm=None, updated_at=now))
    if publication is not None and may_publish and not removed:
        return unconfirm(post, publication, due=None, now=now)
    code = "auth_removed" if removed else "reauthorization_required"
    problem = Problem(
        code=code,
        title="The account is not connected",
        status=422,
        detail=f"The account can no longer be used: {reason}.",
        remedy=f"{how_to_reconnect(post.account_id)} Then post again.",
    )
    return fail(post, problem, stage="authorization", now=now, publications=abandoned(publication))


def _still_processing(post: Post, before: Publication, publication: Publication, *, now: datetime) -> Change:
    since = publication.committing_at or publication.intent_at
    due = next_look(since=since, now=now)
    if post.state is PostState.UNCONFIRMED:
        return Change(replace(post, alarm=due, updated_at=now), (publication,))
    if now - since >= UNCONFIRMED_AFTER:
        return unconfirm(post, publication, due=due, now=now)
    after = move(post, PostState.PROCESSING, now=now, alarm=due or now + GIVE_UP_LOOKING)
    first = post.state is not PostState.PROCESSING
    told = (*passed(post, before, now=now), processing(after, publication, now=now)) if first else ()
    return Change(after, (publication,), events=told, look=True)


def _never_whole(
    post: Post, publication: Publication, *, uploaded: int | None, answered: bool, dead: bool, now: datetime
) -> Change | Upload:
    """Nobody can send the last bytes without first saving `committing`, and this change's guard forbids that: whatever
    TikTok counts (nothing at all while it is 0), the upload goes on or a new init is safe.
    """
    if post.cancel_requested_at:
        return cancel(post, now=now, publications=abandoned(publication))
    if dead or not url_usable(publication, now=now):
        return send_again(post, publication, why=_why(publication, uploaded), now=now)
    if not answered:
        return Change(replace(post, alarm=now + LOOK_YOUNG, updated_at=now), (publication,))
    return Upload(publication if uploaded is None else replace(publication, sent_bytes=uploaded))


def _short(post: Post, publication: Publication, *, uploaded: int, dead: bool, now: datetime) -> Change | Upload:
    """TikTok lacks bytes though the last ones may have gone out."""
    url_ends = publication.url_expires_at or now
    dead = dead or now >= url_ends + URL_MARGIN
    if not dead:
        if url_usable(publication, now=now) and not post.cancel_requested_at:
            return Upload(replace(publication, sent_bytes=uploaded))
        # Another worker may be frozen in the middle of the last chunk: wait until TikTok would refuse it.
        waiting = replace(post, alarm=url_ends + URL_MARGIN, updated_at=now)
        return Change(waiting, (publication,), notes=(Note("waiting", {"why": "the upload URL is still alive"}),))
    # A worker frozen before the last chunk may have gone on until the URL's very end.
    fenced_at = max(publication.committing_at or now, url_ends) + FENCE
    if now < fenced_at:
        waiting = replace(post, alarm=fenced_at, updated_at=now)
        return Change(waiting, (publication,), notes=(Note("waiting", {"why": "for TikTok's count to settle"}),))
    if post.cancel_requested_at:
        return cancel(post, now=now, publications=abandoned(publication))
    return send_again(post, publication, why=_why(publication, uploaded), now=now)


def _why(publication: Publication, uploaded: int | None) -> str:
    has = "does not say what it has" if uploaded is None else f"has {uploaded}"
    return f"the upload URL is gone and TikTok {has} of {publication.size} bytes"
