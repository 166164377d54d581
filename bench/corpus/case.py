"""The media corpus: what customers send, good and bad, made when a test needs it."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import av
import PIL

from bench.corpus.photo import (
    write_animation,
    write_deep,
    write_gif_bomb,
    write_heavy,
    write_noise,
    write_photo,
    write_png_bomb,
    write_transparent,
)
from bench.corpus.video import Clip, write_long, write_sound
from libs.media.finding import Reason

CorpusFile = Callable[[str], Path]

LEAN = Clip(height=360, rate=24)
"""As little to encode as TikTok takes: for codecs that are slow."""
VIDEO_BASE = Clip(muxing=(("movflags", "+faststart"),))


@dataclass(frozen=True)
class Case:
    """One file and what must be found out about it."""

    write: Callable[[Path], object]
    kind: str
    """``video``, ``photo`` or ``unreadable``."""
    wrong: frozenset[str] = frozenset()
    """The fields that break a rule; for unreadable files, the reason."""
    mendable: bool = True
    """Converting mends all of it."""


def corpus_version() -> str:
    """Another one whenever the files may come out differently."""
    makers = b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py")))
    return hashlib.sha256(makers + f"{av.__version__} {PIL.__version__}".encode()).hexdigest()[:16]


def ok(write: Callable[[Path], object], *, kind: str = "video") -> Case:
    return Case(write, kind)


def bad(write: Callable[[Path], object], *wrong: str, kind: str = "video", mendable: bool = True) -> Case:
    return Case(write, kind, frozenset(wrong), mendable)


def lost(write: Callable[[Path], object], reason: Reason) -> Case:
    return Case(write, "unreadable", frozenset({reason}), mendable=False)


def cut(write: Callable[[Path], object], *, part: float) -> Callable[[Path], None]:
    """The file without its end."""

    def write_cut(path: Path) -> None:
        write(path)
        body = path.read_bytes()
        path.write_bytes(body[: int(len(body) * part)])

    return write_cut


def holed(write: Callable[[Path], object], *, first: float, last: float) -> Callable[[Path], None]:
    """The file with zeros where a download never arrived."""

    def write_holed(path: Path) -> None:
        write(path)
        body = bytearray(path.read_bytes())
        start, end = int(len(body) * first), int(len(body) * last)
        body[start:end] = bytes(end - start)
        path.write_bytes(body)

    return write_holed


def raw(body: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(body)


def photo(**options: object) -> Callable[[Path], object]:
    return lambda path: write_photo(path, **options)  # type: ignore[arg-type]


def write_vp8_bomb(path: Path) -> None:
    """A small WebM whose first picture claims 16,383 × 16,383 pixels."""
    Clip(codec="libvpx", audio=None, container="webm", seconds=1).write(path)
    body = bytearray(path.read_bytes())
    start = body.index(b"\x9d\x01\x2a") + 3
    body[start : start + 4] = b"\xff\x3f\xff\x3f"
    width = body.index(b"\xb0\x82\x01\x68")
    body[width : width + 4] = b"\xb0\x82\x3f\xff"
    height = body.index(b"\xba\x82\x02\x80")
    body[height : height + 4] = b"\xba\x82\x3f\xff"
    path.write_bytes(body)


CORPUS: Mapping[str, Case] = {
    # videos that may go out as they are
    "h264.mp4": ok(VIDEO_BASE.write),
    "h264.mov": ok(Clip(container="mov").write),
    "hevc.mp4": ok(replace(LEAN, codec="libx265").write),
    "hevc-10bit.mp4": ok(replace(LEAN, codec="libx265", pixels="yuv420p10le").write),
    "vp8.webm": ok(replace(LEAN, codec="libvpx", audio="libopus", container="webm").write),
    "vp9.webm": ok(replace(LEAN, codec="libvpx-vp9", audio="libopus", container="webm").write),
    "silent.mp4": ok(Clip(audio=None).write),
    "index-at-end.mp4": ok(Clip().write),
    "fragmented.mp4": ok(Clip(muxing=(("movflags", "frag_keyframe+empty_moov"),)).write),
    "turned-90.mp4": ok(Clip(rotation=90).write),
    "turned-180.mp4": ok(Clip(rotation=180).write),
    "23fps.mp4": ok(Clip(rate=23).write),
    "23.976fps.mp4": ok(Clip(rate=Fraction(24000, 1001)).write),
    "29.97fps.mp4": ok(Clip(rate=Fraction(30000, 1001)).write),
    "60fps.mp4": ok(Clip(rate=60).write),
    "60fps.webm": ok(Clip(height=360, rate=60, codec="libvpx-vp9", audio=None, container="webm").write),
    "variable-30fps.mp4": ok(Clip(height=360, rate=60, steps=(1, 3)).write),
    "360x360.mp4": ok(Clip(width=360, height=360).write),
    "4096x360.mp4": ok(Clip(width=4096, height=360, rate=23, audio=None).write),
    "600s.mp4": ok(lambda path: write_long(path, seconds=600)),
    "video-called-photo.jpg": ok(VIDEO_BASE.write),
    "mov-called-webm.webm": ok(Clip(container="mov").write),
    # videos that break a rule
    "mpeg4.avi": bad(Clip(codec="mpeg4", audio="libmp3lame", container="avi").write, "container", "codec"),
    "h264.avi": bad(Clip(audio="libmp3lame", container="avi").write, "container"),
    "h264.mkv": bad(Clip(container="matroska").write, "container"),
    "h264.flv": bad(Clip(container="flv").write, "container"),
    "h264.ts": bad(Clip(container="mpegts").write, "container"),
    "h264.3gp": bad(Clip(container="3gp").write, "container"),
    "mpeg2.mpg": bad(Clip(codec="mpeg2video", audio="mp2", container="mpeg").write, "container", "codec"),
    "av1.mp4": bad(replace(LEAN, codec="libsvtav1").write, "codec"),
    "mpeg4.mp4": bad(Clip(codec="mpeg4").write, "codec"),
    "mjpeg.mov": bad(replace(LEAN, codec="mjpeg", audio=None, container="mov", pixels="yuvj420p").write, "codec"),
    "prores.mov": bad(
        replace(LEAN, codec="prores_ks", audio=None, container="mov", pixels="yuv422p10le").write, "codec"
    ),
    "61fps.mp4": bad(Clip(height=360, rate=61).write, "frame_rate"),
    "120fps.mp4": bad(Clip(height=360, rate=120).write, "frame_rate"),
    "22fps.mp4": bad(Clip(rate=22).write, "frame_rate"),
    "5fps.mp4": bad(Clip(rate=5).write, "frame_rate"),
    "variable-75fps.mp4": bad(Clip(height=360, rate=150, steps=(1, 3)).write, "frame_rate"),
    "1.9s.mp4": bad(Clip(seconds=Fraction(19, 10), audio=None).write, "duration", mendable=False),
    "601s.mp4": bad(lambda path: write_long(path, seconds=601), "duration", mendable=False),
    "359px.mp4": bad(Clip(width=359, pixels="yuv444p").write, "width"),
    "359px-turned.mp4": bad(Clip(width=640, height=358, rotation=90).write, "width"),
    "4097px.mp4": bad(Clip(width=4097, height=360, rate=23, pixels="yuv444p", audio=None).write, "width"),
    "100x100.mp4": bad(Clip(width=100, height=100).write, "width", "height"),
    "cut.mp4": bad(cut(VIDEO_BASE.write, part=0.6), "truncated", mendable=False),
    "cut.webm": bad(
        cut(replace(LEAN, codec="libvpx", audio="libopus", container="webm").write, part=0.6),
        "truncated",
        mendable=False,
    ),
    "cut-fragmented.mp4": bad(
        cut(Clip(muxing=(("movflags", "frag_keyframe+empty_moov"),)).write, part=0.9), "truncated", mendable=False
    ),
    "holed.mp4": bad(holed(VIDEO_BASE.write, first=0.3, last=1), "damaged", mendable=False),
    # what is no video although it may look like one
    "cut-before-index.mp4": lost(cut(Clip().write, part=0.6), Reason.TRUNCATED),
    "song.m4a": lost(lambda path: write_sound(path, container="ipod", codec="aac"), Reason.NO_PICTURE),
    "song-called-video.mp4": lost(lambda path: write_sound(path, container="mp4", codec="aac"), Reason.NO_PICTURE),
    "song.mp3": lost(lambda path: write_sound(path, container="mp3", codec="libmp3lame"), Reason.NO_PICTURE),
    "song.wav": lost(lambda path: write_sound(path, container="wav", codec="pcm_s16le"), Reason.NO_PICTURE),
    "empty.mp4": lost(raw(b""), Reason.EMPTY),
    "one-byte.mp4": lost(raw(b"\x00"), Reason.UNKNOWN_FORMAT),
    "noise.mp4": lost(raw(random.Random(7).randbytes(100_000)), Reason.UNKNOWN_FORMAT),
    "header-only.mp4": lost(raw(b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomiso2"), Reason.TRUNCATED),
    "noise-in-mp4.mp4": lost(
        raw(b"\x00\x00\x00\x10ftypisom\x00\x00\x02\x00\x00\x01\x86\xa8moov" + random.Random(8).randbytes(100_000)),
        Reason.CORRUPT,
    ),
    "playlist.mp4": lost(raw(b"#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n"), Reason.UNKNOWN_FORMAT),
    "list-of-files.mp4": lost(raw(b"ffconcat version 1.0\nfile '/etc/passwd'\n"), Reason.UNKNOWN_FORMAT),
    "page.html": lost(raw(b"<!doctype html><title>404</title>"), Reason.UNKNOWN_FORMAT),
    "document.pdf": lost(raw(b"%PDF-1.7\n" + bytes(5000)), Reason.UNKNOWN_FORMAT),
    "drawing.svg": lost(raw(b"<svg xmlns='http://www.w3.org/2000/svg'/>"), Reason.UNKNOWN_FORMAT),
    "postscript.eps": lost(raw(b"%!PS-Adobe-3.0 EPSF-3.0\n"), Reason.UNKNOWN_FORMAT),
    "bomb.webm": lost(write_vp8_bomb, Reason.TOO_MANY_PIXELS),
    # photos that may go out as they are
    "portrait.jpg": ok(photo(), kind="photo"),
    "landscape.jpg": ok(photo(size=(1920, 1080)), kind="photo"),
    "941x1672.jpg": ok(photo(size=(941, 1672)), kind="photo"),
    "square.webp": ok(photo(form="WEBP", size=(1080, 1080)), kind="photo"),
    "tiny.jpg": ok(photo(size=(1, 1)), kind="photo"),
    "grey.jpg": ok(photo(mode="L"), kind="photo"),
    "progressive.jpg": ok(photo(progressive=True), kind="photo"),
    "turned.jpg": ok(photo(size=(1920, 1080), orientation=6), kind="photo"),
    "located.jpg": ok(photo(located=True), kind="photo"),
    "photo-called-video.mp4": ok(photo(), kind="photo"),
    # photos that break a rule
    "rgb.png": bad(photo(form="PNG", size=(300, 400)), "format", kind="photo"),
    "png-called-jpg.jpg": bad(photo(form="PNG", size=(300, 400)), "format", kind="photo"),
    "alpha.png": bad(write_transparent, "format", kind="photo"),
    "palette.png": bad(photo(form="PNG", mode="P", size=(300, 400)), "format", kind="photo"),
    "deep.png": bad(write_deep, "format", kind="photo"),
    "still.gif": bad(photo(form="GIF", size=(300, 400)), "format", kind="photo"),
    "moving.gif": bad(write_animation, "format", "animated", kind="photo"),
    "moving.webp": bad(lambda path: write_animation(path, form="WEBP"), "animated", kind="photo"),
    "photo.heic": bad(photo(form="HEIF", size=(300, 400)), "format", kind="photo"),
    "photo.avif": bad(photo(form="AVIF", size=(300, 400)), "format", kind="photo"),
    "print.jpg": bad(photo(mode="CMYK", size=(300, 400)), "color_mode", kind="photo"),
    "1086x1448.jpg": bad(photo(size=(1086, 1448)), "dimensions", kind="photo"),
    "1254x1254.jpg": bad(photo(size=(1254, 1254)), "dimensions", kind="photo"),
    "1080x1921.jpg": bad(photo(size=(1080, 1921)), "dimensions", kind="photo"),
    "12-megapixels.jpg": bad(photo(size=(4000, 3000)), "dimensions", kind="photo"),
    "20MB.jpg": ok(lambda path: write_heavy(path, size=20_000_000), kind="photo"),
    "20MB-and-1.jpg": bad(lambda path: write_heavy(path, size=20_000_001), "size", kind="photo"),
    "noisy.jpg": bad(write_noise, "dimensions", kind="photo"),
    "cut.jpg": bad(cut(photo(), part=0.6), "truncated", kind="photo", mendable=False),
    "cut.png": bad(
        cut(photo(form="PNG", size=(300, 400)), part=0.6), "truncated", "format", kind="photo", mendable=False
    ),
    # what is no photo although it may look like one
    "header-only.jpg": lost(
        raw(b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"), Reason.CORRUPT
    ),
    "holed.png": lost(holed(photo(form="PNG", size=(300, 400)), first=0.4, last=0.6), Reason.CORRUPT),
    "holed.webp": lost(holed(photo(form="WEBP"), first=0.02, last=0.9), Reason.CORRUPT),
    "noise.png": lost(raw(b"\x89PNG\r\n\x1a\n" + random.Random(9).randbytes(5000)), Reason.CORRUPT),
    "cut.webp": lost(cut(photo(form="WEBP"), part=0.6), Reason.TRUNCATED),
    "noise.heic": lost(
        raw(b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + random.Random(6).randbytes(3000)), Reason.CORRUPT
    ),
    "bomb.png": lost(write_png_bomb, Reason.TOO_MANY_PIXELS),
    "bomb.gif": lost(write_gif_bomb, Reason.TOO_MANY_PIXELS),
}
