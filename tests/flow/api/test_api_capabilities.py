"""What TikTok does not allow is answered with the reason, never with a 404."""

import pytest
from api_house import House

from libs.model.capability import UNSUPPORTED
from libs.model.ids import new_id

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROWS = {
    "SA-06": "comments", "SA-07": "comment_reply", "SA-08": "comment_moderation", "SA-09": "comment_toggle",
    "SA-10": "direct_messages", "SA-11": "reviews", "SA-12": "mentions", "SA-62": "direct_messages",
    "SS-58": "sound_library", "SS-59": "duet_stitch", "SS-60": "live", "SS-61": "effects", "SS-62": "edit_published",
    "SS-63": "for_you_analytics", "SS-64": "playlists", "SS-65": "comments", "SS-66": "direct_messages",
    "SS-67": "text_post", "PP-16": "comments", "PP-17": "direct_messages", "PP-18": "threads", "PP-40": "comments",
}  # fmt: skip


@pytest.mark.parametrize(
    ("row", "name"), [pytest.param(row, name, marks=pytest.mark.row(row), id=row) for row, name in ROWS.items()]
)
async def test_what_tiktok_does_not_allow_says_why(house: House, row: str, name: str) -> None:
    ability = UNSUPPORTED[name]
    assert ability.paths
    for path in ability.paths:
        address = f"/v1{path.replace('{id}', new_id('post', house.now()))}"
        for answer in (await house.get(f"{address}?post_id=x"), await house.post(address, {"text": "hello"})):
            said = answer.json()
            assert (answer.status_code, said["code"]) == (422, "capability_not_supported")
            assert (said["capability"], said["detail"]) == (name, ability.reason)


@pytest.mark.row("SA-03", "SA-04", "SA-34")
async def test_everything_is_listed_with_its_reason(house: House) -> None:
    said = (await house.get("/v1/capabilities")).json()

    listed = {one["name"]: one for one in said["data"]}
    assert (said["auth"], said["api"]) == ("OAuth 2.0", "TikTok API v2")
    assert {name for name, one in listed.items() if not one["supported"]} == set(UNSUPPORTED)
    assert all(bool(one["reason"]) is not one["supported"] for one in said["data"])
    assert not listed["reviews"]["applies"]


@pytest.mark.row("SA-14")
async def test_a_post_that_waits_can_be_deleted_and_one_that_is_published_says_why_not(house: House) -> None:
    customer = await house.customer()
    account, media = await house.account(customer), await house.video(customer)
    body = {"account_id": account, "kind": "video", "media": [media], "privacy_level": "SELF_ONLY"}
    waiting, live = (await house.make("/v1/posts", body)), (await house.make("/v1/posts", body | {"title": "b"}))
    await house.store.posts._pool.execute(
        "update posts set state = 'published', publication = 1, in_lane = false where id = $1", live["id"]
    )

    gone = await house.call("DELETE", f"/v1/posts/{waiting['id']}")
    stays = await house.call("DELETE", f"/v1/posts/{live['id']}")

    assert (gone.status_code, gone.json()["state"]) == (200, "cancelled")
    assert (stays.status_code, stays.json()["code"]) == (422, "capability_not_supported")
    assert stays.json()["capability"] == "delete_published"
