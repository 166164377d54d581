"""Numbers over time: taken about every 23 hours, told, and shown; what cannot be counted says so."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from flow_house import Guest, Stage, open_stage

from tests.eventually import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")
HOUR_S = 3600


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(module_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """A house that counts every 23 hours, as it does when nobody says otherwise."""
    async with open_stage(module_database_url, tmp_path_factory.mktemp("house"), STATS_EVERY_H="23") as stage:
        yield stage


async def settled(stage: Stage) -> None:
    """Nothing is due to be counted; what was, is told."""

    async def counted() -> bool:
        await stage.house.broker.ring("stats")
        row = await stage.row("select count(*) as due from watches where alarm <= $1", stage.now)
        held = await stage.row(
            "select count(*) as held from watches where alarm - $1 < interval '5 minutes'", stage.now
        )
        return not row["due"] and not held["held"]

    await eventually(counted)
    await stage.quiet()


async def counts(stage: Stage, path: str) -> dict[str, Any]:
    found: dict[str, Any] = await stage.api("GET", path)
    return found


async def public_post(stage: Stage, guest: Guest, **more: Any) -> dict[str, Any]:
    post = await guest.published(privacy_level="PUBLIC_TO_EVERYONE", **more)
    shown = (await stage.sim("GET", f"world?open_id={guest.open_id}"))["posts"]
    for one in shown:
        if not one["public"]:
            await stage.sim("POST", f"posts/{one['post_id']}/publish")

    async def named() -> dict[str, Any]:
        found = await stage.get(post["id"])
        return found if found["tiktok_post_ids"] else {}

    return await eventually(named)


@pytest.mark.row("PP-41", "PP-43", "PP-44", "PP-46")
async def test_accounts_and_public_posts_are_counted_every_23_hours_and_told_once_each(stage: Stage) -> None:
    guest = await stage.guest(followers=120, following=7, likes=2**53 + 1)
    post, private = await public_post(stage, guest), await guest.published()
    await settled(stage)
    for seconds in (22 * HOUR_S, 2 * HOUR_S):
        await guest.creator(followers=130)
        await stage.advance(seconds)
        await settled(stage)

    account = await counts(stage, f"accounts/{guest.account_id}/stats")
    assert account["status"] == "counted"
    newest, first = account["data"]
    assert (first["follower_count"], first["following_count"], first["video_count"]) == (120, 7, 1)
    assert first["likes_count"] == 2**53 + 1, "TikTok's value, to the last digit"
    assert newest["follower_count"] >= 130
    shown = await counts(stage, f"posts/{post['id']}/stats")
    assert (shown["status"], len(shown["data"])) == ("counted", 2)
    assert shown["data"][0]["view_count"] > shown["data"][1]["view_count"] == 0
    assert {one["tiktok_post_id"] for one in shown["data"]} == set(post["tiktok_post_ids"])
    hidden = await counts(stage, f"posts/{private['id']}/stats")
    assert (hidden["status"], hidden["data"]) == ("no_public_id", [])

    told = [item["json"]["data"] for item in await guest.inbox("account.stats")]
    assert [one["stats"]["follower_count"] for one in told][-1:] == [newest["follower_count"]]
    told = [item["json"]["data"] for item in await guest.inbox("post.stats")]
    assert [one["stats"]["view_count"] for one in told] == [one["view_count"] for one in shown["data"][::-1]]
    assert len(await stage.calls("user/info", guest)) == 2
    assert len(await stage.calls("video/query", guest)) == 2

    page = await counts(stage, f"posts/{post['id']}/stats?limit=1")
    rest = await counts(stage, f"posts/{post['id']}/stats?limit=1&cursor={page['next_cursor']}")
    assert page["data"] + rest["data"] == shown["data"] and rest["next_cursor"] is None
    since = newest["taken_at"]
    assert (await counts(stage, f"accounts/{guest.account_id}/stats?since={since}"))["data"] == [newest]
    assert (await counts(stage, f"accounts/{guest.account_id}/stats?until={since}"))["data"] == [first]
    nobody = post["id"][:-4] + "0000"
    many = await counts(stage, f"posts/stats?post_ids={post['id']},{private['id']},{nobody}&limit=1")
    assert [(one["status"], len(one["data"])) for one in many["data"]] == [("counted", 1), ("no_public_id", 0)]
    assert many["unknown"] == [nobody]


async def test_another_customer_and_a_key_for_other_accounts_see_no_numbers(stage: Stage) -> None:
    guest, other = await stage.guest(), await stage.guest()
    post = await public_post(stage, guest)
    narrow = {"customer_id": guest.customer_id, "name": "narrow", "grants": {"profile": "off", "posts": "off"}}
    for customer, wanted in (
        (other.customer_id, {"profile": "read", "posts": "read"}),
        (guest.customer_id, narrow["grants"]),
    ):
        key = (await stage.api("POST", "keys", {"customer_id": customer, "name": "k", "grants": wanted}))["secret"]
        status = 404 if customer == other.customer_id else 403
        headers = {"headers": {"Authorization": f"Bearer {key}"}}
        await stage.api("GET", f"accounts/{guest.account_id}/stats", status=status, **headers)
        await stage.api("GET", f"posts/{post['id']}/stats", status=status, **headers)
        if status == 404:
            found = await stage.api("GET", f"posts/stats?post_ids={post['id']}", **headers)
            assert (found["data"], found["unknown"]) == ([], [post["id"]])


async def test_an_account_that_has_to_be_connected_again_is_left_alone_until_it_is(stage: Stage) -> None:
    guest = await stage.guest(scopes=["user.info.basic", "video.publish", "user.info.stats"])
    post = await public_post(stage, guest)
    await settled(stage)
    assert (await counts(stage, f"posts/{post['id']}/stats"))["status"] == "missing_scope"
    await guest.says("authorization.removed", {"reason": 1})
    await stage.quiet()

    await stage.advance(24 * HOUR_S)
    await settled(stage)

    assert len(await stage.calls("user/info", guest)) == 1
    assert (await counts(stage, f"posts/{post['id']}/stats"))["status"] == "not_connected"
    await stage.adopt(guest.customer_id, await stage.sim("POST", f"accounts/{guest.open_id}/tokens", {}))
    await settled(stage)
    assert len((await counts(stage, f"accounts/{guest.account_id}/stats"))["data"]) == 2
    assert (await counts(stage, f"posts/{post['id']}/stats"))["status"] == "counted"


async def test_trouble_at_tiktok_and_a_full_minute_put_a_snapshot_off_and_lose_none(stage: Stage) -> None:
    guest = await stage.guest()
    await settled(stage)
    await guest.fault("status", endpoint="user/info", status=503)
    await stage.advance(23 * HOUR_S)
    await settled(stage)
    assert len((await counts(stage, f"accounts/{guest.account_id}/stats"))["data"]) == 1

    await stage.advance(600)
    await settled(stage)

    assert len((await counts(stage, f"accounts/{guest.account_id}/stats"))["data"]) == 2
