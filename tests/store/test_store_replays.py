"""Replays: each delivery once, at the pace asked for, from where the last worker stopped."""

import asyncio
import random
from collections import Counter
from contextlib import suppress
from datetime import datetime, timedelta

import pytest
from store_place import LEASE, NOW, SECOND, Place, a_verdict, an_id, settled

from libs.model.delivery import DeliveryState
from libs.model.endpoint import Endpoint
from libs.model.replay import CROWD
from libs.store.replays import Replays, Selection
from libs.store.rows import Row

MADE = NOW + timedelta(hours=1)
DAY = timedelta(days=1)


async def history(place: Place, how_many: int, *, state: DeliveryState = DeliveryState.EXHAUSTED) -> Endpoint:
    """An endpoint with so many deliveries that are over."""
    endpoint = await place.endpoint()
    await place.deliveries(how_many)
    claim = await place.store.deliveries.claim(now=NOW, lease=LEASE, lanes=9, per_lane=how_many)
    await place.store.deliveries.settle([settled(each, a_verdict(state)) for each in claim.deliveries], now=NOW)
    return endpoint


async def over(place: Place, how_many: int) -> None:
    """So many events, and their deliveries to whoever listens were given up."""
    await place.deliveries(how_many)
    await place.sql.execute("update deliveries set state = 'exhausted', alarm = null, finished_at = $1", NOW)


async def taken(place: Place) -> None:
    """Somebody is sending all that is due."""
    await place.sql.execute("update deliveries set alarm = $1 where event_id like 'evt_0%' and alarm < $1", MADE + DAY)


async def step(place: Place, now: datetime) -> int | None:
    """What is sent on its way then, and taken at once."""
    sent = await place.store.replays.work(now=now)
    await taken(place)
    return sent


def of(place: Place, **more: object) -> Selection:
    wanted: dict[str, object] = {"since": NOW - SECOND, "until": MADE, "states": ("exhausted",)}
    return Selection(customer_id=place.made["one"], **(wanted | more))  # type: ignore[arg-type]


async def a_replay(place: Place, *, per_second: int = 1000, **more: object) -> str:
    made = await place.store.replays.create(an_id("rpl"), of(place, **more), per_second=per_second, now=MADE)
    assert made is not None
    return str(made["id"])


async def found(place: Place, id_: str) -> Row:
    row = await place.store.replays.get(id_, customer_id=None)
    assert row is not None
    return row


async def pending(place: Place) -> int:
    return int(await place.sql.fetchval("select count(*) from deliveries where state = 'pending'"))


async def test_a_replay_sends_again_what_it_selects_and_nothing_else(place: Place) -> None:
    await history(place, 4)
    other = await place.endpoint("two")
    await place.deliveries(2, customer="two")
    wrong = [
        of(place, states=("delivered",)),
        of(place, types=("post.failed",)),
        of(place, endpoint_id=other.id),
        of(place, since=NOW + SECOND),
        of(place, until=NOW - timedelta(milliseconds=500)),
    ]
    assert [await place.store.replays.count(selection) for selection in wrong] == [0] * 5
    assert await place.store.replays.count(of(place, types=("post.published",))) == 4

    id_ = await a_replay(place)
    assert await place.store.replays.work(now=MADE) == 4
    assert await place.store.replays.work(now=MADE) is None
    going = await found(place, id_)
    assert await place.store.replays.next_look() == going["alarm"] == MADE + 4 * SECOND / 1000
    assert await place.store.replays.work(now=going["alarm"]) == 0

    row = await found(place, id_)
    assert (going["state"], row["state"], row["total"], row["replayed"]) == ("running", "done", 4, 4)
    assert row["finished_at"] == going["alarm"]
    assert await place.store.replays.next_look() is None
    again = await place.store.deliveries.claim(
        now=MADE + SECOND, lease=MADE + timedelta(minutes=5), lanes=9, per_lane=9
    )
    assert sum(delivery.tries == 0 for delivery in again.deliveries) == 6


async def test_a_replay_keeps_the_pace_and_goes_on_when_the_last_batch_is_out(place: Place) -> None:
    await history(place, 25)
    replays = Replays(place.store.replays._pool, batch=10)
    id_ = await a_replay(place, per_second=10)

    assert await replays.work(now=MADE) == 10
    alarms = [row["alarm"] for row in await place.sql.fetch("select alarm from deliveries where alarm is not null")]
    assert sorted(alarms) == [MADE + n * timedelta(milliseconds=100) for n in range(10)]
    assert (await found(place, id_))["alarm"] == MADE + SECOND
    assert await replays.work(now=MADE + timedelta(milliseconds=900)) is None
    assert await replays.work(now=MADE + SECOND) == 0  # a second's worth is still due
    for n, sent in ((2, 10), (3, 5)):
        await taken(place)
        assert await replays.work(now=MADE + n * SECOND) == sent
    assert (await found(place, id_))["state"] == "running"
    assert [await replays.work(now=MADE + n * SECOND) for n in (4, 5)] == [0, None]
    assert (await found(place, id_))["state"] == "done"


