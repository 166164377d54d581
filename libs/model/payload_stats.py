"""What the events about numbers carry."""

from libs.model.contract import Data


class PostNumbers(Data):
    """TikTok's own names and values; what it did not tell is absent."""

    view_count: int | None = None
    like_count: int | None = None
    comment_count: int | None = None
    share_count: int | None = None


class PostStats(Data):
    """A post's numbers, as TikTok told them at `taken_at`, of one of its public ids."""

    post_id: str
    account_id: str
    customer_id: str
    tiktok_post_id: str
    taken_at: str
    stats: PostNumbers


class AccountNumbers(Data):
    """TikTok's own names and values; what it did not tell is absent."""

    follower_count: int | None = None
    following_count: int | None = None
    likes_count: int | None = None
    video_count: int | None = None


class AccountStats(Data):
    """An account's numbers, as TikTok told them at `taken_at`."""

    account_id: str
    customer_id: str
    taken_at: str
    stats: AccountNumbers
