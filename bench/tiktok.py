"""`python -m bench.tiktok`: TikTok's upload host as a sink, and as much of its API as leads there.

Bytes are counted and forgotten, as fast as one core can take them, or at a pace per connection that keeps uploads in
flight. Nothing is hashed, kept or judged: it is to cost less than whoever sends. Commands: `pace`, `seen`, `forget`.
"""

import asyncio
import itertools
import re
import time
from dataclasses import dataclass, field
from typing import Any, cast

import orjson

from bench.child import BenchError
from bench.script import Answer, converse

BLOCK = 256 * 1024
_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)
_RANGE = re.compile(rb"\r\ncontent-range: *bytes ([0-9]+)-([0-9]+)/([0-9]+)", re.IGNORECASE)
_UPLOAD = re.compile(rb"upload_id=([0-9]+)")


@dataclass
class Box:
    """What arrived."""

    url: str = ""
    pace: float = 0.0
    """Bytes a second and connection; 0 is as fast as they come."""
    sizes: dict[int, int] = field(default_factory=dict)
    received: dict[int, int] = field(default_factory=dict)
    """Of each upload, the bytes of whole chunks."""
    numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))
    open: int = 0
    """Chunks being received now."""
    first: float = 0.0
    last: float = 0.0
    """When the first chunk began and the last one ended, by a clock that all processes share."""

    def api(self, path: bytes, body: bytes) -> dict[str, Any]:
        """The answer to a call; everybody may post, every upload that is whole is published."""
        match path.rsplit(b"/", 3)[-3:-1]:
            case [_, b"query"]:
                return {
                    "privacy_level_options": ["SELF_ONLY"], "max_video_post_duration_sec": 600,
                    "creator_username": "bench", "creator_nickname": "Bench", "comment_disabled": False,
                    "duet_disabled": False, "stitch_disabled": False,
                }  # fmt: skip
            case [_, b"init"]:
                number = next(self.numbers)
                self.sizes[number] = orjson.loads(body)["source_info"]["video_size"]
                self.received[number] = 0
                return {
                    "publish_id": f"v_pub_file~bench.{number}",
                    "upload_url": f"{self.url}/upload?upload_id={number}",
                }
            case [_, b"fetch"]:
                number = int(orjson.loads(body)["publish_id"].rpartition(".")[2])
                has, size = self.received.get(number, 0), self.sizes.get(number, 0)  # what is forgotten was whole
                return {"status": "PUBLISH_COMPLETE" if has == size else "PROCESSING_UPLOAD", "uploaded_bytes": has}
            case other:
                raise BenchError(f"the upload host has no {other}")


class Line(asyncio.BufferedProtocol):
    """One connection: requests one after the other, chunks of any size into one small buffer."""

    def __init__(self, box: Box) -> None:
        self._box = box
        self._buffer = memoryview(bytearray(BLOCK))
        self._transport: asyncio.Transport | None = None
        self._head = b""
        self._left = 0
        self._chunk: tuple[int, int, int] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._left:
            self._box.open -= 1

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        if self._left and nbytes <= self._left:
            self._took(nbytes)
            return
        data = bytes(self._buffer[:nbytes])
        if self._left:
            took = self._left
            self._took(took)
            data = data[took:]
        self._head += data
        end = self._head.find(b"\r\n\r\n")
        if end >= 0:
            self._begin(end)

    def _begin(self, end: int) -> None:
        head, rest = self._head[: end + 2], self._head[end + 4 :]
        found = _LENGTH.search(head)
        length = int(found[1]) if found else 0
        if not head.startswith(b"PUT "):
            if len(rest) >= length:
                self._head = rest[length:]
                answer = {"data": self._box.api(head.split(b" ", 2)[1], rest[:length]), "error": _OK}
                self._write(b"200 OK", orjson.dumps(answer))
            return
        self._head, self._left = b"", length
        placed, upload = _RANGE.search(head), _UPLOAD.search(head)
        if placed is None or upload is None:
            raise BenchError("a chunk without its place")
        self._chunk = (int(upload[1]), int(placed[2]) + 1, int(placed[3]))
        self._box.first = self._box.first or time.monotonic()
        self._box.open += 1
        self._took(len(rest))

    def _took(self, count: int) -> None:
        self._left -= count
        if self._left == 0:
            self._end()
        elif self._box.pace and self._transport is not None:
            self._transport.pause_reading()
            asyncio.get_running_loop().call_later(count / self._box.pace, self._go_on)

    def _go_on(self) -> None:
        if self._transport is not None:
            self._transport.resume_reading()

    def _end(self) -> None:
        if self._chunk is None:
            raise BenchError("the end of no chunk")
        upload, received, total = self._chunk
        self._chunk = None
        self._box.received[upload] = received
        self._box.open -= 1
        self._box.last = time.monotonic()
        self._write(b"201 Created" if received == total else b"206 Partial", b"", b"bytes 0-%d/%d" % (received, total))

    def _write(self, status: bytes, body: bytes, progress: bytes = b"") -> None:
        if self._transport is None:
            return
        more = b"Content-Range: %s\r\n" % progress if progress else b"Content-Type: application/json\r\n"
        self._transport.write(b"HTTP/1.1 %s\r\n%sContent-Length: %d\r\n\r\n%s" % (status, more, len(body), body))


_OK = {"code": "ok", "message": "", "log_id": "bench"}


async def _start() -> tuple[dict[str, Any], Answer]:
    box = Box()
    server = await asyncio.get_running_loop().create_server(lambda: Line(box), "127.0.0.1", 0, backlog=1024)
    box.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    async def answer(command: dict[str, Any]) -> dict[str, Any]:
        match command["do"]:
            case "pace":
                box.pace = float(command["bytes_per_s"])
                return {}
            case "seen":
                whole = sum(1 for number, size in box.sizes.items() if box.received[number] == size)
                return {"bytes": sum(box.received.values()), "whole": whole, "open": box.open,
                        "first": box.first, "last": box.last}  # fmt: skip
            case "forget":
                box.first = box.last = 0.0
                box.sizes, box.received = {}, {}
                return {}
            case other:
                raise BenchError(f"the upload host knows no {other}")

    return {"url": box.url}, answer


if __name__ == "__main__":
    converse(_start)
