"""An endpoint is down for six virtual days and comes back, over real HTTP: nothing is lost, nobody lifts a hand."""

import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from flow_house import Stage, open_stage

from libs.model.delivery import JITTER
from libs.model.endpoint import SCHEDULE
from libs.model.event import EventType, event
from libs.model.sample import DATA

DAY_S, HOUR_S = 86_400.0, 3_600.0
DAYS_DOWN, EVENTS_A_DAY = 6, 3
LAST_WAIT_S = SCHEDULE[-1].total_seconds() * (1 + JITTER) + HOUR_S
"""What was tried as a probe just before waits as long as its own schedule says."""
SPARE = ["endpoint.failing", "endpoint.failing", "endpoint.disabled", "endpoint.recovered"]


class Server:
    """A customer's server at an address of its own, which refuses connections until it `listens`."""

    def __init__(self) -> None:
        self.socket = socket.socket()
        self.socket.bind(("127.0.0.1", 0))  # nobody else gets the port, and nobody is there
        self.heard: list[tuple[str, str]] = []
        """(id, type) of every webhook."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.socket.getsockname()[1]}/hook"

    @asynccontextmanager
    async def listens(self) -> AsyncIterator[None]:
        app = web.Application()
        app.router.add_post("/hook", self._hear)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.SockSite(runner, self.socket).start()
        try:
            yield
        finally:
            await runner.cleanup()

    async def _hear(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.heard.append((body["id"], body["type"]))
        return web.Response(status=204)


@pytest.fixture
def down() -> Iterator[Server]:
    server = Server()
    yield server
    server.socket.close()


@pytest.fixture
def spare() -> Iterator[Server]:
    server = Server()
    yield server
    server.socket.close()


@pytest.mark.waits_long
async def test_six_days_of_refused_connections_lose_nothing_and_need_no_hand(
    held_database_url: str, tmp_path: Path, down: Server, spare: Server
) -> None:
    async with (
        spare.listens(),
        open_stage(held_database_url, tmp_path / "house", programs=("api", "notifier")) as stage,
    ):
        customer_id = (await stage.api("POST", "customers", {"name": "six days"}))["id"]
        ids = {}
        for server, events in ((down, ["webhook.test"]), (spare, ["endpoint.*"])):
            wish = {"customer_id": customer_id, "url": server.url, "events": events}
            ids[server] = (await stage.api("POST", "endpoints", wish))["id"]

        told, jumps = [], 0
        for _ in range(DAYS_DOWN):
            told += await tell(stage, customer_id)
            jumps += await pass_by(stage, DAY_S)
        ill = await stage.api("GET", f"endpoints/{ids[down]}")
        async with down.listens():
            jumps += await pass_by(stage, LAST_WAIT_S)
        well = await stage.api("GET", f"endpoints/{ids[down]}")
        rows = await stage.row(
            "select array_agg(distinct state) as states, count(*) as n from deliveries"
            " where customer_id = $1 and endpoint_id = $2", customer_id, ids[down],
        )  # fmt: skip
        refused = await stage.row("select array_agg(distinct error) as why from attempts where status is null")

    assert refused["why"] == ["connect_refused"]
    assert (ill["state"], ill["reason"]) == ("disabled", "failing for 5 days")
    assert (well["state"], well["reason"]) == ("enabled", None)
    assert (rows["states"], rows["n"]) == (["delivered"], len(told))
    assert sorted(id_ for id_, _ in down.heard) == sorted(told), "each of them, and none twice"
    assert [type_ for _, type_ in spare.heard] == SPARE
    assert jumps < 100


async def tell(stage: Stage, customer_id: str) -> list[str]:
    """Some events for that customer."""
    told = [
        event(EventType.WEBHOOK_TEST, key=f"{stage.unix}:{n}", now=stage.now, data=DATA[EventType.WEBHOOK_TEST],
              customer_id=customer_id)
        for n in range(EVENTS_A_DAY)
    ]  # fmt: skip
    await stage.house.store.events.record(told, now=stage.now)
    await stage.house.broker.ring("notifier")
    await stage.quiet()
    return [each.id for each in told]


async def pass_by(stage: Stage, seconds: float) -> int:
    """Time goes on from alarm to alarm, an hour at least; how many jumps it was."""
    jumps = 0
    while seconds > 0:
        row = await stage.row(
            "select extract(epoch from min(greatest(d.alarm, l.paused_until)) - $1)::float8 as wait"
            " from deliveries d join endpoint_lanes l using (endpoint_id) where d.alarm is not null", stage.now,
        )  # fmt: skip
        jump = min(max(row["wait"] or seconds, HOUR_S), seconds)
        await stage.advance(jump)
        await stage.quiet()
        seconds -= jump
        jumps += 1
    return jumps
