"""What every media store promises, asked of each of them."""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from media_place import Place

from libs.media.errors import InvalidKey, InvalidRange, ObjectMissing, ObjectTooLarge, StorageFailed
from libs.media.pieces import file_pieces
from libs.media.storage import open_storage

MIB = 1 << 20
LIMIT = 64 * MIB
SMALL = random.Random(1).randbytes(70_001)
LARGE = random.Random(2).randbytes(19 * MIB + 123)  # two whole parts of an S3 upload, and a bit


async def chunked(body: bytes, *, chunk_bytes: int = 100_000) -> AsyncIterator[bytes]:
    for at in range(0, len(body), chunk_bytes):
        yield body[at : at + chunk_bytes]


class Broke(Exception):
    """The sender's own trouble."""


async def breaking(body: bytes, *, after: int) -> AsyncIterator[bytes]:
    async for chunk in chunked(body[:after]):
        yield chunk
    raise Broke


async def keep(place: Place, key: str, body: bytes) -> None:
    await place.storage.put(key, chunked(body), max_bytes=LIMIT, content_type="video/mp4")


async def read(place: Place, key: str, *, first: int, last: int) -> bytes:
    async with aclosing(await place.storage.open_range(key, first=first, last=last)) as pieces:
        return b"".join([piece async for piece in pieces])


@pytest.mark.parametrize("body", [b"x", SMALL, LARGE], ids=["one byte", "70 kB", "19 MB"])
async def test_what_was_put_is_read_back_with_its_size_and_digest(place: Place, body: bytes) -> None:
    stored = await place.storage.put("med_1/original", chunked(body), max_bytes=LIMIT, content_type="video/mp4")

    assert (stored.size, stored.sha256) == (len(body), hashlib.sha256(body).hexdigest())
    assert await place.storage.size("med_1/original") == len(body)
    assert await read(place, "med_1/original", first=0, last=len(body) - 1) == body
    assert place.leftovers() == []


async def test_an_address_takes_the_object_from_whoever_has_it_where_the_store_has_such(place: Place) -> None:
    url = await place.storage.put_address("cus_1/med_1.sent", lives=timedelta(minutes=5))

    assert (url is None) == place.media_url.startswith("file:")
    if url is None:
        return
    async with httpx.AsyncClient() as stranger:
        assert (await stranger.put(url, content=SMALL)).status_code == 200
    assert await place.storage.size("cus_1/med_1.sent") == len(SMALL)
    assert await read(place, "cus_1/med_1.sent", first=0, last=len(SMALL) - 1) == SMALL


async def test_every_key_is_listed_that_was_written_before_a_moment_and_no_draft(place: Place) -> None:
    for key in ("top", "cus_1/med_1", "cus_1/med_2", "cus_2/deep/er"):
        await keep(place, key, b"x")
    begun = asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield LARGE
        begun.set()
        await asyncio.Event().wait()

    writing = asyncio.create_task(place.storage.put("half", slow(), max_bytes=LIMIT, content_type="video/mp4"))
    await begun.wait()
    soon, long_ago = datetime.now(UTC) + timedelta(minutes=1), datetime.now(UTC) - timedelta(minutes=1)

    listed = [key async for batch in place.storage.keys(before=soon) for key in batch]
    older = [key async for batch in place.storage.keys(before=long_ago) for key in batch]

    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    assert sorted(listed) == ["cus_1/med_1", "cus_1/med_2", "cus_2/deep/er", "top"]
    assert older == []


async def test_an_empty_object_is_kept_and_has_no_range(place: Place) -> None:
    stored = await place.storage.put("empty", chunked(b""), max_bytes=LIMIT, content_type="image/png")

    assert (stored.size, stored.sha256) == (0, hashlib.sha256().hexdigest())
    assert await place.storage.size("empty") == 0
    async with place.storage.local_path("empty", max_bytes=LIMIT) as path:
        assert path.read_bytes() == b""
    with pytest.raises(InvalidRange):
        await place.storage.open_range("empty", first=0, last=0)


