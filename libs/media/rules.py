"""Every media rule that can be checked before TikTok is asked, as pure functions over findings.

Sources: fact sheet 4.4 (limits), 3.2 and 3.4 (cover, count), 7 (1: the creator's longest video), 8 (rows 2–6).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, assert_never

from libs.media.finding import PhotoProbe, Probe, Unreadable, VideoProbe
from libs.model.problem import FieldError

MediaKind = Literal["video", "photo"]
"""What a post is made of, in the post request's own words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaLimits:
    """TikTok's limits (fact sheet 4.4). MB and GB are decimal: the stricter reading, and the true one for chunks."""

    video_containers: frozenset[str] = frozenset({"mp4", "mov", "webm"})
    video_codecs: frozenset[str] = frozenset({"h264", "hevc", "vp8", "vp9"})
    side_min: int = 360
    side_max: int = 4096
    frame_rate_min: int = 23
    frame_rate_max: int = 60
    duration_min_ms: int = 3_000
    """Not documented; three seconds is what every intermediary asks for (fact sheet 8, row 4)."""
    duration_max_ms: int = 600_000
    video_max_bytes: int = 4_000_000_000
    photo_formats: frozenset[str] = frozenset({"jpeg", "webp"})
    photo_short_side_max: int = 1080
    photo_long_side_max: int = 1920
    photo_max_bytes: int = 20_000_000
    photos_max: int = 35

    def for_creator(self, *, max_video_post_duration_sec: int) -> MediaLimits:
        """The same limits for an account whose creator_info allows videos of so many seconds."""
        return replace(self, duration_max_ms=min(self.duration_max_ms, max_video_post_duration_sec * 1000))


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One broken rule. ``limit``, ``found`` and ``remedy`` are for people; ``field`` and ``rule`` are for programs."""

    field: str
    """Where: the rule's own name for one file, ``media.2.width`` in a post."""
    rule: str
    limit: str
    found: str
    remedy: str
    convertible: bool
    """Whether ``convert`` mends it."""

    def as_field_error(self) -> FieldError:
        """The same in a problem's words."""
        return FieldError(
            self.field,
            f"media_{self.rule}",
            f"Found {self.found}; TikTok takes {self.limit}.",
            limit=self.limit,
            found=self.found,
            remedy=self.remedy,
        )


FRAME_RATE_SLACK: Final = 0.1
"""Containers with a clock of milliseconds round: sixty frames a second may count as 60.01."""

_RE_EXPORT: Final = "export it again, or allow conversion"


def violations(finding: Probe | Unreadable, *, kind: MediaKind, limits: MediaLimits) -> list[Violation]:
    """Every rule this file breaks in a post of ``kind``; none means TikTok has no checkable reason to refuse it."""
    match finding:
        case Unreadable():
            return [_unreadable(finding)]
        case VideoProbe() if kind == "video":
            return list(_of_video(finding, limits))
        case PhotoProbe() if kind == "photo":
            return list(_of_photo(finding, limits))
        case VideoProbe() | PhotoProbe():
            return [
                Violation(
                    field="kind",
                    rule="kind",
                    limit=f"a {kind} post takes {kind}s only",
                    found=f"a {finding.kind}",
                    remedy=f"make it a {finding.kind} post, or give it a {kind}",
                    convertible=False,
                )
            ]
        case _:
            assert_never(finding)


def post_violations(
    findings: Sequence[Probe | Unreadable],
    *,
    kind: MediaKind,
    limits: MediaLimits,
    photo_cover_index: int | None = None,
    video_cover_timestamp_ms: int | None = None,
) -> list[Violation]:
    """The rules broken by a post's media together: each file's with field ``media.i.…``, then count and cover."""
    found = [
        replace(violation, field=f"media.{index}.{violation.field}")
        for index, finding in enumerate(findings)
        for violation in violations(finding, kind=kind, limits=limits)
    ]
    most = 1 if kind == "video" else limits.photos_max
    if not 1 <= len(findings) <= most:
        found.append(
            Violation(
                field="media",
                rule="media",
                limit="exactly 1 video" if kind == "video" else f"1 to {most} photos",
                found=str(len(findings)),
                remedy="split it into several posts" if findings else f"add a {kind}",
                convertible=False,
            )
        )
    if photo_cover_index is not None and not 0 <= photo_cover_index < len(findings):
        found.append(
            Violation(
                field="photo_cover_index",
                rule="photo_cover_index",
                limit=f"0 to {len(findings) - 1}, counted from 0",
                found=str(photo_cover_index),
                remedy="name one of the post's photos",
                convertible=False,
            )
        )
    return found + list(_of_cover_time(findings, video_cover_timestamp_ms))


def unmendable(found: Sequence[Violation]) -> list[Violation]:
    """Those that conversion cannot mend."""
    return [violation for violation in found if not violation.convertible]


