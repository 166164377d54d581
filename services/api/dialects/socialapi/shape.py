"""What SocialAPI.ai's answers look like."""

from typing import Any, Literal

from libs.model.account import Account
from libs.model.post import Post, PostState
from libs.model.source import cut
from libs.rest.accounts import AccountProfile, Seen
from libs.rest.field import AccountId, Moment
from libs.rest.shape import Answer, Item, PageQuery
from services.api.dialects.found import PostsQuery
from services.api.dialects.frame import Adjustment
from services.api.dialects.mapping import to_theirs
from services.api.dialects.socialapi.words import NAME

METADATA = ("avatar_url", "follower_count", "following_count", "video_count", "likes_count")


class ListQuery(PostsQuery):
    """Posts, of one account if one is named."""

    account_id: AccountId | None = None


class AccountsQuery(PageQuery):
    """Accounts, newest first."""

    cursor: AccountId | None = None


class AccountShown(Seen):
    """`metadata` is absent, not null, where TikTok does not say it: a scope is missing, or it was not asked."""

    platform: Literal["tiktok"] = "tiktok"
    name: str | None = None
    username: str | None = None
    metadata: dict[str, Any] | None = None


class PostShown(Item):
    """`status` is the post's state in our words; `post_ids` are TikTok's, once it is public."""

    platform: Literal["tiktok"] = "tiktok"
    account_id: str
    status: PostState
    text: str
    media_ids: tuple[str, ...]
    platform_data: dict[str, dict[str, Any]]
    post_ids: tuple[str, ...]
    error: dict[str, Any] | None
    publish_at: Moment | None
    created_at: Moment


class PostMade(Item):
    """`id` is the post's, or that of the batch when there are several. `adjustments` says what was chosen."""

    platform: Literal["tiktok"] = "tiktok"
    status: PostState
    posts: tuple[PostShown, ...]
    adjustments: tuple[Adjustment, ...]


class Link(Answer):
    """Where to send the creator's browser; `state` comes back with it."""

    auth_url: str
    state: str


def account(of: Account, profile: AccountProfile | None) -> AccountShown:
    seen = profile.model_dump() if profile is not None else {}
    metadata = {name: seen[name] for name in METADATA if name in seen}
    name = seen.get("display_name") or of.display_name or of.username
    return AccountShown(id=of.id, name=name, username=seen.get("username") or of.username, metadata=metadata or None)


def post(of: Post) -> PostShown:
    field = "description" if of.photo else "title"
    settings = to_theirs(NAME, {name: value for name, value in of.request.items() if name != field})
    return PostShown(
        id=of.id,
        account_id=of.account_id,
        status=of.state,
        text=of.request[field],
        media_ids=tuple(cut(source) for source in of.request["media"]),
        platform_data={"tiktok": settings},
        post_ids=of.public_post_ids,
        error=of.problem,
        publish_at=of.publish_at,
        created_at=of.created_at,
    )


def made(posts: list[Post], adjustments: list[Adjustment]) -> PostMade:
    first = posts[0]
    shown = tuple(post(one) for one in posts)
    return PostMade(id=first.batch_id or first.id, status=first.state, posts=shown, adjustments=tuple(adjustments))
