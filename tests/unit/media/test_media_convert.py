"""What conversion makes: always legal, upright, and without anything the customer did not mean to publish."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image, ImageOps

from bench.corpus.case import CORPUS, CorpusFile
from bench.corpus.photo import BLUE, RED, picture, write_noise, write_photo
from bench.corpus.video import first_sound_ms, metadata_of, picture_at, write_scene
from libs.media.convert import ConvertBounds, Converted, Refused, convert_photo, convert_video
from libs.media.errors import StorageFailed, StorageFull
from libs.media.limits import MediaLimits
from libs.media.probe import PhotoProbe, VideoProbe, probe
from libs.media.rules import violations
from libs.media.workers import Workers

pytestmark = pytest.mark.asyncio(loop_scope="module")

LIMITS = MediaLimits()
SOME = ("mpeg4.avi", "22fps.mp4", "359px-turned.mp4", "fragmented.mp4", "1086x1448.jpg", "20MB-and-1.jpg", "turned.jpg")
"""One of each kind of mending; `make prove NAME=media` converts the whole corpus."""
HOPELESS = ("1.9s.mp4", "cut.webm", "cut.png")
SHORT = replace(LIMITS, duration_min_ms=500)
"""For scenes of a second: whether a film is long enough is not what they are about."""
COVER_MS = 100


async def convert(
    source: Path, target: Path, workers: Workers, *, limits: MediaLimits = LIMITS, cover: Path | None = None
) -> Converted | Refused:
    found = await probe(source, workers=workers)
    if isinstance(found, VideoProbe):
        return await convert_video(source, target, found=found, workers=workers, limits=limits, cover=cover)
    assert isinstance(found, PhotoProbe), found
    return await convert_photo(source, target, found=found, workers=workers, limits=limits)


async def made(source: Path, target: Path, workers: Workers, *, cover: Path | None = None) -> Converted:
    outcome = await convert(source, target, workers, limits=SHORT, cover=cover)
    assert isinstance(outcome, Converted), outcome
    return outcome


def near(color: object, expected: tuple[int, int, int], *, slack: int = 40) -> bool:
    assert isinstance(color, tuple)
    return all(abs(one - other) <= slack for one, other in zip(color, expected, strict=True))


@pytest.mark.parametrize("name", SOME)
async def test_whatever_can_be_mended_comes_out_legal_with_its_length_kept(
    name: str, corpus_file: CorpusFile, workers: Workers, tmp_path: Path
) -> None:
    before = await probe(corpus_file(name), workers=workers)

    outcome = await made(corpus_file(name), tmp_path / "out", workers)

    after = outcome.found
    assert violations(after, kind=after.kind, limits=LIMITS) == []
    assert after == await probe(tmp_path / "out", workers=workers)
    if isinstance(after, VideoProbe) and isinstance(before, VideoProbe):
        assert (after.container, after.codec, after.rotation) == ("mp4", "h264", 0)
        assert after.audio_codec == ("aac" if before.audio_codec else None)
        assert abs(after.duration_ms - before.duration_ms) <= 70
        assert not after.variable_frame_rate
    if isinstance(after, PhotoProbe):
        assert (after.format, after.orientation, after.mode, after.has_location) == ("jpeg", 1, "RGB", False)


@pytest.mark.parametrize("name", HOPELESS)
async def test_what_cannot_be_mended_is_refused_with_the_field_and_no_file_is_left(
    name: str, corpus_file: CorpusFile, workers: Workers, tmp_path: Path
) -> None:
    outcome = await convert(corpus_file(name), tmp_path / "out", workers)

    assert isinstance(outcome, Refused)
    assert {one.field for one in outcome.violations} <= CORPUS[name].wrong
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["h264.mov", "rgb.png"])
async def test_a_full_disk_is_our_trouble_and_not_the_files(
    name: str, corpus_file: CorpusFile, workers: Workers, tmp_path: Path
) -> None:
    (tmp_path / "out").symlink_to("/dev/full")

    with pytest.raises(StorageFull):
        await convert(corpus_file(name), tmp_path / "out", workers)

    assert not (tmp_path / "out").is_symlink()


async def test_a_folder_that_is_not_there_is_our_trouble_too(
    corpus_file: CorpusFile, workers: Workers, tmp_path: Path
) -> None:
    with pytest.raises(StorageFailed):
        await convert(corpus_file("rgb.png"), tmp_path / "nowhere" / "out", workers)


# --- videos ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
async def test_a_turned_video_comes_out_upright(rotation: int, workers: Workers, tmp_path: Path) -> None:
    write_scene(tmp_path / "in", picture(480, 360), rotation=rotation)

    await made(tmp_path / "in", tmp_path / "out", workers)

    seen, expected = picture_at(tmp_path / "out", 500), picture(480, 360).rotate(-rotation, expand=True)
    assert seen.size == expected.size
    for x, y in ((0.25, 0.25), (0.75, 0.25), (0.25, 0.75), (0.75, 0.75)):
        at = int(seen.width * x), int(seen.height * y)
        assert near(seen.getpixel(at), expected.getpixel(at))  # type: ignore[arg-type]


async def test_a_narrow_video_gets_black_bars_instead_of_being_stretched(workers: Workers, tmp_path: Path) -> None:
    write_scene(tmp_path / "in", Image.new("RGB", (1920, 120), RED))

    await made(tmp_path / "in", tmp_path / "out", workers)

    seen = picture_at(tmp_path / "out", 500)
    assert seen.size == (1920, 360)
    assert near(seen.getpixel((960, 180)), RED)
    assert near(seen.getpixel((960, 50)), (0, 0, 0))


@pytest.mark.parametrize("beep_at", [0.0, 0.5])
async def test_sound_stays_where_it_was(beep_at: float, workers: Workers, tmp_path: Path) -> None:
    write_scene(tmp_path / "in", picture(480, 360), beep_at=beep_at)

    await made(tmp_path / "in", tmp_path / "out", workers)

    assert abs(first_sound_ms(tmp_path / "out") - first_sound_ms(tmp_path / "in")) <= 30


async def test_a_cover_stands_first_for_a_moment_and_the_rest_follows_in_step(workers: Workers, tmp_path: Path) -> None:
    write_scene(tmp_path / "in", Image.new("RGB", (480, 640), RED), beep_at=0.5)
    Image.new("RGB", (900, 1200), BLUE).save(tmp_path / "cover", "PNG")

    outcome = await made(tmp_path / "in", tmp_path / "out", workers, cover=tmp_path / "cover")

    assert outcome.cover_timestamp_ms == COVER_MS
    assert near(picture_at(tmp_path / "out", 0).getpixel((240, 320)), BLUE)
    assert near(picture_at(tmp_path / "out", COVER_MS).getpixel((240, 320)), BLUE)
    assert near(picture_at(tmp_path / "out", 3 * COVER_MS).getpixel((240, 320)), RED)
    lead_ms = first_sound_ms(tmp_path / "out") - first_sound_ms(tmp_path / "in")
    assert abs(lead_ms - 2 * COVER_MS) <= 30


async def test_a_cover_of_another_shape_is_shown_whole(workers: Workers, tmp_path: Path) -> None:
    write_scene(tmp_path / "in", Image.new("RGB", (480, 640), RED))
    Image.new("RGB", (1600, 400), BLUE).save(tmp_path / "cover", "JPEG")

    await made(tmp_path / "in", tmp_path / "out", workers, cover=tmp_path / "cover")

    seen = picture_at(tmp_path / "out", 0)
    assert near(seen.getpixel((5, 320)), BLUE)
    assert near(seen.getpixel((475, 320)), BLUE)
    assert near(seen.getpixel((240, 100)), (0, 0, 0))


async def test_a_cover_that_is_no_photo_is_refused_as_such(
    corpus_file: CorpusFile, workers: Workers, tmp_path: Path
) -> None:
    outcome = await convert(corpus_file("h264.mp4"), tmp_path / "out", workers, cover=corpus_file("noise.png"))

    assert isinstance(outcome, Refused)
    assert "cover image" in outcome.violations[0].found
    assert not (tmp_path / "out").exists()


async def test_a_video_too_long_for_its_cover_is_refused_before_work_begins(
    corpus_file: CorpusFile, workers: Workers, tmp_path: Path
) -> None:
    outcome = await convert(corpus_file("600s.mp4"), tmp_path / "out", workers, cover=corpus_file("portrait.jpg"))

    assert isinstance(outcome, Refused)
    assert [one.field for one in outcome.violations] == ["cover"]


async def test_names_and_places_do_not_get_across(workers: Workers, tmp_path: Path) -> None:
    secrets = {"title": "Draft for the board", "location": "+52.5200+013.4050/", "comment": "call Anna"}
    write_scene(tmp_path / "in", picture(480, 360), metadata=secrets)
    assert "Draft for the board" in metadata_of(tmp_path / "in").values()

    await made(tmp_path / "in", tmp_path / "out", workers)

    assert not set(metadata_of(tmp_path / "out").values()) & set(secrets.values())
    assert b"Anna" not in (tmp_path / "out").read_bytes()


async def test_the_index_stands_first_so_that_pulls_can_begin_at_once(
    corpus_file: CorpusFile, workers: Workers, tmp_path: Path
) -> None:
    await made(corpus_file("h264.mov"), tmp_path / "out", workers)

    body = (tmp_path / "out").read_bytes()
    assert body.index(b"moov") < body.index(b"mdat")


async def test_the_bit_rate_keeps_a_restless_video_inside_the_size(workers: Workers, tmp_path: Path) -> None:
    write_scene(tmp_path / "in", picture(480, 360), noisy=True)
    limits = replace(SHORT, video_max_bytes=400_000)
    assert (tmp_path / "in").stat().st_size > 1_200_000

    outcome = await convert(tmp_path / "in", tmp_path / "out", workers, limits=limits)

    assert isinstance(outcome, Converted), outcome
    assert outcome.found.size <= 400_000


async def test_progress_rises_from_nothing_to_all(corpus_file: CorpusFile, workers: Workers, tmp_path: Path) -> None:
    heard: list[float] = []
    found = await probe(corpus_file("h264.mov"), workers=workers)
    assert isinstance(found, VideoProbe)

    await convert_video(
        corpus_file("h264.mov"), tmp_path / "out", found=found, workers=workers, limits=LIMITS, report=heard.append
    )

    assert heard == sorted(heard)
    assert len(heard) > 10
    assert heard[0] < 0.1
    assert heard[-1] > 0.9


async def test_a_conversion_that_takes_too_long_is_refused_and_leaves_no_file(
    corpus_file: CorpusFile, workers: Workers, tmp_path: Path
) -> None:
    found = await probe(corpus_file("600s.mp4"), workers=workers)
    assert isinstance(found, VideoProbe)

    outcome = await convert_video(
        corpus_file("600s.mp4"),
        tmp_path / "out",
        found=found,
        workers=workers,
        limits=LIMITS,
        bounds=ConvertBounds(deadline_s=0.3),
    )

    assert isinstance(outcome, Refused)
    assert "time" in outcome.violations[0].found
    assert not (tmp_path / "out").exists()


async def test_a_cancelled_conversion_leaves_no_file(corpus_file: CorpusFile, workers: Workers, tmp_path: Path) -> None:
    found = await probe(corpus_file("600s.mp4"), workers=workers)
    assert isinstance(found, VideoProbe)
    begun = asyncio.Event()

    converting = asyncio.create_task(
        convert_video(
            corpus_file("600s.mp4"),
            tmp_path / "out",
            found=found,
            workers=workers,
            limits=LIMITS,
            report=lambda _: begun.set(),
        ),
        name="convert",
    )
    await begun.wait()
    converting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await converting

    assert not (tmp_path / "out").exists()


# --- photos ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("orientation", range(1, 9))
async def test_a_photo_comes_out_upright_whatever_its_exif_says(
    orientation: int, workers: Workers, tmp_path: Path
) -> None:
    write_photo(tmp_path / "in", size=(640, 480), orientation=orientation)

    await made(tmp_path / "in", tmp_path / "out", workers)

    with Image.open(tmp_path / "in") as before, Image.open(tmp_path / "out") as after:
        expected = ImageOps.exif_transpose(before)
        assert after.size == expected.size
        for x, y in ((0.25, 0.25), (0.75, 0.25), (0.25, 0.75), (0.75, 0.75)):
            at = int(after.width * x), int(after.height * y)
            assert near(after.getpixel(at), expected.getpixel(at))  # type: ignore[arg-type]


async def test_nothing_but_pixels_gets_across(workers: Workers, tmp_path: Path) -> None:
    write_photo(tmp_path / "in", located=True, comment=b"call Anna", icc_profile=b"no profile at all")
    assert b"Secret Phone" in (tmp_path / "in").read_bytes()

    await made(tmp_path / "in", tmp_path / "out", workers)

    body = (tmp_path / "out").read_bytes()
    assert not any(word in body for word in (b"Secret Phone", b"Exif", b"Anna", b"profile"))
    with Image.open(tmp_path / "out") as after:
        assert dict(after.getexif()) == {}


async def test_transparency_becomes_white(corpus_file: CorpusFile, workers: Workers, tmp_path: Path) -> None:
    outcome = await made(corpus_file("alpha.png"), tmp_path / "out", workers)

    with Image.open(tmp_path / "out") as after:
        assert near(after.getpixel((50, 200)), BLUE)
        assert near(after.getpixel((250, 200)), (255, 255, 255))
    assert "transparency" in outcome.changes


@pytest.mark.row("PP-36")
@pytest.mark.parametrize("name", ["moving.gif", "moving.webp"])
async def test_of_an_animation_the_first_picture_is_taken_and_that_is_said(
    name: str, corpus_file: CorpusFile, workers: Workers, tmp_path: Path
) -> None:
    outcome = await made(corpus_file(name), tmp_path / "out", workers)

    with Image.open(tmp_path / "out") as after:
        assert near(after.getpixel((150, 200)), BLUE)
    assert "first_picture_only" in outcome.changes


@pytest.mark.parametrize("name", ["print.jpg", "photo.heic", "photo.avif", "palette.png", "still.gif", "rgb.png"])
async def test_colours_survive(name: str, corpus_file: CorpusFile, workers: Workers, tmp_path: Path) -> None:
    await made(corpus_file(name), tmp_path / "out", workers)

    with Image.open(tmp_path / "out") as after:
        assert near(after.getpixel((75, 100)), BLUE, slack=60)
        assert near(after.getpixel((225, 300)), RED, slack=60)


async def test_sixteen_bits_become_eight_without_burning_out(
    corpus_file: CorpusFile, workers: Workers, tmp_path: Path
) -> None:
    await made(corpus_file("deep.png"), tmp_path / "out", workers)

    with Image.open(tmp_path / "out") as after:
        assert near(after.getpixel((32, 32)), (130, 130, 130), slack=8)


async def test_webp_can_be_asked_for(corpus_file: CorpusFile, workers: Workers, tmp_path: Path) -> None:
    found = await probe(corpus_file("12-megapixels.jpg"), workers=workers)
    assert isinstance(found, PhotoProbe)

    outcome = await convert_photo(
        corpus_file("12-megapixels.jpg"), tmp_path / "out", found=found, workers=workers, limits=LIMITS, to="webp"
    )

    assert isinstance(outcome, Converted)
    assert isinstance(outcome.found, PhotoProbe)
    assert (outcome.found.format, outcome.found.width, outcome.found.height) == ("webp", 1440, 1080)


async def test_quality_gives_way_to_the_size_limit(workers: Workers, tmp_path: Path) -> None:
    write_noise(tmp_path / "in", side=1000)
    finest = await made(tmp_path / "in", tmp_path / "finest", workers)
    limits = replace(LIMITS, photo_max_bytes=finest.found.size * 2 // 3)

    outcome = await convert(tmp_path / "in", tmp_path / "out", workers, limits=limits)

    assert isinstance(outcome, Converted), outcome
    assert outcome.found.size <= limits.photo_max_bytes


async def test_a_photo_that_cannot_be_made_small_enough_is_refused_and_leaves_no_file(
    workers: Workers, tmp_path: Path
) -> None:
    write_noise(tmp_path / "in", side=1000)

    outcome = await convert(tmp_path / "in", tmp_path / "out", workers, limits=replace(LIMITS, photo_max_bytes=5_000))

    assert isinstance(outcome, Refused)
    assert not (tmp_path / "out").exists()
