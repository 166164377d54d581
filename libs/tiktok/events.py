"""The names of what TikTok tells by webhook, in one spelling each (6.3)."""

from enum import StrEnum


class Event(StrEnum):
    """Every event TikTok documents or sends. The value is the documented spelling, faults included (8, trap 16)."""

    AUTHORIZATION_REMOVED = "authorization.removed"
    """An account left the app; its tokens are already dead. `reason` says why, see `Removal`."""
    VIDEO_UPLOAD_FAILED = "video.upload.failed"
    """Legacy Video Kit, by `share_id`. Not about Content Posting."""
    VIDEO_PUBLISH_COMPLETED = "video.publish.completed"
    """Legacy Video Kit, by `share_id`. Not about Content Posting."""
    PORTABILITY_DOWNLOAD_READY = "portability.download.ready"
    """A data export is ready, by `request_id`; the only event that names no user."""
    POST_FAILED = "post.publish.failed"
    """A post ended without being published; `reason` is a fail_reason."""
    POST_COMPLETE = "post.publish.complete"
    """Published, not yet moderated, so without a post id. A draft may be completed several times."""
    POST_INBOX_DELIVERED = "post.publish.inbox_delivered"
    """A draft reached the creator's inbox."""
    POST_PUBLICLY_AVAILABLE = "post.publish.publicly_available"
    """Passed moderation and is public; carries `post_id`."""
    POST_NO_LONGER_PUBLICLY_AVAILABLE = "post.publish.no_longer_publicaly_available"
    """No longer public; carries `post_id`. The spelling is TikTok's."""
    PING = "tiktok.ping"
    """The portal's "Test URL" button; its time is in milliseconds."""

    @property
    def is_post(self) -> bool:
        """Whether it tells of a post made through Content Posting, and so carries a `publish_id`."""
        return self.value.startswith("post.publish.")


class Removal(StrEnum):
    """`Notification.reason` of `AUTHORIZATION_REMOVED`. Other values are possible: TikTok may add one."""

    UNKNOWN = "0"
    USER_DISCONNECTED = "1"
    ACCOUNT_DELETED = "2"
    AGE_CHANGED = "3"
    ACCOUNT_BANNED = "4"
    DEVELOPER_REVOKED = "5"


SPELLINGS: dict[str, Event] = {event.value: event for event in Event} | {
    "post.publish.publicaly_available": Event.POST_PUBLICLY_AVAILABLE,
    "post.publish.no_longer_publicly_available": Event.POST_NO_LONGER_PUBLICLY_AVAILABLE,
}
"""Every spelling TikTok's pages have used."""