async def test_a_replay_that_is_killed_again_and_again_sends_each_delivery_once(place: Place) -> None:
    await history(place, 300)
    replays = Replays(place.store.replays._pool, batch=7)
    id_ = await a_replay(place)
    before = {row["id"]: row["version"] for row in await place.sql.fetch("select id, version from deliveries")}
    chance, now, killed = random.Random(7), MADE, 0

    async def step(at: datetime) -> None:
        nonlocal killed
        task = asyncio.create_task(replays.work(now=at))
        await asyncio.wait([task], timeout=chance.choice([0.0005, 0.002, 0.004, 1.0]))
        killed += not task.done()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    while (await found(place, id_))["state"] != "done":
        now += SECOND
        await asyncio.gather(step(now), step(now))

    after = {row["id"]: row["version"] for row in await place.sql.fetch("select id, version from deliveries")}
    assert Counter(after[id_] - before[id_] for id_ in before) == {1: 300}
    assert (await found(place, id_))["replayed"] == await pending(place) == 300
    assert killed > 5


async def test_a_paused_replay_rests_and_goes_on_where_it_was(place: Place) -> None:
    await history(place, 9)
    replays = Replays(place.store.replays._pool, batch=4)
    id_ = await a_replay(place)
    await replays.work(now=MADE)

    assert await place.store.replays.pause(id_, customer_id=None, now=MADE)
    assert not await place.store.replays.pause(id_, customer_id=None, now=MADE)
    assert await replays.work(now=LEASE + timedelta(days=1)) is None
    assert await place.store.replays.resume(id_, customer_id=None, now=MADE + SECOND)
    assert [await replays.work(now=MADE + n * SECOND) for n in (1, 2, 3)] == [4, 1, 0]


async def backlog(place: Place, endpoint: Endpoint, how_many: int, *, lane: str | None = None) -> None:
    """So many deliveries wait for this endpoint; in a lane behind one another."""
    await place.sql.execute(
        "insert into deliveries (id, day, event_id, endpoint_id, customer_id, lane, turn, state, alarm, created_at)"
        " select 'dlv_' || n, $1, 'evt_' || n, $2, $3, $6::text, case when $6::text is not null then n end, 'pending',"
        " case when $6::text is null then $4 else 'infinity'::timestamptz end, $4 from generate_series(1, $5::int) n",
        NOW.date(), endpoint.id, endpoint.customer_id, NOW, how_many, lane,
    )  # fmt: skip


@pytest.mark.parametrize("lane", [None, "acc_1"])
async def test_one_endpoint_that_has_enough_waiting_holds_up_nobody_else_and_gets_its_share_later(
    place: Place, lane: str | None
) -> None:
    crowded, limited, well = [await place.endpoint(rate_per_s=rate) for rate in (None, 1.0, None)]
    await over(place, 3)
    await backlog(place, crowded, CROWD, lane=lane)
    id_ = await a_replay(place)

    async def steps(*seconds: int) -> list[int | None]:
        return [await step(place, MADE + n * SECOND) for n in seconds]

    assert await steps(0, 0) == [3 + 1, None]
    assert await steps(1, 2, 3, 3) == [1, 1, 0, None]
    waiting = await place.sql.fetch(
        "select endpoint_id, count(*) from deliveries where state = 'pending' and event_id like 'evt_0%' group by 1"
    )
    assert {row["endpoint_id"]: row["count"] for row in waiting} == {limited.id: 3, well.id: 3}
    assert (await found(place, id_))["state"] == "running"

    await place.sql.execute("delete from deliveries where id = 'dlv_1'")
    assert await steps(5, 6) == [3, 0]
    row = await found(place, id_)
    assert (row["state"], row["replayed"], row["total"]) == ("done", 9, 9)


async def test_a_replay_of_one_endpoint_keeps_to_that_endpoints_own_limit(place: Place) -> None:
    await place.endpoint()
    slow = await place.endpoint(rate_per_s=2.0)
    await over(place, 5)
    await a_replay(place, endpoint_id=slow.id)

    assert [await place.store.replays.work(now=MADE + n * SECOND / 2) for n in range(4)] == [2, None, 0, None]
    await taken(place)
    assert [await step(place, MADE + n * SECOND) for n in (2, 3, 4, 5)] == [2, 1, 0, None]


async def test_a_cancelled_replay_is_over_and_makes_room_for_another(place: Place) -> None:
    await history(place, 2)
    replays = Replays(place.store.replays._pool)

    async def create(id_: str) -> Row | None:
        return await replays.create(id_, of(place), per_second=1, now=MADE, unfinished_max=2)

    ids = [an_id("rpl") for _ in range(6)]
    made = [str(row["id"]) for row in await asyncio.gather(*map(create, ids)) if row is not None]
    assert len(made) == 2
    await replays.pause(made[1], customer_id=None, now=MADE)
    again = await create(made[1])
    assert again is not None and again["state"] == "paused"

    assert [await replays.cancel(id_, customer_id=None, now=MADE) for id_ in (*made, made[0])] == [True, True, False]

    row = await found(place, made[0])
    assert (row["state"], row["finished_at"], row["alarm"]) == ("cancelled", MADE, None)
    assert not await replays.resume(made[0], customer_id=None, now=MADE)
    assert await replays.work(now=LEASE + timedelta(days=1)) is None
    assert await create(an_id("rpl")) is not None
