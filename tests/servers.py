"""The servers a test run stands on: found before the first test, by one process, and closed by it at the end.

With xdist that process is the controller, and the workers are told. Nothing of a developer's own environment reaches
the tests: what configures our programs, Postgres clients, proxies and clouds is taken out before anything is imported.
"""

import os
import re
import secrets
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from deploy import chromium
from deploy.backing import Backing, find_test_postgres, find_test_rabbitmq, rabbit_program
from deploy.errors import DeployError, Unsupported
from tests.databases import Databases
from tests.found import FOUND, Found
from tests.run_folder import RunFolder, place

_OURS = re.compile(
    r"(?!CLIPWIRE_TEST_)(CLIPWIRE|RABBITMQ|TIKTOK|AWS|PG)_?.*"
    r"|(DATABASE|MEDIA|PUBLIC)_URL|EGRESS_ALLOW|LOG_(LEVEL|FORMAT)|.*_PROXY",
    re.IGNORECASE,
)


_OWNER = pytest.StashKey["_Owner"]()


class _Owner:
    """Finds servers and answers for them."""

    def __init__(self, environ: dict[str, str], say: Callable[[str], None]) -> None:
        self._folder = RunFolder(place(environ))
        self.found = Found(directory=str(self._folder.path), token=secrets.token_hex(4), environ=environ)
        self._say = say
        self._backings: list[Backing] = []

    def find(self, *, postgres: bool, rabbitmq: bool, private_rabbitmq: bool, browser: bool) -> None:
        directory, environ = Path(self.found.directory), self.found.environ
        if postgres:
            backing = self._keep(find_test_postgres(environ, directory=directory / "postgres"))
            self.found = replace(self.found, postgres=backing.url)
        try:
            if rabbitmq:
                backing = self._keep(find_test_rabbitmq(environ, directory=directory / "rabbitmq", say=self._say))
                self.found = replace(self.found, rabbitmq=backing.url)
            if private_rabbitmq:
                rabbit_program(environ, say=self._say)
        except Unsupported as error:
            self.found = replace(self.found, rabbitmq_missing=str(error))
        try:
            if browser:
                chromium.find(environ, say=self._say)
        except Unsupported as error:
            self.found = replace(self.found, browser_missing=str(error))

    def close(self) -> None:
        found = self.found
        if found.postgres:
            databases = Databases(found.postgres, directory=Path(found.directory), token=found.token)
            databases.drop_all()
            databases.close()
        for backing in reversed(self._backings):
            backing.close()
        self._folder.remove()

    def _keep(self, backing: Backing) -> Backing:
        self._backings.append(backing)
        return backing


def pytest_configure(config: pytest.Config) -> None:
    told: dict[str, Any] | None = getattr(config, "workerinput", None)
    if told is not None:
        config.stash[FOUND] = Found(**told["found"])
        return
    environ = dict(os.environ)
    for name in [name for name in environ if _OURS.fullmatch(name)]:
        del os.environ[name]
    config.stash[_OWNER] = owner = _Owner(environ, _line_writer(config))
    config.stash[FOUND] = owner.found
    config.add_cleanup(lambda: os.environ.update(environ))
    # A cleanup, because those run even when another plugin fails while pytest winds down.
    config.add_cleanup(owner.close)


def pytest_sessionstart(session: pytest.Session) -> None:
    """With xdist only the workers know the tests, and the servers have to be there before them."""
    config = session.config
    if _OWNER in config.stash and config.getoption("dist", "no") != "no" and not config.option.collectonly:
        _find(config, postgres=True, rabbitmq=True, private_rabbitmq=True, browser=True)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Here and not in the fixtures: no test's own deadline should have to cover starting a server."""
    config = session.config
    if _OWNER not in config.stash or config.option.collectonly or config.getoption("rows"):
        return
    names = {name for item in session.items for name in getattr(item, "fixturenames", ())}
    _find(
        config,
        postgres="postgres_url" in names,
        rabbitmq="rabbitmq_url" in names,
        private_rabbitmq="rabbitmq_program" in names,
        browser="browser_program" in names,
    )


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    node.workerinput["found"] = asdict(node.config.stash[FOUND])


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    if _OWNER not in config.stash:
        return
    found, reporter = config.stash[_OWNER].found, config.pluginmanager.get_plugin("terminalreporter")
    if reporter and config.option.markexpr == "not thorough":
        again = "thorough tests were left out, to end within two minutes; .ci/run plays them too"
        reporter.write_line(f'The {again}: make test ARGS="-n 4 -m thorough".', yellow=True)
    skipped = [str(report.longrepr) for report in reporter.stats.get("skipped", ())] if reporter else []
    for what, missing in (("RabbitMQ", found.rabbitmq_missing), ("a browser", found.browser_missing)):
        if missing and any(missing in reason for reason in skipped):
            reporter.write_line(f"Tests that need {what} were skipped: {missing}.", yellow=True)


def _find(config: pytest.Config, **wanted: bool) -> None:
    owner = config.stash[_OWNER]
    try:
        owner.find(**wanted)
    except DeployError as error:
        pytest.exit(str(error), returncode=pytest.ExitCode.USAGE_ERROR)
    config.stash[FOUND] = owner.found


def _line_writer(config: pytest.Config) -> Callable[[str], None]:
    def say(line: str) -> None:
        reporter = config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None:
            reporter.write_line(line)

    return say
