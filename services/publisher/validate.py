"""The last look before an init: every checkable rule is checked, so TikTok need not refuse.

Fact sheet 3.1, 3.7 and 7 for what the creator's settings allow, 4.4 for the media.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace

from libs.media.floor import floor_error
from libs.media.limits import MediaLimits
from libs.media.probe import finding_from
from libs.media.rules import post_violations
from libs.model.change import Change
from libs.model.creator import audience_errors, disabled, privacy_errors
from libs.model.post import Note, Post
from libs.model.problem import FieldError, Problem, invalid
from libs.store.media import Media
from libs.tiktok.posting import CreatorInfo


def problem_before_init(
    post: Post, media: Sequence[Media], creator: CreatorInfo | None, *, audited: bool
) -> Problem | None:
    """What forbids this post now, or None. `creator` is None for drafts: TikTok asks the creator itself, in the app.

    `audited` says whether TikTok has audited the app of the post's account.
    """
    errors = [*_media_errors(post, media, creator), *_creator_errors(post, creator, audited=audited)]
    return invalid(errors) if errors else None


def turned_off(post: Post, creator: CreatorInfo) -> tuple[str, ...]:
    """The fields of a direct post that go out as true because its creator has turned that off (7.4)."""
    return disabled(post.request, creator.model_dump(include={"comment_disabled", "duet_disabled", "stitch_disabled"}))


def adjusted(intended: Change, off: Collection[str]) -> Change:
    """The intent of an init that sends `off` as true, and says so on the timeline."""
    if not off:
        return intended
    more = {"fields": sorted(off), "to": True, "why": "the creator has turned this off in TikTok, and it stays off"}
    return replace(intended, notes=(Note("adjusted", more), *intended.notes))


def _media_errors(post: Post, media: Sequence[Media], creator: CreatorInfo | None) -> list[FieldError]:
    limits = MediaLimits()
    if creator is not None and creator.max_video_post_duration_sec is not None:
        limits = limits.for_creator(max_video_post_duration_sec=creator.max_video_post_duration_sec)
    findings = [finding_from(one.probe) for one in media]
    floor = post.request.get("resolution_min")
    small = [e for n, one in enumerate(findings) for e in floor_error(one, floor=floor, field=f"media.{n}")]
    found = post_violations(
        findings,
        kind="photo" if post.photo else "video",
        limits=limits,
        photo_cover_index=post.request.get("photo_cover_index"),
        video_cover_timestamp_ms=post.request["video_cover_timestamp_ms"],
    )
    return [*small, *(violation.as_field_error() for violation in found)]


def _creator_errors(post: Post, creator: CreatorInfo | None, *, audited: bool) -> list[FieldError]:
    if creator is None:
        return []
    options = creator.privacy_level_options
    return [*audience_errors(options, audited=audited), *privacy_errors(post.request["privacy_level"], options)]