@pytest.mark.parametrize(
    ("first", "last"),
    [
        (0, 0),
        (len(LARGE) - 1, len(LARGE) - 1),
        (MIB - 1, MIB),
        (8 * MIB - 5, 8 * MIB + 5),
        (3, 17 * MIB),
        (10 * MIB, len(LARGE) - 1),
    ],
)
async def test_any_range_is_exact_and_comes_in_small_pieces(place: Place, first: int, last: int) -> None:
    await keep(place, "large", LARGE)

    async with aclosing(await place.storage.open_range("large", first=first, last=last)) as pieces:
        got = [piece async for piece in pieces]

    assert b"".join(got) == LARGE[first : last + 1]
    assert max(len(piece) for piece in got) <= 2 * MIB
    assert all(type(piece) is bytes for piece in got)


@pytest.mark.parametrize(("first", "last"), [(-1, 5), (5, 4), (0, len(SMALL)), (len(SMALL), len(SMALL)), (9, 10**12)])
async def test_a_range_outside_the_object_is_refused_at_once(place: Place, first: int, last: int) -> None:
    await keep(place, "small", SMALL)

    with pytest.raises(InvalidRange):
        await place.storage.open_range("small", first=first, last=last)


async def test_a_reader_that_stops_early_lets_go(place: Place) -> None:
    await keep(place, "large", LARGE)

    async with aclosing(await place.storage.open_range("large", first=0, last=len(LARGE) - 1)) as pieces:
        first_piece = await anext(pieces)

    assert LARGE.startswith(first_piece)
    assert await read(place, "large", first=0, last=9) == LARGE[:10]


@pytest.mark.parametrize("body", [SMALL, LARGE], ids=["70 kB", "19 MB"])
async def test_one_byte_too_many_is_refused_and_leaves_nothing(place: Place, body: bytes) -> None:
    with pytest.raises(ObjectTooLarge) as refused:
        await place.storage.put("long", chunked(body), max_bytes=len(body) - 1, content_type="video/mp4")

    assert refused.value.limit_bytes == len(body) - 1
    assert (place.keys(), place.leftovers()) == (set(), [])


async def test_an_announced_length_over_the_limit_is_refused_before_a_byte_is_read(place: Place) -> None:
    source = breaking(SMALL, after=0)

    with pytest.raises(ObjectTooLarge):
        await place.storage.put("long", source, max_bytes=10, content_type="video/mp4", expected_bytes=11)


@pytest.mark.parametrize("after", [0, 50_000, 18 * MIB], ids=["at once", "in the first part", "after two parts"])
async def test_a_sender_that_breaks_off_leaves_nothing_and_its_error_comes_out(place: Place, after: int) -> None:
    with pytest.raises(Broke):
        await place.storage.put("half", breaking(LARGE, after=after), max_bytes=LIMIT, content_type="video/mp4")

    assert (place.keys(), place.leftovers()) == (set(), [])
    with pytest.raises(ObjectMissing):
        await place.storage.size("half")


@pytest.mark.parametrize("after", [0, 18 * MIB], ids=["at once", "after two parts"])
async def test_a_cancelled_put_leaves_nothing(place: Place, after: int) -> None:
    reached = asyncio.Event()

    async def stuck() -> AsyncIterator[bytes]:
        async for chunk in chunked(LARGE[:after]):
            yield chunk
        reached.set()
        await asyncio.get_running_loop().create_future()

    putting = asyncio.create_task(
        place.storage.put("half", stuck(), max_bytes=LIMIT, content_type="video/mp4"), name="put"
    )
    await reached.wait()
    putting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await putting

    assert (place.keys(), place.leftovers()) == (set(), [])


async def test_a_failed_put_keeps_the_object_that_was_there(place: Place) -> None:
    await keep(place, "kept", SMALL)

    with pytest.raises(Broke):
        await place.storage.put("kept", breaking(LARGE, after=9 * MIB), max_bytes=LIMIT, content_type="video/mp4")

    assert await read(place, "kept", first=0, last=len(SMALL) - 1) == SMALL


async def test_a_second_put_replaces_the_first(place: Place) -> None:
    await keep(place, "twice", LARGE)
    await keep(place, "twice", SMALL)

    assert await place.storage.size("twice") == len(SMALL)
    assert await read(place, "twice", first=0, last=len(SMALL) - 1) == SMALL
    assert place.leftovers() == []


