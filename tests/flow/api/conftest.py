"""A running api. Most tests share one per module, with customers of their own: a fresh database costs half a second."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from api_house import House, open_house

from tests.databases import Databases


@pytest.fixture(scope="module")
def shared_database_url(databases: Databases, template_database: str) -> Iterator[str]:
    name = databases.create()
    yield databases.url(name)
    databases.drop(name)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(shared_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    async with open_house(shared_database_url, tmp_path_factory.mktemp("house")) as house:
        yield house


@pytest_asyncio.fixture(loop_scope="module")
async def own_house(database_url: str, tmp_path: Path) -> AsyncIterator[House]:
    """For tests that stop it, or break what it stands on."""
    async with open_house(database_url, tmp_path) as house:
        yield house
