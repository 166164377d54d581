import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from libs.tiktok.chunks import (
    MAX_CHUNK,
    MAX_SIZE,
    MIN_CHUNK,
    ChunkPlan,
    Progress,
    content_range,
    is_legal,
    plan,
    read_progress,
)

sizes = (
    st.integers(1, MAX_SIZE)
    | st.integers(1, 200_000_000)
    | st.builds(lambda n, off: min(max(1, n * 32_000_000 + off), MAX_SIZE), st.integers(1, 135), st.integers(-2, 2))
)


@given(size=sizes)
@example(size=1)
@example(size=MIN_CHUNK)
@example(size=MAX_CHUNK)
@example(size=MAX_CHUNK + 1)
@example(size=4_000_000_000)
@example(size=MAX_SIZE)
def test_every_plan_is_legal_and_covers_the_file_once(size: int) -> None:
    made = plan(size)

    assert is_legal(made.size, made.chunk_size, made.count)
    at = 0
    for first, last in made.ranges():
        assert first == at
        assert last - first + 1 <= MAX_CHUNK
        at = last + 1
    assert at == size


def test_four_gib_is_134_chunks() -> None:
    assert plan(4 * 1024**3).count == 134


@pytest.mark.parametrize("size", [-1, 0, MAX_SIZE + 1])
def test_a_size_no_video_has_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match="1 to"):
        plan(size)


@pytest.mark.parametrize(
    ("size", "chunk_size", "count", "legal"),
    [
        (50_000_123, 10_000_000, 5, True),  # the documented example
        (50_000_123, 10_000_000, 6, False),  # ceil
        (30_567_100, 30_567_100, 1, True),  # the documented whole
        (12_000_000, 10_000_000, 1, False),  # recorded: one chunk that is not the file
        (12_000_000, 10_000_000, 2, False),
        (66_259_900, 66_259_900, 1, False),  # recorded: under 64 MiB, over 64 MB
        (158_008_374, 158_008_374, 1, False),
        (158_008_374, MIN_CHUNK, 30, True),  # recorded as accepted
        (158_008_374, MIN_CHUNK - 1, 30, False),
        (MAX_CHUNK, MAX_CHUNK, 1, True),
        (MAX_CHUNK + 1, MAX_CHUNK + 1, 1, False),
        (MAX_CHUNK + 1, MAX_CHUNK, 1, False),
        (MAX_CHUNK * 2, MAX_CHUNK, 2, True),
        (MAX_CHUNK * 2 + 2, MAX_CHUNK + 1, 2, False),
        (MAX_CHUNK * 3 - 1, MAX_CHUNK, 2, True),  # last chunk of 127,999,999
        (1, 1, 1, True),
        (4_999_999, 4_999_999, 1, True),
        (4_999_999, 2_000_000, 2, False),
        (0, 0, 1, False),
        (1, 1, 0, False),
        (10, 0, 2, False),
        (10, -5, 2, False),
        (MAX_SIZE, MIN_CHUNK, MAX_SIZE // MIN_CHUNK, True),
        (MAX_SIZE + 1, 32_000_000, 134, False),
    ],
)
def test_the_chunk_law(size: int, chunk_size: int, count: int, legal: bool) -> None:
    assert is_legal(size, chunk_size, count) is legal


def test_ranges_are_those_of_the_documented_example() -> None:
    made = ChunkPlan(size=50_000_123, chunk_size=10_000_000, count=5)

    assert content_range(*made.range(0), made.size) == "bytes 0-9999999/50000123"
    assert content_range(*made.range(4), made.size) == "bytes 40000000-50000122/50000123"


@pytest.mark.parametrize("index", [-1, 5])
def test_a_chunk_outside_the_plan_does_not_exist(index: int) -> None:
    with pytest.raises(IndexError):
        ChunkPlan(size=50_000_123, chunk_size=10_000_000, count=5).range(index)


@pytest.mark.parametrize(
    ("received", "index"),
    [
        (0, 0),
        (10_000_000, 1),
        (40_000_000, 4),
        (50_000_123, 5),
        (50_000_000, None),  # inside the last chunk, though a multiple of the chunk size
        (9_999_999, None),
        (60_000_000, None),
        (-10_000_000, None),
    ],
)
def test_an_upload_resumes_only_at_its_own_boundaries(received: int, index: int | None) -> None:
    assert ChunkPlan(size=50_000_123, chunk_size=10_000_000, count=5).resume(received) == index


@given(size=sizes, data=st.data())
def test_resuming_at_a_boundary_names_the_chunk_that_starts_there(size: int, data: st.DataObject) -> None:
    made = plan(size)
    index = data.draw(st.integers(0, made.count - 1))

    assert made.resume(made.range(index)[0]) == index
    assert made.resume(size) == made.count


@pytest.mark.parametrize(("first", "last", "total"), [(0, 0, 0), (5, 4, 10), (-1, 4, 10), (0, 10, 10)])
def test_an_impossible_range_has_no_header(first: int, last: int, total: int) -> None:
    with pytest.raises(ValueError, match="no such range"):
        content_range(first, last, total)


@pytest.mark.parametrize(
    ("header", "progress"),
    [
        ("bytes 0-10000000/50000123", Progress(received=10_000_000, total=50_000_123)),
        ("bytes 0-50000123/50000123", Progress(received=50_000_123, total=50_000_123)),
        ("bytes 0-0/5", Progress(received=0, total=5)),
        (None, None),
        ("", None),
        ("bytes */5", None),
        ("bytes 0-6/5", None),
        ("bytes 1-5/5", None),
        ("bytes 0-5/*", None),
        ("bytes 0-5/5 ", None),
        ("bytes=0-5/5", None),
        (f"bytes 0-{'9' * 14}/{'9' * 15}", None),
    ],
)
def test_progress_is_a_count_of_bytes_or_unknown(header: str | None, progress: Progress | None) -> None:
    assert read_progress(header) == progress


@given(header=st.text() | st.from_regex(r"bytes 0-.*/.*"))
def test_any_progress_header_is_a_possible_count_or_unknown(header: str) -> None:
    progress = read_progress(header)

    assert progress is None or 0 <= progress.received <= progress.total
