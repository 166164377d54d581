"""Media: made ready once by one maker, kept within a quota, and aged out when no post needs them."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from store_place import LATER, LEASE, NOW, SECOND, Place, an_id

from libs.model.post import PostState
from libs.store.media import InUse, Media, Quota, QuotaReached

pytestmark = pytest.mark.asyncio(loop_scope="session")
DAY = timedelta(days=1)
ROOMY = Quota(bytes=1000, files=10)


async def a_file(place: Place, *, size: int = 3, customer: str = "one", **more: Any) -> Media:
    id_, owner = an_id("med"), await place.customer(customer)
    values: dict[str, Any] = {
        "key": f"{owner}/{id_}", "size": size, "sha256": b"h", "content_type": "video/mp4", "probe": {}, "now": NOW,
    }  # fmt: skip
    return await place.store.media.create(id_=id_, customer_id=owner, **(values | more))


async def aged(place: Place, *, days: float) -> list[str]:
    """The keys whose bytes are to go so many days from now: 7 after their last use, 30 when they never had one."""
    now = NOW + days * DAY
    await place.store.media.expire(used_before=now - 7 * DAY, unused_before=now - 30 * DAY, now=now, limit=99)
    return sorted((await place.store.media.claim_leaving(now=now, lease=now + DAY, limit=99)).values())


async def test_one_of_many_makes_a_file_and_the_others_get_what_it_made(place: Place) -> None:
    film, made = await a_file(place), await a_file(place)
    claim = place.store.renditions.claim

    claims = await asyncio.gather(*(claim(film.id, "video", now=NOW, lease=LEASE) for _ in range(8)))

    [mine] = [one for one in claims if one.ours]
    assert {one.state for one in claims} == {"making"}
    assert await place.store.renditions.finish(mine, made_id=made.id, changes=["codec"], now=NOW)
    found = await claim(film.id, "video", now=LATER, lease=LATER)
    assert (found.ours, found.state, found.made_id, found.changes) == (False, "made", made.id, ("codec",))
    assert (await claim(film.id, "video.med_cover", now=NOW, lease=LEASE)).ours, "another recipe is another file"


async def test_a_maker_whose_lease_ended_has_no_say_any_more(place: Place) -> None:
    film, early, late = await a_file(place), await a_file(place), await a_file(place)
    renditions = place.store.renditions
    frozen = await renditions.claim(film.id, "video", now=NOW, lease=LEASE)
    assert await renditions.renew(frozen, lease=LEASE)

    other = await renditions.claim(film.id, "video", now=LATER, lease=LATER + DAY)

    assert (other.ours, other.version) == (True, frozen.version + 1)
    assert not await renditions.renew(frozen, lease=LATER)
    assert not await renditions.finish(frozen, made_id=late.id, now=LATER)
    await renditions.release(frozen, now=LATER)
    assert not (await renditions.claim(film.id, "video", now=LATER + SECOND, lease=LATER + DAY)).ours
    assert await renditions.finish(other, made_id=early.id, now=LATER)


async def test_what_cannot_be_made_stays_refused_and_what_was_given_back_is_free(place: Place) -> None:
    film, claim = await a_file(place), place.store.renditions.claim
    first = await claim(film.id, "video", now=NOW, lease=LEASE)
    await place.store.renditions.release(first, now=NOW)

    again = await claim(film.id, "video", now=NOW, lease=LEASE)
    await place.store.renditions.finish(again, made_id=None, problem={"errors": []}, now=NOW)

    assert again.ours
    found = await claim(film.id, "video", now=LATER, lease=LATER)
    assert (found.ours, found.state, found.problem) == (False, "refused", {"errors": []})


async def test_uploads_at_once_never_pass_a_quota_together(place: Place) -> None:
    quota = Quota(bytes=10, files=99)
    await place.customer()

    outcomes = await asyncio.gather(*(a_file(place, quota=quota) for _ in range(6)), return_exceptions=True)

    assert [isinstance(one, Media) for one in outcomes].count(True) == 3
    refused = [one for one in outcomes if isinstance(one, QuotaReached)]
    assert [(one.usage.files, one.usage.bytes, one.quota.bytes) for one in refused] == [(3, 9, 10)] * 3
    with pytest.raises(QuotaReached):
        await a_file(place, size=0, quota=Quota(bytes=99, files=3))
    assert await a_file(place, customer="two", quota=quota), "a quota is a customer's own"


async def test_a_customers_own_quota_stands_above_the_settings(place: Place) -> None:
    owner = await place.customer()
    await place.store.customers.change(owner, quotas={"bytes": 5})

    await a_file(place, size=5, quota=ROOMY)
    with pytest.raises(QuotaReached):
        await a_file(place, size=1, quota=ROOMY)

    await place.store.customers.change(owner, quotas={"bytes": None})
    await a_file(place, size=1, quota=ROOMY)


async def test_a_file_made_from_another_counts_for_nothing(place: Place) -> None:
    film = await a_file(place, size=5)
    await a_file(place, size=500, made_from=film.id)

    usage = await place.store.media.usage(film.customer_id)

    assert (usage.files, usage.bytes) == (1, 5)


async def test_files_age_out_after_their_last_use_or_without_one(place: Place) -> None:
    used, unused = await a_file(place), await a_file(place)
    await place.store.media.use([used.id], customer_id=used.customer_id, now=NOW)

    assert await aged(place, days=6.9) == []
    assert await aged(place, days=7.1) == [used.key]
    assert await aged(place, days=29.9) == [used.key], "its bytes are not yet known to be gone: the lease ended"
    await place.store.media.left([used.id])
    assert await aged(place, days=30.1) == [unused.key]
    kept = await place.store.media.use([used.id, unused.id], customer_id=used.customer_id, now=NOW)
    assert kept == {}
    assert (await place.store.media.usage(used.customer_id)).files == 0


@pytest.mark.parametrize("how", ["by its request", "as its cover", "as what is sent", "as one of its photos"])
async def test_what_an_unfinished_post_names_stays_until_it_has_ended(how: str, place: Place) -> None:
    film, account = await a_file(place), await place.account()
    request = {"media": [film.id] if how == "by its request" else ["https://x.example/y"]}
    request |= {"cover": film.id} if how == "as its cover" else {"cover": None}
    media_id = film.id if how == "as what is sent" else None
    photos = (an_id("med"), film.id) if how == "as one of its photos" else ()
    await place.posts(account, request=request, media_id=media_id, photos=photos, state=PostState.SCHEDULED)

    assert await aged(place, days=300) == []
    await place.sql.execute("update posts set state = 'cancelled', alarm = null, finished_at = now()")
    assert await aged(place, days=306.9) == []
    assert await aged(place, days=307.1) == [film.key]


async def test_a_file_that_is_needed_at_the_last_moment_stays(place: Place) -> None:
    film = await a_file(place)
    now = NOW + 40 * DAY
    await place.store.media.use([film.id], customer_id=film.customer_id, now=now)

    assert await aged(place, days=40) == []


async def test_a_rendition_leaves_with_the_file_it_made_and_can_be_made_again(place: Place) -> None:
    film, made = await a_file(place), await a_file(place)
    claim = await place.store.renditions.claim(film.id, "video", now=NOW, lease=LEASE)
    await place.store.renditions.finish(claim, made_id=made.id, now=NOW)
    await place.store.media.use([film.id], customer_id=film.customer_id, now=NOW + 30 * DAY)

    assert await aged(place, days=31) == [made.key]
    assert (await place.store.renditions.claim(film.id, "video", now=LATER, lease=LATER + DAY)).ours


async def test_bytes_without_a_row_are_orphans_if_their_customer_is_ours(place: Place) -> None:
    film = await a_file(place)
    lost, strange = f"{film.customer_id}/{an_id('med')}", f"{an_id('cus')}/{an_id('med')}"

    assert await place.store.media.orphans([film.key, lost, strange, "notes.txt"]) == [lost]


@pytest.mark.parametrize("how", ["by its request", "as its cover", "as what is sent", "as one of its photos"])
async def test_a_file_is_not_deleted_while_a_post_needs_it_or_what_was_made_of_it(how: str, place: Place) -> None:
    film, account = await a_file(place), await place.account()
    made = await a_file(place, made_from=film.id)
    named = made if how == "as what is sent" else film
    request = {"media": [film.id] if how == "by its request" else ["https://x.example/y"]}
    request |= {"cover": film.id} if how == "as its cover" else {"cover": None}
    media_id = named.id if how == "as what is sent" else None
    photos = (an_id("med"), film.id) if how == "as one of its photos" else ()
    [post] = await place.posts(account, request=request, media_id=media_id, photos=photos, state=PostState.SCHEDULED)
    delete = place.store.media.delete

    with pytest.raises(InUse) as refused:
        await delete(film.id, customer_id=film.customer_id, now=NOW)
    await place.sql.execute("update posts set state = 'cancelled', alarm = null, finished_at = now()")
    stranger = await delete(film.id, customer_id=await place.customer("two"), now=NOW)
    gone = [await delete(film.id, customer_id=film.customer_id, now=NOW) for _ in range(2)]

    assert refused.value.post_ids == (post.id,)
    assert stranger is None
    assert [one.state for one in gone if one] == ["expired"] * 2
    leaving = await place.store.media.claim_leaving(now=NOW, lease=LEASE, limit=9)
    assert leaving == {film.id: film.key, made.id: made.key}
    assert (await place.store.media.usage(film.customer_id)).files == 0
    assert await place.store.media.use([film.id], customer_id=film.customer_id, now=NOW) == {}


async def test_what_was_made_of_a_deleted_file_is_known_no_more(place: Place) -> None:
    film, made = await a_file(place), await a_file(place)
    claim = await place.store.renditions.claim(film.id, "video", now=NOW, lease=LEASE)
    await place.store.renditions.finish(claim, made_id=made.id, now=NOW)

    await place.store.media.delete(film.id, customer_id=None, now=NOW)

    assert await place.store.renditions.get(film.id, "video") is None
