"""Looks, turns and due posts: nobody gets another's moment, and what waits is not written to."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

from store_place import LEASE, NOW, SECOND, Place

from libs.model.change import Change
from libs.model.pace import LOOK_YOUNG
from libs.model.post import PostState
from libs.model.roster import NEAR

MINUTE = timedelta(minutes=1)


async def processing(place: Place, how_many: int) -> list[Change]:
    """Changes by which so many posts of one account are looked at again."""
    account = await place.account()
    posts = [(await place.in_state(account, PostState.PROCESSING)).post for _ in range(how_many)]
    return [Change(replace(post, alarm=NOW + LOOK_YOUNG), look=True) for post in posts]


async def test_looks_that_are_saved_at_once_get_a_moment_each(place: Place) -> None:
    changes = await processing(place, 7)

    saved = await asyncio.gather(*(place.store.posts.save_look(change, now=NOW) for change in changes))

    assert not any(stale for _, stale in saved)
    moments = sorted(row["alarm"] for row in await place.sql.fetch("select alarm from posts"))
    assert moments == sorted(seated.post.alarm for seated, _ in saved if seated.post.alarm)
    assert all(after - before >= NEAR / 2 for before, after in pairwise(moments))
    assert moments[0] > NOW and moments[-1] <= NOW + LOOK_YOUNG + SECOND


async def test_a_stale_look_is_left_out(place: Place) -> None:
    (change,) = await processing(place, 1)
    await place.store.posts.save([replace(change, look=False)], now=NOW)

    _, stale = await place.store.posts.save_look(change, now=NOW)

    assert stale


async def test_young_posts_are_those_tiktok_works_on(place: Place) -> None:
    account = await place.account()
    old = await place.in_state(account, PostState.PROCESSING)
    await place.sql.execute("update publications set committing_at = $1 where post_id = $2", NOW - MINUTE, old.post.id)
    for state in (PostState.PROCESSING, PostState.UPLOADING, PostState.PUBLISHED, PostState.UNCONFIRMED):
        await place.in_state(account, state)

    assert await place.store.posts.young(account.id, since=NOW - 2 * SECOND) == 1
    assert await place.store.posts.young(account.id, since=NOW - 2 * MINUTE) == 2


async def test_the_next_alarm_is_the_earliest_of_posts_and_lanes(place: Place) -> None:
    assert await place.store.posts.next_alarm() is None
    account = await place.account()
    await place.posts(account, alarm=NOW + MINUTE)
    assert await place.store.posts.next_alarm() == NOW + MINUTE

    await place.posts(account, state=PostState.SCHEDULED, alarm=NOW + SECOND)

    assert await place.store.posts.next_alarm() == NOW + SECOND


async def test_posts_due_at_once_drain_in_order_and_those_that_wait_are_not_rewritten(place: Place) -> None:
    """A lane's minutes: six turns each. What is written for one minute does not grow with what waits."""
    accounts = [await place.account(f"creator {n}") for n in range(3)]
    later = {"state": PostState.SCHEDULED, "publish_at": NOW, "created_at": NOW - MINUTE, "in_lane": True}
    waiting = {account.id: sorted(post.id for post in await place.posts(account, 20, **later)) for account in accounts}
    started: dict[str, list[str]] = {account.id: [] for account in accounts}
    before = {row["id"]: row["xmin"] for row in await place.sql.fetch("select id, xmin::text from posts")}

    for minute in range(3):
        now = NOW + minute * MINUTE
        for account_id, ring in await place.store.posts.claim_lanes(now=now, lease=now + SECOND, limit=20):
            claimed = await place.store.posts.claim_in_lane(account_id, now=now, lease=LEASE + MINUTE, limit=6)
            started[account_id] += [context.post.id for context in claimed]
            await place.store.posts.rest_lane(account_id, ring=ring, until=now + MINUTE, now=now)

    assert started == {account_id: ids[:18] for account_id, ids in waiting.items()}
    after = {row["id"]: row["xmin"] for row in await place.sql.fetch("select id, xmin::text from posts")}
    written = {post_id for post_id, xmin in after.items() if xmin != before[post_id]}
    assert written == {post_id for ids in started.values() for post_id in ids}


async def test_a_lane_that_rang_while_it_was_served_is_due_at_once_and_not_at_its_lease(place: Place) -> None:
    """Whoever is served rings too, when its init has ended: the other posts of the lane must not wait for that."""
    account = await place.account()
    await place.posts(account, 3)
    ((_, ring),) = await place.store.posts.claim_lanes(now=NOW, lease=NOW + 10 * SECOND, limit=9)
    await place.store.posts.claim_in_lane(account.id, now=NOW, lease=LEASE, limit=1)
    await place.store.posts.wake_lane(account.id, at=NOW + MINUTE)

    await place.store.posts.rest_lane(account.id, ring=ring, until=NOW + SECOND, now=NOW + SECOND)

    assert (await place.post_lane(account.id))["alarm"] == NOW + SECOND