async def test_a_reader_never_sees_half_an_object(place: Place) -> None:
    seen: list[str] = []

    async def watched() -> AsyncIterator[bytes]:
        async for chunk in chunked(LARGE, chunk_bytes=6 * MIB):
            yield chunk
            seen.extend(place.keys())

    await place.storage.put("whole", watched(), max_bytes=LIMIT, content_type="video/mp4")

    assert seen == []
    assert place.keys() == {"whole"}


async def test_many_puts_and_reads_at_once_do_not_mix(place: Place) -> None:
    bodies = {f"many/{n}": random.Random(n).randbytes(300_000 + n) for n in range(12)}

    async with asyncio.TaskGroup() as group:
        for key, body in bodies.items():
            group.create_task(keep(place, key, body))
    async with asyncio.TaskGroup() as group:
        reads = {key: group.create_task(read(place, key, first=0, last=len(body) - 1)) for key, body in bodies.items()}

    assert {key: task.result() for key, task in reads.items()} == bodies


async def test_what_is_not_there_is_missing_everywhere_but_for_delete(place: Place) -> None:
    await keep(place, "folder/object", SMALL)

    for key in ("nothing", "folder", "folder/object/deeper"):
        with pytest.raises(ObjectMissing):
            await place.storage.size(key)
        with pytest.raises(ObjectMissing):
            await place.storage.open_range(key, first=0, last=0)
        with pytest.raises(ObjectMissing):
            async with place.storage.local_path(key, max_bytes=LIMIT):
                pass
    await place.storage.delete("nothing")


async def test_a_deleted_object_is_gone_and_can_be_deleted_again(place: Place) -> None:
    await keep(place, "a/b", SMALL)

    await place.storage.delete("a/b")
    await place.storage.delete("a/b")

    assert place.keys() == set()
    with pytest.raises(ObjectMissing):
        await place.storage.size("a/b")


async def test_a_local_path_has_the_bytes_and_leaves_no_copy(place: Place) -> None:
    await keep(place, "large", LARGE)

    async with place.storage.local_path("large", max_bytes=LIMIT) as path:
        assert path.read_bytes() == LARGE
        copied = [piece async for piece in file_pieces(path)]

    assert b"".join(copied) == LARGE
    assert place.leftovers() == []


async def test_a_local_path_is_bounded(place: Place) -> None:
    await keep(place, "small", SMALL)

    with pytest.raises(ObjectTooLarge):
        async with place.storage.local_path("small", max_bytes=len(SMALL) - 1):
            pass


KEYS_NO_STORE_KEEPS = [
    "",
    "/",
    "/etc/passwd",
    "..",
    "../up",
    "a/../../b",
    "a/./b",
    "a//b",
    "a/",
    ".incoming/x",
    "a/.hidden",
    "a\\b",
    "a\x00b",
    "a\nb",
    "a b",
    "é",
    "%2e%2e/x",
    "~root",
    "C:",
    "x" * 513,
    "x" * 200,
]


@pytest.mark.parametrize("key", KEYS_NO_STORE_KEEPS)
async def test_a_key_that_could_leave_the_store_is_refused_by_every_method(place: Place, key: str) -> None:
    with pytest.raises(InvalidKey):
        await place.storage.put(key, chunked(SMALL), max_bytes=LIMIT, content_type="video/mp4")
    with pytest.raises(InvalidKey):
        await place.storage.size(key)
    with pytest.raises(InvalidKey):
        await place.storage.open_range(key, first=0, last=0)
    with pytest.raises(InvalidKey):
        await place.storage.delete(key)
    with pytest.raises(InvalidKey):
        async with place.storage.local_path(key, max_bytes=LIMIT):
            pass


async def test_another_opening_of_the_same_url_sees_the_same_objects(place: Place) -> None:
    await keep(place, "shared", SMALL)
    other = open_storage(place.media_url)

    assert await other.size("shared") == len(SMALL)
    await other.close()


@pytest.mark.parametrize("body", [SMALL, LARGE], ids=["70 kB", "19 MB"])
async def test_a_store_that_is_gone_fails_the_put_and_does_not_call_the_object_missing(
    place: Place, body: bytes
) -> None:
    place.take_away()

    with pytest.raises(StorageFailed):
        await place.storage.put("new", chunked(body), max_bytes=LIMIT, content_type="video/mp4")
