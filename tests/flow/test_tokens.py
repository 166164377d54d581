"""An account's tokens: refreshed once, ended truthfully, and never undone by old news."""

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from flow_house import PATIENCE_S, Guest, Stage

from tests.eventually import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

REMOVED = "authorization.removed"
DAY_S = 86_400
LEASE_S = 61


async def refreshes(stage: Stage, guest: Guest) -> list[str]:
    """What TikTok answered to refreshes of this account, oldest first."""
    return [call["code"] for call in await stage.calls("oauth/token", guest)]


async def about_account(guest: Guest) -> Counter[str]:
    """How often each type of event about accounts arrived."""
    return Counter(type_ for type_ in await guest.heard() if type_.startswith("account."))


async def becomes(guest: Guest, state: str) -> dict[str, Any]:
    async def there() -> dict[str, Any]:
        account = await guest.account()
        assert account["state"] == state, account
        return account

    return await eventually(there)


# Refreshing


@pytest.mark.row("SA-56", "SA-68", "BO-51")
async def test_a_token_that_tiktok_refuses_is_refreshed_once_and_everything_goes_out(
    stage: Stage, guest: Guest
) -> None:
    await stage.sim("POST", f"accounts/{guest.open_id}/expire")

    posts = await asyncio.gather(*(guest.post() for _ in range(4)))

    await stage.quiet()
    await stage.advance(3)  # whoever found another at it comes back after two seconds
    for post in posts:
        await stage.until(post["id"], "published")
    assert await refreshes(stage, guest) == ["ok"]
    assert await about_account(guest) == {}


@pytest.mark.row("SA-35")
async def test_a_token_that_has_run_out_is_refreshed_before_it_is_used(stage: Stage, guest: Guest) -> None:
    await stage.advance(DAY_S + 1)

    post = await guest.post()

    await stage.past_refresh()
    await stage.until(post["id"], "published")
    calls = await stage.calls("creator_info/query", guest)
    assert [call["code"] for call in calls] == ["ok"]
    assert await refreshes(stage, guest) == ["ok"]


@pytest.mark.waits_long
@pytest.mark.row("SA-55")
async def test_a_token_is_refreshed_two_hours_ahead_of_its_end_though_nobody_posts(stage: Stage, guest: Guest) -> None:
    await stage.advance(22 * 3600 - 60)
    assert await refreshes(stage, guest) == []

    await stage.advance(120)

    await eventually(lambda: _refreshed(stage, guest), timeout=PATIENCE_S)


async def _refreshed(stage: Stage, guest: Guest) -> bool:
    return await refreshes(stage, guest) == ["ok"]


@pytest.mark.parametrize("trouble", [{"do": "status", "status": 503}, {"do": "error", "oauth_error": "server_error"}])
async def test_trouble_with_a_refresh_waits_and_disconnects_nobody(
    stage: Stage, guest: Guest, trouble: dict[str, Any]
) -> None:
    await stage.sim("POST", f"accounts/{guest.open_id}/expire")
    await guest.fault(endpoint="oauth/token", **trouble)
    post = await guest.post()
    await stage.waits(post["id"], "queued", after="waiting")

    await stage.advance(31)

    await stage.until(post["id"], "published")
    assert (await guest.account())["state"] == "connected"
    assert await about_account(guest) == {}


async def test_a_refresh_whose_answer_is_lost_is_survived_by_reconnecting(stage: Stage, guest: Guest) -> None:
    """The old refresh token is dead and the new one was never seen: nobody but the creator can help."""
    await stage.sim("POST", f"accounts/{guest.open_id}/expire")
    await stage.sim("POST", "scenarios/refresh_rotated_old_dead", {"open_id": guest.open_id})
    post = await guest.post()
    await stage.waits(post["id"], "queued", after="waiting")
    await stage.advance(31)
    await becomes(guest, "reauthorization_required")
    failed = await stage.until(post["id"], "failed")

    given = await stage.sim("POST", f"accounts/{guest.open_id}/tokens", {})
    again = await stage.adopt(guest.customer_id, given)

    await guest.published()
    assert again["id"] == guest.account_id
    assert failed["problem"]["code"] == "reauthorization_required"
    assert await about_account(guest) == {"account.reauthorization_required": 1, "account.connected": 1}


# Ending


@pytest.mark.row("SA-36")
async def test_a_refresh_token_that_is_over_ends_the_post_and_asks_for_the_creator_once(
    stage: Stage, guest: Guest
) -> None:
    await stage.sim("POST", f"accounts/{guest.open_id}/expire?refresh=1")

    post = await guest.post()

    failed = await stage.until(post["id"], "failed")
    assert (failed["problem"]["code"], failed["problem"]["stage"]) == ("reauthorization_required", "authorization")
    assert await guest.heard_of(post) == {"post.failed": 1}
    assert await about_account(guest) == {"account.reauthorization_required": 1}
    assert await stage.publications(guest) == []
    refused = await guest.post(status=422)
    assert refused["errors"][0]["code"] == "account_not_connected"


@pytest.mark.parametrize(("back", "state"), [(True, "published"), (False, "failed")])
async def test_a_post_for_later_needs_its_creator_only_then(stage: Stage, guest: Guest, back: bool, state: str) -> None:
    later = await guest.post(publish_at=(stage.now + timedelta(hours=1)).isoformat())
    await stage.sim("POST", f"accounts/{guest.open_id}/expire?refresh=1")
    now = await guest.post()
    await stage.until(now["id"], "failed")
    await stage.waits(later["id"], "scheduled")
    if back:
        await stage.adopt(guest.customer_id, await stage.sim("POST", f"accounts/{guest.open_id}/tokens", {}))

    await stage.advance(3_601)

    await stage.until(later["id"], state)


