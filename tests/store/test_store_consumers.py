"""Consumers: a place that only its reader moves, and from which no event is lost."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import asyncpg
from store_place import NOW, SECOND, Place, an_id

from libs.model.ids import new_id
from libs.store.consumers import Consumer
from tests.eventually import eventually

Another = Callable[[], Awaitable["asyncpg.Connection[asyncpg.Record]"]]
INSERT = (
    "insert into events (id, day, key, type, customer_id, occurred_at, body)"
    " values ($1, $2, $1, 'post.published', $3, $4, '{}')"
)

AHEAD = "select (pg_snapshot_xmax(pg_current_snapshot())::text::bigint + 1000000000)::text"
"""A transaction that the whole server does not come to while a test runs."""


async def a_consumer(
    place: Place, name: str = "mine", *, customer: str | None = "one", cursor: str | None = "0."
) -> Consumer:
    customer_id = await place.customer(customer) if customer else None
    made = await place.store.consumers.create(
        id_=an_id("con"), customer_id=customer_id, name=name, events=["*"], cursor=cursor, most=9, now=NOW
    )
    assert made is not None
    return made


async def fetched(place: Place, consumer: Consumer, *, limit: int = 500) -> tuple[list[str], str]:
    """Ids of what is not acknowledged, and the cursor after them."""
    now = await place.store.consumers.get(consumer.name, customer_id=consumer.customer_id)
    assert now is not None
    items = await place.store.events.feed(customer_id=now.customer_id, cursor=now.cursor, limit=limit)
    return [item.id for item in items], items[-1].cursor if items else now.cursor


async def test_what_was_fetched_is_fetched_again_until_it_is_acknowledged(place: Place) -> None:
    consumer = await a_consumer(place)
    told = [(await place.event()).id for _ in range(3)]

    async def first_two() -> str | None:
        ids, cursor = await fetched(place, consumer, limit=2)
        return cursor if ids == told[:2] else None

    cursor = await eventually(first_two)
    assert await first_two() == cursor
    assert await place.store.consumers.acknowledge(consumer, str(cursor), now=NOW)

    async def the_third() -> bool:
        return (await fetched(place, consumer))[0] == told[2:]

    assert await eventually(the_third)
    assert await place.store.consumers.acknowledge(consumer, "0.", now=NOW), "too late, and no harm"
    assert await the_third()


async def test_no_event_is_lost_while_a_slow_transaction_stays_open_across_a_thousand_commits(
    place: Place, other_connection: Another
) -> None:
    consumer = await a_consumer(place)
    slow, busy = await other_connection(), await other_connection()
    await busy.execute("set synchronous_commit = off")
    early = [(await place.event()).id]
    transaction = slow.transaction()
    await transaction.start()
    late = new_id("evt", NOW)
    await slow.execute(INSERT, late, NOW.date(), consumer.customer_id, NOW)

    insert = await busy.prepare(INSERT)
    meanwhile = []
    read: list[str] = []
    for n in range(1000):
        meanwhile.append(new_id("evt", NOW))
        await insert.fetch(meanwhile[-1], NOW.date(), consumer.customer_id, NOW)
        if n % 100 == 99:
            ids, cursor = await fetched(place, consumer)
            read += ids
            await place.store.consumers.acknowledge(consumer, cursor, now=NOW)
    assert set(read) <= set(early), "what is behind a transaction that may still tell something waits for it"
    await transaction.commit()

    async def the_rest() -> bool:
        while (page := await fetched(place, consumer, limit=300))[0]:
            read.extend(page[0])
            assert await place.store.consumers.acknowledge(consumer, page[1], now=NOW)
        return len(read) == 1002

    assert await eventually(the_rest)
    assert sorted(read) == sorted([*early, late, *meanwhile])


async def test_a_place_that_nobody_can_have_read_is_not_acknowledged(place: Place) -> None:
    consumer = await a_consumer(place)
    told = await place.event()
    ahead = await place.sql.fetchval(AHEAD)

    assert not await place.store.consumers.acknowledge(consumer, f"{ahead}.", now=NOW)
    await place.store.consumers.seek(consumer, cursor=f"{ahead}.", since=None, now=NOW)
    await place.store.consumers.seek(consumer, cursor="0.", since=None, now=NOW)

    async def there() -> bool:
        return (await fetched(place, consumer))[0] == [told.id]

    assert await eventually(there)


async def test_the_place_a_consumer_began_at_is_acknowledged_though_a_transaction_is_older(
    place: Place, other_connection: Another
) -> None:
    slow = await other_connection()
    async with slow.transaction():
        open_ = await slow.fetchval("select pg_current_xact_id()::text")
        consumer = await a_consumer(place, cursor=None)

        nothing, next_cursor = await fetched(place, consumer)

        assert nothing == []
        assert await place.store.consumers.acknowledge(consumer, next_cursor, now=NOW)
        unseen = f"{open_}.{new_id('evt', NOW)}"
        assert not await place.store.consumers.acknowledge(consumer, unseen, now=NOW), "nobody saw that"


async def test_a_seek_beyond_the_horizon_stops_at_it(place: Place) -> None:
    consumer = await a_consumer(place)
    ahead = await place.sql.fetchval(AHEAD)
    await place.store.consumers.seek(consumer, cursor=f"{ahead}.", since=None, now=NOW)
    told = await place.event()

    async def there() -> bool:
        return told.id in (await fetched(place, consumer))[0]

    assert await eventually(there)


async def test_a_consumer_goes_back_to_a_time_and_on_to_now(place: Place) -> None:
    consumer = await a_consumer(place)
    early = await place.event(now=NOW - timedelta(hours=1))
    since = await place.event(now=NOW)
    after = await place.event(now=NOW + SECOND)

    async def all_three() -> bool:
        return (await fetched(place, consumer))[0] == [early.id, since.id, after.id]

    assert await eventually(all_three), "a seek stops at the horizon, and a neighbour's transaction may hold that back"

    await place.store.consumers.seek(consumer, cursor=None, since=NOW, now=NOW)

    async def from_then() -> bool:
        return (await fetched(place, consumer))[0] == [since.id, after.id]

    assert await eventually(from_then)

    async def nothing() -> bool:
        await place.store.consumers.seek(consumer, cursor=None, since=None, now=NOW)
        return (await fetched(place, consumer))[0] == []

    assert await eventually(nothing)


async def test_consumers_are_named_within_their_customer_and_counted(place: Place) -> None:
    await a_consumer(place)
    await a_consumer(place, customer="two")
    operators = await a_consumer(place, customer=None)
    again = await place.store.consumers.create(
        id_=an_id("con"), customer_id=None, name="mine", events=["*"], cursor=None, most=9, now=NOW
    )
    assert again is None
    full = await place.store.consumers.create(
        id_=an_id("con"), customer_id=None, name="other", events=["*"], cursor=None, most=1, now=NOW
    )
    assert full is None
    assert await place.store.consumers.remove("mine", customer_id=None)
    assert await place.store.consumers.get("mine", customer_id=None) is None
    assert operators.customer_id is None
    assert len(await place.store.consumers.page(customer_id=None, before=None, limit=9)) == 2
