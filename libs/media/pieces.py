"""Cutting byte streams into pieces of one size, so that each hop to a thread or a server is worth its cost."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, AsyncIterable
from pathlib import Path

from libs.media.descriptor import Descriptor
from libs.media.errors import ObjectTooLarge
from libs.media.port import PIECE_BYTES
from libs.media.thread import in_thread


async def gathered(chunks: AsyncIterable[bytes], *, piece_bytes: int, max_bytes: int) -> AsyncGenerator[bytes, None]:
    """The same bytes in pieces of at least ``piece_bytes`` (the last may be shorter).

    Raises ``ObjectTooLarge`` with the chunk that brings more than ``max_bytes``; empty chunks are skipped.
    """
    taken = 0
    waiting = bytearray()
    async for chunk in chunks:
        taken += len(chunk)
        if taken > max_bytes:
            raise ObjectTooLarge(limit_bytes=max_bytes)
        if not waiting and len(chunk) >= piece_bytes:
            yield chunk
            continue
        waiting += chunk
        if len(waiting) >= piece_bytes:
            yield bytes(waiting)
            waiting.clear()
    if waiting:
        yield bytes(waiting)


async def file_pieces(path: Path) -> AsyncGenerator[bytes, None]:
    """A local file's bytes, read in threads: what ``MediaStorage.put`` takes to keep a converted file."""
    file = Descriptor(path, os.O_RDONLY)
    try:
        await in_thread(None, file.open)
        at = 0
        while piece := await in_thread(None, file.read, PIECE_BYTES, at=at):
            at += len(piece)
            yield piece
    finally:
        file.close()
