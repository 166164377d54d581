"""Receipts, facts and events: kept once, settled with what they did, fed in commit order."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import timedelta

import asyncpg
import pytest
from store_place import (
    LATER,
    LEASE,
    NOW,
    SECOND,
    Place,
    a_fact,
    a_receipt,
    an_event,
    everybody,
    publication,
    waiting_for_locks,
)
from structlog.testing import capture_logs

from libs.model.change import Change
from libs.model.fact import FactKind, FactSource
from libs.model.post import PostState
from libs.model.publication import PublicationState
from libs.store.errors import BadData, Stale
from libs.store.sql import Queries
from tests.eventually import eventually

Another = Callable[[], Awaitable["asyncpg.Connection[asyncpg.Record]"]]
EVENTS, POSTS = Queries("events"), Queries("posts")


async def counts(place: Place, *tables: str) -> list[int]:
    return [await place.sql.fetchval(f"select count(*) from {table}") for table in tables]


async def test_the_same_bodies_twice_are_one_receipt_and_one_fact_each(place: Place) -> None:
    receipts = [a_receipt(a_fact(), body=bytes([n])) for n in range(5)]

    assert await place.store.facts.receive(receipts) == (5, 5)
    assert await place.store.facts.receive(receipts[::-1]) == (0, 0)
    assert await place.store.facts.receive([*receipts, *receipts]) == (0, 0)
    assert await counts(place, "receipts", "facts") == [5, 5]


async def test_a_body_twice_in_one_batch_is_kept_once(place: Place) -> None:
    receipt = a_receipt(a_fact())

    assert await place.store.facts.receive([receipt, receipt]) == (1, 1)


async def test_two_bodies_that_say_the_same_are_two_receipts_and_one_fact(place: Place) -> None:
    fact = a_fact(key="the same")

    assert await place.store.facts.receive([a_receipt(fact), a_receipt(fact)]) == (2, 1)


async def test_a_body_that_says_nothing_is_kept_with_its_reason(place: Place) -> None:
    assert await place.store.facts.receive([a_receipt(None)]) == (1, 0)
    assert await place.store.facts.receive([]) == (0, 0)


async def test_the_same_body_sixty_four_times_at_once_is_one_receipt(place: Place) -> None:
    receipt = a_receipt(a_fact())

    outcomes = await asyncio.gather(*(place.store.facts.receive([receipt]) for _ in range(64)))

    assert sorted(outcomes)[-1] == (1, 1) and outcomes.count((0, 0)) == 63


async def test_a_poisonous_body_fails_its_batch_and_bisecting_saves_the_others(place: Place) -> None:
    receipts = [a_receipt(a_fact(reason="\x00" if n == 5 else "fine")) for n in range(8)]

    async def receive(batch: list[object]) -> int:
        try:
            return (await place.store.facts.receive(batch))[1]  # type: ignore[arg-type]
        except BadData:
            half = len(batch) // 2
            return 0 if not half else await receive(batch[:half]) + await receive(batch[half:])

    assert await receive(list(receipts)) == 7
    assert await counts(place, "receipts", "facts") == [7, 7]


async def test_batches_that_overlap_in_any_order_do_not_deadlock(place: Place) -> None:
    receipts = [a_receipt(a_fact(key=f"k{n % 17}"), body=bytes([n])) for n in range(60)]

    async def receive(seed: int) -> tuple[int, int]:
        mine = random.Random(seed).sample(receipts, 40)
        return await place.store.facts.receive(mine)

    outcomes = [await asyncio.gather(*(receive(8 * turn + n) for n in range(8))) for turn in range(6)]

    made = [sum(pair) for pair in zip(*(pair for turn in outcomes for pair in turn), strict=True)]
    assert made == await counts(place, "receipts", "facts") == [60, 17]


async def test_receipts_of_odd_days_are_kept_and_still_met_again(place: Place) -> None:
    odd = a_receipt(a_fact(), at=NOW - timedelta(days=20_000))

    assert await place.store.facts.receive([odd]) == (1, 1)
    assert await place.store.facts.receive([odd]) == (0, 0)
    assert await place.sql.fetchval("select tableoid::regclass::text from receipts") == "receipts_default"


async def test_a_fact_comes_back_as_it_was_heard(place: Place) -> None:
    fact = a_fact("pub", client_key="ck", open_id="o", post_id="77", reason="r", data={"n": {"x": [1, None]}})
    await place.store.facts.receive([a_receipt(fact)])
    polled = a_fact("pub", source=FactSource.POLL, kind=FactKind.IN_INBOX, create_time=None)
    assert await place.store.facts.record([polled, polled]) == 1
    assert await place.store.facts.record([polled]) == 0

    claimed = await place.store.facts.claim(now=NOW, lease=LEASE, limit=9)

    assert [one.fact for one in claimed] == [fact, polled]
    assert [one.tries for one in claimed] == [1, 1]


async def test_facts_are_claimed_by_one_and_come_back_when_their_lease_ends(place: Place) -> None:
    await place.store.facts.receive([a_receipt(a_fact()) for _ in range(30)])

    claims = await asyncio.gather(*(place.store.facts.claim(now=NOW, lease=LEASE, limit=7) for _ in range(8)))

    ids = [one.id for claim in claims for one in claim]
    assert len(ids) == len(set(ids)) == 30
    assert await place.store.facts.claim(now=NOW, lease=LEASE, limit=9) == []
    again = await place.store.facts.claim(now=LEASE, lease=LATER, limit=99)
    assert len(again) == 30 and {one.tries for one in again} == {2}


async def test_a_settled_fact_is_never_claimed_or_woken_again(place: Place) -> None:
    await place.store.facts.receive([a_receipt(a_fact("pub"))])
    (one,) = await place.store.facts.claim(now=NOW, lease=LEASE, limit=9)
    await place.store.facts.settle([(one.id, "known")], now=NOW)
    await place.store.facts.settle([(one.id, "again")], now=LATER)
    await place.store.facts.postpone([(one.id, NOW)])
    await place.sql.execute(POSTS.wake_facts, ["pub"], NOW)

    assert await place.store.facts.claim(now=LATER, lease=LATER, limit=9) == []
    assert await place.sql.fetchval("select result from facts") == "known"


async def save_publication(place: Place, publish_id: str) -> None:
    (post,) = await place.posts(await place.account())
    await place.store.posts.save(
        [Change(post, (publication(post.id, PublicationState.OPEN, publish_id=publish_id),))], now=NOW
    )


async def test_a_fact_without_an_owner_waits_and_is_woken_when_its_publication_is_saved(place: Place) -> None:
    await place.store.facts.receive([a_receipt(a_fact("pub")), a_receipt(a_fact("other"))])
    claimed = await place.store.facts.claim(now=NOW, lease=LEASE, limit=9)
    await place.store.facts.postpone([(one.id, LATER if one.fact.publish_id == "pub" else None) for one in claimed])
    assert await place.store.facts.claim(now=NOW, lease=LEASE, limit=9) == []

    await save_publication(place, "pub")
    await save_publication(place, "other")

    woken = await place.store.facts.claim(now=NOW, lease=LEASE, limit=9)
    assert {one.fact.publish_id for one in woken} == {"pub", "other"}


async def test_a_fact_woken_while_it_was_being_put_back_is_not_put_to_sleep(place: Place) -> None:
    await place.store.facts.receive([a_receipt(a_fact("pub"))])
    (one,) = await place.store.facts.claim(now=NOW, lease=LEASE, limit=9)

    await save_publication(place, "pub")  # after the worker looked for it, before it puts the fact back
    await place.store.facts.postpone([(one.id, LATER)])

    assert len(await place.store.facts.claim(now=NOW, lease=LEASE, limit=9)) == 1


async def test_a_fact_is_woken_by_a_save_that_commits_while_it_is_being_put_back(
    place: Place, other_connection: Another
) -> None:
    await place.store.facts.receive([a_receipt(a_fact("pub"))])
    (one,) = await place.store.facts.claim(now=NOW, lease=LEASE, limit=9)
    saving = await other_connection()
    transaction = saving.transaction()
    await transaction.start()
    await saving.execute(POSTS.wake_facts, ["pub"], NOW)

    putting_back = asyncio.create_task(place.store.facts.postpone([(one.id, None)]))
    await eventually(lambda: waiting_for_locks(place, 1))
    await transaction.commit()
    await putting_back

    assert len(await place.store.facts.claim(now=NOW, lease=LEASE, limit=9)) == 1


async def test_facts_are_forgotten_only_when_settled_and_old(place: Place) -> None:
    await place.store.facts.receive([a_receipt(a_fact(heard_at=at), at=at) for at in (NOW, NOW - SECOND, NOW - SECOND)])
    claimed = await place.store.facts.claim(now=NOW, lease=LEASE, limit=9)
    await place.store.facts.settle([(one.id, "x") for one in claimed[:2]], now=NOW)

    assert await place.store.facts.forget(heard_before=NOW, limit=9) == 1
    assert await counts(place, "facts") == [2]


async def test_an_event_with_a_known_key_is_not_recorded_again_on_whatever_day(place: Place) -> None:
    customer_id = await place.customer()

    first = an_event("key", customer_id=customer_id)
    later = an_event("key", customer_id=customer_id, now=NOW + timedelta(days=2))
    assert await place.store.events.record([first], now=NOW) == 1
    assert await place.store.events.record([later, later, an_event("other", customer_id=customer_id)], now=LATER) == 1

    assert await counts(place, "events", "event_keys") == [2, 2]
    assert await place.store.events.get(first.id, customer_id=customer_id) == first.body
    assert await place.store.events.get(later.id, customer_id=None) is None
    assert await place.store.events.get(first.id, customer_id="cus_other") is None
    for text in ("", "evt_", "evt_" + "z" * 26, "nonsense"):
        assert await place.store.events.get(text, customer_id=None) is None


async def test_one_key_recorded_by_many_at_once_is_one_event(place: Place) -> None:
    customer_id = await place.customer()

    async def record(seed: int) -> int:
        told = [an_event(f"key {n}", customer_id=customer_id) for n in range(12)]
        random.Random(seed).shuffle(told)
        return await place.store.events.record(told, now=NOW)

    assert sum(await asyncio.gather(*(record(seed) for seed in range(16)))) == 12
    assert await counts(place, "events", "event_keys") == [12, 12]


async def test_an_event_whose_first_recorder_gave_up_is_recorded_by_the_second(
    place: Place, other_connection: Another
) -> None:
    told = an_event("key", customer_id=await place.customer())
    first = await other_connection()
    transaction = first.transaction()
    await transaction.start()
    await first.execute("insert into event_keys values ('key', 'evt_x', now())")

    second = asyncio.create_task(place.store.events.record([told], now=NOW))
    await eventually(lambda: waiting_for_locks(place, 1))
    await transaction.rollback()

    assert await second == 1


async def test_the_operators_events_go_to_rabbitmq_only(place: Place) -> None:
    await place.endpoint()
    await place.event(customer=None)

    assert await place.store.deliveries.fan_out(everybody, now=NOW, limit=9) == (0, 0)
    assert len(await place.store.events.claim_relay(now=NOW, lease=LEASE, limit=9)) == 1


async def test_events_are_relayed_by_one_and_again_when_the_lease_ends_unconfirmed(place: Place) -> None:
    told = [await place.event() for _ in range(20)]

    claims = await asyncio.gather(*(place.store.events.claim_relay(now=NOW, lease=LEASE, limit=6) for _ in range(6)))
    claimed = [one for claim in claims for one in claim]
    assert sorted(one.id for one in claimed) == sorted(one.id for one in told)

    await place.store.events.relayed(claimed[:15])
    again = await place.store.events.claim_relay(now=LEASE, lease=LATER, limit=99)
    assert {one.id for one in again} == {one.id for one in claimed[15:]}
    assert [one.id for one in again] == sorted(one.id for one in again)


async def whole_feed(place: Place, customer_id: str | None, *, limit: int = 3) -> list[str]:
    seen: list[str] = []
    cursor = None
    while page := await place.store.events.feed(customer_id=customer_id, cursor=cursor, limit=limit):
        seen += [item.id for item in page]
        cursor = page[-1].cursor
    return seen


async def test_a_feed_goes_in_commit_order_with_a_cursor_that_can_be_kept(place: Place) -> None:
    told = [(await place.event()).id for _ in range(8)]
    await place.event(customer="two")

    assert await eventually(lambda: _is_feed(place, told))

    async def whole() -> bool:
        return len(await whole_feed(place, None)) == 9  # the stranger's event is the youngest of them

    await eventually(whole)
    last = (await place.store.events.feed(customer_id=None, cursor=None, limit=99))[-1].cursor
    assert await place.store.events.feed(customer_id=None, cursor=last, limit=9) == []
    new = await place.event()
    after = await eventually(lambda: place.store.events.feed(customer_id=None, cursor=last, limit=9))
    assert [item.id for item in after] == [new.id]


async def test_a_feed_counts_transactions_and_does_not_spell_them(place: Place) -> None:
    told = [(await place.event()).id for _ in range(4)]
    for id_, xid in zip(told, ("9", "10", "99", "100"), strict=True):
        await place.sql.execute("update events set xid = $2::text::xid8 where id = $1", id_, xid)

    assert await whole_feed(place, place.made["one"], limit=1) == told
    assert await whole_feed(place, place.made["one"], limit=9) == told


async def _is_feed(place: Place, ids: list[str]) -> bool:
    return await whole_feed(place, place.made["one"]) == ids


async def test_a_feed_never_skips_the_event_of_a_slow_transaction(place: Place, other_connection: Another) -> None:
    customer_id = await place.customer()
    early = await place.event()
    slow = await other_connection()
    transaction = slow.transaction()
    await transaction.start()
    hidden = an_event(customer_id=customer_id)
    columns = [
        [hidden.id],
        [NOW.date()],
        [hidden.key],
        [hidden.type],
        [customer_id],
        [None],
        [None],
        [NOW],
        [hidden.body],
    ]
    await slow.fetch(EVENTS.record, *columns, NOW)

    first = await place.store.events.feed(customer_id=customer_id, cursor=None, limit=999)  # once: the horizon moves on
    seen, cursor = [item.id for item in first], first[-1].cursor if first else None
    later = [(await place.event()).id for _ in range(100)]
    meanwhile = await place.store.events.feed(customer_id=customer_id, cursor=cursor, limit=999)
    assert [item.id for item in meanwhile if item.id != early.id] == [], "nothing beyond what is still open"
    await transaction.commit()

    async def caught_up() -> list[str]:
        page = await place.store.events.feed(customer_id=customer_id, cursor=cursor, limit=999)
        return [item.id for item in page] if len(page) + len(seen) == 102 else []

    assert seen + await eventually(caught_up) == [early.id, hidden.id, *later]


@pytest.mark.parametrize(
    "cursor", ["x", "1", "-1.evt", ".", "1.2.3", "99999999999999999999.x", "٣.x", "1.\x00", "1." + "x" * 99]
)
async def test_a_text_that_is_no_cursor_is_told_so(place: Place, cursor: str) -> None:
    with pytest.raises(ValueError, match="cursor"):
        await place.store.events.feed(customer_id=None, cursor=cursor, limit=1)


async def test_event_keys_outlive_their_events_until_they_are_forgotten(place: Place) -> None:
    await place.event("key")

    assert await place.store.facts.forget_event_keys(recorded_before=NOW, limit=9) == 0
    assert await place.store.facts.forget_event_keys(recorded_before=LATER, limit=9) == 1


async def test_saves_and_facts_that_cross_end_in_one_order(place: Place) -> None:
    """The settler's and the drivers' transactions, as they meet: neither loses anything nor raises."""
    account = await place.account()
    driven = [await place.in_state(account, PostState.PROCESSING) for _ in range(6)]
    publish_ids = [context.publications[0].publish_id or "" for context in driven]

    async def settle() -> None:
        for _ in range(3):
            await place.store.facts.receive([a_receipt(a_fact(id_)) for id_ in publish_ids])
            claimed = await place.store.facts.claim(now=LATER, lease=LATER, limit=99)
            found = await place.store.posts.contexts_by_publish_id(publish_ids)
            for one in claimed:
                context = found[one.fact.publish_id].context
                try:
                    await place.store.posts.save([Change(context.post)], now=NOW, facts=[(one.id, "applied")])
                except Stale:
                    continue

    async def drive() -> None:
        for _ in range(6):
            contexts = [await place.context(context.post.id) for context in driven]
            await place.store.posts.save([Change(c.post, c.publications) for c in contexts], now=NOW)

    with capture_logs() as logs:
        await asyncio.gather(*(settle() for _ in range(3)), *(drive() for _ in range(3)))

    assert [line for line in logs if line["log_level"] == "error"] == []
