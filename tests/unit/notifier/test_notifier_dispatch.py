"""The dispatcher over a store that fails at chosen moments."""

import asyncio
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from libs.egress import Answered, Failed, FailureKind, GuardedClient, Outcome, Timings
from libs.model.circuit import OPEN_AFTER
from libs.model.delivery import DeliveryState
from libs.model.endpoint import SCHEDULE, Endpoint, EndpointState, Secret
from libs.model.ids import new_id
from libs.signing import new_secret
from libs.store.deliveries import Claim, Claimed, LaneSeen, Saved, Settled
from libs.store.errors import Unavailable
from libs.store.store import Store
from services.notifier.dispatch import Dispatch
from services.notifier.past import BEGINS_WITH
from services.notifier.settle import Settlements
from tests.eventually import eventually

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ENDPOINT = "end_1"


def delivery(*, tries: int = 0, endpoint: str = ENDPOINT) -> Claimed:
    return Claimed(new_id("dlv", NOW), NOW.date(), 1, endpoint, new_id("evt", NOW), tries, "{}", NOW)


@dataclass
class Scripted:
    """A store whose claims come from a script: deliveries, or an error to raise; and a customer who answers 200, or
    with `waits` not before that error. What `hangs` is never answered.
    """

    claims: deque[list[Claimed] | Exception]
    timeout_s: float = 15.0
    sent: list[float] = field(default_factory=list)
    settled: list[Settled] = field(default_factory=list)
    released: list[Claimed] = field(default_factory=list)
    waits: bool = False
    status: int = 200
    version: int = 1
    concurrency: int | None = None
    failures: int = 0
    under_way: int = 0
    most: int = 0
    asked: list[dict[str, Any]] = field(default_factory=list)
    hangs: str | None = None
    outcome: Outcome | None = None
    urls: list[str] = field(default_factory=list)
    raised: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def deliveries(self) -> "Scripted":
        return self

    @property
    def endpoints(self) -> "Scripted":
        return self

    async def claim(self, **asked: Any) -> Claim:
        self.asked.append(asked)
        step = self.claims.popleft() if self.claims else []
        if isinstance(step, Exception):
            self.raised.set()
            raise step
        if not step:
            return Claim((), (), ())
        lanes = tuple(dict.fromkeys(one.endpoint_id for one in step))
        seen = tuple(LaneSeen(id_, self.failures, self.version, None) for id_ in lanes)
        return Claim(tuple(step), lanes, tuple((id_, 1) for id_ in lanes), seen)

    async def get_many(self, ids: list[str]) -> dict[str, Endpoint]:
        secret = new_secret().reveal()
        return {
            id_: Endpoint(id_, "cus_1", f"http://127.0.0.1/{self.version if id_ == ENDPOINT else id_}", ("*",),
                          EndpointState.ENABLED, (Secret(secret),), timeout_s=self.timeout_s, version=self.version,
                          concurrency=self.concurrency)
            for id_ in ids
        }  # fmt: skip

    async def sleep_lanes(self, lanes: Any) -> None:
        return

    async def release(self, deliveries: list[Claimed], *, now: datetime) -> None:
        self.released += deliveries

    async def settle(self, settled: list[Settled], *, now: datetime) -> Saved:
        self.settled += settled
        return Saved(len(settled))

    async def post(self, url: str, *, timeout_s: float, **_: Any) -> Outcome:
        self.sent.append(timeout_s)
        self.urls.append(url)
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        waits = self.waits or url.rpartition("/")[2] == self.hangs
        await (self.raised.wait() if waits else asyncio.sleep(0))
        self.under_way -= 1
        return self.outcome or Answered(
            status=self.status, headers={}, body=b"", truncated=False, retry_after=None, timings=Timings(total_ms=1.0)
        )


class Running:
    """A dispatcher with its settlements, between `async with`."""

    def __init__(
        self, script: Scripted, *, endpoint_concurrency: int = 50, lease_s: float = 120.0, slow_s: float = 3600.0
    ) -> None:
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
            slow_s=slow_s,
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


async def test_after_too_many_failures_in_a_row_what_was_not_begun_goes_back_and_no_try_is_spent_on_it() -> None:
    script = Scripted(deque([[delivery() for _ in range(200)]]), status=500)
    async with Running(script):
        await eventually(lambda: len(script.released) + len(script.settled) == 200)

    assert OPEN_AFTER <= len(script.settled) <= OPEN_AFTER + 8, "with what was under way"
    assert {one.id for one in script.released}.isdisjoint(one.delivery.id for one in script.settled)


