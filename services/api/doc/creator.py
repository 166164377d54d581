"""What TikTok knows of an account now."""

from typing import Final

from libs.rest.accounts import AccountProfile, AccountVideo, VideosPage
from libs.rest.code import Code
from libs.rest.posts import AccountCreator
from services.api.doc.sample import ACCOUNT
from services.api.doc.shape import Doc, Example

_ASKED: Final = (
    Code.REAUTHORIZATION_REQUIRED,
    Code.MISSING_SCOPE,
    Code.REFUSED_BY_TIKTOK,
    Code.TIKTOK_UNAVAILABLE,
)

PROFILE: Final = Doc(
    summary="Show the creator's profile",
    answers={200: AccountProfile},
    problems=_ASKED,
    examples=(
        Example(
            200,
            AccountProfile(
                id=ACCOUNT,
                open_id="-000a1b2c3d4e5f6g7h8",
                union_id="c9c60f44-a68e-4f5d-84dd-ce22faeb0ba1",
                avatar_url="https://p16-sign.tiktokcdn.com/avatar.jpeg",
                avatar_url_100="https://p16-sign.tiktokcdn.com/avatar-100.jpeg",
                avatar_large_url="https://p16-sign.tiktokcdn.com/avatar-large.jpeg",
                display_name="Acme",
            ),
        ),
    ),
)
CREATOR: Final = Doc(
    summary="Show what the creator may post now",
    answers={200: AccountCreator},
    problems=_ASKED,
    examples=(
        Example(
            200,
            AccountCreator(
                id=ACCOUNT,
                creator_username="acme",
                creator_nickname="Acme",
                creator_avatar_url="https://p16-sign.tiktokcdn.com/avatar.jpeg",
                privacy_level_options=("FOLLOWER_OF_CREATOR", "MUTUAL_FOLLOW_FRIENDS", "SELF_ONLY"),
                comment_disabled=False,
                duet_disabled=True,
                stitch_disabled=True,
                max_video_post_duration_sec=600,
            ),
        ),
    ),
)
VIDEOS: Final = Doc(
    summary="List the creator's public videos",
    answers={200: VideosPage},
    problems=_ASKED,
    examples=(
        Example(
            200,
            VideosPage(
                data=(
                    AccountVideo(
                        id="7438211111111111111",
                        create_time=1_795_080_600,
                        title="Our boots on the beach",
                        video_description="Our new boots #acme",
                        duration=12,
                        width=1080,
                        height=1920,
                        cover_image_url="https://p16-sign.tiktokcdn.com/cover.jpeg",
                        share_url="https://www.tiktok.com/@acme/video/7438211111111111111",
                        embed_link="https://www.tiktok.com/player/v1/7438211111111111111",
                        embed_html="<iframe></iframe>",
                        view_count=1280,
                        like_count=64,
                        comment_count=8,
                        share_count=4,
                        is_aigc=False,
                    ),
                ),
                next_cursor=None,
            ),
            query={"limit": "10"},
        ),
    ),
)
