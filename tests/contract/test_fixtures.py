"""What tests stand on keeps its word: databases and queue names of one test meet no other, and go away after it."""

import inspect
import os
import secrets
import tempfile
from pathlib import Path

import asyncpg
import pika
import pytest

from libs.broker.topology import CLIPWIRE, JOBS, Names
from tests.databases import Databases
from tests.each import each
from tests.eventually import eventually
from tests.run_folder import RunFolder, place, sweep
from tests.strangers import delete_declared


async def tables(url: str) -> set[str]:
    connection = await asyncpg.connect(url, timeout=10)
    try:
        rows = await connection.fetch("select tablename from pg_tables where schemaname = 'public'")
        return {row["tablename"] for row in rows}
    finally:
        await connection.close()


async def test_a_test_database_is_migrated(database_url: str) -> None:
    assert {"posts", "events", "receipts"} <= await tables(database_url)


async def test_clones_do_not_see_one_another_and_go_away(databases: Databases, template_database: str) -> None:
    first, second = databases.create(), databases.create()
    open_one = await asyncpg.connect(databases.url(first), timeout=10)
    await open_one.execute("create table mine ()")

    assert "mine" not in await tables(databases.url(second))
    databases.drop(first)
    databases.drop(second)
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        await tables(databases.url(first))
    open_one.terminate()


@pytest.mark.rabbitmq
def test_what_a_test_declares_under_its_prefix_goes_away(rabbitmq_url: str) -> None:
    names = Names(f"test-{secrets.token_hex(6)}.")
    extra = f"{names.prefix}extra"
    with pika.BlockingConnection(pika.URLParameters(rabbitmq_url)) as connection:
        channel = connection.channel()
        channel.exchange_declare(names.of(CLIPWIRE), "topic", durable=True)
        channel.queue_declare(names.of(JOBS), durable=True)
        channel.queue_declare(extra, durable=True)

        delete_declared(rabbitmq_url, names.prefix, also={extra})

        for queue in (names.of(JOBS), extra):
            with pytest.raises(pika.exceptions.ChannelClosedByBroker, match="NOT_FOUND"):
                connection.channel().queue_declare(queue, passive=True)
        with pytest.raises(pika.exceptions.ChannelClosedByBroker, match="NOT_FOUND"):
            connection.channel().exchange_declare(names.of(CLIPWIRE), passive=True)


@pytest.mark.parametrize("name", ["DATABASE_URL", "RABBITMQ_URL", "TIKTOK_CLIENT_SECRET", "HTTPS_PROXY", "PGHOST"])
def test_a_developers_own_environment_does_not_reach_the_tests(name: str) -> None:
    assert name not in os.environ


async def test_eventually_returns_the_first_true_value() -> None:
    answers = iter([0, None, "found", "later"])

    assert await eventually(lambda: next(answers)) == "found"


async def test_eventually_takes_a_failed_assertion_for_not_yet() -> None:
    tries = []

    async def check() -> bool:
        tries.append(1)
        assert len(tries) == 3
        return True

    assert await eventually(check)


async def test_eventually_gives_up_with_the_last_value() -> None:
    with pytest.raises(AssertionError, match=r"last value: \[\]"):
        await eventually(list, timeout=0.02)


async def test_eventually_passes_every_other_error_on() -> None:
    with pytest.raises(ZeroDivisionError):
        await eventually(lambda: 1 // 0)


def test_the_folder_of_a_killed_run_is_swept_and_that_of_a_living_one_stays(tmp_path: Path) -> None:
    living = RunFolder(tmp_path)
    killed, fresh, foreign = (tmp_path / f"clipwire-tests-{name}" for name in ("killed", "fresh", "foreign"))
    for folder in (killed, fresh, foreign):
        (folder / "postgres").mkdir(parents=True)
    for folder in (killed, fresh):
        (folder / "run.lock").touch()
    for folder in (killed, living.path):
        os.utime(folder / "run.lock", (0, 0))

    sweep(tmp_path)

    assert not killed.exists()
    assert fresh.exists()
    assert foreign.exists()
    assert living.path.exists()
    living.remove()
    assert not living.path.exists()


def test_a_named_temporary_folder_is_respected() -> None:
    assert place({"TMPDIR": "/anywhere"}) == Path(tempfile.gettempdir())


def test_each_row_of_a_table_is_judged_and_the_failed_ones_are_named(tmp_path: Path) -> None:
    seen: list[tuple[int, str, Path]] = []

    @each("number", range(3))
    @each(("word", "length"), [("one", 3), ("three", 4)])
    def table(tmp_path: Path, number: int, word: str, length: int) -> None:
        seen.append((number, word, tmp_path))
        assert len(word) == length

    with pytest.raises(ExceptionGroup, match="3 of 3 rows failed") as failed:
        table(tmp_path=tmp_path)

    assert list(inspect.signature(table).parameters) == ["tmp_path"]
    assert seen == [(number, word, tmp_path) for number in range(3) for word in ("one", "three")]
    assert ["'three'" in note for group in failed.value.exceptions for note in group.exceptions[0].__notes__] == [
        True
    ] * 3


async def test_each_row_is_awaited_where_the_test_is_a_coroutine() -> None:
    @each("timeout", [0.01, 0.02])
    async def table(timeout: float) -> None:
        await eventually(lambda: timeout < 0.02, timeout=timeout)

    with pytest.raises(ExceptionGroup, match="1 of 2 rows failed"):
        await table()


def test_a_table_without_rows_or_with_a_column_nobody_takes_is_no_test() -> None:
    with pytest.raises(AssertionError, match="no rows"):
        each("number", [])
    with pytest.raises(AssertionError, match="does not take"):
        each("number", [1])(lambda: None)
