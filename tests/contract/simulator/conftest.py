"""A fresh simulator per test."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from tests.contract.simulator.box import Box, open_box


def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    """These judge what plays TikTok, not what is shipped to talk to it."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.thorough)


@pytest.fixture
async def box() -> AsyncIterator[Box]:
    async with open_box() as opened:
        yield opened
