"""Endpoints that fail: told of in time, left in peace, probed, and back without anybody's help."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast

import orjson
import pytest
from store_place import LEASE, NOW, SECOND, Place, an_id

from libs.egress import Answered, GuardedClient, Timings
from libs.model.circuit import OPEN_AFTER, PROBE_MIN
from libs.model.endpoint import DISABLE_AFTER, Endpoint, EndpointState, Secret
from libs.signing import new_secret
from libs.store.deliveries import Claim, Saved, Settled
from services.notifier.deliver import Destination, deliver, kept_of, write
from services.notifier.fanout import match

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


@dataclass
class Customer:
    """Endpoints that answer by a script, told by the parts of the notifier in turn, on a clock of the test's own."""

    place: Place
    now: datetime = NOW
    status: int = 500
    retry_after: str | None = None
    tries: list[tuple[datetime, str]] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)

    async def endpoint(self, **more: Any) -> Endpoint:
        return await self.place.endpoint(secrets=(Secret(new_secret().reveal()),), now=self.now, **more)

    async def post(self, url: str, **_: Any) -> Answered:
        status = 200 if "spare" in url else self.status
        return Answered(status, {}, b"", False, self.retry_after, Timings(1.0))

    async def hear(self, count: int) -> None:
        for _ in range(count):
            await self.place.event(now=self.now)
        await self.fan_out()

    async def fan_out(self) -> None:
        await self.place.store.deliveries.fan_out(match, now=self.now, limit=500)

    async def work(self) -> Claim:
        """One round: claim, send, settle."""
        store = self.place.store
        lease = self.now + timedelta(seconds=120)
        claim = await store.deliveries.claim(now=self.now, lease=lease, lanes=9, per_lane=400)
        known = await store.endpoints.get_many([lane.endpoint_id for lane in claim.seen])
        failures = {lane.endpoint_id: lane.failures for lane in claim.seen}
        settled: list[Settled] = []
        for delivery in claim.deliveries:
            to = Destination(known[delivery.endpoint_id], timeout_max=9, concurrency=50, now=self.now)
            down = failures[delivery.endpoint_id] >= OPEN_AFTER - 1
            message = write(delivery, to, self.now)
            one = await deliver(message, cast("GuardedClient", self), began=self.now, now=lambda: self.now, down=down)
            assert one is not None
            failures[delivery.endpoint_id] += not one.verdict.healthy
            settled.append(kept_of(one))
            if "spare" not in to.url:
                self.tries.append((self.now, delivery.id))
        if settled:
            saved: Saved = await store.deliveries.settle(settled, now=self.now)
            self.notices += [str(notice.type) for notice in saved.notices]
        await store.deliveries.sleep_lanes(claim.drained)
        await self.fan_out()
        return claim

    async def until(self, end: datetime) -> None:
        """Works whenever a lane is due, until `end`."""
        while True:
            await self.work()
            due = await self.place.sql.fetchval("select min(alarm) from endpoint_lanes")
            if due is None or due > end:
                break
            self.now = max(due, self.now + SECOND)
        self.now = end

    async def states(self, endpoint: Endpoint) -> Sequence[str]:
        found = await self.place.sql.fetch("select state from deliveries where endpoint_id = $1", endpoint.id)
        return [row["state"] for row in found]


@pytest.mark.parametrize("waiting", [1, 2, 40])
async def test_down_for_six_days_and_back_everything_is_delivered_and_nobody_lifts_a_hand(
    place: Place, waiting: int
) -> None:
    customer = Customer(place)
    down = await customer.endpoint()
    spare = await customer.endpoint(url="https://spare.example")
    await customer.hear(waiting)

    await customer.until(NOW + 6 * DAY)
    found = await place.store.endpoints.get(down.id, customer_id=None)
    customer.status = 204
    await customer.until(NOW + 8 * DAY)

    assert found is not None and found.state is EndpointState.DISABLED
    assert await customer.states(down) == ["delivered"] * waiting
    back = await place.store.endpoints.get(down.id, customer_id=None)
    assert back is not None and (back.state, back.reason, back.failing_since) == ("enabled", None, None)
    assert len(customer.notices) >= 3 and customer.notices[-2:] == ["endpoint.disabled", "endpoint.recovered"]
    told = "select count(*) from deliveries d join events e on e.id = d.event_id where e.type like 'endpoint.%' and"
    assert await place.sql.fetchval(f"{told} endpoint_id = $1 and state = 'delivered'", spare.id) == len(
        customer.notices
    )
    assert await place.sql.fetchval(f"{told} endpoint_id = $1", down.id) == 0, "nobody is told of his own failing"


async def test_a_busy_endpoint_that_is_down_is_told_of_at_half_and_nine_tenths_of_the_time(place: Place) -> None:
    customer = Customer(place)
    down = await customer.endpoint(url="https://a.example/hook?token=theirs")
    await customer.hear(30)

    await customer.until(NOW + 6 * DAY)

    assert customer.notices == ["endpoint.failing", "endpoint.failing", "endpoint.disabled"]
    rows = await place.sql.fetch("select body, occurred_at from events where type like 'endpoint.%' order by id")
    data = [orjson.loads(row["body"])["data"] for row in rows]
    assert [one.get("percent") for one in data] == [50, 90, None]
    assert all(one["url"] == "https://a.example/hook" for one in data)
    for row, part in zip(rows, (0.5, 0.9, 1.0), strict=True):
        late = row["occurred_at"] - (NOW + part * DISABLE_AFTER)
        assert timedelta(0) <= late <= part * DISABLE_AFTER / 8
    assert (await place.store.endpoints.get(down.id, customer_id=None)) is not None


