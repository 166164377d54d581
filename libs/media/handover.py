"""Feeding an upload that pulls, from a writer that pushes, so that either side's end is known to the other."""

from __future__ import annotations

import asyncio


class Abandoned(Exception):
    """The writer gave up: the upload must abort and leave nothing."""


class Handover:
    """An async iterator of parts for the upload, holding at most one part at a time."""

    def __init__(self) -> None:
        self._parts: asyncio.Queue[bytes | Abandoned | None] = asyncio.Queue(maxsize=1)

    def __aiter__(self) -> Handover:
        return self

    async def __anext__(self) -> bytes:
        """Called by the upload."""
        match await self._parts.get():
            case None:
                raise StopAsyncIteration
            case Abandoned() as end:
                raise end
            case part:
                return part

    async def give(self, part: bytes | None, *, upload: asyncio.Future[None]) -> None:
        """Called by the writer: wait until there is room for ``part`` (None: that was all) or the upload has ended."""
        giving = asyncio.ensure_future(self._parts.put(part))
        try:
            await asyncio.wait((giving, upload), return_when=asyncio.FIRST_COMPLETED)
        finally:
            giving.cancel()

    def abandon(self) -> None:
        """Called by the writer, last: what the upload asks for next raises ``Abandoned``."""
        while not self._parts.empty():
            self._parts.get_nowait()
        self._parts.put_nowait(Abandoned())
