"""What TikTok takes and its viewers may not like: no rule, so nothing is refused for it (checklist SS-28). Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from libs.media.finding import Probe, Unreadable, VideoProbe
from libs.media.limits import MediaKind

UPRIGHT: Final = (9, 16)
_SLACK: Final = 0.02
"""Encoders round sides to even numbers, or to sixteen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """``field`` is the file's own; ``code`` is for programs, the rest for people."""

    field: str
    code: str
    detail: str
    found: str
    remedy: str


def advice(finding: Probe | Unreadable, *, kind: MediaKind) -> Iterator[Advice]:
    """What to say of one file of a post of ``kind`` that breaks no rule."""
    if kind != "video" or not isinstance(finding, VideoProbe) or not finding.height:
        return
    wide, high = UPRIGHT
    if abs(finding.width / finding.height - wide / high) > _SLACK:
        yield Advice(
            field="proportions",
            code="not_upright",
            detail=f"TikTok shows videos upright, {wide}:{high}; others get bars or are cropped.",
            found=f"{finding.width} × {finding.height} pixels",
            remedy="make it 1080 × 1920 pixels if it is to fill the screen",
        )
