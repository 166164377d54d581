"""Every limit of fact sheet 4.4, on both sides of its edge."""

from __future__ import annotations

from dataclasses import replace

import pytest

from libs.media.finding import PhotoProbe, Probe, Reason, Unreadable, VideoProbe
from libs.media.limits import MediaKind, MediaLimits
from libs.media.rules import post_violations, violations, worth_converting

LIMITS = MediaLimits()

VIDEO = VideoProbe(
    size=5_000_000,
    container="mp4",
    mime="video/mp4",
    codec="h264",
    profile="High",
    pixel_format="yuv420p",
    width=1080,
    height=1920,
    rotation=0,
    duration_ms=15_000,
    frames=450,
    average_frame_rate=30.0,
    nominal_frame_rate=30.0,
    variable_frame_rate=False,
    audio_codec="aac",
    audio_channels=2,
    audio_sample_rate=48_000,
    truncated=False,
    damaged=False,
)
PHOTO = PhotoProbe(
    size=300_000,
    format="jpeg",
    mime="image/jpeg",
    width=1080,
    height=1920,
    orientation=1,
    mode="RGB",
    animated=False,
    transparent=False,
    has_location=False,
    truncated=False,
)


def broken(finding: Probe | Unreadable, *, limits: MediaLimits = LIMITS) -> set[str]:
    kind: MediaKind = "photo" if isinstance(finding, PhotoProbe) else "video"
    return {violation.field for violation in violations(finding, kind=kind, limits=limits)}


@pytest.mark.row("SA-63", "SA-64", "SA-65", "SS-09", "SS-10", "SS-11", "SS-27", "SS-37", "SS-38", "PP-27")
@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({}, set()),
        ({"container": "mov"}, set()),
        ({"container": "webm", "codec": "vp9"}, set()),
        ({"container": "mkv"}, {"container"}),
        ({"codec": "hevc"}, set()),
        ({"codec": "vp8"}, set()),
        ({"codec": "av1"}, {"codec"}),
        ({"width": 360, "height": 4096}, set()),
        ({"width": 359}, {"width"}),
        ({"height": 4097}, {"height"}),
        ({"width": 100, "height": 5000}, {"width", "height"}),
        ({"average_frame_rate": 23.0}, set()),
        ({"average_frame_rate": 22.8}, {"frame_rate"}),
        ({"average_frame_rate": 60.02}, set()),
        ({"average_frame_rate": 60.5}, {"frame_rate"}),
        ({"average_frame_rate": 0.0}, {"frame_rate"}),
        ({"variable_frame_rate": True, "nominal_frame_rate": 90_000.0}, set()),
        ({"duration_ms": 3_000}, set()),
        ({"duration_ms": 2_999}, {"duration"}),
        ({"duration_ms": 600_000}, set()),
        ({"duration_ms": 600_001}, {"duration"}),
        ({"size": 4_000_000_000}, set()),
        ({"size": 4_000_000_001}, {"size"}),
        ({"truncated": True}, {"truncated"}),
        ({"damaged": True}, {"damaged"}),
        ({"audio_codec": None}, set()),
    ],
)
def test_a_video_breaks_exactly_the_rules_it_breaks(change: dict[str, object], fields: set[str]) -> None:
    assert broken(replace(VIDEO, **change)) == fields  # type: ignore[arg-type]


@pytest.mark.row("SS-08", "SS-36", "PP-36")
@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({}, set()),
        ({"format": "webp"}, set()),
        ({"format": "png"}, {"format"}),
        ({"width": 1920, "height": 1080}, set()),
        ({"width": 1080, "height": 1080}, set()),
        ({"width": 941, "height": 1672}, set()),
        ({"width": 1254, "height": 1254}, {"dimensions"}),
        ({"width": 1086, "height": 1448}, {"dimensions"}),
        ({"width": 1000, "height": 1921}, {"dimensions"}),
        ({"size": 20_000_000}, set()),
        ({"size": 20_000_001}, {"size"}),
        ({"animated": True, "format": "webp"}, {"animated"}),
        ({"mode": "CMYK"}, {"color_mode"}),
        ({"mode": "L"}, set()),
        ({"truncated": True}, {"truncated"}),
        ({"orientation": 6, "has_location": True}, set()),
    ],
)
def test_a_photo_breaks_exactly_the_rules_it_breaks(change: dict[str, object], fields: set[str]) -> None:
    assert broken(replace(PHOTO, **change)) == fields  # type: ignore[arg-type]


