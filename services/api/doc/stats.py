"""Numbers over time."""

from typing import Final

from libs.rest.stats import AccountSnapshot, AccountStats, PostSnapshot, PostsStats, PostStats
from services.api.doc.sample import ACCOUNT, POST, WHEN
from services.api.doc.shape import Doc, Example

VIDEO: Final = "7438211111111111111"
NUMBERS: Final = {"view_count": 8123, "like_count": 640, "comment_count": 31, "share_count": 12}
ACCOUNT_NUMBERS: Final = {"follower_count": 1204, "following_count": 17, "likes_count": 45110, "video_count": 63}
_COUNTED: Final = PostStats(
    post_id=POST,
    account_id=ACCOUNT,
    status="counted",
    tiktok_post_ids=(VIDEO,),
    data=(PostSnapshot(taken_at=WHEN, tiktok_post_id=VIDEO, **NUMBERS),),
)

ACCOUNT_STATS: Final = Doc(
    summary="Show an account's numbers over time",
    answers={200: AccountStats},
    examples=(
        Example(
            200,
            AccountStats(
                account_id=ACCOUNT,
                status="counted",
                data=(AccountSnapshot(taken_at=WHEN, **ACCOUNT_NUMBERS),),
            ),
            query={"since": "2026-11-01T00:00:00Z", "limit": "30"},
        ),
    ),
)
POST_STATS: Final = Doc(
    summary="Show a post's numbers over time",
    answers={200: PostStats},
    examples=(Example(200, _COUNTED),),
)
POSTS_STATS: Final = Doc(
    summary="Show the numbers of several posts",
    answers={200: PostsStats},
    examples=(Example(200, PostsStats(data=(_COUNTED,), unknown=()), query={"post_ids": POST}),),
)
