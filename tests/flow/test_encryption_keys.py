"""Programs and encryption keys: with wrong ones they do not start, and the publisher brings secrets under new ones."""

import asyncio
import os
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from libs.model.ids import new_id
from libs.runtime.metrics import Metrics
from libs.store.accounts import Tokens
from libs.store.store import Store
from libs.store.vault import key_id, new_key
from services.publisher.reseal import Reseal
from tests.eventually import eventually

ROOT = Path(__file__).parents[2]
PROGRAMS = ("api", "ingest", "publisher", "notifier")


async def refused(name: str, folder: Path, settings: dict[str, str]) -> tuple[int | None, str]:
    """How `python -m services.<name>` ended, and the last line it said."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", f"services.{name}", cwd=folder, env=settings,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        async with asyncio.timeout(60):
            said, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    assert b"Traceback" not in said
    return process.returncode, said.decode().splitlines()[-1]


async def sealed_tokens(store: Store) -> str:
    """An account with two sealed tokens; its id."""
    now = await store.now()
    customer = await store.customers.create(id_=new_id("cus", now), name="Acme", now=now)
    tokens = Tokens("act.secret", "rft.secret", now + timedelta(days=1), None)
    account = await store.accounts.connect(
        id_=new_id("acc", now), customer_id=customer.id, client_key="ck", open_id="o", username=None,
        display_name=None, tokens=tokens, now=now,
    )  # fmt: skip
    return account.id


@pytest.mark.thorough
async def test_every_program_ends_at_once_with_one_line_that_names_the_missing_key(
    database_url: str, tmp_path: Path
) -> None:
    right, wrong = new_key(), new_key()
    store = Store(database_url, program="test", encryption_keys=[right])
    await store.open()
    await sealed_tokens(store)
    await store.close()
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH", "TMPDIR") if name in os.environ}
    settings = kept | {
        "PYTHONPATH": str(ROOT), "DATABASE_URL": database_url, "CLIPWIRE_ENCRYPTION_KEYS": wrong,
        "MEDIA_URL": (tmp_path / "media").as_uri(), "TIKTOK_CLIENT_KEY": "ck", "TIKTOK_CLIENT_SECRET": "cs",
    }  # fmt: skip

    ends = await asyncio.gather(*(refused(name, tmp_path, settings) for name in PROGRAMS))

    for name, (code, line) in zip(PROGRAMS, ends, strict=True):
        assert (code, line.partition(":")[0]) == (2, name), line
        assert key_id(right) in line and "CLIPWIRE_ENCRYPTION_KEYS" in line
        assert wrong not in line and right not in line


async def test_the_publisher_brings_tokens_under_the_new_key_and_shows_how_far_it_is(database_url: str) -> None:
    old, new = new_key(), new_key()
    store = Store(database_url, program="api", encryption_keys=[old])
    await store.open()
    account_id = await sealed_tokens(store)
    both = Store(database_url, program="publisher", encryption_keys=[new, old])
    await both.open()
    metrics, stop = Metrics("publisher"), asyncio.Event()
    working = asyncio.create_task(Reseal(both.resealer, metrics, every_s=0.02).run(stop))

    await eventually(lambda: b"secrets_under_old_keys 2.0" in metrics.render())
    await store.close()
    await eventually(lambda: _in_use(both, {key_id(new)}))
    stop.set()
    await working
    await both.close()

    assert b"clipwire_publisher_secrets_resealed_total 2.0" in metrics.render()
    assert b"clipwire_publisher_secrets_under_old_keys 0.0" in metrics.render()
    alone = Store(database_url, program="publisher", encryption_keys=[new])
    await alone.open()
    grant = await alone.accounts.grant(account_id)
    await alone.close()
    assert grant is not None and grant[1].refresh_token == "rft.secret"


async def _in_use(store: Store, keys: set[str]) -> bool:
    return await store.sealing.in_use() == keys
