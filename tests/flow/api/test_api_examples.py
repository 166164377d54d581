"""Every example of the OpenAPI document, sent to a running api: each is answered as the document says."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import orjson
import pytest
import pytest_asyncio
from api_house import open_house
from example_match import differences
from example_world import BEFORE, World

from libs.rest.code import Code
from libs.runtime.clock import SystemClock
from services.api.doc.shape import Example, Upload
from services.api.openapi.curl import address
from services.api.openapi.keyless import KEYLESS
from services.api.openapi.operation import example_name, name_of, plain
from services.api.resource import ROUTES
from services.api.route import Route
from services.simulator.app import build
from services.simulator.settings import SimulatorSettings
from tests.documented import document

pytestmark = pytest.mark.asyncio(loop_scope="module")
JSON = "application/json"
FIRST = [
    "customers.create", "accounts.create", "groups.create", "media.create", "posts.create", "keys.create",
    "endpoints.create", "consumers.create", "replays.create",
]  # fmt: skip
LAST = [
    "endpoints.disable", "groups.delete", "accounts.change", "keys.revoke", "consumers.delete",
    "accounts.disconnect", "apps.create", "apps.list", "apps.read", "apps.change",
]  # fmt: skip
SECRETS = {"media.pull", "media.push", "accounts.callback"}
"""Their addresses are secrets: the one of an example is nobody's, and that is what is answered."""


@dataclass(frozen=True)
class Case:
    route: Route
    example: Example
    name: str

    @property
    def said(self) -> dict[str, Any]:
        said: dict[str, Any] = document()["paths"][self.route.path][self.route.method.lower()]
        return said


def cases() -> list[Case]:
    """Every example, in an order in which each finds what it is about."""
    every = [
        Case(route, example, example_name(example, place))
        for route in ROUTES
        for place, example in enumerate(route.doc.examples, 1)
    ]
    turn = {name: place - len(FIRST) for place, name in enumerate(FIRST)}
    turn |= {name: place for place, name in enumerate(LAST, 1)}
    assert turn.keys() <= {name_of(case.route) for case in every}
    return sorted(every, key=lambda case: turn.get(name_of(case.route), 0))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(shared_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    app = {"tiktok_client_key": "awoperatorsapp01", "tiktok_client_secret": ("sim_client_secret",)}
    async with build(SimulatorSettings(simulator_port=0, **app), clock=SystemClock()) as simulator:
        tiktok = {"TIKTOK_API_URL": simulator.url, "TIKTOK_AUTH_URL": simulator.url,
                  "TIKTOK_CLIENT_KEY": "awoperatorsapp01", "TIKTOK_CLIENT_SECRET": "sim_client_secret"}  # fmt: skip
        async with open_house(shared_database_url, tmp_path_factory.mktemp("house"), **tiktok) as house:
            world = World(house, simulator.url)
            await world.begin()
            yield world


async def ask(world: World, case: Case) -> httpx.Response:
    where = world.known.put(address(case.route.path, case.said, case.name))
    content, kind = None, JSON
    if case.example.body is not None:
        content = orjson.dumps(world.known.put(dict(case.example.body)))
    elif isinstance(body := case.route.doc.body, Upload):
        kind = body.types[0]
        content = world.known.put(case.example.file).encode() if case.example.file is not None else world.film
    more = {"content": content, "headers": {"Content-Type": kind}} if content is not None else {}
    return await world.house.call(case.route.method, where, **more)


async def judged(world: World, case: Case) -> list[str]:
    """What is not as the example says; from what is, the world learns which its things are."""
    response = await ask(world, case)
    if response.status_code != case.example.status:
        return [f"{response.status_code} instead of {case.example.status}: {response.text[:500]}"]
    if isinstance(case.example.answer, Code):
        code = response.json()["code"]
        return [] if code == case.example.answer else [f"{code} instead of {case.example.answer}"]
    shown, real = plain(case.example.answer), response.json()
    if case.example.status in (201, 202):
        world.known.learn(shown, real)  # what is made has its own ids; what was there has those that are known
    lines = differences(world.known.put(shown), real)
    world.known.learn(shown, real)
    world.house.secrets |= {real["secret"]} if real.get("secret") else set()
    return lines


async def test_every_example_is_answered_as_it_says(world: World) -> None:
    wrong: dict[str, list[str]] = {}
    prepared = set()
    for case in cases():
        operation = name_of(case.route)
        if operation in BEFORE and operation not in prepared:
            await BEFORE[operation](world)
            prepared.add(operation)
        if lines := await judged(world, case):
            wrong[f"{operation} ({case.name})"] = lines

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
