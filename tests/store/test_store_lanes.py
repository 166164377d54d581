"""Lanes: what waits together is claimed together, a pause is a pause, and no wake-up is ever lost."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from store_place import (
    LATER,
    LEASE,
    NOW,
    SECOND,
    Place,
    a_verdict,
    an_id,
    everybody,
    settled,
    waiting_for_locks,
)
from structlog.testing import capture_logs

from libs.model.account import Account
from libs.model.delivery import DeliveryState
from libs.model.endpoint import Endpoint
from libs.store.sql import Queries
from tests.eventually import eventually

Another = Callable[[], Awaitable["asyncpg.Connection[asyncpg.Record]"]]
POSTS, DELIVERIES, ORDERING = Queries("posts"), Queries("deliveries"), Queries("ordering")


class Inserter:
    """Another program's transaction, statement by statement: it puts something into a lane, then rings."""

    def __init__(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        self.connection = connection
        self.transaction = connection.transaction()

    async def post(self, place: Place, account: Account) -> None:
        await self.transaction.start()
        post = place.new_post(account)
        record = {
            "id": post.id, "customer_id": post.customer_id, "account_id": post.account_id, "idempotency_key": post.id,
            "request": {}, "state": "queued", "alarm": NOW.isoformat(), "in_lane": True, "created_at": NOW.isoformat(),
        }  # fmt: skip
        await self.connection.fetch(POSTS.insert, [record], b"h")

    async def ring_account(self, account: Account) -> None:
        await self.connection.execute(POSTS.ring_lanes, [account.id], [NOW])

    async def delivery(self, endpoint: Endpoint) -> None:
        await self.transaction.start()
        made = ([an_id("dlv")], [NOW.date()], [an_id("evt")], [None], [None])
        await self.connection.execute(ORDERING.insert, endpoint.id, endpoint.customer_id, *made, NOW)

    async def ring_endpoint(self, endpoint: Endpoint) -> None:
        await self.connection.execute(DELIVERIES.ring_lanes, [endpoint.id], [NOW])


async def drained_post_lane(place: Place) -> tuple[Account, int]:
    """An account whose lane was claimed and found empty, and the ring that was read."""
    account = await place.account()
    await place.posts(account)
    await place.store.posts.claim_in_lane(account.id, now=NOW, lease=LEASE, limit=9)
    ((account_id, ring),) = await place.store.posts.claim_lanes(now=NOW, lease=LEASE, limit=9)
    assert account_id == account.id
    assert await place.store.posts.claim_in_lane(account.id, now=NOW, lease=LEASE, limit=9) == []
    return account, ring


async def drained_endpoint_lane(place: Place) -> tuple[Endpoint, int]:
    """The same for an endpoint with one delivery, delivered."""
    endpoint = await place.endpoint()
    await place.deliveries(1)
    claim = await place.store.deliveries.claim(now=NOW, lease=LEASE, lanes=9, per_lane=9)
    await place.store.deliveries.settle([settled(delivery) for delivery in claim.deliveries], now=NOW)
    ((lane, ring),) = claim.drained
    assert lane == endpoint.id
    return endpoint, ring


async def test_a_post_that_commits_between_claim_and_rest_keeps_its_lane_awake(place: Place) -> None:
    account, ring = await drained_post_lane(place)

    await place.posts(account)
    await place.store.posts.rest_lane(account.id, ring=ring, until=LATER, now=NOW)

    assert (await place.post_lane(account.id))["alarm"] == NOW


@pytest.mark.parametrize("rung", [False, True])
async def test_a_post_not_yet_committed_when_its_lane_rests_wakes_it(
    place: Place, other_connection: Another, rung: bool
) -> None:
    account, ring = await drained_post_lane(place)
    inserter = Inserter(await other_connection())
    await inserter.post(place, account)

    if rung:  # it holds the lane's row: the rest waits for it, and then sees that it has rung
        await inserter.ring_account(account)
        resting = asyncio.create_task(place.store.posts.rest_lane(account.id, ring=ring, until=LATER, now=NOW))
        await eventually(lambda: waiting_for_locks(place, 1))
        await inserter.transaction.commit()
        await resting
    else:
        await place.store.posts.rest_lane(account.id, ring=ring, until=LATER, now=NOW)
        assert (await place.post_lane(account.id))["alarm"] is None
        await inserter.ring_account(account)
        await inserter.transaction.commit()

    assert (await place.post_lane(account.id))["alarm"] == NOW


async def test_a_delivery_that_commits_between_claim_and_sleep_keeps_its_lane_awake(place: Place) -> None:
    endpoint, ring = await drained_endpoint_lane(place)

    await place.deliveries(1)
    await place.store.deliveries.sleep_lanes([(endpoint.id, ring)])

    assert (await place.lane(endpoint.id))["alarm"] == NOW


@pytest.mark.parametrize("rung", [False, True])
async def test_a_delivery_not_yet_committed_when_its_lane_falls_asleep_wakes_it(
    place: Place, other_connection: Another, rung: bool
) -> None:
    endpoint, ring = await drained_endpoint_lane(place)
    inserter = Inserter(await other_connection())
    await inserter.delivery(endpoint)

    if rung:
        await inserter.ring_endpoint(endpoint)
        sleeping = asyncio.create_task(place.store.deliveries.sleep_lanes([(endpoint.id, ring)]))
        await eventually(lambda: waiting_for_locks(place, 1))
        await inserter.transaction.commit()
        await sleeping
    else:
        await place.store.deliveries.sleep_lanes([(endpoint.id, ring)])
        assert (await place.lane(endpoint.id))["alarm"] is None
        await inserter.ring_endpoint(endpoint)
        await inserter.transaction.commit()

    assert (await place.lane(endpoint.id))["alarm"] == NOW


async def test_a_claim_that_began_before_an_insert_committed_does_not_put_its_lane_to_sleep(
    place: Place, other_connection: Another
) -> None:
    """Its snapshot has the ring of the row it waited for, but not the delivery; the sleep's own snapshot has both."""
    endpoint, _ = await drained_endpoint_lane(place)
    inserter = Inserter(await other_connection())
    await inserter.delivery(endpoint)
    await inserter.ring_endpoint(endpoint)

    # The lane's row is taken: passed over now, found by the next claim.
    assert (await place.store.deliveries.claim(now=NOW, lease=LEASE, lanes=9, per_lane=9)).lanes == ()
    await inserter.transaction.commit()
    claim = await place.store.deliveries.claim(now=NOW, lease=LEASE, lanes=9, per_lane=9)
    await place.store.deliveries.sleep_lanes(claim.drained)

    assert len(claim.deliveries) == 1
    assert (await place.lane(endpoint.id))["alarm"] == LEASE, "the lease's end is an alarm too"


async def test_no_wake_up_is_lost_however_claims_and_inserts_meet(place: Place) -> None:
    """Real concurrency, every lane put to sleep at once: whatever waits at the end has a lane that will look."""
    endpoints = [await place.endpoint(), await place.endpoint(), await place.endpoint()]
    account = await place.account()
    done = asyncio.Event()

    async def insert() -> None:
        for _ in range(12):
            await place.deliveries(1)
            await place.posts(account)

    async def claim() -> None:
        while not done.is_set():
            found = await place.store.deliveries.claim(now=NOW, lease=LEASE, lanes=9, per_lane=9)
            await place.store.deliveries.sleep_lanes(found.drained)
            await place.store.deliveries.settle([settled(delivery) for delivery in found.deliveries], now=NOW)
            for lane, ring in await place.store.posts.claim_lanes(now=NOW, lease=LEASE, limit=9):
                await place.store.posts.claim_in_lane(lane, now=NOW, lease=LEASE, limit=2)
                await place.store.posts.rest_lane(lane, ring=ring, until=NOW, now=NOW)

    claimers = [asyncio.create_task(claim()) for _ in range(3)]
    await asyncio.gather(*(insert() for _ in range(4)))
    while await place.store.deliveries.fan_out(everybody, now=NOW, limit=9) != (0, 0):  # skipped for one another
        pass
    done.set()
    await asyncio.gather(*claimers)

    asleep = await place.sql.fetch(
        "select d.endpoint_id, min(d.alarm), l.alarm from deliveries d join endpoint_lanes l using (endpoint_id)"
        " where d.state = 'pending' group by 1, l.alarm having l.alarm is null or l.alarm > min(d.alarm)"
    )
    assert asleep == []
    assert len(endpoints) * 48 == await place.sql.fetchval("select count(*) from deliveries")
    forgotten = await place.sql.fetch(
        "select p.id from posts p join post_lanes l using (account_id)"
        " where p.in_lane and (l.alarm is null or l.alarm > p.alarm)"
    )
    assert forgotten == []


async def test_lanes_are_claimed_by_one_and_their_posts_by_one(place: Place) -> None:
    accounts = [await place.account(f"creator {n}") for n in range(4)]
    posts = [post.id for account in accounts for post in await place.posts(account, 8)]

    async def claim() -> list[str]:
        mine: list[str] = []
        for _ in range(6):
            for account_id, ring in await place.store.posts.claim_lanes(now=NOW, lease=LEASE, limit=2):
                claimed = await place.store.posts.claim_in_lane(account_id, now=NOW, lease=LEASE, limit=3)
                mine += [context.post.id for context in claimed]
                await place.store.posts.rest_lane(account_id, ring=ring, until=NOW, now=NOW)
        return mine

    rounds = [await asyncio.gather(*(claim() for _ in range(6))) for _ in range(2)]

    claimed = [id_ for round_ in rounds for mine in round_ for id_ in mine]
    assert sorted(claimed) == sorted(posts)
    assert [lane["alarm"] for lane in await place.sql.fetch("select alarm from post_lanes")] == [None] * 4


async def test_the_oldest_of_a_lane_come_first_and_leave_it(place: Place) -> None:
    account = await place.account()
    alarms = [NOW, NOW - 5 * SECOND, NOW - SECOND, NOW + SECOND]
    posts = [(await place.posts(account, alarm=alarm))[0] for alarm in alarms]

    claimed = await place.store.posts.claim_in_lane(account.id, now=NOW, lease=LEASE, limit=2)

    assert {context.post.id for context in claimed} == {posts[1].id, posts[2].id}
    assert all((c.post.in_lane, c.post.alarm) == (False, LEASE) for c in claimed)
    rest = await place.store.posts.claim_in_lane(account.id, now=NOW, lease=LEASE, limit=9)
    assert [context.post.id for context in rest] == [posts[0].id]


@pytest.mark.parametrize(
    ("waiting", "until", "alarm"),
    [
        ([], LATER, None),
        ([NOW], LATER, LATER),
        ([NOW], NOW, NOW),
        ([LATER + SECOND, LATER + 2 * SECOND], LATER, LATER + SECOND),
    ],
)
async def test_a_lane_rests_until_there_is_room_and_something_to_do(
    place: Place, waiting: list[Any], until: Any, alarm: Any
) -> None:
    account, ring = await drained_post_lane(place)
    for one in waiting:
        await place.posts(account, alarm=one)
    ring += len(waiting)

    await place.store.posts.rest_lane(account.id, ring=ring, until=until, now=NOW)

    assert (await place.post_lane(account.id))["alarm"] == alarm


async def test_a_lane_woken_between_claim_and_rest_stays_awake(place: Place) -> None:
    account = await place.account()
    await place.posts(account)
    ((_, ring),) = await place.store.posts.claim_lanes(now=NOW, lease=LEASE, limit=9)

    await place.store.posts.wake_lane(account.id, at=NOW)
    await place.store.posts.rest_lane(account.id, ring=ring, until=LATER, now=NOW)

    assert (await place.post_lane(account.id))["alarm"] == NOW


async def test_a_claimer_that_dies_leaves_its_lane_to_another(place: Place) -> None:
    account = await place.account()
    await place.posts(account)
    assert len(await place.store.posts.claim_lanes(now=NOW, lease=LEASE, limit=9)) == 1

    assert await place.store.posts.claim_lanes(now=LEASE - SECOND, lease=LATER, limit=9) == []
    assert len(await place.store.posts.claim_lanes(now=LEASE, lease=LATER, limit=9)) == 1


async def test_a_sweep_wakes_what_sleeps_past_its_work_and_leaves_the_rest(place: Place) -> None:
    account, endpoint = await place.account(), await place.endpoint()
    await place.posts(account)
    await place.deliveries(1)
    posts, deliveries = place.store.posts, place.store.deliveries
    assert (await posts.sweep_lanes(now=LATER), await deliveries.sweep_lanes(now=LATER)) == (0, 0)

    for table in ("post_lanes", "endpoint_lanes"):
        await place.sql.execute(f"update {table} set alarm = null")
    assert (await posts.sweep_lanes(now=NOW), await deliveries.sweep_lanes(now=NOW)) == (1, 1)
    assert (await place.post_lane(account.id))["alarm"] == NOW
    assert (await place.lane(endpoint.id))["alarm"] == NOW


async def paused(place: Place, until: Any) -> Endpoint:
    """An endpoint with two deliveries, one of which answered 503 and paused the lane."""
    endpoint = await place.endpoint()
    await place.deliveries(2)
    claim = await place.store.deliveries.claim(now=NOW, lease=LEASE, lanes=1, per_lane=1)
    slow = a_verdict(DeliveryState.PENDING, alarm=until, pause_until=until)
    await place.store.deliveries.settle([settled(claim.deliveries[0], slow, status=503)], now=NOW)
    return endpoint


async def test_a_paused_lane_is_not_woken_by_what_comes_in(place: Place) -> None:
    endpoint = await paused(place, LATER)
    assert (await place.lane(endpoint.id))["alarm"] == LATER

    await place.deliveries(3)
    for now in (NOW, LATER - SECOND):
        assert (await place.store.deliveries.claim(now=now, lease=LEASE, lanes=9, per_lane=9)).deliveries == ()

    found = await place.store.deliveries.claim(now=LATER, lease=LATER + SECOND, lanes=9, per_lane=9)
    assert len(found.deliveries) == 5


async def test_a_longer_pause_is_not_shortened_by_a_shorter_one(place: Place) -> None:
    endpoint = await paused(place, LATER)

    await place.sql.execute(DELIVERIES.pause_lanes, [endpoint.id], [NOW + SECOND])

    lane = await place.lane(endpoint.id)
    assert (lane["paused_until"], lane["alarm"]) == (LATER, LATER)


async def test_a_sweep_does_not_end_a_pause(place: Place) -> None:
    endpoint = await paused(place, LATER)
    await place.sql.execute("update endpoint_lanes set alarm = $1", LATER + timedelta(hours=1))

    await place.store.deliveries.sweep_lanes(now=NOW)

    assert (await place.lane(endpoint.id))["alarm"] == LATER


NUDGES: dict[str, Callable[[Place, Endpoint], Awaitable[Any]]] = {
    "what comes in": lambda place, _: place.deliveries(1),
    "a pause that ends": lambda place, e: place.sql.execute(DELIVERIES.pause_lanes, [e.id], [LATER]),
    "a ring": lambda place, e: place.sql.execute(DELIVERIES.ring_lanes, [e.id], [NOW]),
    "a sweep": lambda place, _: place.store.deliveries.sweep_lanes(now=NOW),
    "a worker that goes to bed": lambda place, e: sleep_with_its_ring(place, e),
}


async def sleep_with_its_ring(place: Place, endpoint: Endpoint) -> None:
    ring = (await place.lane(endpoint.id))["ring"]
    await place.store.deliveries.sleep_lanes([(endpoint.id, ring)])


@pytest.mark.parametrize("nudge", NUDGES.values(), ids=NUDGES.keys())
async def test_a_disabled_endpoint_is_never_woken_and_loses_nothing(
    place: Place, nudge: Callable[[Place, Endpoint], Awaitable[Any]]
) -> None:
    endpoint = await place.endpoint()
    await place.deliveries(2)
    await place.store.endpoints.disable(endpoint.id, customer_id=None, reason="by hand", now=NOW)

    await nudge(place, endpoint)
    years = NOW + timedelta(days=3650)
    assert (await place.store.deliveries.claim(now=years, lease=years, lanes=9, per_lane=9)).lanes == ()

    await place.store.endpoints.enable(endpoint.id, customer_id=None, now=NOW)
    waiting = await place.sql.fetchval("select count(*) from deliveries")
    found = await place.store.deliveries.claim(now=NOW, lease=LEASE, lanes=9, per_lane=9)
    assert len(found.deliveries) == waiting >= 2


async def test_a_million_of_one_lane_do_not_keep_the_next_from_its_turn(place: Place) -> None:
    crowded, quiet = await place.endpoint(), await place.endpoint("two")
    await place.deliveries(30)
    await place.deliveries(1, customer="two")
    turns = []
    for _ in range(4):
        claim = await place.store.deliveries.claim(now=NOW + SECOND, lease=LEASE, lanes=1, per_lane=5)
        turns += [*claim.lanes]
        await place.store.deliveries.sleep_lanes(claim.drained)

    assert quiet.id in turns[:2] and turns.count(crowded.id) >= 2


async def test_settling_and_switching_an_endpoint_off_and_on_do_not_deadlock(place: Place) -> None:
    endpoints = [await place.endpoint() for _ in range(3)]
    await place.deliveries(20)
    gone = a_verdict(DeliveryState.PENDING, gone=True, pause_until=LATER)
    settlements = 0

    async def settle() -> None:
        nonlocal settlements
        for _ in range(6):
            claim = await place.store.deliveries.claim(now=LATER, lease=LATER, lanes=9, per_lane=3)
            order = list(claim.deliveries)
            random.shuffle(order)
            settlements += len(order)
            await place.store.deliveries.settle([settled(delivery, gone, status=410) for delivery in order], now=NOW)
            await place.store.deliveries.sleep_lanes(claim.drained)

    async def switch(endpoint: Endpoint) -> None:
        for _ in range(6):
            await place.store.endpoints.disable(endpoint.id, customer_id=None, reason="x", now=NOW)
            await place.store.endpoints.enable(endpoint.id, customer_id=None, now=NOW)
            await place.store.deliveries.fan_out(everybody, now=NOW, limit=9)
            await place.store.deliveries.sweep_lanes(now=NOW)

    with capture_logs() as logs:  # a transaction that loses a deadlock is done again, and says so
        await asyncio.gather(*(settle() for _ in range(3)), *(switch(endpoint) for endpoint in endpoints))

    assert settlements > 0
    assert [line for line in logs if line["event"] == "transaction.contended"] == []
