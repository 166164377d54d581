"""Fixtures of the broker contract: every test with a `place` runs on both adapters."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from broker_place import Place, RabbitPlace, memory_place, rabbit_place


def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    """The run looks at fixture names to learn which servers it needs, and one parameter in two needs RabbitMQ."""
    for item in items:
        if Path(__file__).parent in item.path.parents and item.get_closest_marker("rabbitmq"):
            assert isinstance(item, pytest.Function)
            item.fixturenames = [*item.fixturenames, "rabbitmq_url"]  # a copy: parameters share one list


@pytest.fixture
async def rabbit(rabbitmq_url: str) -> AsyncIterator[RabbitPlace]:
    """The real one only."""
    place = rabbit_place(rabbitmq_url)
    yield place
    await place.close()


@pytest.fixture(params=["memory", pytest.param("rabbitmq", marks=pytest.mark.rabbitmq)])
async def place(request: pytest.FixtureRequest) -> AsyncIterator[Place]:
    """Each adapter in turn."""
    here: Place = memory_place() if request.param == "memory" else rabbit_place(request.getfixturevalue("rabbitmq_url"))
    yield here
    await here.close()
