"""Every example of the OpenAPI document, sent to a running api: each is answered as the document says."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from example_run import open_world, play
from example_world import World

from services.api.openapi.curl import address
from services.api.openapi.keyless import KEYLESS
from tests.documented import document

pytestmark = pytest.mark.asyncio(loop_scope="module")
SECRETS = {"media.pull", "media.push", "accounts.callback", "accounts.reopen"}
"""Their addresses are secrets: the one of an example is nobody's, and that is what is answered."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(shared_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with open_world(shared_database_url, tmp_path_factory.mktemp("world")) as world:
        yield world


async def test_every_example_is_answered_as_it_says(world: World) -> None:
    wrong = await play(world)

    assert not wrong, "\n".join(f"{name}: {line}" for name, lines in wrong.items() for line in lines)


async def test_what_needs_no_key_is_answered_as_its_example_says(world: World) -> None:
    for one in KEYLESS:
        for method in one.methods:
            said = document()["paths"][one.path][method]
            response = await world.house.call(method.upper(), address(one.path, said, "example-1"), key="")
            if one.name in SECRETS:
                assert response.status_code in (400, 404), one.path
            elif "{id}" in one.path:
                assert response.status_code == 404, one.path  # nobody's endpoint; a real one's is shown elsewhere
            else:
                assert response.status_code == 200, one.path
                if isinstance(one.example, dict) and "schema" not in one.example:
                    assert response.json().keys() >= one.example.keys()
