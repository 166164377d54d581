"""The servers a fresh machine runs on: they start anywhere, keep what they were given, and do not outlive us."""

import os
import secrets
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pika
import pytest

from deploy import account, cluster
from deploy.amqp import answers
from deploy.backing import find_postgres, find_test_postgres, find_test_rabbitmq
from deploy.errors import DirectoryInUse, ServerFailed, Unsupported
from deploy.postgres import DISPOSABLE, EmbeddedPostgres
from deploy.process import command_line, free_port, is_free
from deploy.rabbitmq import PrivateRabbit, RabbitProgram
from tests.eventually import eventually
from tests.found import Found

_ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(found: Found) -> Iterator[Path]:
    """A long path with white space, in a place where root's Postgres may go as `nobody`."""
    top = Path(found.directory) / f"back ing {secrets.token_hex(30)}"
    path = top / ("y" * 60) / "server"
    yield path
    if path.exists():
        account.remove(path)
    shutil.rmtree(top, ignore_errors=True)


@pytest.fixture(scope="module")
def shared_server(found: Found) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(Path(found.directory) / f"shared {secrets.token_hex(4)}", settings=DISPOSABLE)
    yield server
    server.remove()


@pytest.fixture
def server(shared_server: EmbeddedPostgres) -> EmbeddedPostgres:
    """Running, and shared by tests that leave it able to run."""
    shared_server.start()
    return shared_server


@pytest.fixture
def own_server(folder: Path) -> Iterator[EmbeddedPostgres]:
    """Running, and of this test alone."""
    server = EmbeddedPostgres(folder, settings=DISPOSABLE)
    server.start()
    yield server
    server.stop()


async def ask(url: str, statement: str) -> object:
    connection = await asyncpg.connect(url, timeout=10, command_timeout=10)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


