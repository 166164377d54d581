"""Fixtures every test may use. Servers are shared by the run, databases and queue names belong to one test."""

import gc
import secrets
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from deploy import chromium
from deploy.backing import rabbit_program
from deploy.errors import Unsupported
from deploy.postgres import DISPOSABLE, EmbeddedPostgres
from deploy.rabbitmq import RabbitProgram
from tests.databases import Databases
from tests.examples import examples
from tests.found import FOUND, Found, without_rabbitmq
from tests.strangers import delete_declared

# How long an example takes says how busy the machine is, and no test is about that.
settings.register_profile(
    "suite",
    settings.default,
    max_examples=examples(),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("suite")

pytest_plugins = ["tests.servers", "tests.rows"]

gc.disable()  # while all is imported and collected: nothing of that is garbage


def pytest_collection_finish() -> None:
    """Every full collection would go through half a million objects of modules and tests: they stay until the end."""
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)  # houses come and go: looked through every 700 objects, they are always young
    gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What a test that passed has logged is read by nobody, and would be sent from process to process."""
    report = yield
    if report.passed and not item.config.getoption("verbose"):
        report.sections.clear()
    return report


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What waits long begins first: at the end nobody is left to work beside it."""
    items.sort(key=lambda item: item.get_closest_marker("waits_long") is None)


@pytest.fixture(scope="session")
def found(pytestconfig: pytest.Config) -> Found:
    """What the run found to stand on."""
    return pytestconfig.stash[FOUND]


@pytest.fixture(scope="session")
def postgres_url(found: Found) -> str:
    """A server on which this run may create databases named after its token."""
    assert found.postgres is not None
    return found.postgres


@pytest.fixture(scope="session")
def databases(found: Found, postgres_url: str) -> Iterator[Databases]:
    databases = Databases(postgres_url, directory=Path(found.directory), token=found.token)
    yield databases
    databases.close()


@pytest.fixture(scope="session")
def template_database(databases: Databases) -> str:
    """The name of a migrated database, to be cloned and never connected to."""
    return databases.prepare_template()


@pytest.fixture
def database_url(databases: Databases, template_database: str) -> Iterator[str]:
    """A fresh, migrated database of this test alone."""
    name = databases.create()
    yield databases.url(name)
    databases.drop(name)


@pytest.fixture(scope="session")
def rabbitmq_url(found: Found) -> str:
    """A RabbitMQ that may be somebody's: declare nothing outside `rabbitmq_prefix`. Skips when there is none."""
    if found.rabbitmq is None:
        without_rabbitmq(found, found.rabbitmq_missing or "there is no RabbitMQ")
    return found.rabbitmq


@pytest.fixture
def rabbitmq_declared() -> set[str]:
    """Full names of queues and exchanges, beyond our topology, that the test wants deleted at its end."""
    return set()


@pytest.fixture
def rabbitmq_prefix(rabbitmq_url: str, rabbitmq_declared: set[str]) -> Iterator[str]:
    """A prefix of this test alone; our topology under it is deleted afterwards."""
    prefix = f"test-{secrets.token_hex(6)}."
    yield prefix
    delete_declared(rabbitmq_url, prefix, also=rabbitmq_declared)


@pytest.fixture
def private_postgres(found: Found) -> Iterator[Callable[[], EmbeddedPostgres]]:
    """Starts servers that the test may stop and kill."""
    servers: list[EmbeddedPostgres] = []

    def start() -> EmbeddedPostgres:
        server = EmbeddedPostgres(_private(found, "postgres"), settings=DISPOSABLE)
        servers.append(server)
        server.start()
        return server

    yield start
    for server in servers:
        server.remove()


@pytest.fixture(scope="session")
def rabbitmq_program(found: Found) -> RabbitProgram:
    """What private nodes are started from. Skips when there is none."""
    try:
        return rabbit_program(found.environ, say=print)
    except Unsupported as error:
        reason = str(error)
    return without_rabbitmq(found, reason)


@pytest.fixture(scope="session")
def browser_program(found: Found) -> chromium.Browser:
    """A Chromium to start. Skips when there is none."""
    if found.browser_missing is not None:
        pytest.skip(found.browser_missing)
    return chromium.find(found.environ, say=print)


def _private(found: Found, kind: str) -> Path:
    # Not pytest's tmp_path: nobody but its owner may pass through that, and root's Postgres runs as somebody else.
    return Path(found.directory) / f"{kind}-{secrets.token_hex(4)}"
