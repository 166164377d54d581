"""Numbers over time. TikTok's own names and values; null is what TikTok did not tell, never a zero."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from libs.rest.field import ID_LETTERS, Digits, Future, Moment, PostId
from libs.rest.shape import Answer, Ask, Page

POSTS_MAX = 50


def _listed(given: Any) -> Any:
    return tuple(given.split(",")) if isinstance(given, str) else given


PostIds = Annotated[
    tuple[PostId, ...],
    Field(min_length=1, max_length=POSTS_MAX),
    BeforeValidator(_listed),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": f"^post_{ID_LETTERS}(,post_{ID_LETTERS}){{0,{POSTS_MAX - 1}}}$",
        }
    ),
]
"""In an address: ids with commas between."""


class StatsQuery(Ask):
    """Snapshots taken from `since` on and before `until`. `cursor` is the `next_cursor` of the page before."""

    since: Future | None = None
    until: Future | None = None
    cursor: Annotated[int, Field(ge=0, le=2**63 - 1), Digits] | None = None
    limit: Annotated[int, Field(ge=1, le=500), Digits] = 100


class PostsStatsQuery(Ask):
    """Of up to 50 posts, the newest `limit` snapshots each, taken from `since` on and before `until`."""

    post_ids: PostIds
    since: Future | None = None
    until: Future | None = None
    limit: Annotated[int, Field(ge=1, le=100), Digits] = 30


class AccountSnapshot(Answer):
    """As TikTok told them at `taken_at`."""

    taken_at: Moment
    follower_count: int | None = None
    following_count: int | None = None
    likes_count: int | None = None
    video_count: int | None = None


class AccountStats(Page[AccountSnapshot]):
    """Newest first. `status`: `counted`, or why there is nothing: `not_yet`; `missing_scope`, the creator did not grant
    user.info.stats; `not_connected`."""

    account_id: str
    status: Literal["counted", "not_yet", "missing_scope", "not_connected"]


class PostSnapshot(Answer):
    """As TikTok told them at `taken_at`, of one public id: a draft that was published several times has several."""

    taken_at: Moment
    tiktok_post_id: str
    view_count: int | None = None
    like_count: int | None = None
    comment_count: int | None = None
    share_count: int | None = None


class PostStats(Page[PostSnapshot]):
    """Newest first. `status`: `counted`, or why there is nothing: `no_public_id`, TikTok has told no public id of the
    post (yet; of a private one it never does); `not_yet`; `missing_scope`, the creator did not grant video.list;
    `not_connected`."""

    post_id: str
    account_id: str
    status: Literal["counted", "no_public_id", "not_yet", "missing_scope", "not_connected"]
    tiktok_post_ids: tuple[str, ...]


class PostsStats(Answer):
    """In the order asked for. `unknown` are ids of no post that this key may see. A post's `next_cursor` goes on at
    `GET /v1/posts/{id}/stats`."""

    data: tuple[PostStats, ...]
    unknown: tuple[str, ...]
