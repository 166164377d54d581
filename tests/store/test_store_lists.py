"""Posts and batches listed: by whatever is asked, newest first, without gaps, and never past what is shown."""

import asyncio
import re
from datetime import timedelta
from typing import Any

import pytest
from store_place import NOW, SECOND, Place, an_id

from libs.model.key import EVERYWHERE, Reach
from libs.model.post import PostState
from libs.store.acceptance import Accepted, Duplicate
from libs.store.lists import Wanted
from libs.store.sql import FOLDER

S = PostState
REQUEST = {"mode": "direct", "privacy_level": "SELF_ONLY"}


async def crowd(place: Place) -> dict[str, str]:
    """Posts of two accounts of one customer and of another customer, a second apart; ids by what they are called."""
    made = {}
    one, two = await place.account("one"), await place.account("two")
    stranger = await place.account("three", customer="two")
    batch_id = made["batch"] = an_id("bat")
    told: list[tuple[str, Any, dict[str, Any]]] = [
        ("queued", one, {}),
        ("scheduled", one, {"state": S.SCHEDULED, "in_lane": False}),
        ("photo", two, {"request": REQUEST | {"kind": "photo"}}),
        ("draft", two, {"state": S.DRAFT, "in_lane": False, "alarm": None}),
        ("theirs", stranger, {}),
    ]
    for n, (name, account, more) in enumerate(told):
        request = {"request": REQUEST | {"kind": "video"}} | more
        (post,) = await place.posts(account, id=an_id("post", now=NOW + n * SECOND), **request)
        made[name], made[f"{name}.account"] = post.id, account.id
    several = [
        place.new_post(account, id=an_id("post", now=NOW + (9 + n) * SECOND), batch_id=batch_id)
        for n, account in enumerate((one, two))
    ]
    await place.store.posts.accept(several, request_hash=b"h", events=[])
    return made | {f"batch.{n}": post.id for n, post in enumerate(several)}


def about(made: dict[str, str], asked: dict[str, Any]) -> Wanted:
    """What is asked, with the ids that its names stand for."""
    return Wanted(**{name: made[value] if name.endswith("_id") else value for name, value in asked.items()})


MINE = ["batch.1", "batch.0", "draft", "photo", "scheduled", "queued"]


@pytest.mark.parametrize(
    ("asked", "whose", "expected"),
    [
        ({}, "one", MINE),
        ({}, None, [*MINE[:2], "theirs", *MINE[2:]]),
        ({"state": S.QUEUED}, "one", ["batch.1", "batch.0", "photo", "queued"]),
        ({"state": S.QUEUED}, None, ["batch.1", "batch.0", "theirs", "photo", "queued"]),
        ({"state": S.PUBLISHED}, "one", []),
        ({"kind": "photo"}, "one", ["photo"]),
        ({"kind": "photo", "state": S.DRAFT}, "one", []),
        ({"kind": "video", "state": S.DRAFT}, None, ["draft"]),
        ({"account_id": "photo.account"}, "one", ["batch.1", "draft", "photo"]),
        ({"account_id": "photo.account", "kind": "video"}, "one", ["batch.1", "draft"]),
        ({"account_id": "photo.account", "state": S.DRAFT}, None, ["draft"]),
        ({"account_id": "theirs.account"}, "one", []),
        ({"batch_id": "batch"}, "one", ["batch.1", "batch.0"]),
        ({"batch_id": "batch"}, "two", []),
        ({"batch_id": "batch", "account_id": "queued.account"}, "one", ["batch.0"]),
        ({"batch_id": "batch", "state": S.DRAFT}, None, []),
        ({"since": NOW + SECOND}, "one", MINE[:-1]),
        ({"until": NOW + 2 * SECOND}, "one", ["scheduled", "queued"]),
        ({"since": NOW + SECOND, "until": NOW + 4 * SECOND, "state": S.QUEUED}, None, ["photo"]),
    ],
)
async def test_posts_are_found_newest_first_and_page_by_page(
    place: Place, asked: dict[str, Any], whose: str | None, expected: list[str]
) -> None:
    made = await crowd(place)
    wanted = about(made, asked)
    customer = await place.customer(whose) if whose else None

    seen: list[str] = []
    while page := await place.store.lists.posts(
        wanted, customer_id=customer, before=seen[-1] if seen else None, limit=2
    ):
        seen += [post.id for post in page]

    assert seen == [made[name] for name in expected]


