"""Numbers over time: each moment is counted once, whoever comes and whoever dies."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

from store_place import LATER, LEASE, NOW, Place

from libs.model.change import Change
from libs.model.news import News
from libs.model.post import PostState
from libs.model.stats import Snapshot, Taken, Watch

NUMBERS = {"view_count": 2**53 + 1}
NEXT = NOW + timedelta(hours=23)


async def public(place: Place, video: str, *, open_id: str = "creator") -> str:
    account = await place.account(open_id)
    post = (await place.in_state(account, PostState.PUBLISHED)).post
    await tell(place, post.id, video)
    return post.id


async def tell(place: Place, post_id: str, video: str, *kinds: str, n: int = 1) -> None:
    post = (await place.context(post_id)).post
    new = tuple(News(1, kind, video, n, None) for kind in kinds or ("public",))  # type: ignore[arg-type]
    assert not await place.store.posts.save([Change(replace(post, updated_at=NOW), new=new)], now=NOW)


async def claimed(place: Place, *, now: datetime = NOW) -> list[Watch]:
    return await place.store.stats.claim(now=now, lease=LEASE, soon=now, limit=20)


async def test_of_many_who_come_at_once_one_gets_what_is_due_and_it_is_kept_once(place: Place) -> None:
    id_ = await public(place, "77")

    many = await asyncio.gather(*(claimed(place) for _ in range(8)))

    assert sorted(w.tiktok_post_id for found in many for w in found) == ["", "77"]
    taken = [Taken(watch, NEXT, NUMBERS) for found in many for watch in found]
    kept = await asyncio.gather(*(place.store.stats.keep(taken, lease=LEASE, at=NOW) for _ in range(4)))
    assert sorted(kept) == [0, 0, 0, 2]
    assert [one.numbers for one in await series(place, id_)] == [NUMBERS]
    assert await place.sql.fetchval("select count(*) from events where type in ('account.stats', 'post.stats')") == 2


async def test_whoever_died_is_followed_when_the_lease_ends_and_what_he_says_late_is_not_kept(place: Place) -> None:
    id_ = await public(place, "77")
    dead = await claimed(place)
    assert await claimed(place) == []

    again = await place.store.stats.claim(now=LATER, lease=NEXT, soon=LATER, limit=20)

    assert set(again) == set(dead)
    late = await place.store.stats.keep([Taken(w, NEXT, NUMBERS) for w in dead], lease=LEASE, at=LATER)
    assert late == 0 and await series(place, id_) == []
    assert await place.store.stats.keep([Taken(w, NEXT, NUMBERS) for w in again], lease=NEXT, at=LATER) == 2


async def test_a_video_that_is_gone_waits_until_it_is_public_again(place: Place) -> None:
    id_ = await public(place, "77")
    await tell(place, id_, "77", "gone")

    assert [w.tiktok_post_id for w in await claimed(place)] == [""]
    await tell(place, id_, "77", "gone", "public", n=2)
    assert [w.tiktok_post_id for w in await claimed(place)] == ["77"]


async def test_what_rests_is_due_again_when_its_account_is_connected_anew(place: Place) -> None:
    await public(place, "77")
    await place.store.stats.keep([Taken(w, None) for w in await claimed(place)], lease=LEASE, at=NOW)
    assert await claimed(place, now=NEXT) == []

    await place.account()

    assert len(await claimed(place)) == 2


async def test_what_is_being_counted_when_its_account_is_connected_anew_is_counted_again(place: Place) -> None:
    id_ = await public(place, "77")
    late = await claimed(place)  # by somebody who saw an account that was disconnected

    await place.account()

    assert await place.store.stats.keep([Taken(w, None) for w in late], lease=LEASE, at=NOW) == 0
    assert {w.subject for w in await claimed(place)} == {id_, late[0].account_id}


async def test_what_another_counts_now_is_not_due_soon(place: Place) -> None:
    await public(place, "77")
    await public(place, "88")
    soon = LEASE + timedelta(hours=1)

    first = await place.store.stats.claim(now=NOW, lease=LEASE, soon=soon, limit=2)
    second = await place.store.stats.claim(now=NOW, lease=LEASE, soon=soon, limit=20)

    assert (len(first), len(second)) == (2, 1)
    assert not set(first) & set(second)


async def test_a_claim_is_of_one_account_and_takes_what_is_due_soon_along(place: Place) -> None:
    first, second = await public(place, "77"), await public(place, "88")
    other = await public(place, "99", open_id="other")
    await place.sql.execute("update watches set alarm = $1 where subject = $2", LEASE + timedelta(minutes=5), second)

    mine = await place.store.stats.claim(now=NOW, lease=LEASE, soon=LEASE + timedelta(hours=1), limit=20)
    theirs = await claimed(place)

    assert {w.subject for w in mine if w.tiktok_post_id} == {first, second}
    assert {w.subject for w in theirs if w.tiktok_post_id} == {other}


async def test_old_numbers_and_videos_that_are_counted_no_longer_are_forgotten(place: Place) -> None:
    id_ = await public(place, "77")
    await place.store.stats.keep([Taken(w, None, NUMBERS) for w in await claimed(place)], lease=LEASE, at=NOW)

    assert await place.store.stats.forget(before=NOW, limit=10) == 0
    assert await place.store.stats.forget(before=LATER, limit=1) == 1
    assert await place.store.stats.forget(before=LATER, limit=10) == 1
    assert await series(place, id_) == []
    assert await place.store.stats.forget_watches(since=NOW, limit=10) == 0
    assert await place.store.stats.forget_watches(since=LATER, limit=10) == 1
    assert await place.sql.fetchval("select count(*) from watches") == 1
    await public(place, "88")  # where nobody counts, nobody settles it
    assert await place.store.stats.forget_watches(since=LATER, limit=10) == 1


async def series(place: Place, subject: str) -> list[Snapshot]:
    return await place.store.stats.series(subject, before=None, since=None, until=None, limit=10)
