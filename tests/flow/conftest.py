"""One house for all tests of a module, and a house of its own for a test that must not share."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from flow_house import Guest, Stage, open_stage

from tests.databases import START, Databases


@pytest.fixture(scope="session")
def held_template(databases: Databases) -> str:
    """The name of a migrated database for houses on a held clock."""
    return databases.prepare_template(START)


@pytest.fixture(scope="module")
def module_database_url(databases: Databases, held_template: str) -> Iterator[str]:
    """A fresh, migrated database of this module alone, for a held clock."""
    name = databases.create(START)
    yield databases.url(name)
    databases.drop(name)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(module_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """Shared by the tests of a module, which keep to their own guests; its clock never goes back."""
    async with open_stage(module_database_url, tmp_path_factory.mktemp("house")) as stage:
        yield stage


@pytest_asyncio.fixture(loop_scope="module")
async def guest(stage: Stage) -> Guest:
    """A new customer on the shared stage."""
    return await stage.guest()


@pytest.fixture
def held_database_url(databases: Databases, held_template: str) -> Iterator[str]:
    """A fresh, migrated database of this test alone, for a held clock."""
    name = databases.create(START)
    yield databases.url(name)
    databases.drop(name)


@pytest_asyncio.fixture
async def own_stage(held_database_url: str, tmp_path: Path) -> AsyncIterator[Stage]:
    """A house of this test alone."""
    async with open_stage(held_database_url, tmp_path / "house") as stage:
        yield stage
