"""Replays: each delivery once, at the pace asked for, from where the last worker stopped."""

import asyncio
import random
from collections import Counter
from contextlib import suppress
from datetime import datetime, timedelta

from store_place import LEASE, NOW, SECOND, Place, a_verdict, an_id, settled

from libs.model.delivery import DeliveryState
from libs.model.endpoint import Endpoint
from libs.store.replays import CROWD, Replays, Selection
from libs.store.rows import Row

MADE = NOW + timedelta(hours=1)


async def history(place: Place, how_many: int, *, state: DeliveryState = DeliveryState.EXHAUSTED) -> Endpoint:
    """An endpoint with so many deliveries that are over."""
    endpoint = await place.endpoint()
    await place.deliveries(how_many)
    claim = await place.store.deliveries.claim(now=NOW, lease=LEASE, lanes=9, per_lane=how_many)
    await place.store.deliveries.settle([settled(each, a_verdict(state)) for each in claim.deliveries], now=NOW)
    return endpoint


def of(place: Place, **more: object) -> Selection:
    wanted: dict[str, object] = {"since": NOW - SECOND, "until": MADE, "states": ("exhausted",)}
    return Selection(customer_id=place.made["one"], **(wanted | more))  # type: ignore[arg-type]


async def a_replay(place: Place, *, per_second: int = 1000, **more: object) -> str:
    made = await place.store.replays.create(an_id("rpl"), of(place, **more), per_second=per_second, now=MADE)
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

    row = await found(place, id_)
    assert (row["state"], row["total"], row["replayed"], row["finished_at"]) == ("done", 4, 4, MADE)
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
    assert [await replays.work(now=MADE + n * SECOND) for n in (1, 2, 3)] == [10, 5, None]


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
    assert [await replays.work(now=MADE + n * SECOND) for n in (1, 2, 3)] == [4, 1, None]


async def test_a_replay_waits_while_an_endpoint_has_enough_waiting(place: Place) -> None:
    endpoint = await history(place, 3)
    await place.sql.execute(
        "insert into deliveries (id, day, event_id, endpoint_id, customer_id, state, alarm, created_at)"
        " select 'dlv_' || n, $1, 'evt_' || n, $2, $3, 'pending', $4, $4 from generate_series(1, $5::int) n",
        NOW.date(), endpoint.id, endpoint.customer_id, NOW, CROWD,
    )  # fmt: skip
    await a_replay(place)

    assert await place.store.replays.work(now=MADE) == 0
    assert await place.store.replays.work(now=MADE) is None
    await place.sql.execute("delete from deliveries where id = 'dlv_1'")
    assert await place.store.replays.work(now=MADE + SECOND) == 3
