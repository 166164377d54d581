"""Accounts and their grants, and budgets of calls counted across replicas."""

import asyncio
import random
from datetime import datetime, timedelta
from typing import Any

import pytest
from store_place import LATER, LEASE, NOW, SECOND, Place, an_event, an_id, tokens

from libs.model.account import Account, AccountState, Grant
from libs.model.event import Event
from libs.model.key import digest
from libs.model.post import PostState
from libs.store.errors import Illegal

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
A = AccountState


async def grant(place: Place, account: Account) -> Grant:
    found = await place.store.accounts.grant(account.id)
    assert found is not None
    return found[1]


async def row(place: Place, account: Account) -> Any:
    return await place.sql.fetchrow("select * from accounts where id = $1", account.id)


async def test_a_reconnect_keeps_the_account_and_starts_a_new_grant(place: Place) -> None:
    first = await place.account(tokens=tokens("old"))
    await place.store.accounts.end(first, A.DISCONNECTED, used=None, reason="gone", events=[], now=NOW)

    again = await place.account(tokens=tokens("new"), now=LATER)

    assert (again.id, again.grant_n, again.state, again.reason) == (first.id, 2, A.CONNECTED, None)
    assert again.granted_at == LATER and (await grant(place, again)).access_token == "act.new"
    assert (await row(place, again))["alarm"] is not None


async def test_one_creator_may_be_connected_by_several_customers(place: Place) -> None:
    one, other = await place.account(), await place.account(customer="two")

    found = await place.store.accounts.by_open_id(client_key="ck", open_id="creator")

    assert {account.id for account in found} == {one.id, other.id}
    assert await place.store.accounts.by_open_id(client_key="other", open_id="creator") == []
    assert await place.store.accounts.get(one.id, customer_id=other.customer_id) is None
    assert await place.store.accounts.get_many([one.id, other.id], customer_id=one.customer_id) == {one.id: one}
    assert [a.id for a in await place.store.accounts.page(customer_id=other.customer_id, before=None, limit=9)] == [
        other.id
    ]


async def test_accounts_are_listed_by_what_they_need_and_by_who_they_are(place: Place) -> None:
    anna, bert, other = await place.account("a"), await place.account("b"), await place.account("a", customer="two")
    await place.sql.execute("update accounts set username = 'Anna' where open_id = 'a'")
    ended = "update accounts set state = 'reauthorization_required', reason = 'x', alarm = null where id = $1"
    await place.sql.execute(ended, bert.id)

    async def listed(customer: Account | None = anna, **chosen: Any) -> list[str]:
        owner = customer.customer_id if customer else None
        found = await place.store.accounts.page(customer_id=owner, before=None, limit=9, **chosen)
        return [account.id for account in found]

    assert await listed(state=AccountState.REAUTHORIZATION_REQUIRED) == [bert.id]
    assert await listed(state=AccountState.CONNECTED) == [anna.id]
    assert await listed(username="aNNa") == [anna.id]
    assert await listed(open_id="b") == [bert.id]
    assert await listed(open_id="b", username="anna") == []
    assert await listed(None, open_id="a") == [other.id, anna.id]


async def test_one_account_connected_by_many_at_once_is_one_account(place: Place) -> None:
    await place.customer()

    made = await asyncio.gather(*(place.account() for _ in range(12)))

    assert len({account.id for account in made}) == 1
    assert sorted(account.grant_n for account in made) == list(range(1, 13))


async def test_an_account_has_one_refresher_until_its_lease_ends(place: Place) -> None:
    account = await place.account()

    async def lease(now: datetime) -> Grant | None:
        return await place.store.accounts.lease_refresh(account.id, now=now, lease=now + MINUTE)

    leases = await asyncio.gather(*(lease(NOW) for _ in range(20)))
    assert sum(one is not None for one in leases) == 1
    assert await lease(NOW + MINUTE - SECOND) is None
    assert await lease(NOW + MINUTE) is not None


async def test_a_lease_that_was_not_needed_does_not_bring_the_next_refresh_forward(place: Place) -> None:
    account = await place.account()
    planned = (await row(place, account))["alarm"]

    assert await place.store.accounts.lease_refresh(account.id, now=NOW, lease=NOW + MINUTE) is not None
    await place.store.accounts.release_refresh(account.id, lease=NOW + MINUTE)

    assert (await row(place, account))["alarm"] == planned
    assert await place.store.accounts.claim_refresh(now=NOW + HOUR, lease=NOW + 2 * HOUR, limit=9) == []