async def test_a_post_that_tiktok_has_is_unconfirmed_when_tokens_run_out_and_told_when_it_is_out(
    stage: Stage, guest: Guest
) -> None:
    await guest.fault("stick", seconds=DAY_S)
    post = await guest.post()
    await stage.waits(post["id"], "processing")
    await stage.sim("POST", f"accounts/{guest.open_id}/expire?refresh=1")
    await stage.advance(3)
    await stage.waits(post["id"], "unconfirmed")

    await stage.advance(DAY_S)

    await stage.until(post["id"], "published")
    assert await guest.heard_of(post) == {"post.unconfirmed": 1, "post.published": 1}
    assert len(await stage.publications(guest)) == 1


@pytest.mark.row("BO-39")
async def test_a_removed_authorization_is_told_once_and_ends_what_was_under_way(stage: Stage, guest: Guest) -> None:
    await guest.fault("stick")
    post = await guest.post()
    await stage.waits(post["id"], "processing")
    await stage.sim("POST", "faults", {"do": "duplicate", "event": REMOVED, "open_id": guest.open_id, "times": 2})

    await stage.sim("POST", f"accounts/{guest.open_id}/disconnect?reason=1")

    account = await becomes(guest, "disconnected")
    failed = await stage.until(post["id"], "failed")
    assert account["reason"] == "the user disconnected the app"
    assert failed["problem"]["code"] == "auth_removed"
    assert await guest.heard_of(post) == {"post.failed": 1}
    assert await about_account(guest) == {"account.disconnected": 1}


async def test_a_removal_in_the_middle_of_an_upload_ends_the_post_truthfully(stage: Stage, guest: Guest) -> None:
    await stage.sim("POST", "scenarios/token_revoked_mid_upload", {"open_id": guest.open_id, "chunk": 1})

    post = await guest.post()

    failed = await stage.until(post["id"], "failed")
    assert failed["problem"]["code"] == "auth_removed"
    told = await guest.heard_of(post)
    # Removed while the last chunk is on its way, a post is unconfirmed until that chunk's answer is in.
    assert told["post.failed"] == 1 and set(told) <= {"post.failed", "post.unconfirmed"}
    assert [found["published"] for found in await stage.publications(guest)] == [0]


async def test_a_removal_that_no_webhook_told_is_found_by_the_next_call(stage: Stage, guest: Guest) -> None:
    await guest.fault("drop", event=REMOVED)
    await stage.sim("POST", f"accounts/{guest.open_id}/disconnect?reason=1")

    post = await guest.post()

    await stage.until(post["id"], "failed")
    assert (await guest.account())["state"] == "reauthorization_required"
    assert await about_account(guest) == {"account.reauthorization_required": 1}


async def test_a_removal_older_than_the_reconnect_changes_nothing(stage: Stage, guest: Guest) -> None:
    """TikTok re-sends for three days: the news may come when the creator has long been back."""
    await guest.fault("delay", event=REMOVED, seconds=3_600)
    await stage.sim("POST", f"accounts/{guest.open_id}/disconnect?reason=1")
    await stage.advance(60)
    given = await stage.sim("POST", f"accounts/{guest.open_id}/tokens", {})
    await stage.adopt(guest.customer_id, given)

    await stage.advance(3_600)
    await guest.heard()

    assert (await guest.account())["state"] == "connected"
    assert await about_account(guest) == {"account.connected": 1}
    await guest.published()


async def test_every_customer_of_a_creator_hears_of_the_removal_once(stage: Stage, guest: Guest) -> None:
    other = await stage.guest()
    given = await stage.sim("POST", f"accounts/{guest.open_id}/tokens", {})
    shared = await stage.adopt(other.customer_id, given)

    await stage.sim("POST", f"accounts/{guest.open_id}/disconnect?reason=5")

    async def both_gone() -> bool:
        mine, theirs = await guest.account(), await stage.api("GET", f"accounts/{shared['id']}")
        return [mine["state"], theirs["state"]] == ["disconnected", "disconnected"]

    await eventually(both_gone)
    assert (await other.account())["state"] == "connected"
    assert await about_account(guest) == {"account.disconnected": 1}
    assert await about_account(other) == {"account.connected": 1, "account.disconnected": 1}


async def test_an_account_given_up_while_its_new_token_was_on_its_way_comes_back_and_says_so(
    stage: Stage, guest: Guest
) -> None:
    await stage.sim("POST", f"accounts/{guest.open_id}/expire")
    # TikTok has refreshed it and is slow to say so; meanwhile the lease ends, and another's refresh is refused.
    await guest.fault("slow_body", endpoint="oauth/token", grant_type="refresh_token", seconds=10)
    await guest.post()

    async def asked() -> bool:
        return len(await refreshes(stage, guest)) == 1

    await eventually(asked)
    await stage.advance(LEASE_S)
    # Not by another post: that waits for the first one's turn nearly as long as a refresh may take.
    await stage.api("GET", f"accounts/{guest.account_id}/profile", status=409)
    await becomes(guest, "reauthorization_required")

    await stage.sim("POST", "faults/release", {"open_id": guest.open_id})
    await becomes(guest, "connected")

    assert await about_account(guest) == {"account.reauthorization_required": 1, "account.connected": 1}
    await guest.published()
