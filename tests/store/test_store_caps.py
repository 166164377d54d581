"""Caps over a day: learned from what was taken, admitted one after the other, counted once."""

import asyncio
from datetime import timedelta

from store_place import NOW, Place

from libs.model.cap import FORGET, WINDOW, CapKind

DAILY = CapKind.DAILY_POSTS


async def test_under_a_learned_cap_as_many_are_admitted_as_have_room_however_many_ask_at_once(place: Place) -> None:
    account = await place.account()
    *first, last = await place.posts(account, 3)
    for post in first:
        assert await place.store.caps.admit(post, 1, now=NOW) is None
        await place.store.caps.made(post.id, 1, now=NOW)
    assert (await place.store.caps.learn(last, DAILY, now=NOW)).at == NOW + WINDOW
    many = await place.posts(account, 9)

    later = NOW + WINDOW + timedelta(seconds=1)
    answers = await asyncio.gather(*(place.store.caps.admit(post, 1, now=later) for post in many))

    assert answers.count(None) == 2


async def test_what_was_refused_or_is_only_about_to_be_made_teaches_nothing(place: Place) -> None:
    account = await place.account()
    made, refused, under_way, asking = await place.posts(account, 4)
    for post in (made, refused, under_way):
        await place.store.caps.admit(post, 1, now=NOW)
    await place.store.caps.made(made.id, 1, now=NOW)
    await place.store.caps.release(refused.id, 1)

    await place.store.caps.learn(asking, DAILY, now=NOW)

    assert await place.sql.fetchval("select most from caps") == 1
    assert await place.sql.fetchval("select count(*) from cap_uses") == 2


async def test_an_init_that_tiktok_took_and_then_failed_for_the_cap_is_none_of_the_day(place: Place) -> None:
    account = await place.account()
    made, told, ahead = await place.posts(account, 3)
    for post in (made, told):
        await place.store.caps.admit(post, 1, now=NOW)
        await place.store.caps.made(post.id, 1, now=NOW)

    first = await place.store.caps.learn(told, DAILY, now=NOW, ended=1)
    again = await place.store.caps.learn(told, DAILY, now=NOW, ended=1)

    assert await place.sql.fetchval("select most from caps") == 1
    assert first == again and first.at == NOW + WINDOW
    assert await place.store.caps.admit(ahead, 1, now=NOW) is not None


async def test_an_init_asked_for_twice_counts_once(place: Place) -> None:
    account = await place.account()
    (post,) = await place.posts(account, 1)

    for _ in range(2):
        assert await place.store.caps.admit(post, 1, now=NOW) is None

    assert await place.sql.fetchval("select count(*) from cap_uses") == 1


async def test_a_cap_binds_its_own_account_and_mode_and_is_forgotten_in_time(place: Place) -> None:
    account, other = await place.account(), await place.account("other")
    (post,), (elsewhere,) = await place.posts(account, 1), await place.posts(other, 1)
    (draft,) = await place.posts(account, 1, request={"kind": "video", "mode": "inbox"})
    await place.store.caps.learn(post, DAILY, now=NOW)

    assert await place.store.caps.admit(post, 1, now=NOW) is not None
    assert await place.store.caps.admit(elsewhere, 1, now=NOW) is None
    assert await place.store.caps.admit(draft, 1, now=NOW) is None
    assert await place.store.caps.admit(post, 1, now=NOW + FORGET) is None


async def test_the_apps_cap_holds_new_creators_and_lets_go_on_who_has_posted(place: Place) -> None:
    (active,) = await place.posts(await place.account("active"), 1)
    (new,) = await place.posts(await place.account("new"), 1)
    await place.store.caps.admit(active, 1, now=NOW)
    await place.store.caps.made(active.id, 1, now=NOW)
    learned = await place.store.caps.learn(new, CapKind.ACTIVE_USERS, now=NOW)

    assert learned.at == NOW + WINDOW
    assert await place.store.caps.admit(new, 1, now=NOW) is not None
    assert await place.store.caps.admit(active, 2, now=NOW) is None


async def test_old_uses_are_forgotten(place: Place) -> None:
    (post,) = await place.posts(await place.account(), 1)
    await place.store.caps.admit(post, 1, now=NOW)

    assert await place.store.caps.forget(before=NOW, limit=10) == 0
    assert await place.store.caps.forget(before=NOW + timedelta(seconds=1), limit=10) == 1
