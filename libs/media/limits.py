"""TikTok's limits of media, and each of them in words: one table for whoever checks a file and whoever reads of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final, Literal

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


def _any_of(names: frozenset[str]) -> str:
    return "one of " + ", ".join(sorted(names))


def _pixels(limits: MediaLimits) -> str:
    return f"{limits.side_min} to {limits.side_max} pixels"


def _seconds(limits: MediaLimits) -> str:
    return f"{limits.duration_min_ms / 1000:g} to {limits.duration_max_ms / 1000:g} seconds for this account"


@dataclass(frozen=True, slots=True)
class Rule:
    """What a file must be; `convertible`: conversion mends a file that is not."""

    told: Callable[[MediaLimits], str]
    convertible: bool = True


RULES: Final[Mapping[tuple[MediaKind, str], Rule]] = MappingProxyType({
    ("video", "container"): Rule(lambda limits: _any_of(limits.video_containers)),
    ("video", "codec"): Rule(lambda limits: _any_of(limits.video_codecs)),
    ("video", "width"): Rule(_pixels),
    ("video", "height"): Rule(_pixels),
    ("video", "frame_rate"): Rule(
        lambda limits: f"{limits.frame_rate_min} to {limits.frame_rate_max} frames a second"
    ),
    ("video", "duration"): Rule(_seconds, convertible=False),
    ("video", "size"): Rule(lambda limits: f"{limits.video_max_bytes} bytes"),
    ("video", "truncated"): Rule(lambda _: "a whole file", convertible=False),
    ("video", "damaged"): Rule(lambda _: "a whole file", convertible=False),
    ("photo", "format"): Rule(lambda limits: _any_of(limits.photo_formats)),
    ("photo", "dimensions"): Rule(
        lambda limits: f"{limits.photo_short_side_max} × {limits.photo_long_side_max} pixels, either way up"
    ),
    ("photo", "size"): Rule(lambda limits: f"{limits.photo_max_bytes} bytes"),
    ("photo", "animated"): Rule(lambda _: "one still picture"),
    ("photo", "color_mode"): Rule(lambda _: "RGB or grey"),
    ("photo", "truncated"): Rule(lambda _: "a whole file", convertible=False),
})  # fmt: skip
"""By kind of post and what is looked at."""
