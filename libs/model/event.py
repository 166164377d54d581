"""Events: what customers hear. Each has a natural key, so that two ways of learning a thing make one event."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import orjson

from libs.model.ids import new_id


class EventType(StrEnum):
    """Every type a customer can subscribe to. The names are the outside contract (design section 3)."""

    POST_ACCEPTED = "post.accepted"
    POST_REJECTED = "post.rejected"
    POST_SCHEDULED = "post.scheduled"
    POST_UPLOADING = "post.uploading"
    POST_UPLOADED = "post.uploaded"
    POST_PROCESSING = "post.processing"
    POST_RETRYING = "post.retrying"
    POST_IN_INBOX = "post.in_inbox"
    POST_PUBLISHED = "post.published"
    POST_PUBLICLY_AVAILABLE = "post.publicly_available"
    POST_NO_LONGER_AVAILABLE = "post.no_longer_available"
    POST_FAILED = "post.failed"
    POST_CANCELLED = "post.cancelled"
    POST_UNCONFIRMED = "post.unconfirmed"
    BATCH_COMPLETED = "batch.completed"
    ACCOUNT_CONNECTED = "account.connected"
    ACCOUNT_DISCONNECTED = "account.disconnected"
    ACCOUNT_REAUTHORIZATION_REQUIRED = "account.reauthorization_required"
    ACCOUNT_STATS = "account.stats"
    POST_STATS = "post.stats"
    MEDIA_READY = "media.ready"
    MEDIA_FAILED = "media.failed"
    ENDPOINT_FAILING = "endpoint.failing"
    ENDPOINT_DISABLED = "endpoint.disabled"
    ENDPOINT_RECOVERED = "endpoint.recovered"
    VIDEO_PUBLISH_COMPLETED = "video.publish_completed"
    VIDEO_UPLOAD_FAILED = "video.upload_failed"
    PORTABILITY_DOWNLOAD_READY = "portability.download_ready"
    TIKTOK_UNRECOGNIZED = "tiktok.unrecognized"
    WEBHOOK_TEST = "webhook.test"


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened. `key` is unique for ever: recording a second event with the same key does nothing.

    `customer_id` is None for what belongs to the operator alone; such an event goes to RabbitMQ and no customer.
    """

    id: str
    key: str
    type: EventType
    customer_id: str | None
    account_id: str | None
    post_id: str | None
    occurred_at: datetime
    body: str
    """The webhook body, the same bytes on every try."""


def event(
    type_: EventType,
    *,
    key: str,
    now: datetime,
    data: Mapping[str, Any],
    customer_id: str | None,
    account_id: str | None = None,
    post_id: str | None = None,
) -> Event:
    """Makes an event with a fresh id. `data` must be JSON values; `key` says what makes it the same event."""
    id_ = new_id("evt", now)
    body = orjson.dumps({"id": id_, "type": type_, "timestamp": stamp(now), "data": dict(data)}).decode()
    return Event(id_, key, type_, customer_id, account_id, post_id, now, body)


def stamp(moment: datetime) -> str:
    """ISO 8601 in UTC, milliseconds, ending in Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
