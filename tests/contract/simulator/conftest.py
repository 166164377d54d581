"""A fresh simulator per test."""

from collections.abc import AsyncIterator

import pytest

from tests.contract.simulator.box import Box, open_box


@pytest.fixture
async def box() -> AsyncIterator[Box]:
    async with open_box() as opened:
        yield opened