async def test_while_a_lane_is_paused_only_probes_spend_tries_and_they_become_rarer(place: Place) -> None:
    customer = Customer(place)
    endpoint = await customer.endpoint()
    await customer.hear(OPEN_AFTER)
    await customer.work()
    assert len(customer.tries) == OPEN_AFTER
    opened = customer.now
    await customer.hear(500)

    await customer.until(NOW + 6 * HOUR)

    probes = [at for at, _ in customer.tries[OPEN_AFTER:]]
    assert len(probes) == len(set(probes)), "one at a time"
    waits = [late - early for early, late in zip([opened, *probes], probes, strict=False)]
    assert min(waits) >= PROBE_MIN
    for at, wait in zip(probes, waits, strict=True):
        assert wait <= max(PROBE_MIN, (at - opened) / 8) + 2 * SECOND
    lane = await place.lane(endpoint.id)
    assert lane["failures"] == len(customer.tries)

    customer.status = 200
    await customer.until(customer.now + HOUR)
    assert (await customer.states(endpoint)).count("delivered") == 500 + OPEN_AFTER
    lane = await place.lane(endpoint.id)
    assert (lane["failures"], lane["open_since"], lane["paused_until"]) == (0, None, None)
    assert customer.notices == []


async def test_a_probe_never_brings_back_what_is_gone(place: Place) -> None:
    customer = Customer(place)
    endpoint = await customer.endpoint()
    await customer.hear(20)
    await customer.until(NOW + 5 * DAY + 7 * HOUR)
    assert customer.notices[-1] == "endpoint.disabled"

    customer.status = 410
    await customer.until(NOW + 6 * DAY)
    tries = len(customer.tries)
    customer.status = 200
    await customer.until(NOW + 30 * DAY)

    found = await place.store.endpoints.get(endpoint.id, customer_id=None)
    assert found is not None and (found.state, found.disabled_for) == ("disabled", "gone")
    assert len(customer.tries) == tries
    assert set(await customer.states(endpoint)) == {"pending"}


async def test_what_was_disabled_by_hand_stays_so_though_a_late_answer_was_well(place: Place) -> None:
    customer = Customer(place)
    endpoint = await customer.endpoint()
    await customer.hear(2)
    claim = await place.store.deliveries.claim(now=NOW, lease=LEASE, lanes=1, per_lane=9)
    to = Destination(endpoint, timeout_max=9, concurrency=9, now=NOW)
    for status in (500, 200):
        customer.status = status
        message = write(claim.deliveries[status == 200], to, NOW)
        one = await deliver(message, cast("GuardedClient", customer), began=NOW, now=lambda: NOW)
        assert one is not None
        if status == 200:
            await place.store.endpoints.disable(endpoint.id, customer_id=None, reason="by hand", now=NOW)
        await place.store.deliveries.settle([kept_of(one)], now=NOW)

    found = await place.store.endpoints.get(endpoint.id, customer_id=None)
    assert found is not None and (found.state, found.disabled_for, found.failing_since) == ("disabled", "request", None)
    assert (await place.lane(endpoint.id))["alarm"] is None


async def test_retry_after_of_a_probe_is_honoured_beyond_its_pause(place: Place) -> None:
    customer = Customer(place, status=503)
    await customer.endpoint()
    await customer.hear(OPEN_AFTER)
    await customer.work()

    customer.retry_after = "7200"
    customer.now += timedelta(minutes=3)
    await customer.until(customer.now)
    at = customer.tries[-1][0]
    customer.retry_after = None
    await customer.until(NOW + 4 * HOUR)

    later = [tried for tried, _ in customer.tries if tried > at]
    assert later[0] >= at + 2 * HOUR


async def test_a_rate_holds_whoever_claims(place: Place) -> None:
    customer = Customer(place, status=200)
    await customer.endpoint(rate_per_s=5.0)
    await customer.hear(100)

    await customer.until(NOW + 9.5 * SECOND)

    assert 45 <= len(customer.tries) <= 50
    for second in range(10):
        begun = [at for at, _ in customer.tries if NOW + second * SECOND <= at < NOW + (second + 1) * SECOND]
        assert len(begun) <= 5


async def test_a_rate_holds_also_before_the_lane_is_put_to_sleep(place: Place) -> None:
    await place.endpoint(rate_per_s=5.0)
    await place.deliveries(20)

    async def claimed(at: datetime) -> int:
        found = await place.store.deliveries.claim(now=at, lease=LEASE, lanes=9, per_lane=9)
        return len(found.deliveries)

    assert [await claimed(NOW + n * SECOND / 2) for n in range(5)] == [5, 0, 5, 0, 5]


@pytest.mark.parametrize(("rate", "every_s"), [(0.5, 2), (0.01, 100)])
async def test_a_rate_below_one_a_second_is_one_in_several(place: Place, rate: float, every_s: int) -> None:
    customer = Customer(place, status=200)
    await customer.endpoint(rate_per_s=rate)
    await customer.hear(4)

    await customer.until(NOW + 10 * every_s * SECOND)

    assert [round((at - NOW) / SECOND) for at, _ in customer.tries] == [0, every_s, 2 * every_s, 3 * every_s]


async def test_accounts_that_an_endpoint_did_not_name_are_not_heard_by_it(place: Place) -> None:
    named, other = an_id("acc"), an_id("acc")
    assert match_of(named, accounts=(named,)) and match_of(None, accounts=(named,)) and match_of(other, accounts=())
    assert not match_of(other, accounts=(named,))


def match_of(account_id: str | None, *, accounts: tuple[str, ...]) -> bool:
    from libs.store.deliveries import Outgoing, Subscription

    outgoing = Outgoing(an_id("evt"), NOW.date(), "post.published", "cus_1", account_id)
    return bool(match(outgoing, [Subscription("end_1", "cus_1", ("*",), accounts)]))
