"""Looks into media files, in a process of its own: a bomb or a crash in a codec must not reach the simulator.

Run as a script. Reads one JSON request a line (`path`, `kind`, `cover`, `cover_ms`), writes one JSON answer a line.
Stands alone on purpose: imports nothing of ours, so that it starts fast under `python -I`.
"""

import contextlib
import json
import os
import resource
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error

MAX_PIXELS = 8192 * 8192
MEMORY_BYTES = 4 << 30
COVER_WIDTH = 480
_WEBM_HEAD = 4096


def container_of(head: bytes, format_name: str, brand: str) -> str:
    """`mp4`, `mov`, `webm`, or what it really is."""
    if "matroska" in format_name or "webm" in format_name:
        return "webm" if b"webm" in head[:_WEBM_HEAD] else "matroska"
    if "mp4" in format_name:
        if brand.startswith("qt") or b"ftyp" not in head[:16]:
            return "mov"
        return brand if brand.startswith(("3g", "M4A")) else "mp4"
    return format_name


def photo_format(head: bytes) -> str:
    if head[:3] == b"\xff\xd8\xff":
        return "jpeg"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    return "other"


def probe_video(path: str, cover: str | None, cover_ms: int) -> dict[str, Any]:
    with Path(path).open("rb") as file:
        head = file.read(_WEBM_HEAD)
    with av.open(path) as media:
        if not media.streams.video:
            return {"problem": "no video stream"}
        stream = media.streams.video[0]
        context = stream.codec_context
        facts: dict[str, Any] = {
            "container": container_of(head, media.format.name, str(media.metadata.get("major_brand", ""))),
            "codec": context.name if context.name not in ("libdav1d",) else "av1",
            "width": context.width,
            "height": context.height,
            "audio": bool(media.streams.audio),
        }
        if context.width * context.height > MAX_PIXELS:
            return {**facts, "problem": "too many pixels"}
        declared = _declared_s(media, stream)
        frames, end = 0, 0.0
        for packet in media.demux(stream):
            if packet.size == 0 or packet.pts is None or packet.time_base is None:
                continue
            frames += 1
            end = max(end, float((packet.pts + (packet.duration or 0)) * packet.time_base))
    start = float(stream.start_time * stream.time_base) if stream.start_time and stream.time_base else 0.0
    seen = max(0.0, end - start)
    if frames == 0:
        return {**facts, "problem": "no frames"}
    if declared and seen < declared * 0.9 - 0.5:
        return {**facts, "problem": "truncated"}
    facts["duration_s"] = declared or seen
    facts["fps"] = float(stream.average_rate) if stream.average_rate else (frames / seen if seen else 0.0)
    if not _decode(path, cover, cover_ms, facts["duration_s"]):
        return {**facts, "problem": "cannot be decoded"}
    return facts


def _declared_s(media: Any, stream: Any) -> float:
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return float(media.duration / av.time_base) if media.duration else 0.0


def _decode(path: str, cover: str | None, cover_ms: int, duration_s: float) -> bool:
    """Decodes one frame, the cover's, and writes it; a time out of range means the first frame."""
    with av.open(path) as media:
        stream = media.streams.video[0]
        wanted_s = cover_ms / 1000 if 0 < cover_ms / 1000 < duration_s else 0.0
        if wanted_s and stream.time_base:
            media.seek(int(wanted_s / stream.time_base), stream=stream)
        frame = None
        for frame in media.decode(stream):
            if frame.time is None or frame.time >= wanted_s - 0.02:
                break
        if frame is None:
            return False
        if cover:
            save_jpeg(frame, cover)
    return True


def save_jpeg(frame: Any, target: str) -> None:
    width = min(COVER_WIDTH, frame.width) & ~1
    height = max(2, int(frame.height * width / frame.width)) & ~1
    small = frame.reformat(width=width, height=height, format="yuvj420p")
    codec = av.CodecContext.create("mjpeg", "w")
    codec.width, codec.height, codec.pix_fmt = width, height, "yuvj420p"
    codec.time_base = Fraction(1, 30)
    small.pts = 0
    data = b"".join(bytes(packet) for packet in [*codec.encode(small), *codec.encode(None)])
    Path(target).write_bytes(data)


def probe_photo(path: str) -> dict[str, Any]:
    with Path(path).open("rb") as file:
        head = file.read(32)
    facts: dict[str, Any] = {"container": photo_format(head)}
    if facts["container"] == "other":
        return {**facts, "problem": "neither JPEG nor WebP"}
    with av.open(path) as media:
        context = media.streams.video[0].codec_context
        facts.update(codec=context.name, width=context.width, height=context.height)
        if context.width * context.height > MAX_PIXELS:
            return {**facts, "problem": "too many pixels"}
        frame = next(media.decode(video=0), None)
        if frame is None:
            return {**facts, "problem": "cannot be decoded"}
        facts.update(width=frame.width, height=frame.height)
    return facts


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """Facts, or a `problem`: whatever a file makes a codec do is a fact about the file."""
    try:
        if request["kind"] == "photo":
            return probe_photo(request["path"])
        return probe_video(request["path"], request.get("cover"), int(request.get("cover_ms", 0)))
    except (av.error.FFmpegError, OSError, ValueError, MemoryError, IndexError) as error:
        return {"problem": f"{type(error).__name__}: {error}"[:300]}


def main() -> None:
    with contextlib.suppress(OSError, ValueError):  # macOS has no limit of address space
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    with contextlib.suppress(OSError):
        os.nice(5)
    av.logging.set_level(av.logging.PANIC)
    for line in sys.stdin:
        sys.stdout.write(json.dumps(answer(json.loads(line))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
