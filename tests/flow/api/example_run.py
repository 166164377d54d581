"""The document's examples as requests, in an order in which each finds what it is about."""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import orjson
from api_house import open_house
from example_match import differences
from example_world import BEFORE, World

from libs.rest.code import Code
from libs.runtime.clock import SystemClock
from services.api.doc.shape import Example, Upload
from services.api.openapi.curl import address
from services.api.openapi.operation import JSON, example_name, name_of, plain
from services.api.resource import ROUTES
from services.api.route import Route
from services.simulator.app import build
from services.simulator.settings import SimulatorSettings
from tests.documented import document

FIRST = [
    "customers.create", "accounts.create", "groups.create", "media.create", "posts.create", "keys.create",
    "endpoints.create", "consumers.create", "replays.create",
]  # fmt: skip
LAST = [
    "endpoints.disable", "endpoints.delete", "media.delete", "groups.delete", "accounts.change", "keys.revoke",
    "consumers.delete",
    "accounts.disconnect", "apps.create", "apps.list", "apps.read", "apps.change",
]  # fmt: skip


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


@asynccontextmanager
async def open_world(database_url: str, folder: Path) -> AsyncIterator[World]:
    """An api with a TikTok behind it, and nothing in it yet."""
    app = {"tiktok_client_key": "awoperatorsapp01", "tiktok_client_secret": ("sim_client_secret",)}
    async with build(SimulatorSettings(simulator_port=0, **app), clock=SystemClock()) as simulator:
        tiktok = {"TIKTOK_API_URL": simulator.url, "TIKTOK_AUTH_URL": simulator.url,
                  "TIKTOK_CLIENT_KEY": "awoperatorsapp01", "TIKTOK_CLIENT_SECRET": "sim_client_secret"}  # fmt: skip
        async with open_house(database_url, folder, **tiktok) as house:
            world = World(house, simulator.url)
            await world.begin()
            yield world


async def play(world: World, *, but: Collection[str] = ()) -> dict[str, list[str]]:
    """Sends every example but those of some operations; what was not as it says, by example."""
    wrong: dict[str, list[str]] = {}
    prepared = set()
    for case in cases():
        operation = name_of(case.route)
        if operation in but:
            continue
        if operation in BEFORE and operation not in prepared:
            await BEFORE[operation](world)
            prepared.add(operation)
        if lines := await judged(world, case):
            wrong[f"{operation} ({case.name})"] = lines
    return wrong


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
