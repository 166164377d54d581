"""Which media TikTok publishes (fact sheet 4.4): from what a probe found to a `fail_reason`."""

from dataclasses import dataclass
from typing import Any

from services.simulator.knobs import Knobs
from services.simulator.world.record import FailReason

VIDEO_CONTAINERS = ("mp4", "mov", "webm")
VIDEO_CODECS = ("h264", "hevc", "vp8", "vp9")
PHOTO_FORMATS = ("jpeg", "webp")
PHOTO_MAX_BYTES = 20_000_000
SIDE_MIN, SIDE_MAX = 360, 4096
SHORT_MAX, LONG_MAX = 1080, 1920
FPS_MIN, FPS_MAX = 23.0, 60.0
_FPS_SLACK = 0.01
_DURATION_SLACK_S = 0.05
"""Containers round durations and rates; a 600.02 s file made as 600 s is not too long."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a probe saw. `problem` names why a file could not be read as media at all."""

    container: str = ""
    codec: str = ""
    width: int = 0
    height: int = 0
    fps: float = 0.0
    duration_s: float = 0.0
    size: int = 0
    problem: str | None = None

    @classmethod
    def of(cls, found: dict[str, Any], *, size: int) -> "Facts":
        return cls(
            container=str(found.get("container", "")),
            codec=str(found.get("codec", "")),
            width=int(found.get("width", 0)),
            height=int(found.get("height", 0)),
            fps=float(found.get("fps", 0.0)),
            duration_s=float(found.get("duration_s", 0.0)),
            size=size,
            problem=found.get("problem"),
        )


def judge_video(facts: Facts, *, creator_max_s: int, knobs: Knobs) -> FailReason | None:
    """The first rule the video breaks, or None."""
    if facts.problem or facts.container not in VIDEO_CONTAINERS or facts.codec not in VIDEO_CODECS:
        return FailReason.FILE_FORMAT
    if not (SIDE_MIN <= facts.width <= SIDE_MAX and SIDE_MIN <= facts.height <= SIDE_MAX):
        return FailReason.PICTURE_SIZE
    if not FPS_MIN - _FPS_SLACK <= facts.fps <= FPS_MAX + _FPS_SLACK:
        return FailReason.FRAME_RATE
    longest = min(knobs.video_max_s, creator_max_s) + _DURATION_SLACK_S
    if not knobs.video_min_s - _DURATION_SLACK_S <= facts.duration_s <= longest:
        return FailReason.DURATION
    return None


def judge_photo(facts: Facts) -> FailReason | None:
    """The first rule the photo breaks, or None. One bad photo fails the whole carousel."""
    if facts.problem or facts.container not in PHOTO_FORMATS or facts.size > PHOTO_MAX_BYTES:
        return FailReason.FILE_FORMAT
    short, long = sorted((facts.width, facts.height))
    if short < 1 or short > SHORT_MAX or long > LONG_MAX:
        return FailReason.PICTURE_SIZE
    return None
