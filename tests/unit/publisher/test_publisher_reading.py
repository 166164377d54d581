"""The bytes of chunks, in whatever order they are asked for, from one opening while they follow each other."""

import os
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from random import Random

import pytest

from libs.media.errors import ObjectMissing
from libs.media.folder import FolderStorage
from libs.media.port import PIECE_BYTES
from libs.tiktok.chunks import ChunkPlan
from services.publisher.reading import Reading

CHUNK = PIECE_BYTES * 3 // 2
PLAN = ChunkPlan(3 * CHUNK + 12_345, CHUNK, 3)
OLD, NEW = (Random(seed).randbytes(PLAN.size) for seed in (1, 2))


async def keep(storage: FolderStorage, body: bytes) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield body

    await storage.put("key", pieces(), max_bytes=len(body), content_type="video/mp4")


async def read(reading: Reading, index: int) -> bytes:
    async with aclosing(await reading.chunk(index)) as pieces:
        return b"".join([piece async for piece in pieces])


def of(body: bytes, index: int) -> bytes:
    first, last = PLAN.range(index)
    return body[first : last + 1]


async def test_chunks_that_follow_each_other_are_of_one_object_and_any_other_is_looked_up_anew(tmp_path: Path) -> None:
    storage = FolderStorage(tmp_path, keep_free_bytes=0)
    await keep(storage, OLD)
    open_before = set(os.listdir("/dev/fd"))
    async with aclosing(Reading(storage, "key", PLAN)) as reading:
        assert await read(reading, 0) == of(OLD, 0)
        await keep(storage, NEW)
        assert await read(reading, 1) == of(OLD, 1)
        async with aclosing(await reading.chunk(2)) as pieces:
            assert of(OLD, 2).startswith(await anext(pieces))
        for index in (2, 0, 2, 1, 2):  # the broken one again; back, ahead, back and on
            assert await read(reading, index) == of(NEW, index)
        await storage.delete("key")
        with pytest.raises(ObjectMissing):
            await reading.chunk(0)
    await storage.close()

    assert set(os.listdir("/dev/fd")) <= open_before