async def test_a_lease_is_given_back_and_its_failure_noted_by_its_holder_alone(place: Place) -> None:
    account = await place.account()
    accounts = place.store.accounts
    used = await accounts.lease_refresh(account.id, now=NOW, lease=NOW + MINUTE)
    assert used is not None
    assert await accounts.lease_refresh(account.id, now=NOW + MINUTE, lease=NOW + 2 * MINUTE) is not None

    await accounts.release_refresh(account.id, lease=NOW + MINUTE)
    await accounts.refresh_failed(used, again_at=NOW, reason="late", lease=NOW + MINUTE, now=NOW + MINUTE)

    found = await row(place, account)
    assert (found["refreshing_until"], found["refreshes_failed"]) == (NOW + 2 * MINUTE, 0)
    await accounts.refresh_failed(used, again_at=LATER, reason="mine", lease=NOW + 2 * MINUTE, now=NOW + MINUTE)
    found = await row(place, account)
    assert (found["refreshing_until"], found["refreshes_failed"], found["reason"]) == (None, 1, "mine")


async def test_the_tokens_of_a_disconnected_account_are_forgotten(place: Place) -> None:
    account = await place.account(tokens=tokens("mine"))

    gone = await place.store.accounts.end(
        account, AccountState.DISCONNECTED, used=None, reason="asked", events=[], now=NOW
    )

    granted = await place.store.accounts.grant(account.id)
    assert gone and granted is not None
    assert (granted[1].access_token, granted[1].refresh_token) == ("", "")


async def test_a_refresher_that_dies_is_followed_by_another(place: Place) -> None:
    account = await place.account(tokens=tokens(expires=NOW))
    assert await place.store.accounts.claim_refresh(now=NOW, lease=NOW + MINUTE, limit=9) == [account.id]
    await place.store.accounts.lease_refresh(account.id, now=NOW, lease=NOW + MINUTE)

    assert await place.store.accounts.claim_refresh(now=NOW + MINUTE - SECOND, lease=LATER, limit=9) == []
    assert await place.store.accounts.claim_refresh(now=NOW + MINUTE, lease=LATER, limit=9) == [account.id]


async def test_due_accounts_are_claimed_for_refreshing_by_one(place: Place) -> None:
    accounts = [await place.account(f"creator {n}", tokens=tokens(expires=NOW)) for n in range(9)]

    claims = await asyncio.gather(
        *(place.store.accounts.claim_refresh(now=NOW, lease=LEASE, limit=3) for _ in range(6))
    )

    claimed = [id_ for claim in claims for id_ in claim]
    assert sorted(claimed) == sorted(account.id for account in accounts)


async def test_a_refresh_is_stored_with_its_next_time_and_keeps_what_tiktok_left_out(place: Place) -> None:
    account = await place.account()
    used = await grant(place, account)
    given = tokens("new", expires=LATER + 24 * HOUR)

    kept = await place.store.accounts.refreshed(used, given, now=LATER)

    assert kept
    stored = await row(place, account)
    assert (stored["refreshing_until"], stored["alarm"]) == (None, LATER + 22 * HOUR)
    new = await grant(place, account)
    assert (new.access_token, new.refresh_token, new.grant_n) == ("act.new", "rft.new", 1)


async def test_a_late_success_is_kept_though_its_lease_had_ended_and_the_account_was_given_up(place: Place) -> None:
    account = await place.account()
    used = await grant(place, account)
    other = await place.store.accounts.lease_refresh(account.id, now=LEASE, lease=LATER)
    assert other is not None
    ended = await place.store.accounts.end(
        account, A.REAUTHORIZATION_REQUIRED, used=other, reason="refused", events=[], now=LEASE
    )

    assert ended
    moments = []

    def tell(account: Account, at: datetime) -> list[Event]:
        moments.append((account.state, at))
        return [an_event("back", customer_id=account.customer_id)]

    assert await place.store.accounts.refreshed(used, tokens("late"), now=NOW, tell=tell)
    assert [(state, at > LEASE) for state, at in moments] == [(A.CONNECTED, True)]
    assert await place.sql.fetchval("select count(*) from events where key like '%back'") == 1
    assert (await place.store.accounts.get(account.id, customer_id=None)).state is A.CONNECTED  # type: ignore[union-attr]
    assert (await grant(place, account)).access_token == "act.late"


async def test_a_refresh_does_not_overwrite_a_reconnect(place: Place) -> None:
    account = await place.account(tokens=tokens("same"))
    used = await grant(place, account)
    await place.account(tokens=tokens("same"), now=LATER)  # even when TikTok gave the same tokens again

    assert not await place.store.accounts.refreshed(used, tokens("stale"), now=LATER)
    await place.store.accounts.refresh_failed(used, again_at=NOW, reason="stale", lease=LATER, now=LATER)

    assert (await grant(place, account)).access_token == "act.same"
    assert (await row(place, account))["refreshes_failed"] == 0


