"""A file on its way into the folder: hashed and written while the next piece comes, flushed to the disk as it grows."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Any, Final

from libs.media.descriptor import Descriptor
from libs.media.port import Stored
from libs.media.thread import in_thread

FLUSH_BYTES: Final = 32 << 20
"""Written between two flushes: what the disk takes while the file comes is not waited for at its end."""


class Draft:
    """One writer's. Two pieces are in memory at most: the one being written, and the one its caller has.

    `add` raises what writing the piece before it raised; `close` in any case, and cancelled or not it returns when no
    thread uses the file any more.
    """

    def __init__(self, path: Path, threads: Executor) -> None:
        self._path = path
        self._threads = threads
        self._file = Descriptor(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        self._digest = hashlib.sha256()
        self._size = self._flushed_at = 0
        self._writing: asyncio.Task[None] | None = None
        self._flushing: asyncio.Task[None] | None = None

    async def open(self) -> None:
        await in_thread(self._threads, self._file.open)

    async def add(self, piece: Sequence[bytes]) -> None:
        """Begins to write the piece, once the one before it is written."""
        await self._written()
        self._size += sum(map(len, piece))
        self._writing = self._begin(self._append, piece)
        if self._size - self._flushed_at >= FLUSH_BYTES and (self._flushing is None or self._flushing.done()):
            await self._flushed()
            self._flushed_at = self._size
            self._flushing = self._begin(self._file.sync)

    async def finish(self) -> Stored:
        """Everything is written; what is not yet on the disk is left to whoever publishes it."""
        await self._written()
        await self._flushed()
        return Stored(size=self._size, sha256=self._digest.hexdigest())

    def sync(self) -> None:
        """Return when a power cut can no longer undo what was written. Blocks."""
        self._file.sync()

    async def close(self) -> None:
        """Closes it, and removes it unless it has been published under another name."""
        under_way = [task for task in (self._writing, self._flushing) if task is not None]
        cancelled = False
        while any(not task.done() for task in under_way):
            try:
                await asyncio.wait(under_way)
            except asyncio.CancelledError:
                cancelled = True  # a descriptor is not closed under a thread that writes to it
        for task in under_way:
            if not task.cancelled():
                task.exception()  # seen: whoever closes early knows a better reason
        self._file.close()
        self._path.unlink(missing_ok=True)
        if cancelled:
            raise asyncio.CancelledError

    def _append(self, piece: Sequence[bytes]) -> None:
        for chunk in piece:
            self._digest.update(chunk)
            self._file.write(chunk)

    def _begin(self, call: Callable[..., None], *args: Any) -> asyncio.Task[None]:
        work: Coroutine[Any, Any, None] = in_thread(self._threads, call, *args)
        return asyncio.create_task(work, name="media-draft")

    async def _written(self) -> None:
        if self._writing is not None:
            await asyncio.shield(self._writing)

    async def _flushed(self) -> None:
        if self._flushing is not None:
            await asyncio.shield(self._flushing)
