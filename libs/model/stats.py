"""Numbers of accounts and posts over time: what is asked of TikTok, what is kept of its answer, and when next.

TikTok's names and values are kept as they are; what it did not say is not there, and never a zero.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from libs.model.account import Account, AccountState
from libs.model.event import Event, EventType, event, stamp

ACCOUNT_SCOPE: Final = "user.info.stats"
ACCOUNT_NUMBERS: Final = ("follower_count", "following_count", "likes_count", "video_count")
POST_SCOPE: Final = "video.list"
POST_NUMBERS: Final = ("view_count", "like_count", "comment_count", "share_count")

VIDEOS_AT_ONCE: Final = 20
"""As many ids one call may name (fact sheet 2.3)."""
FAILING_PAUSE: Final = timedelta(hours=1)
"""An account whose token cannot be refreshed at present is left alone for so long."""
TROUBLE_PAUSE: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Watch:
    """Who is to be counted: an account, or (with `tiktok_post_id`) one public video of a post."""

    subject: str
    tiktok_post_id: str
    account_id: str
    customer_id: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What TikTok said of a subject at a time. `id` grows with time, within a subject."""

    id: int
    subject: str
    tiktok_post_id: str
    at: datetime
    numbers: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Taken:
    """What becomes of a watch: its numbers, if TikTok told any, and its next alarm (None: nothing to wait for)."""

    watch: Watch
    next: datetime | None
    numbers: Mapping[str, int] | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What to ask of an account's watches now, and what is settled without asking."""

    account: Watch | None = None
    videos: tuple[Watch, ...] = ()
    settled: tuple[Taken, ...] = ()


def plan(account: Account | None, watches: Sequence[Watch], *, keep_on: timedelta, now: datetime) -> Plan:
    """An account that has to be connected again, or whose scopes open no numbers, waits until it is connected anew; one
    whose token fails is left alone for a while; a video is counted for `keep_on` after it became public.
    """
    if account is None or account.state is not AccountState.CONNECTED:
        return Plan(settled=tuple(Taken(watch, None) for watch in watches))
    if account.refreshes_failed:
        return Plan(settled=tuple(Taken(watch, now + FAILING_PAUSE) for watch in watches))
    mine = [w for w in watches if not w.tiktok_post_id and ACCOUNT_SCOPE in account.scopes]
    videos = tuple(w for w in watches if w.tiktok_post_id and POST_SCOPE in account.scopes and now < w.since + keep_on)
    asked = {*mine, *videos}
    over = tuple(Taken(watch, None) for watch in watches if watch not in asked)
    return Plan(mine[0] if mine else None, videos, over)


def numbers_of(said: object, names: Sequence[str]) -> dict[str, int] | None:
    """The numbers of TikTok's answer that it gave; None when it gave none."""
    found = {name: value for name in names if (value := getattr(said, name)) is not None}
    return found or None


def told(taken: Taken, *, at: datetime) -> Event:
    """The event of a snapshot. Its key names the moment: a subject is counted once for one."""
    watch = taken.watch
    about: dict[str, Any] = {"account_id": watch.account_id, "customer_id": watch.customer_id, "taken_at": stamp(at)}
    post = {"post_id": watch.subject, "tiktok_post_id": watch.tiktok_post_id} if watch.tiktok_post_id else {}
    return event(
        EventType.POST_STATS if post else EventType.ACCOUNT_STATS,
        key=f"{watch.subject}:stats:{watch.tiktok_post_id}:{stamp(at)}",
        now=at,
        data={**post, **about, "stats": dict(taken.numbers or {})},
        customer_id=watch.customer_id,
        account_id=watch.account_id,
        post_id=watch.subject if post else None,
    )