async def test_a_refresh_that_another_has_made_is_not_undone(place: Place) -> None:
    account = await place.account()
    used = await grant(place, account)
    assert await place.store.accounts.refreshed(used, tokens("first"), now=NOW)

    assert not await place.store.accounts.refreshed(used, tokens("second"), now=LATER)
    assert (await grant(place, account)).access_token == "act.first"


async def test_a_refused_refresh_token_ends_the_grant_only_if_it_is_still_the_one_stored(place: Place) -> None:
    account = await place.account()
    used = await grant(place, account)
    told = an_event("reauthorize", customer_id=account.customer_id)
    assert await place.store.accounts.refreshed(used, tokens("new"), now=NOW)

    async def refuse(grant_: Grant) -> bool:
        return await place.store.accounts.end(
            account, A.REAUTHORIZATION_REQUIRED, used=grant_, reason="invalid_grant", events=[told], now=LATER
        )

    assert not await refuse(used)
    assert await place.sql.fetchval("select count(*) from events") == 0
    assert await refuse(await grant(place, account))
    found = await place.store.accounts.get(account.id, customer_id=None)
    assert found is not None and (found.state, found.reason) == (A.REAUTHORIZATION_REQUIRED, "invalid_grant")
    assert await place.sql.fetchval("select count(*) from events") == 1
    assert await place.store.accounts.lease_refresh(account.id, now=LATER, lease=LATER) is None


async def test_an_account_is_not_asked_to_reconnect_without_saying_which_token_was_refused(place: Place) -> None:
    account = await place.account()

    with pytest.raises(ValueError, match="grant"):
        await place.store.accounts.end(account, A.REAUTHORIZATION_REQUIRED, used=None, reason="x", events=[], now=NOW)


async def test_a_removal_ends_the_grant_it_is_about_and_wakes_the_posts(place: Place) -> None:
    account = await place.account()
    posts = {state: (await place.in_state(account, state)).post for state in PostState}
    await place.store.accounts.end(account, A.DISCONNECTED, used=None, reason="gone", events=[], now=LATER)

    woken = await place.sql.fetch("select state from posts where alarm = $1 and not in_lane", LATER)
    assert {row["state"] for row in woken} == {
        "scheduled", "queued", "initializing", "uploading", "processing", "unconfirmed",
    }  # fmt: skip
    assert not await place.store.accounts.end(account, A.DISCONNECTED, used=None, reason="again", events=[], now=LATER)
    await place.account(now=LATER)
    assert not await place.store.accounts.end(account, A.DISCONNECTED, used=None, reason="late", events=[], now=LATER)
    assert await place.store.posts.save([], now=NOW) == set() and len(posts) == len(PostState)


async def test_a_reconnect_has_its_unconfirmed_posts_looked_at_again(place: Place) -> None:
    account = await place.account()
    unconfirmed = (await place.in_state(account, PostState.UNCONFIRMED)).post
    driven = (await place.in_state(account, PostState.UPLOADING)).post
    assert unconfirmed.alarm is None

    await place.account(now=LATER)

    assert (await place.context(unconfirmed.id)).post.alarm == LATER
    assert (await place.context(driven.id)).post == driven, "whoever drives it goes on"


async def take(
    place: Place, account: Account, *, now: datetime = NOW, mark: datetime | None = None, limit: int = 6
) -> bool:
    mark = mark or now + 2 * MINUTE
    return await place.store.budgets.take(account.id, "init", limit=limit, mark=mark, now=now)


async def test_no_more_slots_are_taken_than_there_are_however_many_ask(place: Place) -> None:
    account, other = await place.account(), await place.account("other")

    taken = await asyncio.gather(*(take(place, account) for _ in range(40)))

    assert taken.count(True) == 6
    assert await take(place, other)
    assert await place.store.budgets.take(account.id, "status", limit=1, mark=LATER, now=NOW)


async def test_a_slot_is_free_a_minute_after_its_call_ended(place: Place) -> None:
    account = await place.account()
    marks = [NOW + timedelta(hours=1, seconds=n) for n in range(6)]
    for mark in marks:
        assert await take(place, account, mark=mark)
    assert await place.store.budgets.free_at(account.id, "init", limit=6, now=NOW) == marks[0]

    ended = NOW + 10 * SECOND
    await place.store.budgets.give_back(account.id, "init", mark=marks[3], free_at=ended + MINUTE)

    assert await place.store.budgets.free_at(account.id, "init", limit=6, now=ended) == ended + MINUTE
    assert not await take(place, account, now=ended + MINUTE - SECOND)
    assert await place.store.budgets.free_at(account.id, "init", limit=6, now=ended + MINUTE) is None
    assert await take(place, account, now=ended + MINUTE)
    assert not await take(place, account, now=ended + MINUTE)


