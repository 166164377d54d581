"""Lanes: what waits together sleeps together, wakes for what comes, and keeps nobody else waiting."""

from datetime import timedelta

import pytest
from flow_house import Guest, Stage

from tests.eventually import eventually

LEASE_S = 121

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def asleep(stage: Stage, table: str, column: str, id_: str) -> bool:
    return (await stage.row(f"select alarm from {table} where {column} = $1", id_))["alarm"] is None


async def test_an_account_lane_without_posts_sleeps(stage: Stage, guest: Guest) -> None:
    await guest.published()

    await eventually(lambda: asleep(stage, "post_lanes", "account_id", guest.account_id))


async def test_an_endpoint_lane_without_deliveries_sleeps_also_after_a_pause(stage: Stage, guest: Guest) -> None:
    await guest.answers({"status": 429, "retry_after": "60"})
    await guest.published()
    await stage.quiet()
    await stage.advance(600)
    await stage.quiet()
    assert await guest.inbox("post.published")

    await stage.advance(LEASE_S)  # a lease's end is an alarm as well, should whoever holds it have died

    await eventually(lambda: asleep(stage, "endpoint_lanes", "endpoint_id", guest.endpoint_id))


async def test_a_lane_woken_while_it_was_about_to_sleep_stays_awake(stage: Stage, guest: Guest) -> None:
    """A slot given back between the look for a free one and the rest must not wait for the next minute."""
    await guest.published()
    await eventually(lambda: asleep(stage, "post_lanes", "account_id", guest.account_id))
    account_id, posts = guest.account_id, stage.house.store.posts
    soon, later = stage.now + timedelta(seconds=50), stage.now + timedelta(seconds=100)
    lane = await stage.row("update post_lanes set alarm = $2 where account_id = $1 returning ring", account_id, later)

    await posts.wake_lane(account_id, at=soon)
    await posts.rest_lane(account_id, ring=lane["ring"], until=later, now=soon)

    assert (await stage.row("select alarm from post_lanes where account_id = $1", account_id))["alarm"] == soon
