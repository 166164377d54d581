"""How a file is cut for FILE_UPLOAD: the chunk law, a plan every reading of it allows, and the two headers (4.1, 4.2).

TikTok's count is floor(size / chunk_size); the last chunk carries the remainder, so it may exceed `chunk_size`. "MB" is
decimal at the upper end (66,259,900 bytes in one chunk were refused) and 5,242,880 is the smallest size seen accepted;
the bounds here are the intersection of both readings.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

MAX_SIZE = 4 * 1024**3
"""Largest video. TikTok says "4 GB" and nobody has recorded the edge, hence the larger reading: refusing a file of 4.0
to 4.3 billion bytes ourselves would deny what TikTok may take, while its own refusal costs one init and no post."""
MIN_CHUNK = 5_242_880
MAX_CHUNK = 64_000_000
MAX_LAST_CHUNK = 128_000_000
MAX_COUNT = 1000

_STEP = 32_000_000  # half of MAX_CHUNK, so that even a last chunk with its remainder stays under MAX_CHUNK
_PROGRESS = re.compile(r"bytes 0-([0-9]{1,13})/([0-9]{1,13})")


@dataclass(frozen=True, slots=True)
class ChunkPlan:
    """A file of `size` bytes in `count` sequential chunks, each of `chunk_size` but the last, which takes the rest."""

    size: int
    chunk_size: int
    count: int

    def range(self, index: int) -> tuple[int, int]:
        """First and last byte of a chunk, both inclusive. Raises IndexError outside 0 … count-1."""
        if not 0 <= index < self.count:
            raise IndexError(f"chunk {index} of {self.count}")
        first = index * self.chunk_size
        last = self.size - 1 if index == self.count - 1 else first + self.chunk_size - 1
        return first, last

    def ranges(self) -> Iterator[tuple[int, int]]:
        """Every chunk's first and last byte, in the order they must be sent."""
        return (self.range(index) for index in range(self.count))

    def resume(self, received: int) -> int | None:
        """The chunk to send next when TikTok holds `received` bytes; `count` when it holds all.

        None when the number is no boundary of this plan: nothing legal can follow, only a new init.
        """
        if received == self.size:
            return self.count
        index, off = divmod(received, self.chunk_size)
        return index if off == 0 and 0 <= index < self.count else None


@dataclass(frozen=True, slots=True)
class Progress:
    """What an upload server says it holds: `received` is a count of bytes, not an index."""

    received: int
    total: int


def plan(size: int) -> ChunkPlan:
    """The safe plan: whole up to 64,000,000 bytes, else chunks of 32,000,000. ValueError outside 1 … MAX_SIZE."""
    if not 1 <= size <= MAX_SIZE:
        raise ValueError(f"a video has 1 to {MAX_SIZE} bytes, not {size}")
    if size <= MAX_CHUNK:
        return ChunkPlan(size=size, chunk_size=size, count=1)
    return ChunkPlan(size=size, chunk_size=_STEP, count=size // _STEP)


def is_legal(size: int, chunk_size: int, count: int) -> bool:
    """Whether TikTok's init takes these three numbers, as documented and as observed."""
    if not (1 <= size <= MAX_SIZE and 1 <= count <= MAX_COUNT):
        return False
    if count == 1:
        return chunk_size == size <= MAX_CHUNK
    last = size - (count - 1) * chunk_size
    return MIN_CHUNK <= chunk_size <= MAX_CHUNK and count == size // chunk_size and last <= MAX_LAST_CHUNK


def content_range(first: int, last: int, total: int) -> str:
    """The request header of a chunk. Raises ValueError for a range that is empty or outside the file."""
    if not 0 <= first <= last < total:
        raise ValueError(f"no such range: {first}-{last} of {total}")
    return f"bytes {first}-{last}/{total}"


def read_progress(header: str | None) -> Progress | None:
    """The answer's `Content-Range: bytes 0-{received}/{total}`; None when absent or when it makes no sense."""
    form = _PROGRESS.fullmatch(header) if header else None
    if form is None:
        return None
    progress = Progress(received=int(form[1]), total=int(form[2]))
    return progress if progress.received <= progress.total else None
