"""Small real files to publish: an H.264 MP4 of 4 s and JPEG photos, made once and kept."""

import asyncio
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from services.simulator.engine.spool import Spool

if TYPE_CHECKING:
    import av

WIDTH, HEIGHT, FPS, SECONDS = 360, 640, 30, 4
PHOTOS = 35
_PALETTE = ((254, 44, 85), (37, 244, 238), (255, 196, 0), (120, 94, 240), (0, 158, 115))


class Samples:
    """Files are made at the first request, in a thread; PyAV is loaded only then, so that starting stays fast."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._lock = asyncio.Lock()

    async def video(self) -> Path:
        return await self._made(self._spool.folder / "sample.mp4", 0)

    async def photo(self, number: int) -> Path:
        """One of 35 different pictures; `number` counts from 1."""
        return await self._made(self._spool.folder / f"sample-{number}.jpg", number)

    async def _made(self, path: Path, number: int) -> Path:
        async with self._lock:
            await asyncio.to_thread(_make, path, number)
        return path


def _make(path: Path, number: int) -> None:
    if not path.exists():
        (write_photo if number else write_video)(path, number)


def write_video(path: Path, _: int = 0) -> None:
    """Coloured bars that move, so that a player shows time passing."""
    import av

    partial = path.with_suffix(".partial")
    with av.open(str(partial), "w", format="mp4", options={"movflags": "+faststart"}) as out:
        stream = out.add_stream("libx264", rate=FPS, options={"preset": "ultrafast", "crf": "28"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for frame in _bars(WIDTH, HEIGHT, [index * 4 for index in range(FPS * SECONDS)]):
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    partial.replace(path)


def write_photo(path: Path, number: int) -> None:
    """The same bars, standing still; every number has its own."""
    import av

    frame = next(_bars(1080, 1440, [number * 97])).reformat(format="yuvj420p")
    frame.pts = 0
    codec = av.CodecContext.create("mjpeg", "w")
    codec.width, codec.height, codec.pix_fmt, codec.time_base = frame.width, frame.height, "yuvj420p", Fraction(1, 25)
    packets = [*codec.encode(frame), *codec.encode(None)]
    partial = path.with_suffix(".partial")
    partial.write_bytes(b"".join(bytes(packet) for packet in packets))
    partial.replace(path)


def _bars(width: int, height: int, shifts: list[int]) -> "Iterator[av.VideoFrame]":
    """A frame per shift: bars of the palette, moved by so many rows; all are cut from one tall picture."""
    import av

    line = av.VideoFrame(width, 2, "rgb24").planes[0].line_size
    band = height // len(_PALETTE)
    rows = [(bytes(colour) * width).ljust(line, b"\0") for colour in _PALETTE]
    period = band * len(_PALETTE)
    tall = b"".join(rows[row // band % len(_PALETTE)] for row in range(height + period))
    for shift in shifts:
        frame = av.VideoFrame(width, height, "rgb24")
        top = shift % period * line
        frame.planes[0].update(tall[top : top + height * line])
        yield frame
