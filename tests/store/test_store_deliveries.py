"""Deliveries: fanned out whole, claimed by one, settled with their attempts."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import orjson
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
)

from libs.model.delivery import DeliveryState
from libs.model.endpoint import DISABLE_AFTER, SCHEDULE, Endpoint, EndpointState, Order, Payload, Secret
from libs.model.ids import day_of
from libs.store.deliveries import AT_ONCE, Claim, Outgoing, Subscription

D = DeliveryState


async def claim(place: Place, *, lanes: int = 9, per_lane: int = 99, **more: object) -> Claim:
    now = more.get("now", NOW)
    return await place.store.deliveries.claim(now=now, lease=LEASE, lanes=lanes, per_lane=per_lane)  # type: ignore[arg-type]


async def states(place: Place) -> list[str]:
    return [row["state"] for row in await place.sql.fetch("select state from deliveries order by state")]


async def test_events_are_fanned_out_once_to_whoever_wants_them(place: Place) -> None:
    wanting, other = await place.endpoint(), await place.endpoint()
    await place.endpoint("two")
    told = await place.event()

    def match(outgoing: Outgoing, subscriptions: Sequence[Subscription]) -> list[tuple[str, str]]:
        assert (outgoing.id, outgoing.type, {s.endpoint_id for s in subscriptions}) == (
            told.id, "post.published", {wanting.id, other.id},
        )  # fmt: skip
        return [(an_id("dlv"), wanting.id)]

    fanned = await asyncio.gather(*(place.store.deliveries.fan_out(match, now=NOW, limit=9) for _ in range(5)))

    assert sorted(fanned) == [(0, 0)] * 4 + [(1, 1)]
    (delivery,) = (await claim(place)).deliveries
    assert (delivery.endpoint_id, delivery.event_id, delivery.body, delivery.tries) == (
        wanting.id,
        told.id,
        told.body,
        0,
    )
    assert delivery.day == day_of(told.id)


async def test_a_fan_out_that_breaks_leaves_its_events_waiting(place: Place) -> None:
    await place.endpoint()
    for _ in range(3):
        await place.event()
    seen = 0

    def broken(outgoing: Outgoing, subscriptions: Sequence[Subscription]) -> list[tuple[str, str]]:
        nonlocal seen
        seen += 1
        if seen == 3:
            raise RuntimeError("a match that breaks")
        return everybody(outgoing, subscriptions)

    with pytest.raises(RuntimeError, match="breaks"):
        await place.store.deliveries.fan_out(broken, now=NOW, limit=9)

    assert await place.sql.fetchval("select count(*) from deliveries") == 0
    assert await place.store.deliveries.fan_out(everybody, now=NOW, limit=9) == (3, 3)


async def test_an_event_nobody_wants_is_done_and_one_fanned_out_twice_is_delivered_once(place: Place) -> None:
    await place.event()
    assert await place.store.deliveries.fan_out(everybody, now=NOW, limit=9) == (1, 0)

    await place.endpoint()
    await place.deliveries(1)
    await place.sql.execute("update events set fan_out_at = $1", NOW)
    await place.store.deliveries.fan_out(everybody, now=NOW, limit=9)
    assert await place.sql.fetchval("select count(*), count(distinct event_id) from deliveries") == 2


async def test_deliveries_are_claimed_by_one_and_again_when_the_lease_ends(place: Place) -> None:
    for _ in range(3):
        await place.endpoint()
    await place.deliveries(20)

    claims = await asyncio.gather(*(claim(place, lanes=2, per_lane=7) for _ in range(12)))
    rest = await claim(place)

    ids = [one.id for found in (*claims, rest) for one in found.deliveries]
    assert len(ids) == len(set(ids)) == 60
    again = await claim(place, now=LEASE)
    assert len(again.deliveries) == 60 and {one.version for one in again.deliveries} == {3}


async def test_a_claim_tells_which_lanes_had_less_than_asked_for_and_leaves_out_the_full_ones(place: Place) -> None:
    full, drained = await place.endpoint(), await place.endpoint("two")
    await place.deliveries(5)
    await place.deliveries(2, customer="two")

    found = await claim(place, per_lane=3)
    assert set(found.lanes) == {full.id, drained.id}
    assert [lane for lane, _ in found.drained] == [drained.id]

    busy = await place.store.deliveries.claim(now=NOW, lease=LEASE, lanes=9, per_lane=3, except_lanes=[full.id])
    assert busy.lanes == (drained.id,)


async def test_of_doubted_lanes_a_claim_takes_a_few_and_says_when_that_was_all(place: Place) -> None:
    doubted, other, little = await place.endpoint(), await place.endpoint("two"), await place.endpoint("three")
    await place.deliveries(5)
    await place.deliveries(5, customer="two")
    await place.deliveries(1, customer="three")
    few_of = {doubted.id, little.id}

    found = await place.store.deliveries.claim(now=NOW, lease=LEASE, lanes=9, per_lane=4, few=2, few_of=few_of)
    narrow = await place.store.deliveries.claim(now=NOW, lease=LEASE, lanes=9, per_lane=1, few=2, few_of=few_of)

    taken = Counter(one.endpoint_id for one in found.deliveries)
    assert taken == {doubted.id: 2, other.id: 4, little.id: 1}
    assert [lane for lane, _ in found.drained] == [little.id]
    assert Counter(one.endpoint_id for one in narrow.deliveries) == {doubted.id: 1, other.id: 1}


async def test_a_try_is_kept_with_the_state_it_made(place: Place) -> None:
    await place.endpoint()
    await place.deliveries(3)
    one, two, three = (await claim(place)).deliveries
    again = a_verdict(D.PENDING)
    none_left = a_verdict(D.EXHAUSTED)

    saved = await place.store.deliveries.settle(
        [settled(one), settled(two, again, status=500), settled(three, none_left, status=None, error="timeout")],
        now=NOW,
    )

    assert saved.kept == 3
    assert await states(place) == ["delivered", "exhausted", "pending"]
    rows = {row["id"]: row for row in await place.sql.fetch("select * from deliveries")}
    assert (rows[one.id]["tries"], rows[one.id]["alarm"], rows[one.id]["finished_at"]) == (1, None, NOW)
    assert (rows[two.id]["alarm"], rows[two.id]["last_status"], rows[two.id]["finished_at"]) == (LATER, 500, None)
    assert (rows[three.id]["last_error"], rows[three.id]["last_status"]) == ("timeout", None)
    (attempt,) = await place.store.deliveries.attempts(two.id)
    assert (attempt["n"], attempt["status"], attempt["ms"], attempt["next_at"]) == (1, 500, 7, LATER)


async def test_a_stale_workers_attempt_is_kept_and_its_verdict_is_not(place: Place) -> None:
    await place.endpoint()
    await place.deliveries(1)
    (mine,) = (await claim(place)).deliveries
    (theirs,) = (await claim(place, now=LEASE)).deliveries

    assert (await place.store.deliveries.settle([settled(theirs, a_verdict(D.PENDING), status=500)], now=NOW)).kept == 1
    assert (await place.store.deliveries.settle([settled(mine)], now=NOW)).kept == 0

    assert await states(place) == ["pending"]
    assert sorted(row["status"] for row in await place.store.deliveries.attempts(mine.id)) == [200, 500]


async def test_settling_again_after_a_lost_answer_changes_nothing(place: Place) -> None:
    await place.endpoint()
    await place.deliveries(2)
    batch = [settled(delivery) for delivery in (await claim(place)).deliveries]

    assert (await place.store.deliveries.settle(batch, now=NOW)).kept == 2
    assert (await place.store.deliveries.settle(batch, now=NOW)).kept == 0
    assert await place.sql.fetchval("select count(*) from attempts") == 2


async def test_what_was_given_back_untried_is_claimed_again_with_no_try_spent(place: Place) -> None:
    await place.endpoint()
    await place.deliveries(3)
    found = await claim(place)
    await place.store.deliveries.sleep_lanes(found.drained)

    await place.store.deliveries.release(found.deliveries, now=NOW)
    await place.store.deliveries.release([], now=NOW)

    again = await claim(place)
    assert {one.id for one in again.deliveries} == {one.id for one in found.deliveries}
    assert {one.tries for one in again.deliveries} == {0}


async def test_all_of_it_goes_back_however_much_was_taken(place: Place) -> None:
    await place.endpoint()
    await place.deliveries(2 * AT_ONCE + 1)
    found = await claim(place, per_lane=3 * AT_ONCE)

    await place.store.deliveries.release(found.deliveries, now=NOW)

    again = await claim(place, per_lane=3 * AT_ONCE)
    assert len(again.deliveries) == 2 * AT_ONCE + 1


async def test_a_stale_worker_gives_nothing_back(place: Place) -> None:
    await place.endpoint()
    await place.deliveries(1)
    stale = (await claim(place)).deliveries
    await claim(place, now=LEASE)

    await place.store.deliveries.release(stale, now=NOW)

    assert (await claim(place)).deliveries == ()


async def test_a_run_of_failures_has_a_beginning_and_a_success_ends_it(place: Place) -> None:
    endpoint = await place.endpoint()
    await place.deliveries(4)
    one, two, three, four = (await claim(place)).deliveries
    ill = a_verdict(D.PENDING)

    await place.store.deliveries.settle([settled(one, ill)], now=NOW)
    await place.store.deliveries.settle([settled(two, ill)], now=LATER)
    assert (await place.store.endpoints.get_many([endpoint.id]))[endpoint.id].failing_since == NOW

    await place.store.deliveries.settle([settled(three), settled(four, ill)], now=LATER)
    assert (await place.store.endpoints.get_many([endpoint.id]))[endpoint.id].failing_since is None


@pytest.mark.parametrize("seconds", [-1, 0])
async def test_an_endpoint_that_fails_for_days_is_disabled_and_its_events_are_kept(place: Place, seconds: int) -> None:
    endpoint = await place.endpoint()
    await place.deliveries(3)
    one, two, _ = (await claim(place)).deliveries
    ill = a_verdict(D.PENDING)
    await place.store.deliveries.settle([settled(one, ill)], now=NOW)

    then = NOW + DISABLE_AFTER + seconds * SECOND
    await place.store.deliveries.settle([settled(two, ill)], now=then)

    (found,) = (await place.store.endpoints.get_many([endpoint.id])).values()
    assert found.state is (EndpointState.ENABLED if seconds else EndpointState.DISABLED)
    told = await place.sql.fetch("select body from events where type = 'endpoint.disabled'")
    assert len(told) == (0 if seconds else 1)
    if told:
        assert orjson.loads(told[0]["body"])["data"]["endpoint_id"] == endpoint.id
        assert await states(place) == ["pending"] * 3
        assert len((await claim(place, now=then + timedelta(days=99))).deliveries) == 1, "a probe"


@pytest.mark.parametrize("others_well", [True, False])
async def test_an_endpoint_that_is_gone_is_disabled_at_once(place: Place, others_well: bool) -> None:
    endpoint = await place.endpoint()
    await place.deliveries(2)
    one, two = (await claim(place)).deliveries
    gone = a_verdict(D.PENDING, gone=True)

    await place.store.deliveries.settle(
        [settled(one, gone, status=410), settled(two, None if others_well else gone)], now=NOW
    )

    (found,) = (await place.store.endpoints.get_many([endpoint.id])).values()
    assert (found.state, found.reason) == (EndpointState.DISABLED, "answered 410 Gone")


async def test_a_disabled_endpoint_that_is_enabled_gets_what_was_kept(place: Place) -> None:
    endpoint = await place.endpoint()
    await place.deliveries(2)
    await place.store.endpoints.disable(endpoint.id, customer_id=None, reason="by hand", now=NOW)
    await place.deliveries(1)
    assert (await claim(place)).lanes == ()

    enabled = await place.store.endpoints.enable(endpoint.id, customer_id=endpoint.customer_id, now=NOW)

    assert enabled is not None and (enabled.state, enabled.reason, enabled.failing_since) == ("enabled", None, None)
    assert len((await claim(place)).deliveries) == 3


@pytest.mark.parametrize("state", [D.DELIVERED, D.EXHAUSTED, D.PENDING])
async def test_a_delivery_is_sent_again_by_hand_whatever_became_of_it(place: Place, state: D) -> None:
    endpoint = await place.endpoint()
    await place.deliveries(1)
    found = await claim(place)
    await place.store.deliveries.settle([settled(found.deliveries[0], a_verdict(state))], now=NOW)
    await place.store.deliveries.sleep_lanes([(endpoint.id, (await place.lane(endpoint.id))["ring"])])
    id_ = found.deliveries[0].id

    for stranger, text in (("cus_other", id_), (None, an_id("dlv")), (None, "nonsense"), (None, "dlv_" + "z" * 26)):
        assert await place.store.deliveries.redeliver(text, customer_id=stranger, now=NOW) is None
    assert await place.store.deliveries.redeliver(id_, customer_id=endpoint.customer_id, now=NOW) is not None

    assert [one.id for one in (await claim(place)).deliveries] == [id_]


async def test_a_redelivery_makes_the_try_under_way_stale(place: Place) -> None:
    await place.endpoint()
    await place.deliveries(1)
    (mine,) = (await claim(place)).deliveries

    await place.store.deliveries.redeliver(mine.id, customer_id=None, now=NOW)

    assert (await place.store.deliveries.settle([settled(mine)], now=NOW)).kept == 0
    assert [one._replace(version=0) for one in (await claim(place)).deliveries] == [mine._replace(version=0, tries=0)]


async def test_deliveries_are_looked_up_and_paged_by_their_own_customer(place: Place) -> None:
    endpoint = await place.endpoint()
    await place.endpoint("two")
    await place.deliveries(5)
    await place.deliveries(2, customer="two")
    mine = endpoint.customer_id
    store = place.store.deliveries

    page = await store.page(customer_id=mine, before=None, limit=3)
    rest = await store.page(customer_id=mine, before=page[-1]["id"], limit=9)
    assert len({row["id"] for row in (*page, *rest)}) == 5
    assert {row["type"] for row in page} == {"post.published"}
    assert len(await store.page(customer_id=None, before=None, limit=99)) == 7
    assert await store.page(customer_id=mine, before=None, limit=9, state=D.DELIVERED) == []
    (of_event,) = await store.page(customer_id=mine, before=None, limit=9, event_id=page[0]["event_id"])
    assert await store.get(of_event["id"], customer_id=mine) == of_event
    for stranger, text in (("cus_other", of_event["id"]), (None, "nonsense")):
        assert await store.get(text, customer_id=stranger) is None


async def test_an_endpoint_comes_back_as_it_was_changed(place: Place) -> None:
    endpoint = await place.endpoint()
    store = place.store.endpoints

    def edit(was: Endpoint) -> Endpoint:
        return replace(
            was, url="https://b.example", events=("post.*",), description="new", accounts=("acc_1",), timeout_s=30.0,
            headers={"Authorization": "Bearer theirs"}, payload=Payload.THIN, schedule=SCHEDULE[:3], rate_per_s=2.5,
            concurrency=3, disable_after=timedelta(days=2),
            secrets=(Secret("whsec_new"), Secret("whsec_secret", until=LATER)),
        )  # fmt: skip

    changed = await store.change(endpoint.id, customer_id=endpoint.customer_id, edit=edit, now=LATER)

    assert changed == replace(edit(endpoint), version=endpoint.version + 1)
    assert await store.get(endpoint.id, customer_id=None) == changed
    assert (await place.lane(endpoint.id))["rate_per_s"] == 2.5
    assert "theirs" not in str(await place.sql.fetch("select * from endpoints"))
    assert await store.change(endpoint.id, customer_id="cus_other", edit=edit, now=LATER) is None
    for act in (store.get, store.enable, store.disable):
        more = {"customer_id": "cus_other"} | ({} if act == store.get else {"now": NOW})
        if act == store.disable:
            more["reason"] = "x"
        assert await act(endpoint.id, **more) is None  # type: ignore[operator]
    assert [e.id for e in await store.page(customer_id=endpoint.customer_id, before=None, limit=9)] == [endpoint.id]
    assert await store.page(customer_id=None, before=endpoint.id, limit=9) == []


async def test_a_deleted_endpoint_hears_nothing_more_and_what_it_heard_stays(place: Place) -> None:
    gone, other = await place.endpoint(), await place.endpoint()
    await place.deliveries(2)
    first = (await claim(place, per_lane=1)).deliveries
    await place.store.deliveries.settle([settled(one) for one in first], now=NOW)
    [held] = [one for one in (await claim(place, per_lane=1, now=NOW)).deliveries if one.endpoint_id == gone.id]

    async def delete(customer: str = "one") -> Endpoint | None:
        owner = await place.customer(customer)
        return await place.store.endpoints.delete(gone.id, customer_id=owner, now=NOW)

    assert await delete("two") is None
    assert (await place.lane(gone.id))["alarm"] is not None, "a stranger changes nothing"
    deleted = await delete()
    again = await delete()

    assert deleted is not None and again is not None
    assert (deleted.secrets, deleted.headers, deleted.reason) == ((), {}, "deleted")
    assert await place.store.endpoints.get(gone.id, customer_id=None) is None
    assert [one.id for one in await place.store.endpoints.page(customer_id=None, before=None, limit=9)] == [other.id]
    assert await place.store.endpoints.enable(gone.id, customer_id=None, now=NOW) is None
    await place.store.deliveries.settle([settled(held)], now=NOW)  # it was going out meanwhile
    rows = await place.sql.fetch(
        "select state, last_error, tries from deliveries where endpoint_id = $1 order by tries desc", gone.id
    )
    assert [tuple(row) for row in rows] == [("delivered", None, 1), ("exhausted", "endpoint_deleted", 0)]
    assert await place.sql.fetchval("select count(*) from attempts where endpoint_id = $1", gone.id) == 2
    assert await place.deliveries(1) == 1, "only the other is fanned out to"
    assert await place.store.deliveries.redeliver(held.id, customer_id=None, now=NOW) is None


async def test_what_was_being_fanned_out_to_a_deleted_endpoint_is_ended_some_at_a_time(place: Place) -> None:
    gone, other = await place.endpoint(), await place.endpoint()
    await place.store.endpoints.delete(gone.id, customer_id=None, now=NOW)
    late = [await place.event() for _ in range(3)]

    def match(outgoing: Outgoing, _: Sequence[Subscription]) -> list[tuple[str, str]]:
        return [(an_id("dlv"), gone.id), (an_id("dlv"), other.id)]  # it was read before it was deleted

    await place.store.deliveries.fan_out(match, now=NOW, limit=9)

    ended = [await place.store.deliveries.end_deleted(now=NOW, limit=2) for _ in range(3)]

    assert ended == [2, 1, 0]
    assert {one.endpoint_id for one in (await claim(place)).deliveries} == {other.id}
    assert await states(place) == ["exhausted"] * 3 + ["pending"] * len(late)


async def test_an_ordered_endpoint_that_is_deleted_is_fed_no_more(place: Place) -> None:
    gone = await place.endpoint(ordering=Order.ACCOUNT)

    await place.store.endpoints.delete(gone.id, customer_id=None, now=NOW)

    assert await place.store.ordering.endpoints() == frozenset()
    assert await place.sql.fetchval("select count(*) from endpoint_lanes where endpoint_id = $1", gone.id) == 0