@pytest.mark.parametrize("asked", [{}, {"state": S.QUEUED}, {"batch_id": "batch"}, {"account_id": "photo.account"}])
async def test_a_reach_is_heeded_whatever_is_asked(place: Place, asked: dict[str, Any]) -> None:
    made = await crowd(place)
    wanted = about(made, asked)
    customer, account = await place.customer(), made["photo.account"]

    async def ids(reach: Reach) -> set[str]:
        found = await place.store.lists.posts(wanted, customer_id=customer, before=None, limit=99, reach=reach)
        return {post.id for post in found if reach.has(post.account_id)} if found else set()

    every = await ids(EVERYWHERE)
    inside, outside = await ids(Reach(only=frozenset({account}))), await ids(Reach(but=frozenset({account})))

    assert inside and inside | outside == every and not inside & outside


def test_no_statement_skips_rows_of_a_table_by_counting_them() -> None:
    lines = [line for path in FOLDER.glob("*.sql") for line in path.read_text().lower().splitlines()]

    counting = [line for line in lines if re.search(r"\boffset\b", line) and not line.startswith("--")]
    assert len(lines) > 500
    assert [line for line in counting if "from unnest(" not in line] == []  # of an array, an ordinal


async def test_a_batch_counts_by_state_what_is_within_reach(place: Place) -> None:
    made = await crowd(place)
    customer, stranger = await place.customer(), await place.customer("two")
    lists, batch_id = place.store.lists, made["batch"]

    whole = await lists.batch(batch_id, customer_id=customer)
    part = await lists.batch(batch_id, customer_id=None, reach=Reach(only=frozenset({made["queued.account"]})))

    assert whole is not None and part is not None
    assert (whole.total, whole.unsettled, whole.states) == (2, 2, {"queued": 2})
    assert part.states == {"queued": 1}
    assert await lists.batch(batch_id, customer_id=stranger) is None
    assert await lists.batch(batch_id, customer_id=None, reach=Reach(only=frozenset())) is None
    assert await lists.batches(customer_id=customer, before=None, limit=9) == [whole]
    assert await lists.batches(customer_id=customer, before=batch_id, limit=9) == []
    assert await lists.batches(customer_id=stranger, before=None, limit=9) == []


async def test_what_was_posted_lately_with_the_same_content_is_found_until_it_has_failed(place: Place) -> None:
    account = await place.account()
    request = {"kind": "video", "media": ["med_a"], "title": "t", "description": "", "mode": "direct"}
    (first,) = await place.posts(account, request=request)

    async def accepted(now: timedelta = timedelta(0), **more: Any) -> str | None:
        """The twin that stood in its way."""
        twin = place.new_post(account, id=an_id("post", now=NOW + now), request=request | more, created_at=NOW + now)
        try:
            await place.store.posts.accept(
                [twin], request_hash=b"h", events=[], unlike_since=NOW + now - timedelta(minutes=10)
            )
        except Duplicate as duplicate:
            return duplicate.post.id
        await place.sql.execute("delete from timeline where post_id = $1", twin.id)
        await place.sql.execute("delete from posts where id = $1", twin.id)
        return None

    assert await accepted() == first.id
    assert await accepted(privacy_level="SELF_ONLY") == first.id, "the same content for others"
    assert await accepted(title="u") is None
    assert await accepted(media=["med_b"]) is None
    (by_url,) = await place.posts(account, request=request | {"media": ["https://a.example/get?id=1"]})
    assert await accepted(media=["https://a.example/get?id=2"]) is None
    assert await accepted(media=["https://a.example/get?id=1"]) == by_url.id
    assert await accepted(timedelta(minutes=11)) is None
    await place.sql.execute("update posts set state = 'cancelled', alarm = null, in_lane = false, finished_at = now()")
    assert await accepted() is None


async def test_of_the_same_content_sent_many_times_at_once_one_is_taken(place: Place) -> None:
    account = await place.account()
    request = {"kind": "video", "media": ["med_a"], "title": "t", "description": "", "mode": "direct"}
    twins = [place.new_post(account, request=request) for _ in range(8)]

    ended = await asyncio.gather(
        *(place.store.posts.accept([twin], request_hash=b"h", events=[], unlike_since=NOW - SECOND) for twin in twins),
        return_exceptions=True,
    )

    (taken,) = [one for one in ended if not isinstance(one, Duplicate)]
    assert isinstance(taken, Accepted)
    assert {one.post.id for one in ended if isinstance(one, Duplicate)} == {taken.posts[0].id}
