"""What SocialSyncerAPI calls things."""

from typing import Final

from libs.model.post import PostState
from services.api.dialects.frame import Dialect
from services.api.dialects.mapping import paths

NAME: Final = "socialsyncer"
SETTINGS: Final = "tiktokSettings"

STATUS: Final[dict[PostState, str]] = {
    PostState.DRAFT: "draft",
    PostState.SCHEDULED: "scheduled",
    PostState.QUEUED: "publishing",
    PostState.INITIALIZING: "publishing",
    PostState.UPLOADING: "publishing",
    PostState.PROCESSING: "publishing",
    PostState.UNCONFIRMED: "publishing",
    PostState.IN_INBOX: "in_inbox",
    PostState.PUBLISHED: "published",
    PostState.FAILED: "failed",
    PostState.CANCELLED: "cancelled",
}
"""What the vendor calls a state; it has no words for a draft at TikTok and for what was cancelled."""

WORDS: Final = {**paths(NAME, SETTINGS), "publish_at": "scheduledFor", "draft": "isDraft"}
"""Our field of a post → theirs."""

DIALECT: Final = Dialect(NAME, "SocialSyncerAPI")
