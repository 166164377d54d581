"""Nothing goes to TikTok that a rule we know forbids; a refusal names the field, the limit, the found and a remedy."""

from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from libs.media.finding import VideoProbe
from libs.model.post import Post, PostState
from libs.model.problem import Problem
from libs.store.media import Media
from libs.tiktok.posting import CreatorInfo
from services.publisher.validate import problem_before_init

NOW = datetime(2026, 2, 4, tzinfo=UTC)
GOOD = VideoProbe(
    size=5_000_000,
    container="mp4",
    mime="video/mp4",
    codec="h264",
    profile="High",
    pixel_format="yuv420p",
    width=1080,
    height=1920,
    rotation=0,
    duration_ms=12_000,
    frames=360,
    average_frame_rate=30.0,
    nominal_frame_rate=30.0,
    variable_frame_rate=False,
    audio_codec="aac",
    audio_channels=2,
    audio_sample_rate=48_000,
    truncated=False,
    damaged=False,
)
CREATOR = CreatorInfo(privacy_level_options=("SELF_ONLY", "MUTUAL_FOLLOW_FRIENDS"), max_video_post_duration_sec=300)


def a_post(**asked: Any) -> Post:
    request = {"privacy_level": "SELF_ONLY", "video_cover_timestamp_ms": None, "mode": "direct"} | asked
    return Post("post_1", "cus_1", "acc_1", None, "k", request, PostState.QUEUED, 1, NOW, False, NOW, NOW)


def media(found: VideoProbe) -> Media:
    return Media("med_1", "cus_1", "k", found.size, b"", found.mime, asdict(found), NOW)


def problem_of(post: Post, found: VideoProbe, creator: CreatorInfo | None, *, audited: bool = True) -> Problem | None:
    return problem_before_init(post, [media(found)], creator, audited=audited)


def test_a_post_within_every_limit_may_go_out() -> None:
    assert problem_of(a_post(), GOOD, CREATOR) is None


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"width": 359}, "media.0.width"),
        ({"height": 4097}, "media.0.height"),
        ({"duration_ms": 2_900}, "media.0.duration"),
        ({"duration_ms": 300_500}, "media.0.duration"),
        ({"average_frame_rate": 61.0}, "media.0.frame_rate"),
        ({"codec": "mpeg4"}, "media.0.codec"),
        ({"container": "avi"}, "media.0.container"),
        ({"size": 4_000_000_001}, "media.0.size"),
        ({"truncated": True}, "media.0"),
    ],
)
def test_each_broken_media_rule_is_named_before_any_init(changed: dict[str, Any], field: str) -> None:
    problem = problem_of(a_post(), replace(GOOD, **changed), CREATOR)

    assert problem is not None
    named = [error.field for error in problem.errors]
    assert any(name.startswith(field) for name in named), named
    assert all(error.limit and error.found and error.remedy for error in problem.errors)


@pytest.mark.row("SS-14", "SS-41", "SS-70")
def test_a_privacy_level_the_creator_does_not_offer_is_refused_with_those_it_does() -> None:
    problem = problem_of(a_post(privacy_level="PUBLIC_TO_EVERYONE"), GOOD, CREATOR)

    assert problem is not None
    assert problem.errors[0].detail == "Selected privacy level 'PUBLIC_TO_EVERYONE' is not available for this creator."
    assert problem.errors[0].limit == "SELF_ONLY, MUTUAL_FOLLOW_FRIENDS"


def test_a_draft_is_held_to_the_media_rules_and_to_no_creators_settings() -> None:
    draft = a_post(mode="inbox", privacy_level=None)

    assert problem_of(draft, GOOD, None, audited=False) is None
    assert problem_of(draft, replace(GOOD, width=100), None) is not None


@pytest.mark.parametrize(
    ("options", "audited", "refused"),
    [
        (("PUBLIC_TO_EVERYONE", "MUTUAL_FOLLOW_FRIENDS", "SELF_ONLY"), False, True),
        (("PUBLIC_TO_EVERYONE", "MUTUAL_FOLLOW_FRIENDS", "SELF_ONLY"), True, False),
        (("FOLLOWER_OF_CREATOR", "MUTUAL_FOLLOW_FRIENDS", "SELF_ONLY"), False, False),
        (("SELF_ONLY",), False, False),  # seen of unaudited apps: it says nothing of the account
    ],
)
def test_an_unaudited_app_spends_no_init_on_a_public_account(
    options: tuple[str, ...], audited: bool, refused: bool
) -> None:
    problem = problem_of(a_post(), GOOD, CreatorInfo(privacy_level_options=options), audited=audited)

    named = [error.code for error in problem.errors] if problem else []
    assert named == (["account_not_private"] if refused else [])
