"""What a worker is told to make: plain values, the same on both sides of its pipe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

LEAD_MS: Final = 200
"""How long a cover image stands before the video: long enough to be found by its timestamp, too short to disturb."""

SOUND_BIT_RATE: Final = 160_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoOrder:
    """What to make of a photo."""

    format: Literal["jpeg", "webp"]
    short_side_max: int
    long_side_max: int
    max_bytes: int
    max_pixels: int
    """What may be decoded, as in ``ProbeBounds``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoOrder:
    """What to make of a video. Bounds in pixels, frames per second, bits per second and milliseconds."""

    side_min: int
    short_side_max: int
    long_side_max: int
    frame_rate_min: int
    frame_rate_max: int
    average_frame_rate: float
    nominal_frame_rate: float | None
    variable_frame_rate: bool
    rotation: int
    duration_ms: int
    duration_max_ms: int
    max_bit_rate: int
    threads: int
    cover: PhotoOrder | None
