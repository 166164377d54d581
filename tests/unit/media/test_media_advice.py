"""Proportions are advised on, and nothing is refused for them."""

from dataclasses import replace

import pytest

from libs.media.advice import advice
from libs.media.finding import Reason, Unreadable, VideoProbe
from libs.media.limits import MediaLimits
from libs.media.rules import violations

UPRIGHT = VideoProbe(
    size=1_000, container="mp4", mime="video/mp4", codec="h264", profile=None, pixel_format=None, width=1080,
    height=1920, rotation=0, duration_ms=10_000, frames=300, average_frame_rate=30.0, nominal_frame_rate=30.0,
    variable_frame_rate=False, audio_codec=None, audio_channels=None, audio_sample_rate=None, truncated=False,
    damaged=False,
)  # fmt: skip


@pytest.mark.row("SS-28")
@pytest.mark.parametrize(
    ("width", "height", "said"),
    [(1080, 1920, False), (720, 1280, False), (608, 1080, False), (1920, 1080, True), (1080, 1080, True),
     (1080, 1350, True), (1080, 2400, True)],
)  # fmt: skip
def test_a_video_that_is_not_upright_is_advised_on_and_breaks_no_rule(width: int, height: int, said: bool) -> None:
    video = replace(UPRIGHT, width=width, height=height)

    found = list(advice(video, kind="video"))

    assert [one.code for one in found] == (["not_upright"] if said else [])
    assert all(one.found == f"{width} × {height} pixels" for one in found)
    assert violations(video, kind="video", limits=MediaLimits()) == []


def test_what_cannot_be_read_and_what_is_no_video_post_is_not_advised_on() -> None:
    assert list(advice(Unreadable(reason=Reason.EMPTY, detail="no bytes"), kind="video")) == []
    assert list(advice(replace(UPRIGHT, width=1920, height=1080), kind="photo")) == []
