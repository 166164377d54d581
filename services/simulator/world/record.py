"""The nouns of the simulated TikTok. Records are mutable and owned by one event loop."""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

SCOPES = (
    "user.info.basic",
    "user.info.profile",
    "user.info.stats",
    "video.list",
    "video.upload",
    "video.publish",
)
RESEARCH_SCOPE = "research.data.basic"


class Privacy(StrEnum):
    """Who sees a post (fact sheet 3.1)."""

    PUBLIC = "PUBLIC_TO_EVERYONE"
    FOLLOWERS = "FOLLOWER_OF_CREATOR"
    FRIENDS = "MUTUAL_FOLLOW_FRIENDS"
    SELF = "SELF_ONLY"


class Status(StrEnum):
    """status/fetch (fact sheet 3.5)."""

    UPLOADING = "PROCESSING_UPLOAD"
    DOWNLOADING = "PROCESSING_DOWNLOAD"
    IN_INBOX = "SEND_TO_USER_INBOX"
    COMPLETE = "PUBLISH_COMPLETE"
    FAILED = "FAILED"


RUNNING = (Status.UPLOADING, Status.DOWNLOADING)


class FailReason(StrEnum):
    """`fail_reason` (fact sheet 3.5)."""

    FILE_FORMAT = "file_format_check_failed"
    DURATION = "duration_check_failed"
    FRAME_RATE = "frame_rate_check_failed"
    PICTURE_SIZE = "picture_size_check_failed"
    INTERNAL = "internal"
    VIDEO_PULL = "video_pull_failed"
    PHOTO_PULL = "photo_pull_failed"
    CANCELLED = "publish_cancelled"
    AUTH_REMOVED = "auth_removed"
    TOO_MANY_POSTS = "spam_risk_too_many_posts"
    BANNED = "spam_risk_user_banned_from_posting"
    SPAM_TEXT = "spam_risk_text"
    SPAM = "spam_risk"


class Kind(StrEnum):
    VIDEO = "video"
    PHOTO = "photo"


class Mode(StrEnum):
    DIRECT = "direct"
    INBOX = "inbox"

    @property
    def publish_type(self) -> str:
        """As webhooks spell it (fact sheet 6.3)."""
        return "DIRECT_PUBLISH" if self is Mode.DIRECT else "INBOX_SHARE"


class Source(StrEnum):
    FILE = "FILE_UPLOAD"
    PULL = "PULL_FROM_URL"


@dataclass(slots=True)
class Client:
    """A developer's app."""

    key: str
    secrets: tuple[str, ...]
    webhook_url: str = ""
    redirect_uris: tuple[str, ...] = ()
    verified_urls: tuple[str, ...] = ()
    audited: bool = False
    sandbox_of: str | None = None
    sandbox_users: tuple[str, ...] | None = None
    research_approved: bool = False
    active_user_cap: int | None = None
    posters: dict[str, datetime] = field(default_factory=dict)
    """Last direct post by creator, for the active-user cap."""


@dataclass(slots=True)
class Creator:
    """A person on TikTok. `spent_posts` are posts made today through other apps."""

    union_id: str
    username: str
    display_name: str
    bio: str = ""
    verified: bool = False
    private: bool = False
    banned: bool = False
    comment_disabled: bool = False
    duet_disabled: bool = False
    stitch_disabled: bool = False
    max_video_s: int = 600
    app_version: str = "34.1.0"
    followers: int = 0
    following: int = 0
    likes: int = 0
    daily_post_cap: int | None = None
    cap_told: str = "init"
    """Where TikTok says that the day is full: to creator_info and the init, or as the `fail_reason` of what it took."""
    pending_share_cap: int | None = None
    limits: dict[str, int] = field(default_factory=dict)
    """Calls per minute by endpoint, in place of the knobs."""
    direct_posts: list[datetime] = field(default_factory=list)
    """Direct posts of the last 24 h, whatever the app."""
    comments: list[dict[str, Any]] = field(default_factory=list)