def test_a_creator_may_be_allowed_less_than_tiktok_allows_but_never_more() -> None:
    minute = LIMITS.for_creator(max_video_post_duration_sec=60)
    hour = LIMITS.for_creator(max_video_post_duration_sec=3600)

    assert broken(replace(VIDEO, duration_ms=60_001), limits=minute) == {"duration"}
    assert broken(replace(VIDEO, duration_ms=60_000), limits=minute) == set()
    assert broken(replace(VIDEO, duration_ms=600_001), limits=hour) == {"duration"}


@pytest.mark.parametrize("reason", Reason)
def test_an_unreadable_file_breaks_one_rule_that_says_why(reason: Reason) -> None:
    found = violations(Unreadable(reason=reason, detail="because"), kind="video", limits=LIMITS)

    assert [(one.field, one.convertible) for one in found] == [("content", False)]
    assert reason in found[0].found


@pytest.mark.row("SS-39")
@pytest.mark.parametrize(("finding", "kind"), [(VIDEO, "photo"), (PHOTO, "video")])
def test_photos_and_videos_do_not_mix(finding: Probe, kind: MediaKind) -> None:
    found = violations(finding, kind=kind, limits=LIMITS)

    assert [(one.field, one.convertible) for one in found] == [("kind", False)]
    assert found[0].as_field_error().detail == f"Found a {finding.kind}; TikTok takes {kind}s only in a {kind} post."


@pytest.mark.row("SS-05", "SS-36", "BO-47", "PP-01", "PP-36")
@pytest.mark.parametrize(("count", "fields"), [(0, {"media"}), (1, set()), (35, set()), (36, {"media"})])
def test_a_carousel_has_one_to_thirty_five_photos(count: int, fields: set[str]) -> None:
    found = post_violations([PHOTO] * count, kind="photo", limits=LIMITS)

    assert {one.field for one in found} == fields


@pytest.mark.row("SS-06", "SS-27", "SS-37")
@pytest.mark.parametrize(("count", "fields"), [(0, {"media"}), (1, set()), (2, {"media"})])
def test_a_video_post_has_one_video(count: int, fields: set[str]) -> None:
    found = post_violations([VIDEO] * count, kind="video", limits=LIMITS)

    assert {one.field for one in found} == fields


def test_each_bad_file_of_a_carousel_is_named_by_its_place() -> None:
    findings = [PHOTO, replace(PHOTO, format="png", width=5000), PHOTO, VIDEO]

    found = post_violations(findings, kind="photo", limits=LIMITS)

    assert [one.field for one in found] == ["media.1.format", "media.1.dimensions", "media.3.kind"]


@pytest.mark.row("SS-50")
@pytest.mark.parametrize(("index", "fields"), [(None, set()), (0, set()), (2, set()), (3, {"photo_cover_index"})])
def test_the_cover_is_one_of_the_photos(index: int | None, fields: set[str]) -> None:
    found = post_violations([PHOTO] * 3, kind="photo", limits=LIMITS, photo_cover_index=index)

    assert {one.field for one in found} == fields
    assert post_violations([PHOTO], kind="photo", limits=LIMITS, photo_cover_index=-1)


@pytest.mark.parametrize(
    ("timestamp_ms", "legal"), [(None, True), (0, True), (15_000, True), (15_001, False), (-1, False)]
)
def test_the_cover_is_a_moment_of_the_video(timestamp_ms: int | None, legal: bool) -> None:
    found = post_violations([VIDEO], kind="video", limits=LIMITS, video_cover_timestamp_ms=timestamp_ms)

    assert [one.field for one in found] == ([] if legal else ["video_cover_timestamp_ms"])


def test_a_violation_tells_limit_value_and_remedy_in_words() -> None:
    (found,) = violations(replace(VIDEO, width=359), kind="video", limits=LIMITS)

    assert (found.field, found.limit, found.found) == ("width", "360 to 4096 pixels", "359 pixels")
    assert found.remedy == "export it again, or allow conversion"
    assert found.as_field_error().as_dict() == {
        "field": "width",
        "code": "media_width",
        "detail": "Found 359 pixels; TikTok takes 360 to 4096 pixels.",
        "limit": "360 to 4096 pixels",
        "found": "359 pixels",
        "remedy": "export it again, or allow conversion",
    }


def test_what_breaks_no_rule_may_still_be_worth_converting() -> None:
    assert worth_converting(VIDEO) == ()
    assert worth_converting(PHOTO) == ()
    assert worth_converting(replace(PHOTO, orientation=3, has_location=True, transparent=True)) == (
        "orientation",
        "location",
        "transparency",
    )
