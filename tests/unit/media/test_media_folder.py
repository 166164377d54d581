"""What only the folder store promises: room on the disk, and nothing left by writers that died."""

from __future__ import annotations

import asyncio
import os
import shutil
import stat
from collections import deque
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.media.descriptor import Descriptor
from libs.media.errors import InvalidStorageUrl, ObjectTooLarge, StorageFailed, StorageFull
from libs.media.folder import FolderStorage
from libs.media.pieces import gathered
from libs.media.storage import open_storage

MIB = 1 << 20
DAY_S = 24 * 3600


async def chunks_of(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


async def never_read() -> AsyncIterator[bytes]:
    raise AssertionError("read although there is no room")
    yield b""


async def test_a_full_disk_refuses_before_a_byte_is_read(tmp_path: Path) -> None:
    storage = FolderStorage(tmp_path, keep_free_bytes=shutil.disk_usage(tmp_path).total)

    with pytest.raises(StorageFull) as refused:
        await storage.put("a", never_read(), max_bytes=MIB, content_type="video/mp4", expected_bytes=7)

    assert (refused.value.free_bytes, refused.value.needed_bytes) == (0, 7)
    assert await storage.free_bytes() == 0
    await storage.close()


async def test_an_object_larger_than_the_room_left_is_refused_by_its_announced_length(tmp_path: Path) -> None:
    storage = FolderStorage(tmp_path)
    free_bytes = await storage.free_bytes()

    with pytest.raises(StorageFull):
        await storage.put(
            "a", never_read(), max_bytes=1 << 60, content_type="video/mp4", expected_bytes=free_bytes + (1 << 40)
        )

    await storage.close()


async def test_a_disk_that_fills_up_under_an_unannounced_object_stops_it_and_keeps_nothing(tmp_path: Path) -> None:
    room = 16 * MIB
    storage = FolderStorage(tmp_path, keep_free_bytes=shutil.disk_usage(tmp_path).free - room)

    with pytest.raises(StorageFull):
        await storage.put("a", chunks_of(*[bytes(MIB)] * 256), max_bytes=1 << 40, content_type="video/mp4")

    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    await storage.close()


async def test_drafts_of_writers_that_died_over_a_day_ago_are_removed_at_opening(tmp_path: Path) -> None:
    await FolderStorage(tmp_path).close()
    old, young = tmp_path / ".incoming" / "old", tmp_path / ".incoming" / "young"
    for draft in (old, young):
        draft.write_bytes(b"half")
    os.utime(old, (old.stat().st_atime, old.stat().st_mtime - DAY_S - 60))

    await FolderStorage(tmp_path).close()

    assert (old.exists(), young.exists()) == (False, True)


async def test_nobody_else_on_the_machine_can_read_the_media(tmp_path: Path) -> None:
    root = tmp_path / "new" / "media"
    storage = FolderStorage(root)
    await storage.put("a/b", chunks_of(b"x"), max_bytes=1, content_type="video/mp4")

    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (root / "a", root / "a" / "b", root / ".incoming")}

    assert set(modes.values()) <= {0o700, 0o600}
    await storage.close()


async def test_a_key_below_an_object_cannot_be_stored(tmp_path: Path) -> None:
    storage = FolderStorage(tmp_path)
    await storage.put("a", chunks_of(b"x"), max_bytes=1, content_type="video/mp4")

    with pytest.raises(StorageFailed):
        await storage.put("a/b", chunks_of(b"x"), max_bytes=1, content_type="video/mp4")

    assert list((tmp_path / ".incoming").iterdir()) == []
    await storage.close()


