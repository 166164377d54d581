"""The PUT of one chunk: what its answer means (4.2), and a body held to its length."""

import time
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from libs.tiktok.chunks import Progress
from libs.tiktok.errors import WrongLength
from libs.tiktok.wire import Trace

ContentType = Literal["video/mp4", "video/quicktime", "video/webm"]


class ChunkKind(StrEnum):
    """What to do after a chunk's answer."""

    ACCEPTED = "accepted"
    """206, or 200/204: send the next chunk."""
    COMPLETE = "complete"
    """201, or all bytes by TikTok's count, or 200/204 to the last of ours: TikTok has the file; ask the status."""
    RESYNC = "resync"
    """416: not the range TikTok expects. Go on from its progress, or from the status's `uploaded_bytes`."""
    EXPIRED = "expired"
    """403: the upload_url is over; only a new init helps."""
    UNKNOWN_TASK = "unknown_task"
    """404: TikTok does not know the upload; only a new init helps."""
    BAD = "bad"
    """400: headers or sizes are wrong; the same again will not help."""
    TROUBLE = "trouble"
    """5xx, 429 or 408: TikTok's trouble; the same chunk again, after a while."""
    UNEXPECTED = "unexpected"
    """A status the fact sheet does not know, such as 405 from a wrong path."""


@dataclass(frozen=True, slots=True)
class ChunkAnswer:
    """How a chunk was received. `received` is how many bytes TikTok says it holds, None when it does not say."""

    kind: ChunkKind
    received: int | None
    trace: Trace


def read_chunk_answer(status: int, progress: Progress | None, *, last: int, total: int, trace: Trace) -> ChunkAnswer:
    """Judge by status and `Content-Range` alone: bodies are empty, HTML or worse. Progress of another total is none."""
    received = progress.received if progress is not None and progress.total == total else None
    kind = _kind(status, whole=received == total or (received is None and last == total - 1))
    return ChunkAnswer(kind=kind, received=received, trace=trace)


def _kind(status: int, *, whole: bool) -> ChunkKind:
    match status:
        case 201:
            return ChunkKind.COMPLETE
        case 200 | 204 | 206:
            return ChunkKind.COMPLETE if whole else ChunkKind.ACCEPTED
        case 416:
            return ChunkKind.RESYNC
        case 403:
            return ChunkKind.EXPIRED
        case 404:
            return ChunkKind.UNKNOWN_TASK
        case 400:
            return ChunkKind.BAD
        case 408 | 429:
            return ChunkKind.TROUBLE
        case _:
            return ChunkKind.TROUBLE if status >= 500 else ChunkKind.UNEXPECTED


async def held_to(length: int, body: AsyncIterable[bytes], *, call: str) -> AsyncIterator[bytes]:
    """The body unchanged, or WrongLength: a request whose length is promised must not end short or go on.

    A block that would go beyond is not sent, and a short body leaves its request unfinished: TikTok counts neither.
    """
    started = time.monotonic()
    left = length
    async for block in body:
        left -= len(block)
        if left < 0:
            break
        yield block
    if left != 0:
        trace = Trace(call=call, elapsed_ms=round((time.monotonic() - started) * 1000))
        raise WrongLength(f"the body has {'more' if left < 0 else 'fewer'} bytes than its range", trace=trace)
