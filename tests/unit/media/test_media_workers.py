"""A worker may crash, hang, spin or lie: the pool survives, says so, and has a fresh one for the next file."""

from __future__ import annotations

import asyncio
import errno
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import uvloop
from hypothesis import given
from hypothesis import strategies as st

from libs.media.errors import WorkerLost, WorkersBusy
from libs.media.finding import Reason, Unreadable
from libs.media.frame import FRAME_MAX_BYTES, HEADER_BYTES, BadFrame, body_length, packed, unpacked
from libs.media.workers import JobLimits, Workers

BAD_WORKER = (sys.executable, str(Path(__file__).with_name("bad_worker.py")))
LIMITS = JobLimits(wall_s=10, cpu_s=0, memory_bytes=1 << 30)


@pytest.fixture
async def workers() -> AsyncIterator[Workers]:
    async with Workers(size=1, command=BAD_WORKER) as workers:
        yield workers


async def pid(workers: Workers) -> int:
    answer = await workers.run("environment", {}, limits=LIMITS)
    assert isinstance(answer, dict)
    return int(answer["pid"])


@pytest.mark.parametrize(
    ("job", "reason"),
    [
        ("segfault", Reason.CRASHED),
        ("abort", Reason.CRASHED),
        ("exit", Reason.CRASHED),
        ("rubbish", Reason.CRASHED),
        ("huge", Reason.CRASHED),
        ("list", Reason.CRASHED),
        ("killed", Reason.CRASHED),
        ("spin", Reason.TIME),
    ],
)
async def test_a_worker_that_goes_down_blames_the_file_and_is_replaced(
    workers: Workers, job: str, reason: Reason
) -> None:
    first = await pid(workers)

    outcome = await workers.run(job, {}, limits=LIMITS)

    assert isinstance(outcome, Unreadable)
    assert outcome.reason is reason
    assert await pid(workers) != first
    with pytest.raises(ProcessLookupError):
        os.kill(first, 0)


async def test_a_worker_that_hangs_is_killed_at_its_deadline(workers: Workers) -> None:
    first = await pid(workers)

    outcome = await workers.run("hang", {}, limits=JobLimits(wall_s=0.2, cpu_s=1, memory_bytes=1 << 30))

    assert isinstance(outcome, Unreadable)
    assert outcome.reason is Reason.TIME
    with pytest.raises(ProcessLookupError):
        os.kill(first, 0)


async def test_a_worker_killed_by_somebody_else_is_not_the_files_fault_the_first_time(
    workers: Workers, tmp_path: Path
) -> None:
    outcome = await workers.run("killed once", {"path": str(tmp_path / "flag")}, limits=LIMITS)

    assert outcome == {"survived": True}


async def test_a_worker_is_kept_for_the_next_job_and_replaced_after_its_share() -> None:
    async with Workers(size=1, command=BAD_WORKER, jobs_per_worker=3) as workers:
        pids = [await pid(workers) for _ in range(7)]

    assert [pids.count(one) for one in dict.fromkeys(pids)] == [3, 3, 1]


async def test_a_worker_with_a_long_job_behind_it_is_replaced() -> None:
    async with Workers(size=1, command=BAD_WORKER, long_job_s=0) as workers:
        assert await pid(workers) != await pid(workers)


async def test_a_worker_knows_nothing_of_our_environment(workers: Workers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIKTOK_CLIENT_SECRET", "hush")

    answer = await workers.run("environment", {}, limits=LIMITS)

    assert isinstance(answer, dict)
    known = answer["environment"]
    ours = {"PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TMPDIR", "PYTHONPATH", "LC_ALL", "MALLOC_ARENA_MAX"}
    assert set(known) - {"LC_CTYPE"} <= ours


async def test_a_worker_can_write_no_more_than_it_may(workers: Workers, tmp_path: Path) -> None:
    answer = await workers.run("write", {"path": str(tmp_path / "file")}, limits=LIMITS)

    assert answer == {"errno": errno.EFBIG}


async def test_progress_is_handed_on_within_bounds_and_nonsense_is_not(workers: Workers) -> None:
    seen: list[float] = []

    await workers.run("progress", {}, limits=LIMITS, report=seen.append)

    assert seen == [0.25, 0.5, 1.0]


async def test_chatter_of_libraries_harms_nobody(workers: Workers) -> None:
    assert await workers.run("print", {}, limits=LIMITS) == {}
    assert await workers.run("print", {}, limits=LIMITS) == {}


async def test_a_cancelled_job_takes_its_worker_with_it_and_frees_the_place(workers: Workers) -> None:
    first = await pid(workers)
    job = asyncio.create_task(workers.run("hang", {}, limits=LIMITS), name="hang")
    await asyncio.sleep(0)  # let it begin

    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job

    assert await pid(workers) != first


async def test_no_free_worker_in_time_is_told_apart_from_a_bad_file() -> None:
    async with Workers(size=1, command=BAD_WORKER, wait_s=0.05) as workers:
        hanging = asyncio.create_task(workers.run("hang", {}, limits=LIMITS), name="hang")
        await asyncio.sleep(0)  # let it take the only place

        with pytest.raises(WorkersBusy):
            await workers.run("print", {}, limits=LIMITS)

        hanging.cancel()
        with pytest.raises(asyncio.CancelledError):
            await hanging


async def test_a_worker_that_cannot_start_says_why() -> None:
    async with Workers(command=(*BAD_WORKER, "--mute")) as workers:
        with pytest.raises(WorkerLost, match="no codec here"):
            await workers.run("print", {}, limits=LIMITS)
    async with Workers(command=("/nonexistent/python",)) as workers:
        with pytest.raises(WorkerLost):
            await workers.run("print", {}, limits=LIMITS)


async def test_closing_ends_every_idle_process() -> None:
    async with Workers(size=3, command=BAD_WORKER) as workers:
        pids = set(await asyncio.gather(*(pid(workers) for _ in range(3))))

    assert len(pids) == 3
    for one in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(one, 0)


def test_the_pool_works_under_uvloop_too() -> None:
    async def crash_and_go_on() -> object:
        async with Workers(size=1, command=BAD_WORKER) as workers:
            await workers.run("segfault", {}, limits=LIMITS)
            return await workers.run("print", {}, limits=LIMITS)

    assert uvloop.run(crash_and_go_on()) == {}


@given(st.dictionaries(st.text(max_size=20), st.integers() | st.text(max_size=50) | st.none(), max_size=20))
def test_a_frame_comes_out_as_it_went_in(message: dict[str, object]) -> None:
    frame = packed(message)

    assert body_length(frame[:HEADER_BYTES]) == len(frame) - HEADER_BYTES
    assert unpacked(frame[HEADER_BYTES:]) == message


@given(st.binary(max_size=200))
def test_no_bytes_are_mistaken_for_a_frame(body: bytes) -> None:
    try:
        assert isinstance(unpacked(body), dict)
    except BadFrame:
        pass


def test_a_frame_beyond_all_measure_is_refused_on_both_sides() -> None:
    with pytest.raises(BadFrame):
        packed({"x": "y" * FRAME_MAX_BYTES})
    with pytest.raises(BadFrame):
        body_length((FRAME_MAX_BYTES + 1).to_bytes(4, "big"))