def starter(folder: Path, code: str) -> "subprocess.Popen[bytes]":
    """Another process of ours that runs `code`, prints a line and waits."""
    script = f"import sys\nfrom pathlib import Path\nfolder = Path(sys.argv[1])\n{code}\nsys.stdin.read()"
    return subprocess.Popen(
        [sys.executable, "-c", script, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=_ROOT
    )


_START_POSTGRES = """
from deploy.postgres import EmbeddedPostgres
server = EmbeddedPostgres(folder)
server.start()
print(server.pid, flush=True)
"""


async def test_the_embedded_server_is_postgres_18_in_utf8(server: EmbeddedPostgres) -> None:
    assert str(await ask(server.url(), "show server_version")).startswith("18.")
    assert await ask(server.url(), "show server_encoding") == "UTF8"


async def test_a_wrong_password_does_not_get_in(server: EmbeddedPostgres) -> None:
    parts = urlsplit(server.url())
    wrong = urlunsplit(parts._replace(netloc=f"postgres:wrong@{parts.hostname}:{parts.port}"))

    with pytest.raises(asyncpg.InvalidPasswordError):
        await ask(wrong, "select 1")


def test_the_password_is_readable_by_its_owner_only(server: EmbeddedPostgres) -> None:
    assert (server.directory / "password").stat().st_mode & 0o777 == 0o600


async def test_a_stopped_server_comes_back_with_its_data_at_the_same_address(server: EmbeddedPostgres) -> None:
    before = server.url()
    await ask(before, "create table kept_by_stop as select 42 as n")

    server.stop()
    server.start()

    assert server.url() == before
    assert await ask(before, "select n from kept_by_stop") == 42


async def test_a_killed_server_comes_back_with_what_was_committed(server: EmbeddedPostgres) -> None:
    await ask(server.url(), "create table kept_by_kill as select 42 as n")

    server.kill()
    server.start()

    assert await ask(server.url(), "select n from kept_by_kill") == 42


async def test_a_second_process_is_told_that_the_folder_is_in_use(server: EmbeddedPostgres) -> None:
    with pytest.raises(DirectoryInUse, match=str(os.getpid())):
        EmbeddedPostgres(server.directory).start()

    assert await ask(server.url(), "select 1") == 1


async def test_the_server_of_a_killed_process_ends_and_its_data_stays(folder: Path) -> None:
    with starter(folder, _START_POSTGRES) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        url = EmbeddedPostgres(folder).url()
        await ask(url, "create table kept as select 42 as n")

        process.kill()

    await eventually(lambda: not command_line(pid))
    with EmbeddedPostgres(folder) as server:
        assert await ask(server.url(), "select n from kept") == 42


async def test_a_postmaster_that_outlived_everybody_is_stopped_and_replaced(
    server: EmbeddedPostgres,
) -> None:
    await ask(server.url(), "create table kept_by_leftover as select 42 as n")
    server.stop()
    placement = account.place(server.directory, cluster.install())
    argv = [str(placement.programs / "bin" / "postgres"), "-D", str(placement.data), "-c", "unix_socket_directories="]
    with (server.directory / "log").open("ab") as log:
        leftover = placement.account.popen([*argv, "-c", f"port={free_port()}"], env=cluster.ENVIRONMENT, output=log)
    pid_file = placement.data / "postmaster.pid"
    await eventually(lambda: pid_file.exists() and "ready" in pid_file.read_text())

    server.start()

    assert leftover.poll() is not None
    assert await ask(server.url(), "select n from kept_by_leftover") == 42


@pytest.mark.parametrize("left", [str(os.getpid()), "", "not a number"], ids=["of another process", "empty", "broken"])
async def test_a_stale_pid_file_does_not_stop_the_start(server: EmbeddedPostgres, left: str) -> None:
    server.stop()
    (server.directory / "data" / "postmaster.pid").write_text(f"{left}\n")

    server.start()

    assert await ask(server.url(), "select 1") == 1


async def test_an_interrupted_first_start_is_begun_again(folder: Path) -> None:
    (folder / "data.new" / "base").mkdir(parents=True)

    with EmbeddedPostgres(folder, settings=DISPOSABLE) as server:
        assert await ask(server.url(), "select 1") == 1


async def test_a_port_that_was_taken_meanwhile_is_exchanged_for_another(server: EmbeddedPostgres) -> None:
    port = urlsplit(server.url()).port
    assert port is not None
    server.stop()

    with socket.create_server(("127.0.0.1", port)):
        server.start()

        assert urlsplit(server.url()).port != port
        assert await ask(server.url(), "select 1") == 1


def test_data_of_another_major_version_is_left_alone(own_server: EmbeddedPostgres, folder: Path) -> None:
    own_server.stop()
    (folder / "data" / "PG_VERSION").write_text("16\n")

    with pytest.raises(Unsupported, match="made by PostgreSQL 16"):
        own_server.start()


def test_a_server_that_cannot_start_says_why(own_server: EmbeddedPostgres, folder: Path) -> None:
    own_server.stop()

    with pytest.raises(ServerFailed, match="max_connections"):
        EmbeddedPostgres(folder, settings={"max_connections": "none"}).start()


def test_a_log_that_has_grown_is_put_aside_once(own_server: EmbeddedPostgres, folder: Path) -> None:
    own_server.stop()
    os.truncate(folder / "log", 20_000_000)

    own_server.start()

    assert (folder / "log").stat().st_size < 20_000_000
    assert (folder / "log.old").stat().st_size == 20_000_000


def test_a_removed_server_leaves_nothing(own_server: EmbeddedPostgres, folder: Path) -> None:
    own_server.remove()

    assert not folder.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to run Postgres as somebody else")
@pytest.mark.parametrize("reachable", [True, False])
async def test_root_without_namespaces_runs_it_as_nobody_and_back(
    folder: Path, found: Found, monkeypatch: pytest.MonkeyPatch, reachable: bool
) -> None:
    if not reachable:
        folder.parent.mkdir(mode=0o700, parents=True)
    tools = Path(found.directory) / f"tools-{secrets.token_hex(4)}"
    tools.mkdir()
    for tool in ("test", "chmod"):
        (tools / tool).symlink_to(str(shutil.which(tool)))
    server = EmbeddedPostgres(folder, settings=DISPOSABLE)

    with monkeypatch.context() as patch:
        patch.setenv("PATH", str(tools))  # without unshare
        with server:
            await ask(server.url(), "create table kept as select 42 as n")
            as_nobody = (folder / "data").resolve()
            assert as_nobody.owner() == "nobody"
            assert (as_nobody == folder / "data") is reachable
    with server:
        assert await ask(server.url(), "select n from kept") == 42
    server.remove()

    assert not as_nobody.exists()


async def test_make_run_gets_a_database_of_its_own_that_stays(folder: Path) -> None:
    first = find_postgres(database_url=None, directory=folder)
    await ask(first.url, "create table kept as select 42 as n")
    first.close()

    second = find_postgres(database_url=None, directory=folder)

    assert second.url.endswith("/clipwire")
    assert await ask(second.url, "select n from kept") == 42
    second.close()


def test_a_named_database_is_taken_as_it_is(folder: Path) -> None:
    named = "postgresql://me@db.example/mine"

    assert find_postgres(database_url=named, directory=folder).url == named
    assert find_test_postgres({"TEST_DATABASE_URL": named}, directory=folder).url == named
    assert not folder.exists()


def test_the_test_server_is_gone_with_its_folder_when_closed(folder: Path) -> None:
    backing = find_test_postgres({}, directory=folder)

    backing.close()

    assert not folder.exists()


@pytest.mark.rabbitmq
def test_a_named_rabbitmq_is_used_when_it_answers(rabbitmq_url: str, folder: Path) -> None:
    backing = find_test_rabbitmq({"TEST_RABBITMQ_URL": rabbitmq_url}, directory=folder, say=pytest.fail)

    assert backing.url == rabbitmq_url


def test_a_named_rabbitmq_that_does_not_answer_is_an_error_not_a_reason_to_look_elsewhere(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    named = {"TEST_RABBITMQ_URL": f"amqp://me:hush@127.0.0.1:{port}/"}

    with pytest.raises(ServerFailed, match="TEST_RABBITMQ_URL does not answer") as failure:
        find_test_rabbitmq(named, directory=folder, say=pytest.fail)

    assert "hush" not in str(failure.value)


@pytest.mark.thorough
@pytest.mark.rabbitmq
@pytest.mark.timeout(180)
async def test_the_node_of_a_killed_process_takes_its_epmd_along_and_comes_back_at_the_same_address(
    rabbitmq_program: RabbitProgram, found: Found
) -> None:
    # What a killed RabbitMQ keeps is its own promise, and for a queue declared a moment ago it is known to break it:
    # the campaign `backing` works with queues that are older.
    folder = Path(found.directory) / "orphan"
    server, epmd, environment = rabbitmq_program.server, rabbitmq_program.epmd, dict(rabbitmq_program.environment)
    code = f"""
from deploy.rabbitmq import PrivateRabbit, RabbitProgram
program = RabbitProgram(Path({str(server)!r}), Path({str(epmd)!r}), {environment!r})
node = PrivateRabbit(folder, program=program)
node.start()
print(*node.ports().values(), flush=True)
"""
    node = PrivateRabbit(folder, program=rabbitmq_program)
    with starter(folder, code) as process:
        assert process.stdout is not None
        ports = [int(port) for port in process.stdout.readline().split()]
        assert len(ports) == 3
        url = node.url
        assert answers(url)

        process.kill()

    await eventually(lambda: all(is_free(port) for port in ports))
    try:
        node.start()

        assert (node.url, answers(url)) == (url, True)
        declare_and_fill(url, "after", 3)
        assert drain(url, "after") == 3
        node.kill()
        assert not answers(url)
        # The script is waited for; the emulator it started is init's to reap, and may hold its ports a moment longer.
        await eventually(lambda: all(is_free(port) for port in ports))
    finally:
        node.remove()


def declare_and_fill(url: str, queue: str, count: int) -> None:
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        channel.queue_declare(queue, durable=True)
        for n in range(count):
            channel.basic_publish("", queue, str(n).encode(), pika.BasicProperties(delivery_mode=2), mandatory=True)


def drain(url: str, queue: str) -> int:
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        channel = connection.channel()
        count = 0
        while channel.basic_get(queue, auto_ack=True)[0] is not None:
            count += 1
        return count
