"""Display API: who an account is and which videos it shows (2)."""

from collections.abc import Collection

from libs.tiktok.wire import Id, Int64, Wire

USER_FIELDS: dict[str, tuple[str, ...]] = {
    "user.info.basic": ("open_id", "union_id", "avatar_url", "avatar_url_100", "avatar_large_url", "display_name"),
    "user.info.profile": ("bio_description", "profile_deep_link", "is_verified", "username"),
    "user.info.stats": ("follower_count", "following_count", "likes_count", "video_count"),
}
"""The fields each scope opens. One field outside the granted scopes refuses the whole call (2.1)."""

VIDEO_FIELDS: tuple[str, ...] = (
    "id", "create_time", "cover_image_url", "share_url", "video_description", "duration", "height", "width", "title",
    "embed_html", "embed_link", "like_count", "comment_count", "share_count", "view_count", "is_aigc",
)  # fmt: skip
"""Every field of a video."""

MAX_VIDEOS = 20
"""Most videos of one list page and most ids of one query."""


def user_fields(scopes: Collection[str]) -> tuple[str, ...]:
    """All the fields of a user that these granted scopes open."""
    return tuple(name for scope, names in USER_FIELDS.items() if scope in scopes for name in names)


class User(Wire):
    """An account. What was not asked for, or is not granted, is None."""

    open_id: str | None = None
    union_id: str | None = None
    avatar_url: str | None = None
    avatar_url_100: str | None = None
    avatar_large_url: str | None = None
    display_name: str | None = None
    bio_description: str | None = None
    profile_deep_link: str | None = None
    is_verified: bool | None = None
    username: str | None = None
    follower_count: Int64 | None = None
    following_count: Int64 | None = None
    likes_count: Int64 | None = None
    video_count: Int64 | None = None


class Video(Wire):
    """A public video. What was not asked for is None; `id` is always asked for."""

    id: Id
    create_time: Int64 | None = None
    """Unix seconds."""
    cover_image_url: str | None = None
    """Good for six hours."""
    share_url: str | None = None
    video_description: str | None = None
    duration: Int64 | None = None
    """Seconds."""
    height: Int64 | None = None
    width: Int64 | None = None
    title: str | None = None
    embed_html: str | None = None
    embed_link: str | None = None
    like_count: Int64 | None = None
    comment_count: Int64 | None = None
    share_count: Int64 | None = None
    view_count: Int64 | None = None
    is_aigc: bool | None = None


class UserInfo(Wire):
    """The data of user/info."""

    user: User


class VideoPage(Wire):
    """The data of video/list, newest first, and of video/query, which has one page."""

    videos: tuple[Video, ...] = ()
    cursor: Int64 | None = None
    """Where the next page begins: Unix *milliseconds*, unlike every other time here."""
    has_more: bool = False
