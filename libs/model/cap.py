"""TikTok's caps over 24 hours, learned from its answers, and when the next post has room (fact sheet 3.7).

A cap is shared with other apps, so what TikTok lets through of ours is what is learned: as many as it had taken in 24
hours when it said that it was full. From then on nothing of ours is asked beyond that.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from libs.model.change import Change, move, post_event
from libs.model.event import EventType, stamp
from libs.model.post import Note, Post, PostState

WINDOW = timedelta(hours=24, minutes=1)
"""TikTok's day, and a minute: it counts from when it took the init, by its own clock."""
SPACING = timedelta(seconds=10)
"""Between two slots, so that they keep their order: six inits a minute is all that TikTok takes."""
FORGET = timedelta(days=8)
"""Then it is tried anew: other apps may have used less, or TikTok may allow more."""
UNKNOWN = 100_000
"""Nothing of ours was counted when the cap was full: others use it, and how much is left for us is not known."""
LOOK_EVERY = timedelta(hours=1)
"""A creator who posts a draft makes room before its day is over; nobody but us is asked."""


class CapKind(StrEnum):
    DAILY_POSTS = "daily_posts"
    """Direct posts of one creator, in all apps together."""
    PENDING_SHARES = "pending_shares"
    """Drafts that wait in one creator's inbox."""
    ACTIVE_USERS = "active_users"
    """Creators who post through one app; who has posted within the day may go on."""


CODES = {
    "spam_risk_too_many_posts": CapKind.DAILY_POSTS,
    "spam_risk_too_many_pending_share": CapKind.PENDING_SHARES,
    "reached_active_user_cap": CapKind.ACTIVE_USERS,
}
"""TikTok's word for each."""
CODE_OF = {kind: code for code, kind in CODES.items()}
WHY = {
    CapKind.DAILY_POSTS: "This creator has made all the posts that TikTok allows in 24 hours.",
    CapKind.PENDING_SHARES: "As many drafts as TikTok allows wait in this creator's inbox.",
    CapKind.ACTIVE_USERS: "As many creators as TikTok allows this app in 24 hours have posted.",
}


@dataclass(frozen=True, slots=True)
class Cap:
    """One learned cap: `most` uses within `WINDOW`, and none at all before `full_until`."""

    kind: CapKind
    most: int
    full_until: datetime


@dataclass(frozen=True, slots=True)
class Full:
    """No room before `at`."""

    kind: CapKind
    at: datetime


def learned(kind: CapKind, uses: Sequence[datetime], *, now: datetime) -> Cap:
    """What TikTok's refusal says, given our uses of the last day that it took."""
    if not uses:
        return Cap(kind, UNKNOWN, now + WINDOW)
    # A draft that is posted makes room at any time; the other caps have none before their oldest use is a day old.
    until = now if kind is CapKind.PENDING_SHARES else min(uses) + WINDOW
    return Cap(kind, len(uses), max(until, now))


def room(cap: Cap, *, uses: Sequence[datetime], ahead: Sequence[datetime], now: datetime) -> Full | None:
    """None when there is room now. `uses` are those of the last day, `ahead` the slots of posts that come first."""
    at = max(now, cap.full_until)
    if ahead:
        at = max(at, max(ahead) + SPACING)
    taken = sorted([*uses, *ahead])
    if len(taken) >= cap.most:
        at = max(at, taken[-cap.most] + WINDOW)
    return Full(cap.kind, at) if at > now else None


def reslotted(post: Post, full: Full, *, now: datetime) -> Change:
    """The post waits for its slot: it spends no try, and its customer hears when it is. It still fails in time."""
    due = min(full.at, now + LOOK_EVERY) if full.kind is CapKind.PENDING_SHARES else full.at
    if post.publish_before is not None:
        due = min(due, max(post.publish_before, now))
    after = replace(move(post, PostState.QUEUED, now=now, alarm=due), slot_at=full.at)
    if post.slot_at == full.at:
        return Change(after)
    code = CODE_OF[full.kind]
    more = {"reason": code, "detail": WHY[full.kind], "next_attempt_at": stamp(full.at), "attempt": post.retries}
    told = post_event(EventType.POST_RETRYING, after, key=f"slot:{post.version}", now=now, more=more)
    return Change(after, events=(told,), notes=(Note("reslotted", more),))