@dataclass(slots=True)
class Grant:
    """What a creator allowed an app. `open_id` is per app and creator and survives a reconnect."""

    open_id: str
    client_key: str
    union_id: str
    scopes: tuple[str, ...]
    granted_at: datetime
    removed_at: datetime | None = None
    removed_reason: int | None = None

    @property
    def live(self) -> bool:
        return self.removed_at is None


@dataclass(slots=True)
class AccessToken:
    """`open_id` None: a client token."""

    token: str
    client_key: str
    open_id: str | None
    scopes: tuple[str, ...]
    expires_at: datetime
    refresh_token: str | None = None
    ended: bool = False


@dataclass(slots=True)
class RefreshToken:
    token: str
    open_id: str
    scopes: tuple[str, ...]
    first_issued_at: datetime
    expires_at: datetime
    dead_from: datetime | None = None
    """When a rotation ended it; a later time is a grace period."""


@dataclass(slots=True)
class AuthCode:
    code: str
    client_key: str
    union_id: str
    scopes: tuple[str, ...]
    redirect_uri: str
    challenge: str | None
    expires_at: datetime
    used: bool = False


@dataclass(slots=True)
class Media:
    """One file as TikTok received it. `path` None: hashed and counted only."""

    sha256: str
    size: int
    content_type: str
    path: Path | None = None
    url: str | None = None
    facts: dict[str, Any] | None = None


@dataclass(slots=True)
class Upload:
    """A FILE_UPLOAD task. `received` grows by whole chunks; `writer` counts PUTs so that the newest one wins."""

    upload_id: int
    token: str
    size: int
    chunk_size: int
    chunk_count: int
    expires_at: datetime
    received: int = 0
    chunks: list[int] = field(default_factory=list)
    puts: int = 0
    refused: int = 0
    writer: int = 0
    content_type: str = "video/mp4"
    path: Path | None = None
    digest: Any = field(default_factory=hashlib.sha256)

    @property
    def complete(self) -> bool:
        return self.received == self.size

    def expected(self, index: int) -> tuple[int, int]:
        """First and last byte of chunk `index` (from 0); the last chunk carries the remainder."""
        first = index * self.chunk_size
        last = self.size - 1 if index == self.chunk_count - 1 else first + self.chunk_size - 1
        return first, last


@dataclass(slots=True)
class Pull:
    """A PULL_FROM_URL task."""

    urls: tuple[str, ...]
    deadline: datetime
    downloaded: int = 0
    attempts: int = 0
    fetched: int = 0


@dataclass(slots=True)
class Publication:
    """One init and what became of it. It moves on once `checked` and `due` and not `stuck`."""

    publish_id: str
    open_id: str
    client_key: str
    union_id: str
    kind: Kind
    mode: Mode
    source: Source
    created_at: datetime
    post_info: dict[str, Any]
    status: Status
    upload: Upload | None = None
    pull: Pull | None = None
    media: list[Media] = field(default_factory=list)
    cover_index: int = 0
    fail_reason: FailReason | None = None
    received_at: datetime | None = None
    checked: bool = False
    verdict: FailReason | None = None
    due: bool = False
    stuck: bool = False
    published: int = 0
    post_ids: list[int] = field(default_factory=list)
    public_ids: list[int] = field(default_factory=list)
    expired: bool = False
    history: list[tuple[datetime, str]] = field(default_factory=list)

    @property
    def finished(self) -> bool:
        return self.status in (Status.COMPLETE, Status.FAILED)


@dataclass(slots=True)
class Post:
    """Something on a creator's profile."""

    post_id: int
    union_id: str
    publish_id: str | None
    kind: Kind
    privacy: str
    title: str
    description: str
    created_ms: int
    media: list[Media]
    settings: dict[str, Any]
    duration_s: int = 0
    width: int = 0
    height: int = 0
    public: bool = False
    removed: bool = False
    stats: dict[str, int] = field(default_factory=lambda: {"view": 0, "like": 0, "comment": 0, "share": 0})
