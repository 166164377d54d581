"""Finds, or else starts, what the programs stand on: Postgres and RabbitMQ.

`make run` takes `DATABASE_URL`, else a Postgres of its own, kept from run to run. Tests and fault campaigns take only
what was made or named for them, so that no data of a running system is in reach.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy import container, debian, rabbitmq
from deploy.amqp import LoginFailed, answers, log_in
from deploy.errors import DeployError, ServerFailed, Unsupported
from deploy.postgres import DISPOSABLE, EmbeddedPostgres
from deploy.rabbitmq import PrivateRabbit, RabbitProgram

LOCAL_RABBITMQ = "amqp://guest:guest@127.0.0.1:5672/"
_DATABASE = "clipwire"


@dataclass(frozen=True, slots=True)
class Backing:
    """A server to use: its URL (a secret), where it came from in a few words, and what to call when done with it."""

    url: str
    origin: str
    close: Callable[[], None]


def find_postgres(*, database_url: str | None, directory: Path) -> Backing:
    """For `make run`: the server named by the settings, else an embedded one whose data stays in `directory`.

    Blocks for about a second, the first time for a few. Raises `DirectoryInUse` while another run holds `directory`.
    """
    if database_url:
        return Backing(database_url, "DATABASE_URL", _nothing)
    server = EmbeddedPostgres(directory)
    server.start()
    try:
        server.ensure_database(_DATABASE)
    except BaseException:
        server.stop()
        raise
    return Backing(server.url(_DATABASE), "embedded PostgreSQL", server.stop)


def find_test_postgres(environ: Mapping[str, str], *, directory: Path) -> Backing:
    """For tests: `TEST_DATABASE_URL`, whose user may create databases, else an embedded server in `directory`."""
    if named := environ.get("TEST_DATABASE_URL"):
        return Backing(named, "TEST_DATABASE_URL", _nothing)
    server = EmbeddedPostgres(directory, settings=DISPOSABLE)
    server.start()
    return Backing(server.url(), "embedded PostgreSQL", server.remove)


def find_test_rabbitmq(environ: Mapping[str, str], *, directory: Path, say: Callable[[str], None]) -> Backing:
    """For tests: the first RabbitMQ that a log-in finds or a start gives, in the order of the README.

    One that runs already is shared with its owner: use a random prefix, and delete what was declared. `directory` is
    for a private node; `say` gets a line before anything is downloaded. Raises `Unsupported` with every step's
    reason when there is none, `ServerFailed` when the one named by `TEST_RABBITMQ_URL` does not answer.
    """
    if named := environ.get("TEST_RABBITMQ_URL"):
        try:
            log_in(named)
        except LoginFailed as error:
            raise ServerFailed(f"TEST_RABBITMQ_URL does not answer: {error}") from error
        return Backing(named, "TEST_RABBITMQ_URL", _nothing)
    if answers(LOCAL_RABBITMQ):
        return Backing(LOCAL_RABBITMQ, "the running one at 127.0.0.1:5672", _nothing)
    try:
        url, close = container.start_rabbitmq()
    except Unsupported as error:
        reason = f"no guest log-in at 127.0.0.1:5672; {error}"
    else:
        return Backing(url, f"{container.IMAGE} in Docker", close)
    try:
        program = rabbit_program(environ, say=say)
        node = PrivateRabbit(directory, program=program)
        node.start()
    except DeployError as error:
        raise Unsupported(f"{reason}; {error}") from error
    return Backing(node.url, "a private node", node.remove)


def rabbit_program(environ: Mapping[str, str], *, say: Callable[[str], None]) -> RabbitProgram:
    """What private nodes are started from: the installed RabbitMQ, else one fetched from Debian packages.

    Fetching takes leave: root in a container, `CI=true` or `CLIPWIRE_TEST_INSTALL=1`. Raises `Unsupported`.
    """
    if program := rabbitmq.installed():
        return program
    if not debian.available():
        raise Unsupported("no rabbitmq-server on PATH, and no Debian packages on this system")
    if not leave_to_fetch(environ):
        raise Unsupported("no rabbitmq-server on PATH; CLIPWIRE_TEST_INSTALL=1 allows fetching it from Debian packages")
    return debian.fetch(environ, say=say)


def leave_to_fetch(environ: Mapping[str, str]) -> bool:
    """Whether this process may download packages."""
    return may_fetch(environ, root=os.geteuid() == 0, in_container=_in_container(environ))


def may_fetch(environ: Mapping[str, str], *, root: bool, in_container: bool) -> bool:
    """Whether a test run may download packages without asking: where nobody's machine is at stake, or when told to."""
    asked = environ.get("CI", "").lower() == "true" or environ.get("CLIPWIRE_TEST_INSTALL") == "1"
    return asked or (root and in_container)


def _in_container(environ: Mapping[str, str]) -> bool:
    if environ.get("container") or environ.get("KUBERNETES_SERVICE_HOST"):
        return True
    if Path("/.dockerenv").exists() or Path("/run/.containerenv").exists():
        return True
    try:
        cgroups = Path("/proc/1/cgroup").read_text()
    except OSError:
        return False
    return any(engine in cgroups for engine in ("docker", "kubepods", "containerd", "lxc", "libpod"))


def _nothing() -> None:
    """Closing what is not ours."""
