"""One example of each type of event, as customers see it in the documentation."""

from datetime import UTC, datetime
from typing import Any, Final

from libs.model.event_type import EventType

WHEN = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
_POST: Final[dict[str, Any]] = {
    "post_id": "post_01jd4a2n00f8k3m5p7r9t1v3x5",
    "customer_id": "cus_01jd49zz00a1b2c3d4e5f6g7h8",
    "account_id": "acc_01jd4a0000b2c3d4e5f6g7h8j9",
    "batch_id": None,
    "state": "processing",
    "kind": "video",
    "mode": "direct",
    "tiktok_post_ids": [],
    "metadata": {"order": "4711"},
}
_PUBLISH_ID: Final[dict[str, Any]] = {"publish_id": "v_pub_file~v2-1.7438210000000000001"}
_PUBLIC_ID = "7438211111111111111"
_PROBLEM: Final[dict[str, Any]] = {
    "type": "/docs#problem-spam_risk_too_many_posts",
    "title": "TikTok did not publish the post",
    "status": 422,
    "code": "spam_risk_too_many_posts",
    "detail": "The account has posted as often today as TikTok lets it.",
    "retryable": False,
    "remedy": "Send the post again tomorrow.",
    "upstream": {"code": "spam_risk_too_many_posts", "log_id": "20261120093000ABCDEF"},
}
_HEARD: Final[dict[str, Any]] = {"source": "webhook", "tiktok_create_time": 1795080600}
_ACCOUNT: Final[dict[str, Any]] = {
    "account_id": _POST["account_id"],
    "customer_id": _POST["customer_id"],
    "open_id": "-000a1b2c3d4e5f6g7h8",
    "state": "connected",
    "scopes": ["user.info.basic", "video.publish", "video.upload"],
    "missing_scopes": ["video.list"],
    "username": "creator",
    "display_name": "A Creator",
    "reason": None,
    "group_id": None,
    "reconnect": f"/v1/accounts/{_POST['account_id']}/reconnect",
}
_COUNTED: Final[dict[str, Any]] = {
    "account_id": _POST["account_id"],
    "customer_id": _POST["customer_id"],
    "taken_at": "2026-11-20T09:30:00.000Z",
}
_ENDPOINT: Final[dict[str, Any]] = {
    "endpoint_id": "end_01jd4a1000c3d4e5f6g7h8j9k0",
    "url": "https://hooks.example.com/clipwire",
}
_FORWARDED: Final[dict[str, Any]] = {
    "tiktok_event": "video.publish.completed",
    "client_key": "aw1234567890",
    "open_id": _ACCOUNT["open_id"],
    "create_time": 1795080600,
    "content": {"share_id": "video.6974245311675353080.VDCxrcMJ"},
    "account_id": _ACCOUNT["account_id"],
}
_GONE = _POST | _PUBLISH_ID | _HEARD | {"state": "published", "tiktok_post_id": _PUBLIC_ID}

