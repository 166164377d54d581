"""Small media files of every kind, made by real encoders, and a shelf to pull them from."""

import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
from aiohttp import web
from PIL import Image

from libs.runtime.web import HttpServer


@cache
def clip(
    *,
    codec: str = "libx264",
    container: str = "mp4",
    size: tuple[int, int] = (360, 640),
    fps: int = 25,
    seconds: float = 1.2,
) -> bytes:
    """One plain film; `container` is FFmpeg's name."""
    file = io.BytesIO()
    with av.open(file, "w", format=container) as out:
        stream = out.add_stream(codec, rate=fps)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        stream.time_base = Fraction(1, fps)
        if codec in ("libx264", "libx265"):
            stream.options = {"preset": "ultrafast"} | ({"x265-params": "log-level=none"} if codec == "libx265" else {})
        if codec.startswith("libvpx"):
            stream.options = {"deadline": "realtime", "cpu-used": "8"}
        for index in range(max(1, round(fps * seconds))):
            frame = av.VideoFrame(*size, "yuv420p")
            for plane, shade in zip(frame.planes, (index % 200 + 20, 110, 140), strict=True):
                plane.update(bytes([shade]) * plane.buffer_size)
            frame.pts = index
            frame.time_base = Fraction(1, fps)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return file.getvalue()


def film(megabytes: int, folder: Path) -> Path:
    """A real MP4 of exactly so many million bytes: what is missing follows as a `free` box, which players skip."""
    real = clip()
    padding = megabytes * 1_000_000 - len(real)
    path = folder / f"{megabytes}.mp4"
    path.write_bytes(real + padding.to_bytes(4, "big") + b"free" + bytes(padding - 8))
    return path


@cache
def sound() -> bytes:
    """An MP4 without a picture."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as out:
        stream = out.add_stream("aac", rate=44_100)
        for index in range(40):
            frame = av.AudioFrame(format="fltp", layout="mono", samples=1024)
            frame.planes[0].update(bytes(4096))
            frame.sample_rate, frame.pts = 44_100, index * 1024
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return file.getvalue()


@cache
def photo(width: int, height: int, kind: str = "JPEG") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (width, height), (200, 30, 90)).save(file, kind)
    return file.getvalue()


@dataclass
class Shelf:
    """Files by name, and what is done to those who come for them."""

    url: str
    files: dict[str, bytes] = field(default_factory=dict)
    moved: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    agents: set[str] = field(default_factory=set)

    def put(self, name: str, data: bytes) -> str:
        self.files[name] = data
        return f"{self.url}/{name}"

    async def give(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        self.asked.append(request.path_qs)
        self.agents.add(request.headers.get("User-Agent", ""))
        if name in self.moved:
            raise web.HTTPFound(self.moved[name])
        if name not in self.files:
            raise web.HTTPNotFound
        return web.Response(body=self.files[name], content_type="application/octet-stream")


@asynccontextmanager
async def open_shelf() -> AsyncIterator[Shelf]:
    app = web.Application()
    shelf = Shelf("")
    app.router.add_get("/{name:.*}", shelf.give)
    server = HttpServer(app, host="127.0.0.1", port=0, shutdown_s=0.5)
    await server.start()
    shelf.url = server.url
    try:
        yield shelf
    finally:
        await server.stop()
