"""Endpoints that are told in order: of each account one after the other, and no account waits for another."""

import random
from collections import defaultdict
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import asyncpg
from store_place import NOW, SECOND, Place, a_verdict, everybody, settled

from libs.model.delivery import DeliveryState
from libs.model.endpoint import Endpoint, Order
from libs.model.event import EventType, event
from libs.model.ids import born, new_id
from libs.model.sample import DATA
from libs.store.deliveries import Claimed, Outgoing, Subscription
from libs.store.replays import Selection
from tests.eventually import eventually

Another = Callable[[], Awaitable["asyncpg.Connection[asyncpg.Record]"]]
D = DeliveryState


def match(outgoing: Outgoing, subscriptions: list[Subscription]) -> list[tuple[str, str]]:
    return [(new_id("dlv", born(outgoing.id)), each.endpoint_id) for each in subscriptions]


async def ordered(place: Place) -> Endpoint:
    return await place.endpoint(ordering=Order.ACCOUNT)


async def tell(place: Place, account_id: str | None, *, now: datetime = NOW) -> str:
    told = event(
        EventType.POST_PUBLISHED, key=new_id("evt", now), now=now, data=DATA[EventType.POST_PUBLISHED],
        customer_id=await place.customer(), account_id=account_id,
    )  # fmt: skip
    await place.store.events.record([told], now=now)
    return told.id


async def feed(place: Place, how_many: int, *, now: datetime = NOW) -> None:
    """Makes the deliveries of so many events; a feed waits for older transactions anywhere on the server."""
    fed = 0

    async def all_of_them() -> bool:
        nonlocal fed
        fed += await place.store.ordering.feed(match, now=now)  # type: ignore[arg-type]
        return fed >= how_many

    assert await eventually(all_of_them)
    assert fed == how_many


async def claim(place: Place, now: datetime = NOW) -> tuple[Claimed, ...]:
    lease = now + timedelta(minutes=5)
    return (await place.store.deliveries.claim(now=now, lease=lease, lanes=9, per_lane=99)).deliveries


async def test_the_next_of_an_account_comes_when_the_last_has_ended_and_others_do_not_wait(place: Place) -> None:
    await ordered(place)
    one, other = [await tell(place, "acc_1") for _ in range(2)], await tell(place, "acc_2")
    free = [await tell(place, None) for _ in range(2)]
    await feed(place, 5)

    first = await claim(place)
    assert {each.event_id for each in first} == {one[0], other, *free}
    stuck = next(each for each in first if each.event_id == one[0])
    await place.store.deliveries.settle([settled(stuck, a_verdict(D.PENDING), status=500)], now=NOW)
    assert await place.store.ordering.advance([stuck.id], now=NOW) == 0

    again = next(each for each in await claim(place, NOW + timedelta(hours=1)) if each.event_id == one[0])
    await place.store.deliveries.settle([settled(again, a_verdict(D.EXHAUSTED), status=500)], now=NOW)
    assert await place.store.ordering.advance([again.id], now=NOW) == 1
    assert [each.event_id for each in await claim(place)] == [one[1]]


async def test_an_ordered_endpoint_is_not_fanned_out_to_and_hears_each_event_once(place: Place) -> None:
    endpoint, plain = await ordered(place), await place.endpoint()
    for n in range(6):
        await tell(place, f"acc_{n % 2}")
    assert (await place.store.deliveries.fan_out(everybody, now=NOW, limit=99))[1] == 6
    await feed(place, 6)
    assert await place.store.ordering.feed(match, now=NOW) == 0  # type: ignore[arg-type]

    counts = await place.sql.fetch("select endpoint_id, count(*) as n from deliveries group by 1")
    assert {row["endpoint_id"]: row["n"] for row in counts} == {endpoint.id: 6, plain.id: 6}
    assert await place.store.ordering.endpoints() == {endpoint.id}


async def test_there_is_no_inversion_whatever_fails_and_however_commits_are_mixed(
    place: Place, other_connection: Another
) -> None:
    """Commits in another order than ids, failures at random, turns lost to crashes: each hears the feed's order."""
    await ordered(place)
    chance = random.Random(5)
    slow = await other_connection()
    total, lost = 120, 0
    for n in range(total):
        if n % 30 == 0:  # the id is old when it commits
            transaction = slow.transaction()
            await transaction.start()
            late = new_id("evt", NOW)
            await slow.execute(
                "insert into events (id, day, key, type, customer_id, account_id, occurred_at, body)"
                " values ($1, $2, $1, 'post.published', $3, 'acc_0', $4, '{}')",
                late, NOW.date(), await place.customer(), NOW,
            )  # fmt: skip
        await tell(place, f"acc_{n % 6}")
        if n % 30 == 20:
            await place.store.ordering.feed(match, now=NOW)  # type: ignore[arg-type]
            await transaction.commit()
    total += 4
    feeds = await place.sql.fetch("select id, account_id from events order by xid, id")
    tried: dict[str, list[str]] = defaultdict(list)
    now, done = NOW, 0
    while done < total:
        now += SECOND
        await place.store.ordering.feed(match, now=now)  # type: ignore[arg-type]
        taken = await claim(place, now)
        assert len({(await account_of(place, each)) for each in taken}) == len(taken), "one of an account at a time"
        batch = []
        for each in taken:
            fails = chance.random() < 0.3
            verdict = a_verdict(D.PENDING, alarm=now + SECOND) if fails else a_verdict()
            batch.append(settled(each, verdict, status=500 if fails else 200))
            tried[await account_of(place, each)] += [] if fails else [each.event_id]
            done += not fails
        await place.store.deliveries.settle(batch, now=now)
        if chance.random() < 0.2:
            lost += 1  # killed between saving and giving the turn
            await place.store.ordering.sweep(now=now)
        else:
            await place.store.ordering.advance([each.id for each in taken], now=now)

    assert lost
    told: dict[str, list[str]] = defaultdict(list)
    for row in feeds:
        told[row["account_id"]].append(row["id"])
    assert tried == told


async def account_of(place: Place, delivery: Claimed) -> str:
    return str(await place.sql.fetchval("select lane from deliveries where id = $1", delivery.id))


async def test_a_replay_of_an_ordered_endpoint_keeps_the_order(place: Place) -> None:
    endpoint = await ordered(place)
    told = [await tell(place, "acc_1") for _ in range(3)]
    await feed(place, 3)
    for _ in told:
        (one,) = await claim(place)
        await place.store.deliveries.settle([settled(one)], now=NOW)
        await place.store.ordering.advance([one.id], now=NOW)
    later = NOW + timedelta(hours=1)
    selection = Selection(endpoint.customer_id, NOW - SECOND, later, ("delivered",))
    await place.store.replays.create(new_id("rpl", later), selection, per_second=100, now=later)

    assert await place.store.replays.work(now=later) == 3
    heard = []
    for _ in told:
        (one,) = await claim(place, later)
        heard.append(one.event_id)
        await place.store.deliveries.settle([settled(one)], now=later)
        await place.store.ordering.advance([one.id], now=later)
    assert heard == told