async def test_a_folder_that_cannot_be_made_is_a_storage_failure_that_names_the_setting(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(StorageFailed, match=r"MEDIA_URL: .*/file/media cannot be used"):
        FolderStorage(tmp_path / "file" / "media")


@pytest.mark.parametrize(
    "media_url",
    [
        "",
        "/var/media",
        "file://",
        "file:///",
        "file://host/media",
        "file:media",
        "file:///media?keep_free_bytes=lots",
        "file:///media?keep_free_bytes=-1",
        "file:///media?color=red",
        "file:///media#part",
        "s3://",
        "s3:///prefix",
        "s3://key:secret@bucket/prefix",
        "s3://bucket?endpoint=ftp://host",
        "s3://bucket?secret=x",
        "s3://bucket?endpoint",
        "gs://bucket",
        "http://bucket",
    ],
)
def test_a_media_url_that_names_no_store_is_refused_without_quoting_it(media_url: str) -> None:
    with pytest.raises(InvalidStorageUrl) as refused:
        open_storage(media_url)

    assert "secret@" not in str(refused.value)


async def test_percent_escapes_in_the_folder_are_undone(tmp_path: Path) -> None:
    storage = open_storage((tmp_path / "with space & ü").as_uri())

    assert (tmp_path / "with space & ü").is_dir()
    await storage.close()


@given(st.lists(st.binary(max_size=40), max_size=30), st.integers(1, 64))
async def test_gathered_pieces_are_the_same_bytes_and_full_but_for_the_last(
    chunks: list[bytes], piece_bytes: int
) -> None:
    found = [piece async for piece in gathered(chunks_of(*chunks), piece_bytes=piece_bytes, max_bytes=10_000)]
    pieces = [b"".join(piece) for piece in found]

    assert b"".join(pieces) == b"".join(chunks)
    assert all(len(piece) >= piece_bytes for piece in pieces[:-1])
    assert all(pieces)


async def test_large_chunks_are_passed_on_as_they_came_and_crumbs_are_swept_together_in_their_order() -> None:
    large, crumbs = bytes(20_000), [bytes([n % 256]) for n in range(200_000)]

    [piece] = [p async for p in gathered(chunks_of(*crumbs, large, b"end"), piece_bytes=10**6, max_bytes=10**6)]

    assert b"".join(piece) == b"".join(crumbs) + large + b"end"
    assert len(piece) == 6 and piece[4] is large


@given(st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=30))
async def test_gathering_stops_exactly_at_the_limit(chunks: list[bytes]) -> None:
    total = sum(map(len, chunks))

    assert [piece async for piece in gathered(chunks_of(*chunks), piece_bytes=16, max_bytes=total)]
    with pytest.raises(ObjectTooLarge):
        async for _ in gathered(chunks_of(*chunks), piece_bytes=16, max_bytes=total - 1):
            pass


@pytest.mark.parametrize("steps", range(0, 60, 3))
async def test_wherever_a_put_is_cancelled_no_descriptor_and_no_draft_is_left(tmp_path: Path, steps: int) -> None:
    storage = FolderStorage(tmp_path)
    await storage.put("before", chunks_of(b"x"), max_bytes=1, content_type="video/mp4")
    open_before = set(os.listdir("/dev/fd"))

    putting = asyncio.create_task(
        storage.put("a", chunks_of(*[bytes(MIB)] * 3), max_bytes=8 * MIB, content_type="video/mp4"), name="put"
    )
    for _ in range(steps):
        await asyncio.sleep(0)
    putting.cancel()
    await asyncio.wait([putting])

    assert set(os.listdir("/dev/fd")) <= open_before
    assert list((tmp_path / ".incoming").iterdir()) == []
    await storage.close()


def test_what_is_in_memory_is_read_without_waiting_and_is_the_same(tmp_path: Path) -> None:
    content = bytes(range(256)) * 4096
    (tmp_path / "file").write_bytes(content)
    file = Descriptor(tmp_path / "file", os.O_RDONLY)
    file.open()
    try:
        cached = file.read_cached(1000, at=500)
        beyond = file.read_cached(1000, at=len(content))
    finally:
        file.close()

    assert cached in (content[500:1500], b"")  # nothing where the system has no such reads
    assert beyond == b""


@pytest.mark.parametrize("held", [1, 2, 5])
def test_pieces_that_are_still_held_keep_their_bytes_while_others_are_read(tmp_path: Path, held: int) -> None:
    content = Random(7).randbytes(20_000)
    (tmp_path / "file").write_bytes(content)
    file = Descriptor(tmp_path / "file", os.O_RDONLY)
    file.open()
    kept: deque[tuple[int, int, bytes]] = deque(maxlen=held)
    try:
        for at, length in [*((at, 1000) for at in range(0, 9000, 1000)), (9000, 10), (9010, 3000), (19_500, 1000)]:
            kept.append((at, length, file.read_cached(length, at=at)))
            assert all(piece in (content[at : at + length], b"") for at, length, piece in kept)
    finally:
        file.close()
    assert all(piece in (content[at : at + length], b"") for at, length, piece in kept)
