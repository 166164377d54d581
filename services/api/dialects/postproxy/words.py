"""What Postproxy calls things."""

from typing import Final

from libs.model.account import AccountState
from libs.model.post import PostState
from services.api.dialects.frame import Dialect
from services.api.dialects.mapping import paths

NAME: Final = "postproxy"
SETTINGS: Final = "platforms.tiktok"

PLATFORM_STATUS: Final[dict[PostState, str]] = {
    PostState.DRAFT: "pending",
    PostState.SCHEDULED: "pending",
    PostState.QUEUED: "processing",
    PostState.INITIALIZING: "processing",
    PostState.UPLOADING: "processing",
    PostState.PROCESSING: "processing",
    PostState.UNCONFIRMED: "processing",
    PostState.IN_INBOX: "published",
    PostState.PUBLISHED: "published",
    PostState.FAILED: "failed",
    PostState.CANCELLED: "cancelled",
}
PROFILE_STATUS: Final[dict[AccountState, str]] = {
    AccountState.CONNECTED: "active",
    AccountState.REAUTHORIZATION_REQUIRED: "expired",
    AccountState.DISCONNECTED: "inactive",
}

WORDS: Final = {
    **paths(NAME, SETTINGS),
    "account_id": "profiles",
    "account_ids": "profiles",
    "media": "media",
    "title": "post.body",
    "description": "post.body",
    "publish_at": "post.scheduled_at",
    "draft": "post.draft",
}
"""Our field of a post → theirs."""

DIALECT: Final = Dialect(NAME, "Postproxy", prefix="/api", words={"redirect_uri": "redirect_url"})
