"""The api as a program of its own."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from libs.model.key import new_secret
from libs.store.vault import new_key

ROOT = Path(__file__).parents[3]


@asynccontextmanager
async def program(folder: Path, **settings: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """`python -m services.api` away from any `.env`."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH", "TMPDIR") if name in os.environ}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.api", cwd=folder, env={**kept, "PYTHONPATH": str(ROOT), **settings},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def url_of(process: asyncio.subprocess.Process) -> str:
    """What the start-up log says."""
    assert process.stderr is not None
    async with asyncio.timeout(30):
        while line := await process.stderr.readline():
            if found := re.search(rb"http://127\.0\.0\.1:\d+", line):
                return found[0].decode()
    raise AssertionError("it ended before it said its URL")


async def test_it_serves_with_its_operator_key_and_ends_cleanly_when_told(database_url: str, tmp_path: Path) -> None:
    key = new_secret()
    settings = {
        "DATABASE_URL": database_url, "CLIPWIRE_ENCRYPTION_KEYS": new_key(), "MEDIA_URL": f"file://{tmp_path}/media",
        "API_PORT": "0", "OPERATOR_KEY": key,
    }  # fmt: skip

    async with program(tmp_path, **settings) as process:
        url = await url_of(process)
        headers = {"Authorization": f"Bearer {key}"}
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=30) as http:
            ready = await http.get("/readyz")
            made = await http.post("/v1/customers", json={"name": "Acme"})
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(30):
            out, err = await process.communicate()

    assert (ready.status_code, made.status_code) == (200, 201)
    assert process.returncode == 0
    for secret in (key, settings["CLIPWIRE_ENCRYPTION_KEYS"]):
        assert secret.encode() not in out + err


async def test_bad_settings_are_one_line_that_names_them_all_and_shows_no_value(tmp_path: Path) -> None:
    wrong = {
        "DATABASE_URL": "postgresql://u:hidden-password@127.0.0.1:1/x", "CLIPWIRE_ENCRYPTION_KEYS": "hidden-key",
        "API_PORT": "hidden-port", "OPERATOR_KEY": "cw_hidden", "EGRESS_ALLOW": "10.0.0.0/33",
        "RABBITMQ_PREFIX": "amq.x",
    }  # fmt: skip

    async with program(tmp_path, **wrong) as process:
        async with asyncio.timeout(30):
            out, err = await process.communicate()

    [line] = (out + err).decode().splitlines()
    assert process.returncode == 2
    for name in (
        "CLIPWIRE_ENCRYPTION_KEYS",
        "API_PORT",
        "OPERATOR_KEY",
        "EGRESS_ALLOW",
        "RABBITMQ_PREFIX",
        "MEDIA_URL",
    ):
        assert name in line
    assert "hidden" not in line


async def test_a_database_that_does_not_answer_is_one_line_too(tmp_path: Path) -> None:
    settings = {
        "DATABASE_URL": "postgresql://u:hidden@127.0.0.1:1/x", "CLIPWIRE_ENCRYPTION_KEYS": new_key(),
        "MEDIA_URL": f"file://{tmp_path}/media",
    }  # fmt: skip

    async with program(tmp_path, **settings) as process:
        async with asyncio.timeout(30):
            out, err = await process.communicate()

    said = (out + err).decode()
    assert process.returncode == 2
    assert said.splitlines()[-1].startswith("api: ")
    assert "hidden" not in said
    assert "Traceback" not in said
