"""What is found out about each file of the corpus, and how strangers' files are kept from doing harm."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from bench.corpus.case import CORPUS, CorpusFile
from bench.corpus.video import Clip
from libs.media.probe import PhotoProbe, ProbeBounds, Reason, Unreadable, VideoProbe, finding_from, probe
from libs.media.workers import Workers

pytestmark = pytest.mark.asyncio(loop_scope="module")


def video(found: object) -> VideoProbe:
    assert isinstance(found, VideoProbe), found
    return found


def photo(found: object) -> PhotoProbe:
    assert isinstance(found, PhotoProbe), found
    return found


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("h264.mp4", {"container": "mp4", "mime": "video/mp4", "codec": "h264", "audio_codec": "aac"}),
        ("h264.mov", {"container": "mov", "mime": "video/quicktime"}),
        ("mov-called-webm.webm", {"container": "mov", "mime": "video/quicktime"}),
        ("vp9.webm", {"container": "webm", "mime": "video/webm", "codec": "vp9", "audio_codec": "opus"}),
        ("hevc-10bit.mp4", {"codec": "hevc", "profile": "Main 10", "pixel_format": "yuv420p10le"}),
        ("h264.mp4", {"audio_channels": 2, "audio_sample_rate": 48_000, "width": 360, "height": 640}),
        ("silent.mp4", {"audio_codec": None, "audio_channels": None, "duration_ms": 3000, "frames": 90}),
        ("turned-90.mp4", {"rotation": 90, "width": 640, "height": 360}),
        ("turned-180.mp4", {"rotation": 180, "width": 360, "height": 640}),
        ("29.97fps.mp4", {"average_frame_rate": 29.97, "variable_frame_rate": False}),
        ("61fps.mp4", {"average_frame_rate": 61.0, "nominal_frame_rate": 61.0}),
        ("60fps.webm", {"variable_frame_rate": False}),
        ("variable-30fps.mp4", {"variable_frame_rate": True}),
        ("601s.mp4", {"duration_ms": 601_000, "frames": 18_030}),
        ("holed.mp4", {"damaged": True}),
        ("h264.mp4", {"damaged": False}),
    ],
)
async def test_a_video_tells_all_that_rules_ask_for(
    name: str, expected: dict[str, object], corpus_file: CorpusFile, workers: Workers
) -> None:
    found = asdict(video(await probe(corpus_file(name), workers=workers)))

    assert {key: found[key] for key in expected} == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("portrait.jpg", {"format": "jpeg", "mime": "image/jpeg", "width": 1080, "height": 1920, "mode": "RGB"}),
        ("turned.jpg", {"orientation": 6, "width": 1080, "height": 1920}),
        ("located.jpg", {"has_location": True}),
        ("portrait.jpg", {"has_location": False, "orientation": 1, "animated": False, "transparent": False}),
        ("print.jpg", {"mode": "CMYK"}),
        ("alpha.png", {"format": "png", "transparent": True}),
        ("moving.gif", {"format": "gif", "animated": True}),
        ("moving.webp", {"format": "webp", "animated": True}),
        ("photo.heic", {"format": "heic", "mime": "image/heic", "width": 300, "height": 400}),
        ("photo.avif", {"format": "avif"}),
        ("photo-called-video.mp4", {"format": "jpeg"}),
    ],
)
async def test_a_photo_tells_all_that_rules_ask_for(
    name: str, expected: dict[str, object], corpus_file: CorpusFile, workers: Workers
) -> None:
    found = asdict(photo(await probe(corpus_file(name), workers=workers)))

    assert {key: found[key] for key in expected} == expected


async def test_a_finding_survives_its_way_through_a_row(corpus_file: CorpusFile, workers: Workers) -> None:
    for name in ("h264.mp4", "portrait.jpg", "empty.mp4"):
        found = await probe(corpus_file(name), workers=workers)

        assert finding_from(asdict(found)) == found


async def test_an_answer_that_fits_no_finding_makes_the_file_unreadable() -> None:
    assert isinstance(finding_from({"kind": "video", "width": "wide"}), Unreadable)
    assert isinstance(finding_from({}), Unreadable)


async def test_a_file_that_is_not_there_is_the_callers_mistake(tmp_path: Path, workers: Workers) -> None:
    with pytest.raises(FileNotFoundError):
        await probe(tmp_path / "nothing", workers=workers)


async def test_a_file_that_needs_more_memory_than_allowed_is_unreadable_and_the_next_is_fine(
    tmp_path: Path, corpus_file: CorpusFile, workers: Workers
) -> None:
    large = tmp_path / "large.mp4"
    Clip(width=4096, height=4096, seconds=0.04, audio=None).write(large)

    starved = await probe(large, workers=workers, bounds=ProbeBounds(memory_bytes=180 << 20))
    fed = await probe(large, workers=workers)

    assert isinstance(starved, Unreadable)
    assert starved.reason is Reason.MEMORY
    assert video(fed).width == 4096


async def test_a_file_that_takes_too_long_is_unreadable_and_the_next_is_fine(
    corpus_file: CorpusFile, workers: Workers
) -> None:
    slow = await probe(corpus_file("601s.mp4"), workers=workers, deadline_s=0.001)
    after = await probe(corpus_file("h264.mp4"), workers=workers)

    assert isinstance(slow, Unreadable)
    assert slow.reason is Reason.TIME
    assert video(after).frames == 90


async def test_more_probes_than_workers_all_get_their_turn(corpus_file: CorpusFile, workers: Workers) -> None:
    names = ["h264.mp4", "portrait.jpg", "empty.mp4", "vp9.webm"] * 5

    found = await asyncio.gather(*(probe(corpus_file(name), workers=workers) for name in names))

    assert [one.kind for one in found] == [CORPUS[name].kind for name in names]


async def test_a_bound_on_pixels_is_the_callers_to_set(corpus_file: CorpusFile, workers: Workers) -> None:
    tight = replace(ProbeBounds(), max_photo_pixels=300 * 400 - 1, max_video_pixels=360 * 640 - 1)

    found = [await probe(corpus_file(name), workers=workers, bounds=tight) for name in ("rgb.png", "h264.mp4")]

    assert [one.reason for one in found if isinstance(one, Unreadable)] == [Reason.TOO_MANY_PIXELS] * 2


async def test_the_process_that_asks_never_loads_a_codec() -> None:
    script = (
        "import sys, libs.media.probe, libs.media.storage, libs.media.workers\n"
        "assert not {'av', 'PIL', 'pillow_heif'} & set(sys.modules)"
    )

    subprocess.run([sys.executable, "-c", script], check=True, cwd=Path(__file__).parents[3], timeout=30)
