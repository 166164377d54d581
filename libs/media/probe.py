"""What is this file? Answered from its content, by a worker process, within bounds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import Field, TypeAdapter, ValidationError

from libs.media.finding import PhotoProbe, Probe, Reason, Unreadable, VideoProbe
from libs.media.thread import in_thread
from libs.media.workers import JobLimits, Workers

__all__ = ["PhotoProbe", "Probe", "ProbeBounds", "Reason", "Unreadable", "VideoProbe", "finding_from", "probe"]

_FINDING: Final[TypeAdapter[Probe | Unreadable]] = TypeAdapter(
    Annotated[VideoProbe | PhotoProbe | Unreadable, Field(discriminator="kind")]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeBounds:
    """What looking into one stranger's file may cost."""

    cpu_s: int = 20
    memory_bytes: int = 1536 << 20
    max_photo_pixels: int = 64_000_000
    """Decoded whole; four times as many for JPEG, which is decoded at a quarter of its size."""
    max_video_pixels: int = 8192 * 8192


async def probe(
    path: Path, *, workers: Workers, deadline_s: float = 30, bounds: ProbeBounds | None = None
) -> Probe | Unreadable:
    """What the file is, or why it cannot be used; its name plays no part.

    Every packet of a video is counted, and pictures at its start, middle and end are decoded; a photo is decoded
    whole. ``deadline_s`` counts from the moment a worker is free. Raises what ``Workers.run`` raises, and
    ``FileNotFoundError`` when there is no such file.
    """
    bounds = bounds or ProbeBounds()
    path = await in_thread(None, path.resolve, strict=True)
    found = await workers.run(
        "probe",
        {
            "path": str(path),
            "max_photo_pixels": bounds.max_photo_pixels,
            "max_video_pixels": bounds.max_video_pixels,
        },
        limits=JobLimits(wall_s=deadline_s, cpu_s=bounds.cpu_s, memory_bytes=bounds.memory_bytes),
    )
    return found if isinstance(found, Unreadable) else finding_from(found)


def finding_from(data: dict[str, Any]) -> Probe | Unreadable:
    """A finding from its JSON object (``dataclasses.asdict`` makes one), as a worker sends it or a row keeps it.

    What fits no finding is ``Unreadable``: a worker that answers nonsense has been taken over by its file.
    """
    try:
        return _FINDING.validate_python(data)
    except ValidationError:
        return Unreadable(reason=Reason.CRASHED, detail="reading it confused the reader")
