"""Making files TikTok takes out of files it may not, in worker processes, and making sure of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal

from libs.media.finding import PhotoProbe, Probe, Unreadable, VideoProbe
from libs.media.limits import MediaKind, MediaLimits
from libs.media.order import LEAD_MS, SOUND_BIT_RATE, PhotoOrder, VideoOrder
from libs.media.probe import ProbeBounds, finding_from, probe
from libs.media.rules import FRAME_RATE_SLACK, Violation, unmendable, violations
from libs.media.thread import in_thread
from libs.media.workers import JobLimits, Workers

_BIT_RATE_MAX: Final = 20_000_000
_BIT_RATE_MIN: Final = 100_000
_SIZE_MARGIN: Final = 0.95
_THREADS: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvertBounds:
    """What one conversion may cost, and how large its result may be."""

    deadline_s: float = 1800
    cpu_s: int = 3600
    memory_bytes: int = 3 << 30
    short_side_max: int = 1080
    """TikTok shows no more than 1080 × 1920: whoever asks for conversion gets no more either."""
    long_side_max: int = 1920


@dataclass(frozen=True, slots=True, kw_only=True)
class Converted:
    """A new file that breaks no rule: ``found`` is what a fresh look into it says."""

    found: Probe
    changes: tuple[str, ...]
    """What became different: ``format`` ``codec`` ``dimensions`` ``frame_rate`` and so on."""
    cover_timestamp_ms: int | None = None
    """Where the cover image stands in the video."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """No file was made. ``violations`` names what conversion cannot mend."""

    violations: tuple[Violation, ...]


async def convert_photo(
    source: Path,
    target: Path,
    *,
    found: PhotoProbe,
    workers: Workers,
    limits: MediaLimits,
    to: Literal["jpeg", "webp"] = "jpeg",
    bounds: ConvertBounds | None = None,
) -> Converted | Refused:
    """Write ``target``: upright, sRGB on white, first picture only, inside the limits, without any metadata.

    ``found`` is what ``probe`` said of ``source``. Raises what ``Workers.run`` raises; ``target`` exists
    afterwards only when the answer is ``Converted``.
    """
    if hopeless := unmendable(violations(found, kind="photo", limits=limits)):
        return Refused(violations=tuple(hopeless))
    bounds = bounds or ConvertBounds()
    message = {
        "path": _absolute(source),
        "target": _absolute(target),
        "order": asdict(_photo_order(limits, bounds, to=to)),
    }
    return await _made(
        "make_photo", message, target, before=found, workers=workers, limits=limits, bounds=bounds, cover_ms=None
    )


async def convert_video(
    source: Path,
    target: Path,
    *,
    found: VideoProbe,
    workers: Workers,
    limits: MediaLimits,
    checkers: Workers | None = None,
    cover: Path | None = None,
    report: Callable[[float], None] | None = None,
    bounds: ConvertBounds | None = None,
) -> Converted | Refused:
    """Write ``target``: H.264 and AAC in MP4, upright, at a constant legal rate, inside the limits, without metadata.

    With ``cover`` (a photo any reader here opens) the video begins with it for ``LEAD_MS``, and ``cover_timestamp_ms``
    says where to point TikTok. ``report`` hears the part done, 0 … 1. ``checkers`` look into the result where
    ``workers`` may be taken by other conversions by then. Otherwise as ``convert_photo``.
    """
    bounds = bounds or ConvertBounds()
    hopeless = unmendable(violations(found, kind="video", limits=limits))
    if not hopeless and cover is not None and found.duration_ms > limits.duration_max_ms - LEAD_MS:
        hopeless = [_no_room_for_cover(found, limits)]
    if hopeless:
        return Refused(violations=tuple(hopeless))
    message = {
        "path": _absolute(source),
        "target": _absolute(target),
        "cover": _absolute(cover) if cover else None,
        "order": asdict(_video_order(found, limits, bounds, covered=cover is not None)),
    }
    return await _made(
        "make_video",
        message,
        target,
        before=found,
        workers=workers,
        limits=limits,
        bounds=bounds,
        cover_ms=LEAD_MS // 2 if cover else None,
        checkers=checkers,
        report=report,
    )


async def _made(
    job: Literal["make_photo", "make_video"],
    message: Mapping[str, Any],
    target: Path,
    *,
    before: Probe,
    workers: Workers,
    limits: MediaLimits,
    bounds: ConvertBounds,
    cover_ms: int | None,
    checkers: Workers | None = None,
    report: Callable[[float], None] | None = None,
) -> Converted | Refused:
    kind: MediaKind = before.kind
    job_limits = JobLimits(
        wall_s=bounds.deadline_s,
        cpu_s=bounds.cpu_s,
        memory_bytes=bounds.memory_bytes,
        output_bytes=limits.video_max_bytes if kind == "video" else limits.photo_max_bytes,
    )
    kept = False
    try:
        outcome = await workers.run(job, message, limits=job_limits, report=report)
        # A worker answers nothing when it is done, so whatever it answers is a reason why it is not.
        after = await probe(target, workers=checkers or workers) if outcome == {} else _reason(outcome)
        wrong = violations(after, kind=kind, limits=limits)
        if wrong or isinstance(after, Unreadable):
            return Refused(violations=tuple(wrong))
        kept = True
        return Converted(found=after, changes=changes(before, after), cover_timestamp_ms=cover_ms)
    finally:
        if not kept:
            await in_thread(None, target.unlink, missing_ok=True)


def changes(before: Probe, after: Probe) -> tuple[str, ...]:
    """The names of what conversion made different, for the customer to read."""
    match before, after:
        case VideoProbe(), VideoProbe():
            different = {
                "container": before.container != after.container,
                "codec": before.codec != after.codec,
                "dimensions": (before.width, before.height) != (after.width, after.height),
                "rotation": before.rotation != after.rotation,
                "frame_rate": before.variable_frame_rate
                or abs(before.average_frame_rate - after.average_frame_rate) > FRAME_RATE_SLACK,
                "audio_codec": before.audio_codec != after.audio_codec,
            }
        case PhotoProbe(), PhotoProbe():
            different = {
                "format": before.format != after.format,
                "dimensions": (before.width, before.height) != (after.width, after.height),
                "orientation": before.orientation != after.orientation,
                "color_mode": before.mode != after.mode,
                "transparency": before.transparent,
                "first_picture_only": before.animated,
                "location": before.has_location,
            }
        case _:
            different = {"kind": True}
    return tuple(name for name, holds in different.items() if holds)


def _absolute(path: Path) -> str:
    return str(path.absolute())  # workers run elsewhere


def _reason(outcome: dict[str, Any] | Unreadable) -> Probe | Unreadable:
    return outcome if isinstance(outcome, Unreadable) else finding_from(outcome)


def _photo_order(limits: MediaLimits, bounds: ConvertBounds, *, to: Literal["jpeg", "webp"]) -> PhotoOrder:
    return PhotoOrder(
        format=to,
        short_side_max=min(bounds.short_side_max, limits.photo_short_side_max),
        long_side_max=min(bounds.long_side_max, limits.photo_long_side_max),
        max_bytes=limits.photo_max_bytes,
        max_pixels=ProbeBounds().max_photo_pixels,
    )


def _video_order(found: VideoProbe, limits: MediaLimits, bounds: ConvertBounds, *, covered: bool) -> VideoOrder:
    # The encoder may run one second ahead of its rate; what is left is for the container.
    seconds = found.duration_ms / 1000 + LEAD_MS / 1000 + 1
    picture_rate = int(limits.video_max_bytes * 8 * _SIZE_MARGIN / seconds) - SOUND_BIT_RATE
    return VideoOrder(
        side_min=limits.side_min,
        short_side_max=min(bounds.short_side_max, limits.side_max),
        long_side_max=min(bounds.long_side_max, limits.side_max),
        frame_rate_min=limits.frame_rate_min,
        frame_rate_max=limits.frame_rate_max,
        average_frame_rate=found.average_frame_rate,
        nominal_frame_rate=found.nominal_frame_rate,
        variable_frame_rate=found.variable_frame_rate,
        rotation=found.rotation,
        duration_ms=found.duration_ms,
        duration_max_ms=limits.duration_max_ms,
        max_bit_rate=max(_BIT_RATE_MIN, min(_BIT_RATE_MAX, picture_rate)),
        threads=_THREADS,
        cover=_photo_order(limits, bounds, to="jpeg") if covered else None,
    )


def _no_room_for_cover(found: VideoProbe, limits: MediaLimits) -> Violation:
    return Violation(
        field="cover",
        rule="cover",
        limit=f"{(limits.duration_max_ms - LEAD_MS) / 1000:g} seconds, so that the cover can stand before the video",
        found=f"{found.duration_ms / 1000:g} seconds",
        remedy="cut the video, or name a moment of it with video_cover_timestamp_ms",
        convertible=False,
    )
