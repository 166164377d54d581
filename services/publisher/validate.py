"""The last look before an init: every checkable rule is checked, so TikTok need not refuse.

Fact sheet 3.1 and 7 for what the creator's settings allow, 4.4 for the media.
"""

from collections.abc import Sequence

from libs.media.limits import MediaLimits
from libs.media.probe import finding_from
from libs.media.rules import post_violations
from libs.model.creator import privacy_errors
from libs.model.post import Post
from libs.model.problem import FieldError, Problem, invalid
from libs.store.media import Media
from libs.tiktok.posting import CreatorInfo


def problem_before_init(post: Post, media: Sequence[Media], creator: CreatorInfo | None) -> Problem | None:
    """What forbids this post now, or None. `creator` is None for drafts: TikTok asks the creator itself, in the app."""
    errors = [*_media_errors(post, media, creator), *_privacy_errors(post, creator)]
    return invalid(errors) if errors else None


def _media_errors(post: Post, media: Sequence[Media], creator: CreatorInfo | None) -> list[FieldError]:
    limits = MediaLimits()
    if creator is not None and creator.max_video_post_duration_sec is not None:
        limits = limits.for_creator(max_video_post_duration_sec=creator.max_video_post_duration_sec)
    found = post_violations(
        [finding_from(one.probe) for one in media],
        kind="photo" if post.photo else "video",
        limits=limits,
        photo_cover_index=post.request.get("photo_cover_index"),
        video_cover_timestamp_ms=post.request["video_cover_timestamp_ms"],
    )
    return [violation.as_field_error() for violation in found]


def _privacy_errors(post: Post, creator: CreatorInfo | None) -> list[FieldError]:
    return privacy_errors(post.request["privacy_level"], creator.privacy_level_options) if creator else []
