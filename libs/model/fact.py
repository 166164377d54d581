"""Facts: what was heard about TikTok's world, by webhook or by asking. Each has a natural key, so it is kept once."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class FactKind(StrEnum):
    """What a fact says. The first five are about one publication."""

    COMPLETED = "completed"
    """A direct post is out, or a draft was posted by its creator (possibly again)."""
    PUBLIC = "public"
    """A post passed moderation and has a public id."""
    GONE = "gone"
    """A public post is no longer public."""
    FAILED = "failed"
    """A publication ended without publishing."""
    IN_INBOX = "in_inbox"
    """A draft reached its creator's inbox."""
    AUTHORIZATION_REMOVED = "authorization_removed"
    SHARE_PUBLISHED = "share_published"
    """The old Video Kit's `video.publish.completed`: about a share id, never about our posts."""
    SHARE_FAILED = "share_failed"
    DOWNLOAD_READY = "download_ready"
    PING = "ping"
    """The developer portal's test button. Kept, and nobody is told."""
    UNRECOGNIZED = "unrecognized"


ABOUT_PUBLICATION = frozenset({FactKind.COMPLETED, FactKind.PUBLIC, FactKind.GONE, FactKind.FAILED, FactKind.IN_INBOX})


class FactSource(StrEnum):
    WEBHOOK = "webhook"
    POLL = "poll"
    VIDEO_LIST = "video_list"
    """Seen among its creator's public videos; applied at once, never kept as a fact."""
    PERSON = "person"
    """A person's decision on an unconfirmed post; applied at once, never kept as a fact."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing heard. `key` is its natural key: the same thing heard twice has the same key.

    `create_time` is TikTok's own time of it in Unix seconds; None when it was learnt by asking.
    """

    key: str
    kind: FactKind
    source: FactSource
    heard_at: datetime
    client_key: str = ""
    open_id: str = ""
    publish_id: str = ""
    create_time: int | None = None
    post_id: str = ""
    reason: str = ""
    data: dict[str, Any] = field(default_factory=dict)

    def may_be_of(self, *, client_key: str, open_id: str) -> bool:
        """Whether it can be about this creator of this app: what it names of the two is the same."""
        return self.client_key in ("", client_key) and self.open_id in ("", open_id)


def polled(
    kind: FactKind, *, publish_id: str, now: datetime, post_id: str = "", reason: str = "", log_id: str | None = None
) -> Fact:
    """A fact learnt from status/fetch. Its key differs from a webhook's: which event they make is decided by `news`."""
    key = f"poll|{kind}|{publish_id}|{post_id}"
    data = {"log_id": log_id} if log_id else {}
    return Fact(key, kind, FactSource.POLL, now, publish_id=publish_id, post_id=post_id, reason=reason, data=data)
