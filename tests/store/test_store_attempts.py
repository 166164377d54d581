"""Attempts, searched: by where, about what, how it ended, when, and by words."""

from datetime import timedelta
from typing import Any

import pytest
from store_place import LEASE, NOW, SECOND, Place, a_verdict, settled

from libs.model.delivery import DeliveryState
from libs.model.ids import new_id
from libs.store.attempts import Attempts, Search

D = DeliveryState


async def tries(place: Place) -> dict[str, str]:
    """An endpoint of each of two customers that failed once and then answered; ids by what they are called here."""
    made = {}
    for customer in ("one", "two"):
        made[f"{customer}.endpoint"] = (await place.endpoint(customer)).id
        await place.deliveries(1, customer=customer)
    claim = await place.store.deliveries.claim(now=NOW, lease=LEASE, lanes=9, per_lane=9)
    for delivery in claim.deliveries:
        customer = "one" if delivery.endpoint_id == made["one.endpoint"] else "two"
        made[f"{customer}.event"] = delivery.event_id
        failed = settled(delivery, a_verdict(D.PENDING), status=503, response=f"Überlastet: queue {customer} full",
                         attempt_id=new_id("att", NOW))  # fmt: skip
        well = settled(delivery._replace(version=delivery.version + 1), at=NOW + SECOND, response="queue fine",
                       attempt_id=new_id("att", NOW + SECOND))  # fmt: skip
        timed_out = settled(delivery, a_verdict(D.PENDING), status=None, error="timeout", response="",
                            attempt_id=new_id("att", NOW + 2 * SECOND), at=NOW + 2 * SECOND)  # fmt: skip
        for n, one in enumerate((failed, well, timed_out)):
            made[f"{customer}.{n}"] = one.attempt_id
            await place.store.deliveries.settle([one], now=one.at)
    return made


@pytest.mark.parametrize(
    ("asked", "whose", "expected"),
    [
        ({}, None, ["one.0", "one.1", "one.2", "two.0", "two.1", "two.2"]),
        ({}, "one", ["one.0", "one.1", "one.2"]),
        ({"endpoint_id": "two.endpoint"}, None, ["two.0", "two.1", "two.2"]),
        ({"endpoint_id": "two.endpoint"}, "one", []),
        ({"event_id": "one.event"}, None, ["one.0", "one.1", "one.2"]),
        ({"event_id": "two.event"}, "one", []),
        ({"event_id": "one.event", "endpoint_id": "two.endpoint"}, None, []),
        ({"status": 503}, "one", ["one.0"]),
        ({"failed": True}, "one", ["one.0", "one.2"]),
        ({"failed": False}, None, ["one.1", "two.1"]),
        ({"since": NOW + SECOND}, "one", ["one.1", "one.2"]),
        ({"until": NOW + SECOND}, "one", ["one.0"]),
        ({"words": "überlastet"}, None, ["one.0", "two.0"]),
        ({"words": "queue two"}, None, ["two.0"]),
        ({"words": "queue two"}, "one", []),
        ({"words": "timeout", "endpoint_id": "one.endpoint"}, None, ["one.2"]),
        ({"words": "queue", "event_id": "two.event"}, None, ["two.0"]),
        ({"words": '"full queue" or \'(&|!'}, None, []),
    ],
)
async def test_attempts_are_found(place: Place, asked: dict[str, Any], whose: str | None, expected: list[str]) -> None:
    made = await tries(place)
    wanted = {name: made.get(value, value) if isinstance(value, str) else value for name, value in asked.items()}
    search = Search(**({"since": NOW - SECOND, "until": NOW + timedelta(minutes=1)} | wanted))
    customer_id = place.made[whose] if whose else None

    rows = await place.store.attempts.search(search, customer_id=customer_id, before=None, limit=99)

    ids = [row["id"] for row in rows]
    assert sorted(ids) == sorted(made[name] for name in expected)
    assert ids == sorted(ids, reverse=True)
    if len(ids) > 1:
        (second,) = await place.store.attempts.search(search, customer_id=customer_id, before=ids[0], limit=1)
        assert second["id"] == ids[1]


@pytest.mark.parametrize("whose", [None, "one"])
async def test_usual_words_are_found_page_by_page_though_one_endpoint_fails_more_than_another(
    place: Place, whose: str | None
) -> None:
    often, seldom = (await place.endpoint("one")).id, (await place.endpoint("one")).id
    await place.deliveries(1, customer="one")
    claim = await place.store.deliveries.claim(now=NOW, lease=LEASE, lanes=9, per_lane=9)
    by_endpoint = {delivery.endpoint_id: delivery for delivery in claim.deliveries}
    expected = []
    for n, endpoint_id in enumerate([seldom, often, seldom, *[often] * 5, seldom, *[often] * 4]):
        at = NOW + n * SECOND
        one = settled(by_endpoint[endpoint_id], a_verdict(D.PENDING), status=503, response="busy", at=at,
                      attempt_id=new_id("att", at))  # fmt: skip
        await place.store.deliveries.settle([one], now=at)
        expected.insert(0, one.attempt_id)
    attempts = Attempts(place.store.attempts._pool, lately=4)
    search = Search(NOW - SECOND, NOW + timedelta(minutes=1), words="busy")
    found: list[str] = []

    while rows := await attempts.search(
        search, customer_id=place.made[whose] if whose else None, before=found[-1] if found else None, limit=2
    ):
        found += [row["id"] for row in rows]

    assert found == expected
