"""Who may post, and how often in 24 hours (fact sheet 3.7)."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from services.simulator.knobs import Knobs
from services.simulator.world.error import Code, Refused
from services.simulator.world.record import Client, Creator, Mode, Privacy, Publication, Status

DAY = timedelta(hours=24)
MIN_APP_VERSION = (31, 8)


def privacy_options(creator: Creator, client: Client, *, knobs: Knobs) -> list[str]:
    """`privacy_level_options` of creator_info."""
    if not client.audited and knobs.unaudited_options == "self_only":
        return [Privacy.SELF.value]
    widest = Privacy.FOLLOWERS if creator.private else Privacy.PUBLIC
    return [widest.value, Privacy.FRIENDS.value, Privacy.SELF.value]


def cannot_post(creator: Creator, client: Client, *, now: datetime, knobs: Knobs) -> Code | None:
    """Why this creator cannot post through this app now; creator_info answers it with HTTP 200."""
    if creator.banned:
        return Code.BANNED
    if creator.cap_told == "init" and posts_left(creator, now=now, knobs=knobs) <= 0:
        return Code.TOO_MANY_POSTS
    if not _may_be_active(creator, client, now=now, knobs=knobs):
        return Code.USER_CAP
    return None


def check_direct(creator: Creator, client: Client, level: str, *, now: datetime, knobs: Knobs) -> None:
    """May this creator post directly with this privacy level? Raises `Refused`."""
    if creator.banned:
        raise Refused(Code.BANNED)
    if not client.audited and (level != Privacy.SELF or not creator.private):
        raise Refused(Code.UNAUDITED)
    if client.sandbox_users is not None and level == Privacy.PUBLIC:
        raise Refused(Code.UNAUDITED)
    if level not in privacy_options(creator, client, knobs=knobs):
        raise Refused(Code.PRIVACY_MISMATCH)
    if (code := cannot_post(creator, client, now=now, knobs=knobs)) is not None:
        raise Refused(code)


def check_pending(creator: Creator, drafts: Iterable[Publication], *, now: datetime, knobs: Knobs) -> None:
    """May another draft go to this creator's inbox? `drafts` are the creator's inbox publications."""
    if creator.banned:
        raise Refused(Code.BANNED)
    cap = knobs.pending_share_cap if creator.pending_share_cap is None else creator.pending_share_cap
    if sum(1 for draft in drafts if is_pending(draft, now=now)) >= cap:
        raise Refused(Code.TOO_MANY_PENDING)


def is_pending(draft: Publication, *, now: datetime) -> bool:
    """A draft of the last 24 h that was neither posted nor failed."""
    return (
        draft.mode is Mode.INBOX
        and draft.created_at > now - DAY
        and draft.status not in (Status.COMPLETE, Status.FAILED)
        and not draft.expired
    )


def check_app_version(creator: Creator) -> None:
    """MEDIA_UPLOAD of photos needs the creator's app to be 31.8 or newer (fact sheet 3.4)."""
    parts = [int(part) if part.isdigit() else 0 for part in creator.app_version.split(".")[:2]]
    if tuple((*parts, 0)[:2]) < MIN_APP_VERSION:
        raise Refused(Code.APP_VERSION)


def posts_left(creator: Creator, *, now: datetime, knobs: Knobs) -> int:
    """Direct posts the creator has left in the sliding 24 h, all apps together."""
    creator.direct_posts[:] = [at for at in creator.direct_posts if at > now - DAY]
    cap = knobs.daily_post_cap if creator.daily_post_cap is None else creator.daily_post_cap
    return cap - len(creator.direct_posts)


def was_over(creator: Creator, pub: Publication, *, now: datetime, knobs: Knobs) -> bool:
    """Whether the day was full when this direct post was taken, for a creator who hears of that afterwards."""
    if creator.cap_told == "init" or pub.mode is not Mode.DIRECT:
        return False
    later = sum(1 for at in creator.direct_posts if at > pub.created_at)
    return posts_left(creator, now=now, knobs=knobs) + later < 0


def uncount_direct(creator: Creator, pub: Publication) -> None:
    """It failed because the day was full, so it is none of the day's posts."""
    if pub.created_at in creator.direct_posts:
        creator.direct_posts.remove(pub.created_at)


def count_direct(creator: Creator, client: Client, *, now: datetime) -> None:
    """A direct init was accepted: it spends the creator's day and makes the creator active. Drafts are exempt."""
    creator.direct_posts.append(now)
    client.posters[creator.union_id] = now


def _may_be_active(creator: Creator, client: Client, *, now: datetime, knobs: Knobs) -> bool:
    """A creator already counted in the window may go on."""
    for union_id in [who for who, at in client.posters.items() if at <= now - DAY]:
        del client.posters[union_id]
    cap = knobs.unaudited_user_cap if not client.audited else client.active_user_cap
    return creator.union_id in client.posters or len(client.posters) < (knobs.active_user_cap if cap is None else cap)
