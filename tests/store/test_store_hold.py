"""After a restored backup every unfinished post is held, once, and nobody claims it to be sent."""

from datetime import timedelta

from store_place import LEASE, NOW, Place

from libs.model.post import PostState as S
from libs.store.hold import hold_all

UNFINISHED = (S.QUEUED, S.INITIALIZING, S.UPLOADING, S.PROCESSING, S.UNCONFIRMED)


async def test_every_unfinished_post_waits_and_only_what_tiktok_can_be_asked_about_is_due(place: Place) -> None:
    account = await place.account()
    driven = {state: (await place.in_state(account, state)).post.id for state in (*UNFINISHED, S.PUBLISHED, S.FAILED)}

    assert await hold_all(place.store, now=NOW) == len(UNFINISHED)
    assert await hold_all(place.store, now=NOW) == 0

    for state in UNFINISHED:
        post = (await place.context(driven[state])).post
        assert (post.state, post.held_at, post.in_lane) == (S.UNCONFIRMED, NOW, False)
    assert (await place.context(driven[S.FAILED])).post.state is S.FAILED
    due = await place.store.posts.claim_due(now=NOW + timedelta(minutes=1), lease=LEASE, limit=50)
    ours = [context for context in due if context.post.held_at is not None]
    assert all(context.publication and context.publication.publish_id for context in ours)
    assert ours
    told = await place.sql.fetchval("select count(*) from events where type = 'post.unconfirmed'")
    assert told == len(UNFINISHED)