DATA: Final[dict[EventType, dict[str, Any]]] = {
    EventType.POST_ACCEPTED: _POST | {"state": "queued", "idempotency_key": "order-4711"},
    EventType.POST_REJECTED: {
        "message_id": "order-4711",
        "problem": {
            "type": "/docs#problem-invalid_request",
            "title": "The request is not valid",
            "status": 422,
            "code": "invalid_request",
            "detail": "1 problem with: privacy_level.",
            "retryable": False,
            "errors": [{"field": "privacy_level", "code": "required", "detail": "This is required."}],
        },
    },
    EventType.POST_SCHEDULED: _POST | {"state": "scheduled", "publish_at": "2026-11-21T18:00:00.000Z"},
    EventType.POST_UPLOADING: _POST | _PUBLISH_ID | {"state": "uploading", "size": 10485760},
    EventType.POST_UPLOADED: _POST | _PUBLISH_ID | {"size": 10485760},
    EventType.POST_PROCESSING: _POST | _PUBLISH_ID | {"tiktok_status": "PROCESSING_UPLOAD"},
    EventType.POST_RETRYING: _POST
    | {"state": "queued", "reason": "internal", "next_attempt_at": "2026-11-20T09:31:00.000Z", "attempt": 1},
    EventType.POST_IN_INBOX: _POST | _PUBLISH_ID | {"state": "in_inbox", "mode": "inbox"},
    EventType.POST_PUBLISHED: _POST | _PUBLISH_ID | _HEARD | {"state": "published", "completion": 1},
    EventType.POST_PUBLICLY_AVAILABLE: _GONE | {"tiktok_post_ids": [_PUBLIC_ID]},
    EventType.POST_NO_LONGER_AVAILABLE: _GONE | {"tiktok_post_ids": [_PUBLIC_ID]},
    EventType.POST_FAILED: _POST | {"state": "failed", "stage": "publish", "problem": _PROBLEM},
    EventType.POST_CANCELLED: _POST | {"state": "cancelled"},
    EventType.POST_UNCONFIRMED: _POST
    | _PUBLISH_ID
    | {"state": "unconfirmed", "remedy": "Look in the TikTok app whether it is there."},
    EventType.BATCH_COMPLETED: {
        "batch_id": "bat_01jd4a1500e5f6g7h8j9k0m1n2",
        "total": 3,
        "states": {"published": 2, "failed": 1},
    },
    EventType.ACCOUNT_CONNECTED: _ACCOUNT,
    EventType.ACCOUNT_DISCONNECTED: _ACCOUNT
    | {"state": "disconnected", "reason": "the creator removed the app in TikTok", "tiktok_reason": "1"},
    EventType.ACCOUNT_REAUTHORIZATION_REQUIRED: _ACCOUNT
    | {"state": "reauthorization_required", "reason": "TikTok refused the refresh token (invalid_grant)"},
    EventType.ACCOUNT_STATS: _COUNTED
    | {"stats": {"follower_count": 1204, "following_count": 17, "likes_count": 45110, "video_count": 63}},
    EventType.POST_STATS: _COUNTED
    | {
        "post_id": _POST["post_id"],
        "tiktok_post_id": _PUBLIC_ID,
        "stats": {"view_count": 8123, "like_count": 640, "comment_count": 31, "share_count": 12},
    },
    EventType.MEDIA_READY: {
        "media_id": "med_01jd4a1200d4e5f6g7h8j9k0m1",
        "size": 10485760,
        "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "post_id": _POST["post_id"],
    },
    EventType.MEDIA_FAILED: {"post_id": _POST["post_id"], "problem": _PROBLEM | {"code": "not_a_video"}},
    EventType.ENDPOINT_FAILING: _ENDPOINT
    | {
        "failing_since": "2026-11-20T09:30:00.000Z",
        "percent": 50,
        "disabled_at": "2026-11-25T09:30:00.000Z",
        "last_failure": "answered 500",
    },
    EventType.ENDPOINT_DISABLED: _ENDPOINT | {"reason": "answered 410 Gone", "comes_back_by_itself": False},
    EventType.ENDPOINT_RECOVERED: _ENDPOINT | {"failing_since": "2026-11-20T09:30:00.000Z", "was_disabled": True},
    EventType.VIDEO_PUBLISH_COMPLETED: _FORWARDED,
    EventType.VIDEO_UPLOAD_FAILED: _FORWARDED | {"tiktok_event": "video.upload.failed"},
    EventType.PORTABILITY_DOWNLOAD_READY: _FORWARDED
    | {
        "tiktok_event": "portability.download.ready",
        "open_id": None,
        "account_id": None,
        "content": {"request_id": "4611686018427387905"},
    },
    EventType.TIKTOK_UNRECOGNIZED: _FORWARDED | {"tiktok_event": "something.new", "content": {"any": "thing"}},
    EventType.WEBHOOK_TEST: {"endpoint_id": _ENDPOINT["endpoint_id"], "message": "This is a test of your endpoint."},
}


def example(type_: EventType) -> dict[str, Any]:
    """A whole body."""
    return {
        "id": "evt_01jd4a2p00g9h8j7k6m5n4p3q2",
        "type": str(type_),
        "timestamp": "2026-11-20T09:30:00.000Z",
        "data": DATA[type_],
    }
