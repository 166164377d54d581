"""Every media rule that can be checked before TikTok is asked, as pure functions over findings.

Sources: fact sheet 4.4 (limits), 3.2 and 3.4 (cover, count), 7 (1: the creator's longest video), 8 (rows 2–6).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, assert_never

from libs.media.finding import PhotoProbe, Probe, Unreadable, VideoProbe
from libs.media.limits import RULES, MediaKind, MediaLimits
from libs.model.problem import FieldError


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
_SEND_AGAIN: Final = "send the file again from its source"


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
                    limit=f"{kind}s only in a {kind} post",
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
        yield _broken("video", "container", limits, found=video.container)
    if video.codec not in limits.video_codecs:
        yield _broken("video", "codec", limits, found=video.codec)
    for field, side in (("width", video.width), ("height", video.height)):
        if not limits.side_min <= side <= limits.side_max:
            yield _broken("video", field, limits, found=f"{side} pixels")
    low, high = limits.frame_rate_min - FRAME_RATE_SLACK, limits.frame_rate_max + FRAME_RATE_SLACK
    if not low <= video.average_frame_rate <= high:
        yield _broken("video", "frame_rate", limits, found=f"{video.average_frame_rate:g} frames a second")
    if not limits.duration_min_ms <= video.duration_ms <= limits.duration_max_ms:
        remedy = "cut it" if video.duration_ms > limits.duration_max_ms else "make it longer"
        yield _broken("video", "duration", limits, found=f"{video.duration_ms / 1000:g} seconds", remedy=remedy)
    if video.size > limits.video_max_bytes:
        yield _broken("video", "size", limits, found=f"{video.size} bytes")
    if video.truncated:
        yield _broken("video", "truncated", limits, found="its end is missing", remedy=_SEND_AGAIN)
    if video.damaged:
        yield _broken("video", "damaged", limits, found="parts of it cannot be decoded", remedy=_SEND_AGAIN)


def _of_photo(photo: PhotoProbe, limits: MediaLimits) -> Iterator[Violation]:
    if photo.format not in limits.photo_formats:
        yield _broken("photo", "format", limits, found=photo.format)
    short, long = sorted((photo.width, photo.height))
    if short > limits.photo_short_side_max or long > limits.photo_long_side_max:
        yield _broken("photo", "dimensions", limits, found=f"{photo.width} × {photo.height} pixels")
    if photo.size > limits.photo_max_bytes:
        yield _broken("photo", "size", limits, found=f"{photo.size} bytes")
    if photo.animated:
        yield _broken("photo", "animated", limits, found=f"an animated {photo.format}")
    if photo.mode == "CMYK":
        yield _broken("photo", "color_mode", limits, found="CMYK, which is for printers")
    if photo.truncated:
        yield _broken("photo", "truncated", limits, found="its end is missing", remedy=_SEND_AGAIN)


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


def _broken(kind: MediaKind, field: str, limits: MediaLimits, *, found: str, remedy: str = _RE_EXPORT) -> Violation:
    rule = RULES[kind, field]
    return Violation(
        field=field, rule=field, limit=rule.told(limits), found=found, remedy=remedy, convertible=rule.convertible
    )
