"""The simulator as a program of its own: quick to start, flat under gigabytes, at ease with thousands of accounts.

The sizes are small by default. `SIMULATOR_GIGABYTES=4 SIMULATOR_ACCOUNTS=2000` runs the whole claim.
"""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest

from deploy.process import free_port

GIGABYTES = float(os.environ.get("SIMULATOR_GIGABYTES", "0.25"))
ACCOUNTS = int(os.environ.get("SIMULATOR_ACCOUNTS", "200"))
MB = 1_000_000


@dataclass
class Program:
    process: subprocess.Popen[bytes]
    url: str
    start_s: float

    def cpu_s(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory_mb(self) -> float:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) / 1024


def start(**settings: str) -> Program:
    port = free_port()
    environ = {**os.environ, "SIMULATOR_PORT": str(port), "LOG_LEVEL": "warning", **settings}
    began = time.monotonic()
    process = subprocess.Popen([sys.executable, "-m", "services.simulator"], env=environ)
    while time.monotonic() - began < 20:
        if ready(port):
            return Program(process, f"http://127.0.0.1:{port}", time.monotonic() - began)
        # Not asked in a tight loop: the asking would take the processor from what is asked.
        with contextlib.suppress(subprocess.TimeoutExpired):
            raise AssertionError(f"the simulator ended: {process.wait(0.02)}")
    process.kill()
    raise AssertionError("the simulator did not start")


def ready(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


@pytest.fixture
def program() -> Iterator[Program]:
    program = start(SIMULATOR_KNOBS="limit_init=0,limit_status=0,processing_s=0,audited=true,check_media=false")
    yield program
    program.process.send_signal(signal.SIGTERM)
    assert program.process.wait(10) == 0


def test_it_is_up_in_under_three_seconds_and_stops_when_asked() -> None:
    program = start()
    cpu_s = program.cpu_s()
    program.process.send_signal(signal.SIGTERM)
    assert program.process.wait(10) == 0
    print(f"up in {program.start_s:.2f} s, of which {cpu_s:.2f} s of processor")
    # The work done until it is ready: on a machine that others keep busy the clock on the wall says nothing.
    assert cpu_s < 3


def test_bad_settings_are_named_in_one_line() -> None:
    environ = {**os.environ, "SIMULATOR_PORT": "99999", "SIMULATOR_KNOBS": "limit_init=x"}
    ended = subprocess.run([sys.executable, "-m", "services.simulator"], env=environ, capture_output=True, timeout=20)
    assert ended.returncode == 2 and ended.stderr.count(b"\n") == 1
    assert b"SIMULATOR_PORT" in ended.stderr and b"SIMULATOR_KNOBS" in ended.stderr


@pytest.mark.timeout(600)
async def test_memory_stays_flat_while_gigabytes_pass(program: Program) -> None:
    chunk, size = 32_000_000, int(GIGABYTES * 1000) * MB
    block = os.urandom(MB)

    async def body(length: int) -> AsyncIterator[bytes]:
        while length > 0:
            yield block[:length]
            length -= len(block)

    async with httpx.AsyncClient(base_url=program.url, timeout=60) as http:
        token = (await http.post("/_sim/accounts", json={})).json()["access_token"]
        source = {"source": "FILE_UPLOAD", "video_size": size, "chunk_size": chunk, "total_chunk_count": size // chunk}
        headers = {"Authorization": f"Bearer {token}"}
        reply = await http.post("/v2/post/publish/inbox/video/init/", json={"source_info": source}, headers=headers)
        url, before, peak, began = reply.json()["data"]["upload_url"], program.memory_mb(), 0.0, time.monotonic()
        for index in range(size // chunk):
            first = index * chunk
            last = size - 1 if index == size // chunk - 1 else first + chunk - 1
            put = {"Content-Range": f"bytes {first}-{last}/{size}", "Content-Type": "video/mp4",
                   "Content-Length": str(last - first + 1)}  # fmt: skip
            status = (await http.put(url, content=body(last - first + 1), headers=put)).status_code
            assert status == (201 if last == size - 1 else 206)
            peak = max(peak, program.memory_mb())
        took = time.monotonic() - began
    print(f"{size / 1e9:.2f} GB in {took:.1f} s; memory {before:.0f} MB before, {peak:.0f} MB at most")
    assert peak - before < 40


@pytest.mark.timeout(600)
async def test_many_accounts_post_at_the_same_time(program: Program) -> None:
    data = b"v" * 1000
    source = {"source": "FILE_UPLOAD", "video_size": 1000, "chunk_size": 1000, "total_chunk_count": 1}
    info = {"post_info": {"privacy_level": "SELF_ONLY"}, "source_info": source}
    put = {"Content-Range": "bytes 0-999/1000", "Content-Type": "video/mp4"}

    async def life(http: aiohttp.ClientSession, gate: asyncio.Semaphore) -> str:
        async with gate:
            account = await ask(http, "POST", f"{program.url}/_sim/accounts", json={})
            headers = {"Authorization": f"Bearer {account['access_token']}"}
            v2 = f"{program.url}/v2/post/publish"
            reply = await ask(http, "POST", f"{v2}/video/init/", json=info, headers=headers)
            async with http.put(reply["data"]["upload_url"], data=data, headers=put) as sent:
                assert sent.status == 201
            body = {"publish_id": reply["data"]["publish_id"]}
            status = await ask(http, "POST", f"{v2}/status/fetch/", json=body, headers=headers)
            return str(status["data"]["status"])

    began = time.monotonic()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
        gate = asyncio.Semaphore(500)
        ended = await asyncio.gather(*(life(http, gate) for _ in range(ACCOUNTS)))
        world = await ask(http, "GET", f"{program.url}/_sim/world?limit=0")
    print(f"{ACCOUNTS} accounts in {time.monotonic() - began:.1f} s, {program.memory_mb():.0f} MB")
    assert set(ended) == {"PUBLISH_COMPLETE"}
    assert world["counts"]["accounts"] == world["counts"]["posts"] == ACCOUNTS
    assert world["health"] == {**world["health"], "unscripted_errors": 0, "job_failures": 0}


async def ask(http: aiohttp.ClientSession, method: str, url: str, **options: Any) -> Any:
    async with http.request(method, url, **options) as response:
        assert response.status < 300, await response.text()
        return await response.json()


def test_a_taken_port_is_one_line_and_leaves_nothing_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        environ = os.environ | {"SIMULATOR_PORT": str(held.getsockname()[1]), "LOG_LEVEL": "warning"}
        command = [sys.executable, "-m", "services.simulator"]
        ended = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=30)

    assert (ended.returncode, len(ended.stderr.splitlines())) == (2, 1), ended.stderr
    assert "SIMULATOR_PORT" in ended.stderr and ended.stdout == ""
