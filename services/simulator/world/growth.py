"""Numbers that grow: what a post has been given by script or at birth, and what its time on the profile has added."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from services.simulator.world.record import Creator, Post

VIEWS_PER_LIKE: Final = 10
VIEWS_PER_COMMENT: Final = 80
VIEWS_PER_SHARE: Final = 120
VIEWS_PER_FOLLOWER: Final = 50
MOST_HOURS: Final = 24 * 365


def numbers(post: Post, *, now: datetime) -> dict[str, int]:
    """Every post has its own pace, 5 to 24 views an hour, for a year."""
    hours = max(0, int(now.timestamp() * 1000) - post.created_ms) // 3_600_000
    views = min(hours, MOST_HOURS) * (5 + post.post_id % 20)
    more = {
        "view": views,
        "like": views // VIEWS_PER_LIKE,
        "comment": views // VIEWS_PER_COMMENT,
        "share": views // VIEWS_PER_SHARE,
    }
    return {name: count + more[name] for name, count in post.stats.items()}


def profile(creator: Creator, videos: Iterable[Post], *, now: datetime) -> Mapping[str, int]:
    """Likes are those of the videos; some viewers stay."""
    counted = [numbers(video, now=now) for video in videos]
    return {
        "follower_count": creator.followers + sum(one["view"] for one in counted) // VIEWS_PER_FOLLOWER,
        "following_count": creator.following,
        "likes_count": creator.likes + sum(one["like"] for one in counted),
        "video_count": len(counted),
    }
