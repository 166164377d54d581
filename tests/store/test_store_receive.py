"""Receiving: many bodies and what they say in one statement, all or nothing."""

import asyncio
import random
from typing import Any

import pytest
from store_place import Place, a_fact, a_receipt

from libs.store.errors import BadData


async def test_a_body_and_its_fact_are_kept_as_they_came(place: Place) -> None:
    fact = a_fact("v_pub_file~v2-1.7", data={"event": "post.publish.complete", "content": {"a": [1, "ü", None]}})
    receipt = a_receipt(fact)

    assert await place.store.facts.receive([receipt]) == (1, 1)

    row = await place.sql.fetchrow("select * from receipts")
    assert row is not None
    assert (row["body_hash"], row["body"], row["fact_key"], row["reason"]) == (
        receipt.body_hash,
        receipt.body,
        fact.key,
        None,
    )
    kept = await place.sql.fetchrow("select * from facts")
    assert kept is not None
    assert (kept["kind"], kept["source"], kept["publish_id"]) == ("completed", "webhook", "v_pub_file~v2-1.7")
    assert kept["data"] == fact.data
    assert kept["heard_at"] == kept["alarm"] == receipt.received_at


async def test_a_body_that_says_nothing_is_kept_alone(place: Place) -> None:
    assert await place.store.facts.receive([a_receipt(None), a_receipt(a_fact(key="one"))]) == (2, 1)

    assert await place.sql.fetchval("select count(*) from receipts where fact_key is null") == 1


async def test_the_same_body_or_the_same_meaning_is_new_once(place: Place) -> None:
    first, again = a_receipt(a_fact(key="same")), a_receipt(a_fact(key="same"))

    assert await place.store.facts.receive([first, again, first]) == (2, 1)
    assert await place.store.facts.receive([again, first]) == (0, 0)


@pytest.mark.parametrize(
    "more",
    [
        {"data": {"a": "\ud800"}},
        {"data": {"a": 10**30}},
        {"data": {"a": "\x00"}},
        {"reason": "\ud800"},
        {"reason": "\x00"},
    ],
    ids=["lone surrogate", "huge integer", "NUL", "lone surrogate in a column", "NUL in a column"],
)
async def test_one_value_that_cannot_be_kept_refuses_the_batch_as_bad_data(place: Place, more: dict[str, Any]) -> None:
    good, bad = a_receipt(a_fact(key="good")), a_receipt(a_fact(key="bad", **more))

    with pytest.raises(BadData):
        await place.store.facts.receive([good, bad])

    assert await place.sql.fetchval("select count(*) from receipts") == 0
    assert await place.store.facts.receive([good]) == (1, 1)


async def test_batches_that_overlap_never_deadlock(place: Place) -> None:
    receipts = [a_receipt(a_fact(key=f"{n * 7919 % 300:03} | ä")) for n in range(300)]
    batches = [random.sample(receipts, 200) for _ in range(24)]

    kept = await asyncio.gather(*[place.store.facts.receive(batch) for batch in batches])

    union = {receipt.body_hash for batch in batches for receipt in batch}
    assert (sum(bodies for bodies, _ in kept), sum(facts for _, facts in kept)) == (len(union), len(union))
