"""Real films go out byte for byte, in legal chunks, through a publisher process that stays small."""

import asyncio
import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from flow_house import Guest, Stage, open_stage

from libs.runtime.web import HttpServer
from tests.eventually import eventually

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(180),
    pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="memory is measured by Linux's /proc"),
]

ROOT = Path(__file__).parents[2]
MEGABYTE = 1_000_000
GROWTH_MAX = 80 * MEGABYTE
CHUNK_MIN, CHUNK_MAX, LAST_MAX = 5_242_880, 64_000_000, 128_000_000
PATIENCE_S = 60.0


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a film of 3 MB and one of 150 MB, made once for the run by a real encoder."""
    folder = tmp_path_factory.mktemp("films")
    maker = [sys.executable, str(Path(__file__).with_name("film_maker.py")), str(folder)]
    subprocess.run(maker, check=True, timeout=120)
    return folder


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(module_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """Everything but the publisher. TikTok looks into what it gets, and its clock stands for other processes too."""
    programs = ["ingest", "notifier", "api"]
    folder = tmp_path_factory.mktemp("house")
    async with open_stage(module_database_url, folder, programs=programs, knobs="check_media=true") as stage:
        await stage.sim("POST", "clock/freeze")
        yield stage


class Process:
    """A running publisher and what the kernel says of its memory."""

    def __init__(self, process: "subprocess.Popen[bytes]", log: Path) -> None:
        self.process = process
        self._status = Path(f"/proc/{process.pid}/status")
        self._log = log

    @property
    def resident(self) -> int:
        """Bytes in memory now."""
        return self._bytes("VmRSS")

    @property
    def peak(self) -> int:
        """Most bytes in memory since the start, or since `forget_peak`."""
        return self._bytes("VmHWM")

    def forget_peak(self) -> None:
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")

    @property
    def log(self) -> str:
        return self._log.read_text()

    def _bytes(self, name: str) -> int:
        line = next(line for line in self._status.read_text().splitlines() if line.startswith(name))
        return int(line.split()[1]) * 1024


@contextmanager
def started(stage: Stage, folder: Path) -> Iterator[Process]:
    log = folder / "publisher.log"
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "LANG") if name in os.environ}
    environ = kept | stage.house.environ | {"CLIPWIRE_CLOCK": stage.urls["simulator"]}
    with log.open("wb") as out:
        command = [sys.executable, "-m", "services.publisher"]
        process = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=out, stderr=out)
    try:
        yield Process(process, log)
    finally:
        process.kill()
        process.wait(timeout=10)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def publisher(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Process]:
    with started(stage, tmp_path_factory.mktemp("publisher")) as process:
        await eventually(lambda: "program.started" in process.log, timeout=PATIENCE_S)
        yield process
        process.process.send_signal(signal.SIGTERM)
        await eventually(lambda: "program.stopped" in process.log, timeout=PATIENCE_S)
        await stage.sim("POST", "clock/thaw")  # it waits for the next jump of the clock it follows
        # In a thread: it may ask that clock once more before it goes, and this loop has to answer.
        assert await asyncio.to_thread(process.process.wait, timeout=20) == 0, process.log[-2000:]


@asynccontextmanager
async def served(folder: Path) -> AsyncIterator[str]:
    """A customer's file server."""
    app = web.Application()
    app.router.add_static("/", folder)
    server = HttpServer(app, host="127.0.0.1", port=0)
    await server.start()
    try:
        yield server.url
    finally:
        await server.stop()


async def arrived(stage: Stage, guest: Guest, film: Path) -> dict[str, Any]:
    """What TikTok got of the guest's newest publication, which must be the film to the last byte."""
    publication = (await stage.publications(guest))[-1]
    digest = await asyncio.to_thread(lambda: hashlib.sha256(film.read_bytes()).hexdigest())
    assert publication["published"] == 1
    assert publication["upload"]["sha256"] == digest
    assert [(media["sha256"], media["bytes"]) for media in publication["media"]] == [(digest, film.stat().st_size)]
    upload: dict[str, Any] = publication["upload"]
    return upload


def legal(upload: dict[str, Any]) -> bool:
    """The law of chunks (fact sheet 4.1), written down once more."""
    *others, last = upload["chunks"]
    size, chunk = upload["bytes"], upload["chunk_size"]
    if not others:
        return bool(last == chunk == size <= CHUNK_MAX)
    whole = CHUNK_MIN <= chunk <= CHUNK_MAX and all(each == chunk for each in others)
    return bool(whole and len(upload["chunks"]) == size // chunk and chunk <= last <= LAST_MAX)


@pytest.mark.row("SA-33")
async def test_three_megabytes_uploaded_here_arrive_byte_for_byte(
    stage: Stage, guest: Guest, publisher: Process, films: Path
) -> None:
    film = films / "small.mp4"
    media_id = await stage.upload(guest.customer_id, film.read_bytes())

    post = await guest.post(media=[media_id])

    await stage.until(post["id"], "published", timeout=PATIENCE_S)
    upload = await arrived(stage, guest, film)
    assert 3 * MEGABYTE <= upload["bytes"] <= 5 * MEGABYTE
    assert upload["chunks"] == [upload["bytes"]]
    assert legal(upload)


async def test_150_megabytes_fetched_from_a_url_arrive_byte_for_byte_and_the_publisher_stays_small(
    stage: Stage, guest: Guest, publisher: Process, films: Path
) -> None:
    film = films / "large.mp4"
    await guest.published()  # everything has been loaded once
    publisher.forget_peak()
    before = publisher.resident

    async with served(films) as url:
        post = await guest.post(media=[f"{url}/large.mp4"])
        await stage.until(post["id"], "published", timeout=PATIENCE_S)

    grown = publisher.peak - before
    upload = await arrived(stage, guest, film)
    assert 150 * MEGABYTE <= upload["bytes"] <= 165 * MEGABYTE
    assert upload["refused"] == 0
    assert len(upload["chunks"]) > 1 and legal(upload)
    assert grown < GROWTH_MAX, f"{grown / MEGABYTE:.0f} MB more than the {before / MEGABYTE:.0f} MB before"
    print(f"the publisher grew by {grown / MEGABYTE:.1f} MB from {before / MEGABYTE:.1f} MB")
