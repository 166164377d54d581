"""A post request, judged without making a post."""

from typing import Final

from libs.rest.code import Code
from libs.rest.posts import AccountVerdict, CreatorSettings, PostNew, Verdict
from services.api.doc.posts import VIDEO
from services.api.doc.sample import ACCOUNT
from services.api.doc.shape import Doc, Example

_CREATOR: Final = CreatorSettings(
    creator_username="acme",
    creator_nickname="Acme",
    creator_avatar_url="https://p16-sign.tiktokcdn.com/avatar.jpeg",
    privacy_level_options=("FOLLOWER_OF_CREATOR", "MUTUAL_FOLLOW_FRIENDS", "SELF_ONLY"),
    comment_disabled=False,
    duet_disabled=True,
    stitch_disabled=True,
    max_video_post_duration_sec=600,
)

VALIDATE: Final = Doc(
    summary="Ask whether a post would be accepted",
    body=PostNew,
    answers={200: Verdict},
    problems=(Code.TIKTOK_UNAVAILABLE,),
    examples=(
        Example(
            200,
            Verdict(
                valid=True, accounts=(AccountVerdict(account_id=ACCOUNT, creator=_CREATOR, problem=None),), warnings=()
            ),
            VIDEO,
        ),
        Example(422, Code.INVALID_REQUEST, VIDEO | {"privacy_level": None}, "What is wrong is named"),
    ),
)
