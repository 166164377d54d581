"""The bytes of an upload's chunks, read in one go."""

from collections.abc import AsyncGenerator

from libs.media.port import MediaStorage
from libs.tiktok.chunks import ChunkPlan


class Reading:
    """One object, opened once for as many chunks as follow each other: to look it up and open it again between two of
    them takes as long as to send a megabyte, and what is read all belongs to the object that was opened.

    Close it (`aclosing`).
    """

    def __init__(self, storage: MediaStorage, key: str, chunks: ChunkPlan) -> None:
        self._storage = storage
        self._key = key
        self._chunks = chunks
        self._pieces: AsyncGenerator[bytes, None] | None = None
        self._at = 0
        """The byte that comes next."""
        self._rest = b""
        """What was read with the end of one chunk and belongs to the next."""

    async def chunk(self, index: int) -> AsyncGenerator[bytes, None]:
        """That chunk's bytes, once; the chunk before is done with. Raises like `MediaStorage.open_range`."""
        first, last = self._chunks.range(index)
        if self._pieces is None or self._at != first:
            await self.aclose()
            self._pieces = await self._storage.open_range(self._key, first=first, last=self._chunks.size - 1)
            self._at = first
        return self._until(self._pieces, last + 1)

    async def aclose(self) -> None:
        """Lets go of the object."""
        pieces, self._pieces, self._rest = self._pieces, None, b""
        if pieces is not None:
            await pieces.aclose()

    async def _until(self, pieces: AsyncGenerator[bytes, None], end: int) -> AsyncGenerator[bytes, None]:
        while self._at < end:
            piece = self._rest or await anext(pieces)
            part, self._rest = piece[: end - self._at], piece[end - self._at :]
            self._at += len(part)
            yield part
