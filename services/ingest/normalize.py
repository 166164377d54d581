"""From a verified body to a receipt: which fact it states, under which natural key. Pure, and a hot path."""

import hashlib
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

from libs.model.fact import Fact, FactKind, FactSource
from libs.store.facts import ODD_DAY, Receipt
from libs.tiktok.events import Event
from libs.tiktok.webhooks import NotAnEnvelope, Notification, parse, semantic_key

KINDS: dict[str, FactKind] = {
    Event.POST_COMPLETE: FactKind.COMPLETED,
    Event.POST_FAILED: FactKind.FAILED,
    Event.POST_INBOX_DELIVERED: FactKind.IN_INBOX,
    Event.POST_PUBLICLY_AVAILABLE: FactKind.PUBLIC,
    Event.POST_NO_LONGER_PUBLICLY_AVAILABLE: FactKind.GONE,
    Event.AUTHORIZATION_REMOVED: FactKind.AUTHORIZATION_REMOVED,
    Event.VIDEO_PUBLISH_COMPLETED: FactKind.SHARE_PUBLISHED,
    Event.VIDEO_UPLOAD_FAILED: FactKind.SHARE_FAILED,
    Event.PORTABILITY_DOWNLOAD_READY: FactKind.DOWNLOAD_READY,
    Event.PING: FactKind.PING,
}
"""Every event of fact sheet 6.3."""

_EPOCH = date(1970, 1, 1)
_SANE_DAYS = range((date(2020, 1, 1) - _EPOCH).days, (date(2100, 1, 1) - _EPOCH).days)


def read(body: bytes, *, received_at: datetime) -> Receipt:
    """The receipt of a signed body. One that is no TikTok envelope has a reason and no fact. Never raises."""
    digest = hashlib.sha256(body).digest()
    said = parse(body)
    if isinstance(said, NotAnEnvelope):
        return Receipt(digest, ODD_DAY, received_at, body, "", None, said.reason)
    return Receipt(digest, day_of(said.create_time), received_at, body, said.event, fact(said, digest, received_at))


def fact(said: Notification, digest: bytes, heard_at: datetime) -> Fact:
    """What a notification says. An unknown event has only its body as key."""
    key = semantic_key(said) or f"body|{digest.hex()}"
    return Fact(
        key=key,
        kind=KINDS.get(said.event, FactKind.UNRECOGNIZED) if said.known else FactKind.UNRECOGNIZED,
        source=FactSource.WEBHOOK,
        heard_at=heard_at,
        client_key=said.client_key,
        open_id=said.user_openid,
        publish_id=said.publish_id if said.known else "",
        create_time=said.create_time,
        post_id=said.post_id if said.known else "",
        reason=said.reason if said.known else "",
        data={"event": said.raw_event, "content": said.content},
    )


def day_of(create_time: int) -> date:
    """The partition of a body: its own day, so that the same body always meets the same unique key."""
    return _day(create_time // 86_400)


@lru_cache(maxsize=64)
def _day(days: int) -> date:
    return _EPOCH + timedelta(days=days) if days in _SANE_DAYS else ODD_DAY


def unix(moment: datetime) -> int:
    return int(moment.astimezone(UTC).timestamp())
