"""The chunk law from 1 byte to 4 GB: every allowed plan passes, every forbidden one is refused with its words.

The oracle below restates fact sheet 4.1 in its own order; no byte is made.
"""

from datetime import UTC, datetime
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.simulator.knobs import Knobs
from services.simulator.world.chunk import check_plan, check_put
from services.simulator.world.error import Code, Refused, UploadRefused
from services.simulator.world.record import Upload

KNOBS = Knobs()
LOW, HIGH, LAST, TOP = 5_242_880, 64_000_000, 128_000_000, 4 << 30
SIZES = sorted({
    1, 2, 999, 1_000_000, 4_999_999, 5_000_000, 5_000_001, LOW - 1, LOW, LOW + 1, 7_000_000, 2 * LOW - 1, 2 * LOW,
    10_000_000, 10_485_760, 12_000_000, 20_000_000, 25_000_000, 30_567_100, 50_000_123, HIGH - 1, HIGH, HIGH + 1,
    66_259_900, 66_600_000, 67_108_864, 94_000_000, LAST - 1, LAST, LAST + 1, 134_217_728, 158_008_374, 512_000_000,
    1_000_000_000, 2**31 - 1, 2**31, 2**32 - 1, TOP - 1, TOP, TOP + 1, 10**12,
})  # fmt: skip
CHUNKS = (1, 1_000_000, 5_000_000, LOW - 1, LOW, LOW + 1, 10_000_000, 10_485_760, 32_000_000, HIGH - 1, HIGH, HIGH + 1,
          67_108_864, LAST)  # fmt: skip


def verdict(size: int, chunk: int, count: int) -> str | None:
    """None when the sheet allows the plan, else what TikTok was seen to say."""
    if size < 1 or size > TOP:
        return "The video size is invalid"
    if count < 1 or count > 1000:
        return "The total chunk count is invalid"
    if count == 1:
        return None if chunk == size and size <= HIGH else "The chunk size is invalid"
    if chunk < LOW or chunk > HIGH:
        return "The chunk size is invalid"
    whole_chunks, _ = divmod(size, chunk)
    return None if whole_chunks == count else "The total chunk count is invalid"


def said(size: int, chunk: int, count: int) -> str | None:
    try:
        check_plan(size, chunk, count, knobs=KNOBS)
    except Refused as refused:
        return refused.message if (refused.code, refused.status) == (Code.INVALID_PARAMS, 400) else str(refused)
    return None


def counts(size: int, chunk: int) -> set[int]:
    floor = size // chunk
    return {0, 1, 2, floor - 1, floor, floor + 1, -(-size // chunk), 1000, 1001}


def test_every_boundary_is_judged_as_the_sheet_says() -> None:
    plans = [
        (size, chunk, count)
        for size in SIZES
        for chunk in {*CHUNKS, size, max(1, size - 1), size + 1}
        for count in counts(size, chunk)
    ]

    wrong = [(plan, said(*plan)) for plan in plans if said(*plan) != verdict(*plan)]

    assert len(plans) > 4_000 and wrong == []


def test_under_five_megabytes_only_one_whole_chunk_exists() -> None:
    for size in (1, 1000, 4_999_999, LOW - 1):
        assert said(size, size, 1) is None
        others = product({1, LOW, size - 1, size + 1} - {size}, (1, 2, 3))
        assert all(said(size, chunk, count) for chunk, count in others)


def test_a_chunk_size_has_one_legal_count_and_none_when_it_is_over_half() -> None:
    for size in (HIGH + 1, 158_008_374, 1_000_000_000, TOP):
        for chunk in (*range(LOW, HIGH, 1_234_567), LOW, HIGH):
            legal = [count for count in counts(size, chunk) if said(size, chunk, count) is None]
            assert legal == ([size // chunk] if size // chunk >= 2 else [])


@given(size=st.integers(1, TOP), chunk=st.integers(1, HIGH + 10), count=st.integers(0, 1002))
def test_any_plan_is_judged_as_the_sheet_says(size: int, chunk: int, count: int) -> None:
    assert said(size, chunk, count) == verdict(size, chunk, count)


@given(size=st.integers(LOW, TOP), chunk=st.integers(LOW, HIGH), error=st.sampled_from((-1, 0, 1)))
def test_the_floor_alone_is_the_count(size: int, chunk: int, error: int) -> None:
    count = size // chunk + error

    assert (said(size, chunk, count) is None) is (verdict(size, chunk, count) is None)
    assert count < 2 or error or said(size, chunk, count) is None


def upload(size: int, chunk: int, count: int) -> Upload:
    return Upload(1, "t", size, chunk, count, expires_at=datetime(2026, 1, 1, tzinfo=UTC))


def put(task: Upload, first: int, last: int, **changes: object) -> int:
    """200 when the chunk may stream, else the status of the refusal."""
    headers: dict[str, object] = {
        "content_range": f"bytes {first}-{last}/{task.size}",
        "content_length": last - first + 1,
        "content_type": "video/mp4",
        **changes,
    }
    try:
        check_put(task, knobs=KNOBS, **headers)  # type: ignore[arg-type]
    except UploadRefused as refused:
        return refused.status
    return 200


@given(size=st.integers(HIGH + 1, TOP), chunk=st.integers(LOW, HIGH))
def test_every_legal_plan_can_be_sent_to_its_last_byte(size: int, chunk: int) -> None:
    count = size // chunk
    if count < 2 or count > 1000:
        return
    task = upload(size, chunk, count)

    for index in range(count):
        first, last = task.expected(index)
        assert first == task.received
        assert put(task, first, last) == 200
        task.received, task.chunks = last + 1, [*task.chunks, last - first + 1]

    assert task.complete and max(task.chunks) <= LAST and set(task.chunks[:-1]) <= {chunk}


@pytest.mark.parametrize(
    ("first", "last", "changes", "status"),
    [
        (0, LOW - 1, {}, 200),
        (0, LOW - 2, {}, 400),
        (0, LOW, {}, 400),
        (LOW, 2 * LOW - 1, {}, 416),
        (1, LOW, {}, 416),
        (0, LOW - 1, {"content_range": None}, 416),
        (0, LOW - 1, {"content_range": "0-5"}, 400),
        (0, LOW - 1, {"content_range": f"bytes 0-{LOW - 1}/{2 * LOW + 6}"}, 400),
        (0, LOW - 1, {"content_range": f"bytes  0-{LOW - 1}/{2 * LOW + 7}"}, 400),
        (0, LOW - 1, {"content_range": f"bytes 0-{LOW - 1}/{2 * LOW + 7} "}, 400),
        (0, LOW - 1, {"content_range": f"bytes ٠-{LOW - 1}/{2 * LOW + 7}"}, 400),
        (0, LOW - 1, {"content_range": "bytes 0-99999999999999999999/3"}, 400),
        (0, LOW - 1, {"content_length": None}, 400),
        (0, LOW - 1, {"content_length": LOW - 1}, 400),
        (0, LOW - 1, {"content_type": None}, 400),
        (0, LOW - 1, {"content_type": "text/plain"}, 400),
        (0, LOW - 1, {"content_type": "VIDEO/MP4; codecs=avc1"}, 200),
        (5, 4, {"content_length": 0}, 400),
    ],
)  # fmt: skip
def test_the_first_put_of_two(first: int, last: int, changes: dict[str, object], status: int) -> None:
    assert put(upload(2 * LOW + 7, LOW, 2), first, last, **changes) == status
