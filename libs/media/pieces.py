"""Cutting byte streams into pieces of one size, so that each hop to a thread or a server is worth its cost."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, AsyncIterable, Sequence
from pathlib import Path

from libs.media.descriptor import Descriptor
from libs.media.errors import ObjectTooLarge
from libs.media.port import PIECE_BYTES
from libs.media.thread import in_thread

CRUMB_BYTES = 16 << 10
HEAP_BYTES = 64 << 10


async def gathered(
    chunks: AsyncIterable[bytes], *, piece_bytes: int, max_bytes: int
) -> AsyncGenerator[Sequence[bytes], None]:
    """The same bytes in pieces of at least ``piece_bytes`` (the last may be shorter), each as the chunks it came in:
    copying gigabytes together costs more than hashing them. Only crumbs are swept together, so that a million of them
    are not a million objects.

    Raises ``ObjectTooLarge`` with the chunk that brings more than ``max_bytes``; empty chunks are skipped.
    """
    taken = held = 0
    waiting: list[bytes] = []
    crumbs = bytearray()
    async for chunk in chunks:
        taken += len(chunk)
        held += len(chunk)
        if taken > max_bytes:
            raise ObjectTooLarge(limit_bytes=max_bytes)
        if len(chunk) < CRUMB_BYTES:
            crumbs += chunk
        if crumbs and (len(chunk) >= CRUMB_BYTES or len(crumbs) >= HEAP_BYTES or held >= piece_bytes):
            waiting.append(bytes(crumbs))
            crumbs.clear()
        if len(chunk) >= CRUMB_BYTES:
            waiting.append(chunk)
        if held >= piece_bytes:
            yield waiting
            waiting, held = [], 0
    if crumbs:
        waiting.append(bytes(crumbs))
    if waiting:
        yield waiting


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
