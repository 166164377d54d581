"""How the posts of one account share TikTok's status calls: each has its moment, and no two the same.

A token has `CALLS` status calls in `MINUTE`. Seven young posts spend all of them when each is asked about every
`LOOK_YOUNG`, and then only in turns, evenly apart; with more posts the turns simply come further apart.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from libs.model.change import Change
from libs.model.pace import YOUNG
from libs.model.post import Post, PostState
from libs.model.publication import Publication

CALLS = 30
MINUTE = timedelta(seconds=61)
"""What `libs.accounts.limit` counts by: TikTok's minute, and a second for clocks that differ."""
TURN = (MINUTE + timedelta(seconds=1)) / CALLS
NEAR = TURN * 0.8
"""As near to another's moment as one may come that would otherwise have to wait behind all of them."""
YOUNG_MOST = 7
"""As many young posts of one account are each asked about in time; these spend the whole minute."""


def seat(change: Change, *, beside: Sequence[datetime], now: datetime) -> Change:
    """The change with its post's look at the moment `place` gives it."""
    if change.post.alarm is None:
        return change
    return replace(change, post=replace(change.post, alarm=place(change.post.alarm, beside=beside, now=now)))


def place(wanted: datetime, *, beside: Sequence[datetime], now: datetime) -> datetime:
    """The moment for a look that is `wanted`, given the moments of the account's other looks in order.

    That is the last free one up to then; when there is none, the first one after, in turn behind the others.
    """
    at, above = wanted, None
    for taken in reversed(beside):
        if above is not None:
            at = max(above - TURN, taken + (above - taken) / 2)
        if taken <= at - NEAR:
            break
        if taken < wanted + NEAR:
            above = taken
    else:
        if above is not None:
            at = above - TURN
    if at >= min(now + NEAR, wanted):
        return at
    soon = _behind(wanted, beside, apart=NEAR)
    fits = not beside or soon < beside[-1] or soon <= wanted + NEAR / 4
    return soon if fits else _behind(wanted, beside, apart=TURN)


def _behind(wanted: datetime, beside: Sequence[datetime], *, apart: timedelta) -> datetime:
    """The first moment from `wanted` on that is so far from every other."""
    at = wanted
    for taken in beside:
        if taken >= at + apart:
            break
        if taken > at - apart:
            at = taken + apart
    return at


def is_young(post: Post, publication: Publication, *, now: datetime) -> bool:
    """Whether somebody waits for this look: the post is on its way, and not for long. The other looks are for a public
    id, for what was silent for half an hour, and for what a person will have to decide.
    """
    since = publication.committing_at or publication.intent_at
    return post.state not in (PostState.PUBLISHED, PostState.UNCONFIRMED) and now - since < YOUNG


def left_over(young: int) -> int:
    """How many calls of a minute are left for looks nobody waits for, with so many young posts on the account.

    Some are always kept for young posts yet to come.
    """
    return max(0, min(CALLS // 2, CALLS - -(-CALLS * young // YOUNG_MOST)))
