"""What SocialSyncerAPI's answers look like."""

from collections.abc import Sequence
from typing import Any, Literal

from libs.model.account import Account, AccountState
from libs.model.post import Post
from libs.model.source import cut
from libs.rest.field import AccountId, Moment
from libs.rest.shape import Answer, Item, PageQuery
from services.api.dialects.found import PostsQuery
from services.api.dialects.frame import Adjustment
from services.api.dialects.mapping import to_theirs
from services.api.dialects.socialsyncer.words import NAME, STATUS


class ListQuery(PostsQuery):
    """Posts, of one account if one is named."""

    accountId: AccountId | None = None


class AccountsQuery(PageQuery):
    """Accounts, newest first."""

    cursor: AccountId | None = None


class AccountShown(Item):
    """An account; `isActive`: it can be posted to."""

    platform: Literal["tiktok"] = "tiktok"
    username: str | None
    displayName: str | None
    isActive: bool


class MediaShown(Answer):
    type: Literal["video", "image"]
    url: str


class PlatformShown(Answer):
    """What became of the post for one account. `postId` is what GET and DELETE take, `platformPostIds` are TikTok's."""

    platform: Literal["tiktok"] = "tiktok"
    accountId: str
    postId: str
    status: str
    platformPostIds: tuple[str, ...]
    error: dict[str, Any] | None


class PostShown(Item):
    """A post; `id` is that of the batch when it is for several accounts."""

    status: str
    content: str
    mediaItems: tuple[MediaShown, ...]
    platforms: tuple[PlatformShown, ...]
    tiktokSettings: dict[str, Any]
    scheduledFor: Moment | None
    createdAt: Moment


class PostMade(PostShown):
    """`adjustments` says what was chosen or changed."""

    adjustments: tuple[Adjustment, ...]


def account(of: Account) -> AccountShown:
    usable = of.state is AccountState.CONNECTED
    return AccountShown(id=of.id, username=of.username, displayName=of.display_name, isActive=usable)


def post(of: Sequence[Post]) -> PostShown:
    """The posts of one request, as the one post they are to this vendor."""
    return PostShown(**_fields(of))


def made(of: Sequence[Post], adjustments: Sequence[Adjustment]) -> PostMade:
    return PostMade(**_fields(of), adjustments=tuple(adjustments))


def _fields(of: Sequence[Post]) -> dict[str, Any]:
    first = of[0]
    asked = first.request
    settings = to_theirs(NAME, asked)
    if "video_cover_image_url" in settings:
        settings["video_cover_image_url"] = cut(settings["video_cover_image_url"])
    kind: Literal["video", "image"] = "image" if first.photo else "video"
    return {
        "id": first.batch_id or first.id,
        "status": _together([STATUS[one.state] for one in of]),
        "content": asked["title"],
        "mediaItems": tuple(MediaShown(type=kind, url=cut(source)) for source in asked["media"]),
        "platforms": tuple(_platform(one) for one in of),
        "tiktokSettings": settings,
        "scheduledFor": first.publish_at,
        "createdAt": first.created_at,
    }


def _platform(of: Post) -> PlatformShown:
    return PlatformShown(
        accountId=of.account_id,
        postId=of.id,
        status=STATUS[of.state],
        platformPostIds=of.public_post_ids,
        error=of.problem,
    )


def _together(states: Sequence[str]) -> str:
    if len(set(states)) == 1:
        return states[0]
    return "publishing" if {"publishing", "scheduled"} & set(states) else "partial"