@pytest.mark.parametrize(("failures", "given_up"), [(0, True), (OPEN_AFTER - 2, True), (OPEN_AFTER - 1, False)])
async def test_the_last_try_gives_a_delivery_up_unless_its_endpoint_is_down(failures: int, given_up: bool) -> None:
    script = Scripted(deque([[delivery(tries=len(SCHEDULE) - 1)]]), status=500, failures=failures)
    async with Running(script):
        await eventually(lambda: script.settled)

    state = DeliveryState.EXHAUSTED if given_up else DeliveryState.PENDING
    assert [one.verdict.state for one in script.settled] == [state]


async def test_an_endpoint_that_was_changed_is_known_at_the_next_claim() -> None:
    script = Scripted(deque([[delivery()]]))
    async with Running(script):
        await eventually(lambda: len(script.settled) == 1)
        script.version = 2
        script.claims.append([delivery()])
        await eventually(lambda: len(script.settled) == 2)

    assert script.urls == ["http://127.0.0.1/1", "http://127.0.0.1/2"]


@pytest.mark.parametrize(("own", "failures", "most"), [(None, 0, 8), (3, 0, 3), (5000, 0, 8), (3, OPEN_AFTER, 2)])
async def test_an_endpoint_has_no_more_requests_under_way_than_it_said(
    own: int | None, failures: int, most: int
) -> None:
    """After a probe it begins with one; of four, two are under way at most before the last has begun."""
    count = 4 if failures else 40
    script = Scripted(deque([[delivery() for _ in range(count)]]), concurrency=own, failures=failures)
    async with Running(script):
        await eventually(lambda: len(script.settled) == count)

    assert script.most <= most
    assert script.most == most or failures


async def test_while_an_endpoint_hangs_what_waits_for_it_keeps_nobody_from_being_claimed() -> None:
    """It did until the endpoint was known to be slow; here that takes an hour."""
    hanging = [delivery(endpoint="end_hangs") for _ in range(100)]
    script = Scripted(deque([hanging, [delivery()]]), hangs="end_hangs")
    async with Running(script):
        await eventually(lambda: script.settled)
        assert [one.delivery.endpoint_id for one in script.settled] == [ENDPOINT]
        assert script.under_way <= BEGINS_WITH
        script.raised.set()


async def test_an_endpoint_whose_last_tries_failed_begins_with_one_request_and_little_is_claimed_for_it() -> None:
    script = Scripted(deque([[delivery() for _ in range(6)]]), status=500)
    async with Running(script):
        await eventually(lambda: len(script.settled) == 6)
        await eventually(lambda: ENDPOINT in script.asked[-1]["few_of"])

        script.waits, script.most = True, 0
        script.claims.append([delivery() for _ in range(5)])
        await eventually(lambda: script.under_way)
        looks = len(script.asked)
        await eventually(lambda: len(script.asked) > looks + 2)
        assert script.most == 1

        script.status = 200
        script.raised.set()
        await eventually(lambda: len(script.settled) == 11)
        await eventually(lambda: ENDPOINT not in script.asked[-1]["few_of"])


async def test_a_process_that_is_always_late_still_says_that_an_endpoint_hangs() -> None:
    """One try may be given back: the process stood still. Those begun after it, and as late, are tries."""
    late = Failed(FailureKind.TIMEOUT, "no answer", Timings(total_ms=60_000.0))
    one = delivery()
    script = Scripted(deque([[one], [one], [one]]), outcome=late)
    async with Running(script, endpoint_concurrency=1):
        await eventually(lambda: len(script.settled) == 2)

    assert script.released == [one]
    assert {tried.error for tried in script.settled} == {"timeout"}


async def test_a_try_of_which_no_record_can_be_made_takes_no_other_with_it() -> None:
    """It ended the saving of all that went out with it; now it alone is left to the end of its lease."""
    unwritable = Answered(200, {"server": "\ud800"}, b"", False, None, Timings(total_ms=1.0))
    script = Scripted(deque([[delivery()]]), outcome=unwritable)
    async with Running(script):
        await eventually(lambda: script.sent)
        script.outcome = None
        script.claims.append([delivery()])
        await eventually(lambda: len(script.settled) == 1)

    assert len(script.sent) == 2