def worth_converting(finding: Probe) -> tuple[str, ...]:
    """What breaks no rule, but comes out better when converted: ``orientation``, ``location``, ``transparency``."""
    if isinstance(finding, VideoProbe):
        return ()
    reasons = {
        "orientation": finding.orientation != 1,
        "location": finding.has_location,
        "transparency": finding.transparent,
    }
    return tuple(reason for reason, holds in reasons.items() if holds)


def _unreadable(finding: Unreadable) -> Violation:
    return Violation(
        field="content",
        rule="content",
        limit="a video (MP4, MOV, WebM …) or a photo (JPEG, WebP, PNG, GIF, HEIC, AVIF) that can be read whole",
        found=f"{finding.reason}: {finding.detail}",
        remedy="check that the file plays, and send it again",
        convertible=False,
    )


def _of_video(video: VideoProbe, limits: MediaLimits) -> Iterator[Violation]:
    if video.container not in limits.video_containers:
        yield _mendable("container", limit=_any_of(limits.video_containers), found=video.container)
    if video.codec not in limits.video_codecs:
        yield _mendable("codec", limit=_any_of(limits.video_codecs), found=video.codec)
    for field, side in (("width", video.width), ("height", video.height)):
        if not limits.side_min <= side <= limits.side_max:
            yield _mendable(field, limit=f"{limits.side_min} to {limits.side_max} pixels", found=f"{side} pixels")
    low, high = limits.frame_rate_min - FRAME_RATE_SLACK, limits.frame_rate_max + FRAME_RATE_SLACK
    if not low <= video.average_frame_rate <= high:
        yield _mendable(
            "frame_rate",
            limit=f"{limits.frame_rate_min} to {limits.frame_rate_max} frames a second",
            found=f"{video.average_frame_rate:g} frames a second",
        )
    yield from _of_duration(video, limits)
    if video.size > limits.video_max_bytes:
        yield _mendable("size", limit=f"{limits.video_max_bytes} bytes", found=f"{video.size} bytes")
    if video.truncated:
        yield _broken("truncated", found="its end is missing")
    if video.damaged:
        yield _broken("damaged", found="parts of it cannot be decoded")


def _of_duration(video: VideoProbe, limits: MediaLimits) -> Iterator[Violation]:
    if limits.duration_min_ms <= video.duration_ms <= limits.duration_max_ms:
        return
    yield Violation(
        field="duration",
        rule="duration",
        limit=f"{limits.duration_min_ms / 1000:g} to {limits.duration_max_ms / 1000:g} seconds for this account",
        found=f"{video.duration_ms / 1000:g} seconds",
        remedy="cut it" if video.duration_ms > limits.duration_max_ms else "make it longer",
        convertible=False,
    )


def _of_photo(photo: PhotoProbe, limits: MediaLimits) -> Iterator[Violation]:
    if photo.format not in limits.photo_formats:
        yield _mendable("format", limit=_any_of(limits.photo_formats), found=photo.format)
    short, long = sorted((photo.width, photo.height))
    if short > limits.photo_short_side_max or long > limits.photo_long_side_max:
        yield _mendable(
            "dimensions",
            limit=f"{limits.photo_short_side_max} × {limits.photo_long_side_max} pixels, either way up",
            found=f"{photo.width} × {photo.height} pixels",
        )
    if photo.size > limits.photo_max_bytes:
        yield _mendable("size", limit=f"{limits.photo_max_bytes} bytes", found=f"{photo.size} bytes")
    if photo.animated:
        yield _mendable("animated", limit="one still picture", found=f"an animated {photo.format}")
    if photo.mode == "CMYK":
        yield _mendable("color_mode", limit="RGB or grey", found="CMYK, which is for printers")
    if photo.truncated:
        yield _broken("truncated", found="its end is missing")


def _of_cover_time(findings: Sequence[Probe | Unreadable], timestamp_ms: int | None) -> Iterator[Violation]:
    if timestamp_ms is None:
        return
    longest_ms = max((finding.duration_ms for finding in findings if isinstance(finding, VideoProbe)), default=None)
    if longest_ms is not None and not 0 <= timestamp_ms <= longest_ms:
        # TikTok would take the first picture without a word (fact sheet 3.2).
        yield Violation(
            field="video_cover_timestamp_ms",
            rule="video_cover_timestamp_ms",
            limit=f"0 to {longest_ms} ms, the length of the video",
            found=f"{timestamp_ms} ms",
            remedy="name a moment of the video",
            convertible=False,
        )


def _mendable(field: str, *, limit: str, found: str) -> Violation:
    return Violation(field=field, rule=field, limit=limit, found=found, remedy=_RE_EXPORT, convertible=True)


def _broken(field: str, *, found: str) -> Violation:
    return Violation(
        field=field,
        rule=field,
        limit="a whole file",
        found=found,
        remedy="send the file again from its source",
        convertible=False,
    )


def _any_of(names: frozenset[str]) -> str:
    return "one of " + ", ".join(sorted(names))