async def test_a_dead_callers_slot_frees_itself_and_an_unused_one_at_once(place: Place) -> None:
    account = await place.account()
    assert await take(place, account, limit=1, mark=LATER)
    assert not await take(place, account, limit=1, now=LATER - SECOND)
    assert await take(place, account, limit=1, now=LATER, mark=LATER + MINUTE)

    await place.store.budgets.give_back(account.id, "init", mark=LATER + MINUTE, free_at=LATER)

    assert await take(place, account, limit=1, now=LATER)


async def test_two_slots_of_one_mark_are_two_slots(place: Place) -> None:
    account = await place.account()
    assert await take(place, account, limit=2, mark=LATER) and await take(place, account, limit=2, mark=LATER)

    await place.store.budgets.give_back(account.id, "init", mark=LATER, free_at=NOW)

    assert await take(place, account, limit=2, mark=LATER)
    assert not await take(place, account, limit=2, mark=LATER)


async def test_a_refusal_of_tiktoks_blocks_everybody_whatever_was_counted(place: Place) -> None:
    account = await place.account()
    await take(place, account, limit=6)

    await place.store.budgets.block(account.id, "init", until=LATER)
    await place.store.budgets.block(account.id, "init", until=NOW)

    assert not await take(place, account, now=LATER - SECOND)
    assert await place.store.budgets.free_at(account.id, "init", limit=6, now=NOW) == LATER
    assert await take(place, account, now=LATER)


async def test_in_no_minute_are_more_calls_under_way_than_the_limit(place: Place) -> None:
    """Random callers that finish, die or change their mind, on one clock: every sliding minute is counted."""
    account, rng, limit = await place.account(), random.Random(7), 4
    calls: list[tuple[datetime, datetime]] = []
    now = NOW
    open_: list[datetime] = []
    for _ in range(150):
        now += timedelta(seconds=rng.choice([0, 1, 5, 20]), microseconds=1)
        deadline = now + timedelta(seconds=30)
        if await take(place, account, now=now, mark=deadline + MINUTE, limit=limit):
            fate = rng.choice(["ends", "ends", "dies", "unused"])
            end = now + timedelta(seconds=rng.randrange(30)) if fate == "ends" else deadline
            if fate != "unused":
                calls.append((now, end))
            if fate != "dies":
                free = end + MINUTE if fate == "ends" else now
                await place.store.budgets.give_back(account.id, "init", mark=deadline + MINUTE, free_at=free)
        open_.append(now)

    assert len(calls) > 20
    for _, end in calls:
        busy = [one for one in calls if one[0] <= end and one[1] + MINUTE > end]
        assert len(busy) <= limit


async def test_keys_are_found_by_their_hash_until_revoked_and_stay_with_their_customer(place: Place) -> None:
    customer = await place.customer()
    keys = place.store.keys
    made = await keys.create(
        id_=an_id("key"), customer_id=customer, name="k", hash_=digest("secret"), grants={"posts": "read"},
        expires_at=LATER, now=NOW,
    )  # fmt: skip

    assert await keys.by_hash(digest("secret")) == made
    assert await keys.by_hash(digest("other")) is None
    assert [key.id for key in await keys.page(customer_id=customer, before=None, limit=9)] == [made.id]
    assert await keys.revoke(made.id, customer_id="cus_other", now=NOW) is None
    first = await keys.revoke(made.id, customer_id=customer, now=NOW)
    again = await keys.revoke(made.id, customer_id=None, now=LATER)
    assert first is not None and again is not None and first.revoked_at == again.revoked_at == NOW
    await keys.used([made.id], now=LATER)
    await keys.used([made.id], now=NOW)
    found = await keys.by_hash(digest("secret"))
    assert found is not None and found.last_used_at == LATER


async def test_media_belong_to_their_customer(place: Place) -> None:
    customer = await place.customer()
    more: dict[str, Any] = {
        "key": "k",
        "size": 3,
        "sha256": b"h",
        "content_type": "video/mp4",
        "probe": {"a": 1},
        "now": NOW,
    }
    made = await place.store.media.create(id_=an_id("med"), customer_id=customer, **more)

    assert await place.store.media.create(id_=made.id, customer_id=customer, **more) == made
    assert await place.store.media.get(made.id, customer_id=customer) == made
    assert await place.store.media.get(made.id, customer_id="cus_other") is None
    assert await place.store.media.page(customer_id=customer, before=None, limit=9) == [made]
    with pytest.raises(Illegal):
        await place.store.media.create(id_=an_id("med"), customer_id=customer, **more | {"size": -1})


async def test_customers_are_paged_newest_first(place: Place) -> None:
    ids = [await place.customer(str(n)) for n in range(3)]

    assert {customer.id for customer in await place.store.customers.page(before=None, limit=9)} == set(ids)
    assert (await place.store.customers.get(ids[0])) is not None
    assert await place.store.customers.get("cus_other") is None
