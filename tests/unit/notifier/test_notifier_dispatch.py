"""The dispatcher over a store that fails at chosen moments."""

import asyncio
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from libs.egress import Answered, GuardedClient, Timings
from libs.model.endpoint import Endpoint, EndpointState, Secret
from libs.model.ids import new_id
from libs.signing import new_secret
from libs.store.deliveries import Claim, Claimed, Saved, Settled
from libs.store.errors import Unavailable
from libs.store.store import Store
from services.notifier.dispatch import Dispatch
from services.notifier.settle import Settlements
from tests.eventually import eventually

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ENDPOINT = "end_1"


def delivery() -> Claimed:
    return Claimed(new_id("dlv", NOW), NOW.date(), 1, ENDPOINT, new_id("evt", NOW), 0, "{}", NOW)


@dataclass
class Scripted:
    """A store whose claims come from a script: deliveries, or an error to raise; and a customer who answers 200, or
    with `waits` not before that error.
    """

    claims: deque[list[Claimed] | Exception]
    timeout_s: float = 15.0
    sent: list[float] = field(default_factory=list)
    settled: list[Settled] = field(default_factory=list)
    released: list[Claimed] = field(default_factory=list)
    waits: bool = False
    raised: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def deliveries(self) -> "Scripted":
        return self

    @property
    def endpoints(self) -> "Scripted":
        return self

    async def claim(self, **_: Any) -> Claim:
        step = self.claims.popleft() if self.claims else []
        if isinstance(step, Exception):
            self.raised.set()
            raise step
        return Claim(tuple(step), (ENDPOINT,) if step else (), ((ENDPOINT, 1),) if step else ())

    async def get_many(self, ids: list[str]) -> dict[str, Endpoint]:
        secret = new_secret().reveal()
        return {
            id_: Endpoint(id_, "cus_1", "http://127.0.0.1/", ("*",), EndpointState.ENABLED, (Secret(secret),),
                          timeout_s=self.timeout_s)
            for id_ in ids
        }  # fmt: skip

    async def sleep_lanes(self, lanes: Any) -> None:
        return

    async def release(self, deliveries: list[Claimed], *, now: datetime) -> None:
        self.released += deliveries

    async def settle(self, settled: list[Settled], *, now: datetime) -> Saved:
        self.settled += settled
        return Saved(len(settled))

    async def post(self, url: str, *, timeout_s: float, **_: Any) -> Answered:
        self.sent.append(timeout_s)
        await (self.raised.wait() if self.waits else asyncio.sleep(0.001))
        return Answered(
            status=200, headers={}, body=b"", truncated=False, retry_after=None, timings=Timings(total_ms=1.0)
        )


class Running:
    """A dispatcher with its settlements, between `async with`."""

    def __init__(self, script: Scripted, *, endpoint_concurrency: int = 50, lease_s: float = 120.0) -> None:
        store = cast("Store", script)
        self.settlements = Settlements(store, now=lambda: NOW)
        self.dispatch = Dispatch(
            store,
            cast("GuardedClient", script),
            self.settlements,
            asyncio.Event(),
            now=lambda: NOW,
            concurrency=8,
            endpoint_concurrency=endpoint_concurrency,
            lease=timedelta(seconds=lease_s),
            idle_s=0.01,
        )
        self.stop, self.sent = asyncio.Event(), asyncio.Event()

    async def __aenter__(self) -> "Running":
        self.tasks = [
            asyncio.create_task(self.settlements.run(self.sent)),
            asyncio.create_task(self.dispatch.run(self.stop)),
        ]
        return self

    async def __aexit__(self, *_: object) -> None:
        self.stop.set()
        self.sent.set()
        await asyncio.gather(*self.tasks)


async def test_what_was_claimed_is_sent_and_settled_though_the_store_goes_away_meanwhile() -> None:
    script = Scripted(deque([[delivery() for _ in range(20)], Unavailable("away"), Unavailable("away"), [delivery()]]))
    async with Running(script, endpoint_concurrency=1):
        await eventually(lambda: len(script.settled) == 21)
    assert not script.released


async def test_a_dispatcher_that_is_started_again_serves_lanes_that_stood_in_line() -> None:
    """A line is forgotten when the loop ends; a lane that still believed to stand in it was never served again."""
    script = Scripted(deque([[delivery() for _ in range(20)], RuntimeError("a bug")]), waits=True)
    running = Running(script)
    settling = asyncio.create_task(running.settlements.run(running.sent))
    await asyncio.gather(running.dispatch.run(running.stop), return_exceptions=True)
    assert script.released
    before = len(script.settled)

    script.claims.append([delivery()])
    again = asyncio.create_task(running.dispatch.run(running.stop))
    await eventually(lambda: len(script.settled) > before)
    running.stop.set()
    running.sent.set()
    await asyncio.gather(settling, again)


async def test_a_delivery_ends_before_its_lease_however_long_its_endpoint_may_take() -> None:
    """With a lease shorter than the endpoint's timeout nothing was ever sent to it, and nobody was told."""
    script = Scripted(deque([[delivery()]]), timeout_s=60.0)
    async with Running(script, lease_s=10.0):
        await eventually(lambda: script.settled)
    assert script.sent and all(timeout_s < 10.0 for timeout_s in script.sent)
