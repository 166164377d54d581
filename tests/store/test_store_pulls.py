"""Pull URLs: found while they are needed, fetched or revoked but never both, and one unresolved init per creator."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from store_place import LEASE, NOW, SECOND, Place, a_fact, a_receipt, an_id

from libs.model.account import Account
from libs.model.change import Change
from libs.model.key import digest
from libs.model.news import News
from libs.model.post import Post, PostState
from libs.model.publication import Publication, PublicationState
from libs.model.pull import URL_LIFE, intend_pull
from libs.store.errors import Illegal

TOKEN = digest("token")


async def media(place: Place) -> list[str]:
    """Two kept photos."""
    owner = await place.customer()
    made = []
    for size in (10, 20):
        id_ = an_id("med")
        await place.store.media.create(
            id_=id_,
            customer_id=owner,
            key=f"k/{id_}",
            size=size,
            sha256=b"",
            content_type="image/jpeg",
            probe={},
            now=NOW,
        )
        made.append(id_)
    return made


async def intended(place: Place, account: Account | None = None, token: bytes = TOKEN) -> tuple[Post, Publication]:
    """A pull whose init may be under way."""
    account = account or await place.account()
    ids = await media(place)
    [post] = await place.posts(account)
    change = intend_pull(post, token_hash=token, media=tuple(ids), size=30, lease=LEASE, now=NOW)
    assert not await place.store.posts.save([change], now=NOW)
    context = await place.context(post.id)
    assert context.publication is not None
    return context.post, context.publication


async def fetches(place: Place, post: Post) -> int:
    return int(await place.sql.fetchval("select fetches from pulls where post_id = $1", post.id))


async def test_a_token_finds_each_file_by_its_place_and_nothing_else(place: Place) -> None:
    post, _ = await intended(place)
    pulls = place.store.pulls

    found = [await pulls.find(TOKEN, n, now=NOW) for n in (0, 1, 2, 99)]

    assert [one and (one.post_id, one.n, one.size, one.content_type) for one in found] == [
        (post.id, 1, 10, "image/jpeg"), (post.id, 1, 20, "image/jpeg"), None, None,
    ]  # fmt: skip
    assert await pulls.find(digest("another"), 0, now=NOW) is None


async def test_no_token_is_kept(place: Place) -> None:
    await intended(place, token=digest("a-secret"))

    row = await place.sql.fetchval("select pulls::text from pulls")

    assert "a-secret" not in row


async def test_urls_end_with_their_time_and_with_their_publication(place: Place) -> None:
    post, publication = await intended(place)
    pulls = place.store.pulls

    assert await pulls.find(TOKEN, 0, now=NOW + URL_LIFE - SECOND) is not None
    assert await pulls.find(TOKEN, 0, now=NOW + URL_LIFE) is None
    assert not await pulls.fetched(TOKEN, now=NOW + URL_LIFE)
    gone = replace(publication, state=PublicationState.ABANDONED)
    queued = replace(post, state=PostState.QUEUED, alarm=NOW)
    await place.store.posts.save([Change(queued, (gone,))], now=NOW)
    assert await pulls.find(TOKEN, 0, now=NOW) is None


async def test_what_was_revoked_before_anybody_fetched_can_never_be_fetched(place: Place) -> None:
    post, _ = await intended(place)
    pulls = place.store.pulls

    assert await pulls.revoke_unfetched(post.id, 1, now=NOW)
    assert not await pulls.fetched(TOKEN, now=NOW)
    assert await pulls.find(TOKEN, 0, now=NOW) is None
    assert await pulls.revoke_unfetched(post.id, 1, now=NOW), "whoever asks again gets the same proof"
    assert await fetches(place, post) == 0


async def test_what_was_fetched_once_is_never_proven_unfetched_and_stays_open(place: Place) -> None:
    post, _ = await intended(place)
    pulls = place.store.pulls

    assert await pulls.fetched(TOKEN, now=NOW)
    assert not await pulls.revoke_unfetched(post.id, 1, now=NOW)
    assert await pulls.fetched(TOKEN, now=NOW)
    assert await fetches(place, post) == 2


async def test_of_fetches_and_a_revocation_at_once_exactly_one_side_wins(place: Place) -> None:
    account = await place.account()
    for n in range(10):
        token = digest(f"race {n}")
        post, publication = await intended(place, account, token)
        pulls = place.store.pulls

        got = await asyncio.gather(
            pulls.fetched(token, now=NOW), pulls.revoke_unfetched(post.id, 1, now=NOW), pulls.fetched(token, now=NOW)
        )

        assert got in ([True, False, True], [False, True, False])
        gone = replace(publication, state=PublicationState.ABANDONED)
        await place.store.posts.save([Change(replace(post, state=PostState.QUEUED), (gone,))], now=NOW)


async def test_a_creator_has_one_unresolved_pull_whoever_connected_the_account(place: Place) -> None:
    first, second = await place.account(), await place.account(customer="two")
    post, _ = await intended(place, first)

    with pytest.raises(Illegal, match="one_unresolved_pull"):
        await intended(place, second, digest("2"))
    assert await place.store.pulls.unresolved(second.id) == (post.id, NOW)
    assert await place.store.pulls.unresolved((await place.account("somebody else")).id) is None
    assert await place.store.posts.learn(post.id, 1, publish_id="v_pub_url~v2.1", now=NOW)
    assert await place.store.pulls.unresolved(second.id) is None
    await intended(place, second, digest("3"))


async def test_a_publish_id_that_came_too_late_is_kept_and_wakes_the_post_and_the_facts(place: Place) -> None:
    post, publication = await intended(place)
    silent = replace(post, state=PostState.UNCONFIRMED, alarm=NOW + timedelta(hours=1))
    await place.store.posts.save([Change(silent, (publication,))], now=NOW)
    await place.store.facts.receive([a_receipt(a_fact("v_pub_url~v2.1"))])
    [claimed] = await place.store.facts.claim(now=NOW, lease=LEASE, limit=1)
    await place.store.facts.postpone([(claimed.id, NOW + timedelta(hours=1))])

    assert await place.store.posts.learn(post.id, 1, publish_id="v_pub_url~v2.1", now=NOW)

    [due] = await place.store.posts.claim_due(now=NOW, lease=LEASE, limit=5)
    assert due.publication is not None and due.publication.publish_id == "v_pub_url~v2.1"
    assert await place.sql.fetchval("select alarm from facts") == NOW
    assert not await place.store.posts.learn(post.id, 1, publish_id="v_pub_url~v2.2", now=NOW)


async def test_a_save_by_who_did_not_know_the_publish_id_does_not_lose_it(place: Place) -> None:
    post, publication = await intended(place)
    await place.store.posts.learn(post.id, 1, publish_id="v_pub_url~v2.1", now=NOW)

    silent = replace(post, state=PostState.UNCONFIRMED)
    assert not await place.store.posts.save([Change(silent, (publication,))], now=NOW)

    found = (await place.context(post.id)).publication
    assert found is not None and (found.publish_id, found.pull) == ("v_pub_url~v2.1", True)


async def test_lost_inits_and_strangers_are_the_creators_own(place: Place) -> None:
    post, _ = await intended(place)
    of = {"client_key": "ck", "create_time": int(NOW.timestamp())}
    facts = [a_fact("mine", open_id="creator", **of), a_fact("other", open_id="somebody", **of)]
    await place.store.facts.receive([a_receipt(fact) for fact in facts])
    pulls = place.store.pulls

    [lost] = await pulls.lost("ck", "creator", since=NOW)
    heard = await pulls.strangers("ck", "creator", since=0)

    assert (lost.post_id, lost.n, lost.state) == (post.id, 1, PublicationState.INTENDED)
    assert [publish_id for publish_id, _ in heard] == ["mine"]
    assert await pulls.lost("ck", "somebody", since=NOW) == []
    assert await pulls.wake_strangers(post.account_id, now=NOW) == 1


async def test_videos_of_ours_are_known_and_posts_without_a_name_may_be_any(place: Place) -> None:
    """What adoption from a creator's list must not take, and whose publish id a late word of a video tells."""
    account = await place.account()
    post, publication = await intended(place, account)
    [other] = await place.posts(account)
    seen = replace(post, state=PostState.PUBLISHED, alarm=None, public_post_ids=("77",))
    gone = replace(publication, state=PublicationState.ABANDONED)
    pulls, key, open_id = place.store.pulls, account.client_key, account.open_id
    asked = {"but": other.id, "since": NOW, "limit": 5}
    words = (str(post.request.get("title") or ""), str(post.request.get("description") or ""))
    await place.sql.execute('update posts set request = request || \'{"privacy_level": "PUBLIC_TO_EVERYONE"}\'')

    assert await pulls.unnamed(key, open_id, **asked) == [words]
    assert await pulls.unnamed(key, open_id, **(asked | {"but": post.id})) == []
    assert await pulls.unnamed(key, open_id, **(asked | {"since": NOW + SECOND})) == []
    change = Change(seen, (gone,), new=(News(1, "public", "77", 1, None),))
    assert not await place.store.posts.save([change], now=NOW)

    assert await pulls.unnamed(key, open_id, **asked) == []
    assert await pulls.taken(["77", "78"]) == {"77"}
    assert await pulls.of_video(key, open_id, "77") == (post.id, 1)
    assert await pulls.of_video(key, "another creator", "77") is None
    assert await place.store.posts.learn(post.id, 1, publish_id="v_pub_url~v2.5", now=NOW)
    assert await pulls.of_video(key, open_id, "77") is None
