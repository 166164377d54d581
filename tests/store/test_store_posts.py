"""Posts: accepted once, claimed by one, saved by whoever read the latest version, and batches told once."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import asyncpg
import orjson
import pytest
from store_place import (
    LATER,
    LEASE,
    NOW,
    SECOND,
    Place,
    a_fact,
    a_receipt,
    an_event,
    an_id,
    publication,
    waiting_for_locks,
)
from structlog.testing import capture_logs

from libs.model import drive, upload
from libs.model.account import Account
from libs.model.apply import apply
from libs.model.change import Change, cancel, fail
from libs.model.drive import expired
from libs.model.life import revive
from libs.model.news import News
from libs.model.post import Note, PostState
from libs.model.publication import PublicationState
from libs.store.acceptance import Accepted, IdempotencyConflict
from libs.store.errors import Illegal, Stale
from libs.store.posts import Context
from tests.eventually import eventually

S, P = PostState, PublicationState
Another = Callable[[], Awaitable["asyncpg.Connection[asyncpg.Record]"]]


async def test_a_request_accepted_sixty_four_times_at_once_is_one_post(place: Place) -> None:
    account = await place.account()

    async def accept() -> Accepted:
        post = place.new_post(account, idempotency_key="same", batch_id=an_id("bat"))
        told = an_event(f"{post.id}:accepted", customer_id=post.customer_id, post_id=post.id)
        return await place.store.posts.accept([post], request_hash=b"h", events=[told])

    outcomes = await asyncio.gather(*(accept() for _ in range(64)))

    assert [outcome.created for outcome in outcomes].count(True) == 1
    assert len({outcome.posts[0].id for outcome in outcomes}) == 1
    for table in ("posts", "batches", "events", "event_keys"):
        assert await place.sql.fetchval(f"select count(*) from {table}") == 1
    assert (await place.post_lane(account.id))["ring"] == 1


async def test_the_same_key_with_another_request_is_a_conflict_that_names_the_post(place: Place) -> None:
    account, other = await place.account(), await place.account("other")
    first = place.new_post(account, idempotency_key="same")
    await place.store.posts.accept([first], request_hash=b"h", events=[])

    again = replace(first, id=an_id("post"))
    with pytest.raises(IdempotencyConflict) as conflict:
        await place.store.posts.accept([again], request_hash=b"other", events=[])
    assert conflict.value.post.id == first.id

    both = [again, replace(again, id=an_id("post"), account_id=other.id)]
    with pytest.raises(IdempotencyConflict):
        await place.store.posts.accept(both, request_hash=b"both", events=[])
    assert await place.sql.fetchval("select count(*) from posts") == 1


async def test_a_key_is_free_for_another_account_and_another_customer(place: Place) -> None:
    accounts = [await place.account(), await place.account("other"), await place.account(customer="two")]

    for account in accounts:
        post = place.new_post(account, idempotency_key="same")
        assert (await place.store.posts.accept([post], request_hash=b"h", events=[])).created


async def test_requests_for_the_same_accounts_in_another_order_do_not_deadlock(
    place: Place, other_connection: Another
) -> None:
    accounts = sorted([await place.account(f"creator {n}") for n in range(3)], key=lambda account: account.id)
    middle = place.new_post(accounts[1], idempotency_key="same")

    async def accept(order: list[Account], hash_: bytes) -> bool:
        posts = [place.new_post(account, idempotency_key="same") for account in order]
        try:
            return (await place.store.posts.accept(posts, request_hash=hash_, events=[])).created
        except IdempotencyConflict:
            return False

    # Somebody holds the key of the account both come to second: each has its own first one by then.
    holder = await other_connection()
    held = holder.transaction()
    await held.start()
    await holder.execute(
        "insert into posts (id, customer_id, account_id, idempotency_key, request_hash, request, state, created_at,"
        " updated_at) values ($1, $2, $3, 'same', '', '{}', 'draft', $4, $4)",
        middle.id, middle.customer_id, middle.account_id, NOW,
    )  # fmt: skip
    racing = [asyncio.create_task(accept(accounts, b"a")), asyncio.create_task(accept(accounts[::-1], b"b"))]
    await eventually(lambda: waiting_for_locks(place, 2))
    await held.rollback()

    with capture_logs() as logs:
        assert sorted(await asyncio.gather(*racing)) == [False, True]
    assert await place.sql.fetchval("select count(*) from posts") == 3
    assert logs == [], "a deadlock"


async def test_a_post_comes_back_as_it_was_accepted(place: Place) -> None:
    account = await place.account()
    post = place.new_post(
        account, state=S.SCHEDULED, alarm=LATER, publish_at=LATER, publish_before=LATER + SECOND, batch_id=an_id("bat")
    )

    await place.store.posts.accept([post], request_hash=b"h", events=[])

    assert (await place.context(post.id)).post == post
    assert await place.store.posts.get(post.id, customer_id=account.customer_id) is not None
    assert await place.store.posts.get(post.id, customer_id="cus_other") is None


@pytest.mark.parametrize("limit", [1, 7])
async def test_due_posts_are_claimed_once_however_many_claim(place: Place, limit: int) -> None:
    account = await place.account()
    posts = [place.new_post(account, state=S.SCHEDULED, alarm=NOW - n * SECOND) for n in range(40)]
    for post in posts:
        await place.store.posts.accept([post], request_hash=b"h", events=[])

    async def claim_all() -> list[str]:
        mine: list[str] = []
        while claimed := await place.store.posts.claim_due(now=NOW, lease=LEASE, limit=limit):
            mine += [context.post.id for context in claimed]
            assert all((c.post.version, c.post.alarm) == (2, LEASE) for c in claimed)
        return mine

    claimed = [id_ for mine in await asyncio.gather(*(claim_all() for _ in range(8))) for id_ in mine]

    assert sorted(claimed) == sorted(post.id for post in posts)


async def test_only_what_is_due_and_in_no_lane_is_claimed_oldest_alarm_first(place: Place) -> None:
    account = await place.account()
    alarms = [NOW, NOW + SECOND, NOW - 3 * SECOND, NOW - SECOND]
    posts = [place.new_post(account, state=S.SCHEDULED, alarm=alarm) for alarm in alarms]
    posts.append(place.new_post(account, state=S.QUEUED, alarm=NOW))
    for post in posts:
        await place.store.posts.accept([post], request_hash=b"h", events=[])

    first = await place.store.posts.claim_due(now=NOW, lease=LEASE, limit=2)
    rest = await place.store.posts.claim_due(now=NOW, lease=LEASE, limit=9)

    assert {c.post.id for c in first} == {posts[2].id, posts[3].id}
    assert {c.post.id for c in rest} == {posts[0].id}


async def test_a_lease_that_ends_gives_the_post_to_another_and_refuses_the_first_ones_save(place: Place) -> None:
    account = await place.account()
    await place.posts(account, state=S.SCHEDULED)
    (mine,) = await place.store.posts.claim_due(now=NOW, lease=LEASE, limit=1)

    (theirs,) = await place.store.posts.claim_due(now=LEASE, lease=LEASE + SECOND, limit=1)

    assert await place.store.posts.save([Change(mine.post)], now=NOW) == {mine.post.id}
    assert await place.store.posts.save([Change(theirs.post)], now=NOW) == set()


async def test_progress_is_saved_with_its_calls_in_order_and_tells_of_a_cancel(place: Place) -> None:
    context = await place.in_state(await place.account(), S.UPLOADING)
    live = replace(context.publications[0], size=90, chunk_size=30, chunk_count=3)
    await place.store.posts.save([Change(context.post, (live,))], now=NOW)
    seen = await place.context(context.post.id)
    assert seen.publication is not None

    def sent(of: Context, total: int) -> Change:
        assert of.publication is not None
        change = upload.progressed(of.post, of.publication, sent=total, lease=LEASE, now=NOW)
        return replace(change, notes=(Note("call", {"first": 0}), Note("call", {"first": 1})))

    assert await place.store.posts.save_progress(sent(seen, 30)) is False
    assert await place.store.posts.save_progress(sent(seen, 60)) is None, "somebody saved since"
    after = await place.context(context.post.id)
    assert after.publication == replace(seen.publication, sent_bytes=30)
    assert (after.post.version, after.post.alarm) == (seen.post.version + 1, LEASE)
    told = [note.detail for _, _, note in await place.store.posts.timeline(context.post.id) if note.kind == "call"]
    assert told == [{"first": 0}, {"first": 1}]

    await place.store.posts.note_cancel(context.post.id, now=NOW)
    assert await place.store.posts.save_progress(sent(after, 60)) is True


async def test_a_stale_change_is_left_out_whole_and_its_neighbours_are_saved(place: Place) -> None:
    account = await place.account()
    stale, good = await place.posts(account, 2)
    await place.store.posts.save([Change(stale)], now=NOW)
    ring = (await place.post_lane(account.id))["ring"]

    def change(post: Any) -> Change:
        told = an_event(f"{post.id}:x", customer_id=post.customer_id, post_id=post.id)
        after = replace(post, publication=1, state=S.INITIALIZING, in_lane=False)
        news = News(1, "published", "", 1, None)
        return Change(after, (publication(post.id, P.INTENDED),), new=(news,), events=(told,), notes=(Note("n"),))

    assert await place.store.posts.save([change(stale), change(good)], now=NOW) == {stale.id}

    assert (await place.context(stale.id)).post.state is S.QUEUED
    assert (await place.context(good.id)).post.state is S.INITIALIZING
    for table in ("publications", "news", "timeline", "events"):
        query = f"select post_id from {table}" + (" where kind = 'n'" if table == "timeline" else "")
        owners = await place.sql.fetch(query)
        assert [row["post_id"] for row in owners] == [good.id], table
    assert (await place.post_lane(account.id))["ring"] == ring


async def test_of_saves_from_one_version_exactly_one_holds(place: Place) -> None:
    (post,) = await place.posts(await place.account())

    outcomes = await asyncio.gather(*(place.store.posts.save([Change(post)], now=NOW) for _ in range(16)))

    assert outcomes.count(set()) == 1


async def test_with_facts_a_stale_change_saves_nothing_and_settles_nothing(place: Place) -> None:
    account = await place.account()
    stale, good = await place.posts(account, 2)
    await place.store.posts.save([Change(stale)], now=NOW)
    await place.store.facts.receive([a_receipt(a_fact(key="a")), a_receipt(a_fact(key="b"))])
    facts = await place.store.facts.claim(now=NOW, lease=LEASE, limit=9)

    pairs = [(fact.id, "applied") for fact in facts]
    with pytest.raises(Stale):
        await place.store.posts.save([Change(stale), Change(good, notes=(Note("n"),))], now=NOW, facts=pairs)

    assert (await place.context(good.id)).post.version == good.version
    assert await place.sql.fetchval("select count(*) from facts where settled_at is not null") == 0
    assert [note.kind for _, _, note in await place.store.posts.timeline(good.id)] == ["accepted"]


async def test_a_cancel_noted_while_a_worker_drives_survives_its_save(place: Place) -> None:
    driven = await place.in_state(await place.account(), S.UPLOADING)
    id_ = driven.post.id

    assert await place.store.posts.note_cancel(id_, now=NOW)
    assert await place.store.posts.cancel_requested(id_)
    assert await place.store.posts.save([Change(driven.post)], now=NOW) == set()
    assert await place.store.posts.note_cancel(id_, now=LATER)

    assert (await place.context(id_)).post.cancel_requested_at == NOW


@pytest.mark.parametrize("state", list(S))
async def test_a_cancel_is_noted_only_for_what_is_on_its_way(place: Place, state: S) -> None:
    post = (await place.in_state(await place.account(), state)).post

    noted = await place.store.posts.note_cancel(post.id, now=NOW)

    assert noted == (state in (S.INITIALIZING, S.UPLOADING, S.PROCESSING, S.UNCONFIRMED))
    assert await place.store.posts.cancel_requested(post.id) == noted


async def test_a_whole_life_is_kept_as_the_model_decided_it(place: Place) -> None:
    account = await place.account()
    await place.posts(account, request={"kind": "video", "mode": "direct", "privacy_level": "PUBLIC_TO_EVERYONE"})
    (lane,) = await place.store.posts.claim_lanes(now=NOW, lease=LEASE, limit=1)
    (context,) = await place.store.posts.claim_in_lane(lane[0], now=NOW, lease=LEASE, limit=1)
    id_ = context.post.id

    async def step(change: Change) -> None:
        nonlocal context
        assert await place.store.posts.save([change], now=NOW) == set()
        before, context = context, await place.context(id_)
        assert context.post == replace(change.post, version=before.post.version + 1)
        assert set(change.publications) <= set(context.publications)

    def current() -> Any:
        return context.publication

    await step(upload.intend(context.post, lease=LEASE, size=100, chunk_size=50, chunk_count=2, now=NOW))
    await step(drive.send_again(context.post, current(), why="lost", now=NOW))
    await step(upload.intend(context.post, lease=LEASE, size=100, chunk_size=50, chunk_count=2, now=NOW))
    await step(
        upload.opened(context.post, current(), publish_id="pub", upload_url="u", expires=LATER, lease=LEASE, now=NOW)
    )
    await step(upload.progressed(context.post, current(), sent=50, lease=LEASE, now=NOW))
    await step(drive.tried(context.post, current(), why="x", code="y", now=NOW))
    await step(upload.committing(context.post, current(), lease=LEASE, now=NOW))
    await step(upload.committed(context.post, current(), now=NOW))
    fact = a_fact("pub")
    await step(apply(fact, post=context.post, publication=current(), known=(), failure=None, now=NOW))

    assert [p.state for p in context.publications] == [P.ABANDONED, P.COMMITTED]
    assert context.news == (News(2, "published", "", 1, 100),)
    notes = [note for _, _, note in await place.store.posts.timeline(id_)]
    kinds = [note.kind for note in notes if note.kind != "state"]
    steps = ["intended", "publication.abandoned", "intended", "uploading", "retrying", "uploaded", "published"]
    assert kinds == ["accepted", *steps]
    moves = [(note.detail["from"], note.detail["to"]) for note in notes if note.kind == "state"]
    assert [to for _, to in moves][-3:] == ["uploading", "processing", "published"]
    assert all(to == following for (_, to), (following, _) in itertools.pairwise(moves))
    types = await place.sql.fetch("select type from events where post_id = $1 order by xid", id_)
    assert [row["type"] for row in types] == ["post.uploading", "post.retrying", "post.uploaded", "post.published"]


async def test_two_live_publications_of_one_post_are_refused(place: Place) -> None:
    driven = await place.in_state(await place.account(), S.UPLOADING)
    second = publication(driven.post.id, P.INTENDED, n=2)

    with pytest.raises(Illegal, match="one_live_publication"):
        await place.store.posts.save([Change(driven.post, (second,))], now=NOW)

    (first,) = driven.publications
    handed_over = Change(replace(driven.post, publication=2), (second, replace(first, state=P.ABANDONED)))
    assert await place.store.posts.save([handed_over], now=NOW) == set()


async def test_a_publish_id_belongs_to_one_publication(place: Place) -> None:
    account = await place.account()
    one, other = await place.posts(account, 2)
    await place.store.posts.save([Change(one, (publication(one.id, P.OPEN, publish_id="same"),))], now=NOW)

    with pytest.raises(Illegal, match="publish_id"):
        await place.store.posts.save([Change(other, (publication(other.id, P.OPEN, publish_id="same"),))], now=NOW)


async def test_contexts_are_found_by_publish_id_with_all_that_is_known(place: Place) -> None:
    account = await place.account()
    driven = await place.in_state(account, S.PROCESSING)
    publish_id = driven.publications[0].publish_id or ""
    news = News(1, "published", "", 1, None)
    await place.store.posts.save([Change(driven.post, new=(news,))], now=NOW)

    found = await place.store.posts.contexts_by_publish_id([publish_id, "nobody's"])

    assert set(found) == {publish_id}
    owned = found[publish_id]
    assert (owned.context.post.id, owned.n, owned.context.news) == (driven.post.id, 1, (news,))
    assert (owned.client_key, owned.open_id) == (account.client_key, account.open_id)


async def test_news_are_inserted_once_and_their_time_is_bound_once(place: Place) -> None:
    driven = await place.in_state(await place.account(), S.PROCESSING)
    news = News(1, "published", "", 1, None)
    await place.store.posts.save([Change(driven.post, new=(news,))], now=NOW)

    for time in (5, 6):
        post = (await place.context(driven.post.id)).post
        await place.store.posts.save([Change(post, bound=(replace(news, create_time=time),))], now=NOW)
    assert (await place.context(driven.post.id)).news == (replace(news, create_time=5),)

    post = (await place.context(driven.post.id)).post
    with pytest.raises(Illegal, match="news"):
        await place.store.posts.save([Change(post, new=(news,))], now=NOW)


async def test_a_batch_is_told_complete_once_when_its_last_posts_settle_at_the_same_time(place: Place) -> None:
    accounts = [await place.account(f"creator {n}") for n in range(12)]
    batch_id = an_id("bat")
    posts = [place.new_post(account, batch_id=batch_id) for account in accounts]
    await place.store.posts.accept(posts, request_hash=b"h", events=[])
    ends = [
        cancel(post, now=NOW) if n % 3 else fail(post, expired(NOW), stage="x", now=NOW) for n, post in enumerate(posts)
    ]

    await asyncio.gather(*(place.store.posts.save([change], now=NOW) for change in ends))

    (told,) = await place.sql.fetch("select * from events where type = 'batch.completed'")
    data = orjson.loads(told["body"])["data"]
    assert data == {"batch_id": batch_id, "total": 12, "states": {"cancelled": 8, "failed": 4}}
    assert told["customer_id"] == accounts[0].customer_id


async def test_a_batch_counts_every_post_once_though_it_settles_more_than_once(place: Place) -> None:
    account, other = await place.account(), await place.account("other")
    batch_id = an_id("bat")
    draft, last = (place.new_post(a, batch_id=batch_id) for a in (account, other))
    await place.store.posts.accept([draft, last], request_hash=b"h", events=[])
    sent = replace(draft, in_lane=False, alarm=None, publication=1)
    news = publication(draft.id, P.COMMITTED)

    for state in (S.IN_INBOX, S.PUBLISHED, S.PUBLISHED):
        post = replace(sent, state=state, version=(await place.context(draft.id)).post.version)
        await place.store.posts.save([Change(post, (news,))], now=NOW)
    assert await place.sql.fetchval("select unsettled from batches") == 1

    await place.store.posts.save([cancel(last, now=NOW)], now=NOW)
    assert await place.sql.fetchval("select count(*) from events where type = 'batch.completed'") == 1


async def test_saves_of_the_same_posts_take_their_rows_in_one_order(place: Place, other_connection: Another) -> None:
    account = await place.account()
    posts = sorted([*await place.posts(account, 3)], key=lambda post: post.id)
    # On the page the other way round: what reads the table row by row meets them so.
    for post in reversed(posts):
        await place.sql.execute("update posts set failures = 0 where id = $1", post.id)

    holder = await other_connection()
    held = holder.transaction()
    await held.start()
    await holder.execute("select 1 from posts where id = $1 for update", posts[1].id)
    saving = [
        asyncio.create_task(place.store.posts.save([Change(post) for post in order], now=NOW))
        for order in (posts, posts[::-1])
    ]
    await eventually(lambda: waiting_for_locks(place, 2))
    await held.rollback()

    with capture_logs() as logs:
        assert sorted(map(len, await asyncio.gather(*saving))) == [0, 3]
    assert logs == [], "a deadlock"


async def test_a_save_that_gave_way_to_another_is_done_again(place: Place, other_connection: Another) -> None:
    account = await place.account()
    (post,) = await place.posts(account)
    await place.store.facts.receive([a_receipt(a_fact("p", key="k"))])
    (fact,) = await place.store.facts.claim(now=NOW, lease=LEASE, limit=1)
    change = Change(post, events=(an_event("told", customer_id=post.customer_id, post_id=post.id),))

    # It holds the fact and wants the post; the save holds the post and wants the fact. Who waits looks for a deadlock
    # once, a second later: so the save is kept at its event, between the two, until the other one waits.
    holder, keeper = await other_connection(), await other_connection()
    held, kept = holder.transaction(), keeper.transaction()
    await held.start()
    await kept.start()
    await holder.execute("set local deadlock_timeout = '1min'")  # the save notices first
    await holder.execute("select 1 from facts for update")
    await keeper.execute("insert into event_keys values ('told', 'evt_x', now())")
    saving = asyncio.create_task(place.store.posts.save([change], now=NOW, facts=[(fact.id, "applied")]))
    await eventually(lambda: waiting_for_locks(place, 1))
    wanting = asyncio.create_task(holder.execute("select 1 from posts for update", timeout=30))
    await eventually(lambda: waiting_for_locks(place, 2))
    with capture_logs() as logs:
        await kept.rollback()
        await wanting
        await held.rollback()
        assert await saving == set()
    assert [line["event"] for line in logs] == ["transaction.contended"]


async def test_a_batch_waits_again_for_a_post_that_begins_another_life(place: Place) -> None:
    accounts = [await place.account(f"a{n}") for n in range(2)]
    batch_id = an_id("bat")
    posts = [place.new_post(account, batch_id=batch_id) for account in accounts]
    await place.store.posts.accept(posts, request_hash=b"h", events=[])

    async def save(change: object) -> None:
        assert isinstance(change, Change)
        assert await place.store.posts.save([change], now=NOW) == set()

    await save(fail(posts[0], expired(NOW), stage="schedule", now=NOW))
    context = await place.context(posts[0].id)
    await save(revive(context.post, (), heard_of=False, now=NOW))
    await save(cancel(posts[1], now=NOW))

    assert await place.sql.fetchval("select unsettled from batches where id = $1", batch_id) == 1
    assert await place.sql.fetchval("select count(*) from events where type = 'batch.completed'") == 0


async def test_a_posts_place_is_what_was_last_said_of_its_wait_and_its_turn_in_its_lane(place: Place) -> None:
    account = await place.account()
    first, second, third = await place.posts(account, 3)
    waits = drive.waits(third, until=LATER, why="the minute is full", now=NOW)
    await place.store.posts.save([waits], now=NOW)
    await place.store.posts.add_note(third.id, Note("call"), now=NOW)

    (before, behind, out) = [await place.store.posts.place(p.id, per_minute=6) for p in (first, second, third)]

    assert (before.ahead, behind.ahead, before.said) == (0, 1, None)
    assert before.turn_at == behind.turn_at is not None
    assert (out.said, out.turn_at, out.ahead) == (waits.notes[0], None, 0)
