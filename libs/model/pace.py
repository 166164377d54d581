"""How long to wait: between looks at TikTok, between tries, between deliveries. All pure, all bounded."""

import random
from datetime import datetime, timedelta

YOUNG = timedelta(minutes=30)
LOOK_FIRST = timedelta(seconds=2)
LOOK_YOUNG = timedelta(seconds=14.4)
"""30 status calls a minute and token (fact sheet 3): seven young posts, each in its turn (`libs.model.roster`), just
fit, and each is heard of within 15 s. Less would find the minute spent now and then, and so come later."""
LOOK_LATER = ((timedelta(hours=6), timedelta(minutes=1)), (timedelta(hours=24), timedelta(minutes=10)))
LOOK_LAST = timedelta(hours=1)
UNCONFIRMED_AFTER = timedelta(hours=24)
"""Fact sheet 4.3: processing has been seen to fail at 24 h; a post silent for longer is unconfirmed."""
GIVE_UP_LOOKING = timedelta(days=7)

PUBLIC_ID_FIRST_LOOK = timedelta(seconds=20)
PUBLIC_ID_LOOKS = ((timedelta(minutes=5), timedelta(seconds=30)), (timedelta(hours=1), timedelta(minutes=5)))
PUBLIC_ID_LAST = timedelta(minutes=30)
PUBLIC_ID_GIVE_UP = timedelta(hours=12)

RETRY = tuple(timedelta(seconds=s) for s in (15, 60, 300, 1800, 7200))
UNMATCHED = tuple(timedelta(seconds=s) for s in (1, 2, 5, 15, 60, 300, 1800, 3600))
UNMATCHED_GIVE_UP = timedelta(days=7)


def next_look(*, since: datetime, now: datetime) -> datetime | None:
    """When to ask again about a publication committed at `since`; None when asking has become pointless."""
    age = now - since
    if age < YOUNG:
        return now + LOOK_YOUNG
    for until, every in LOOK_LATER:
        if age < until:
            return now + every
    return now + LOOK_LAST if age < GIVE_UP_LOOKING else None


def next_public_id_look(*, since: datetime, now: datetime) -> datetime | None:
    """When to ask again for the public id of a post published at `since`; None when none is expected any more."""
    age = now - since
    for until, every in PUBLIC_ID_LOOKS:
        if age < until:
            return now + every
    return now + PUBLIC_ID_LAST if age < PUBLIC_ID_GIVE_UP else None


def retry_at(failures: int, *, now: datetime) -> datetime:
    """When to try again after `failures` earlier failures. Jitter only adds."""
    wait = RETRY[min(failures, len(RETRY) - 1)]
    return now + wait * random.uniform(1.0, 1.1)


def unmatched_look(tries: int, *, heard_at: datetime, now: datetime) -> datetime | None:
    """When to look again for the owner of a fact nobody owns yet; None after a week (it is still kept)."""
    if now - heard_at > UNMATCHED_GIVE_UP:
        return None
    return now + UNMATCHED[min(tries, len(UNMATCHED) - 1)]
