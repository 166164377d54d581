"""Numbers over time: taken about every 23 hours, told, and shown; what cannot be counted says so. And Postproxy's page,
half of which is about them."""

import json
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from flow_house import Guest, Stage, open_stage
from test_dialects import key_of
from vendor_samples import in_shell, samples

from services.publisher.count import LEASE
from tests.contract.simulator.clips import clip
from tests.eventually import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")
HOUR_S = 3600


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(module_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """A house that counts every 23 hours, as it does when nobody says otherwise."""
    async with open_stage(module_database_url, tmp_path_factory.mktemp("house"), STATS_EVERY_H="23") as stage:
        yield stage


async def settled(stage: Stage) -> None:
    """Nothing is due to be counted, also of what had to wait for a token or a slot; what was counted is told."""

    async def rested() -> bool:
        await stage.house.broker.ring("stats")
        leases = [moment + LEASE for moment in stage.clock.moments]
        row = await stage.row(
            "select count(*) as n from watches where alarm <= $1 or alarm = any($2)", stage.now, leases
        )
        return not row["n"]

    await eventually(rested)
    soon = "select min(alarm) - $1 as wait from watches where alarm < $1 + interval '2 minutes'"
    while (wait := (await stage.row(soon, stage.now))["wait"]) is not None:
        await stage.advance(wait.total_seconds())
        await eventually(rested)
    await stage.quiet()


async def counts(stage: Stage, path: str) -> dict[str, Any]:
    found: dict[str, Any] = await stage.api("GET", path)
    return found


async def public_post(stage: Stage, guest: Guest, **more: Any) -> dict[str, Any]:
    post = await guest.post(privacy_level="PUBLIC_TO_EVERYONE", **more)
    await becomes_public(stage, guest, post)
    return await stage.get(post["id"])


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


ALL = (
    "post.processed", "platform_post.published", "platform_post.failed", "platform_post.failed_waiting_for_retry",
    "platform_post.insights", "profile.connected", "profile.disconnected", "profile.stats", "media.failed",
)  # fmt: skip


class Postproxy:
    """Postproxy's API as its customer calls it."""

    def __init__(self, guest: Guest, key: str, folder: Path) -> None:
        self.url, self.key = f"{guest.stage.urls['api']}/compat/postproxy", key
        self._stage, self._folder = guest.stage, folder
        self.swaps = {"https://api.postproxy.dev": self.url, "YOUR_API_KEY": key}

    async def __call__(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.key}"}
        return await self._stage._ask(method, f"{self.url}/api/{path}", body, headers=headers, **more)

    async def runs(self, name: str) -> Any:
        """What a sample of theirs printed, run by a shell."""
        every = samples("postproxy", {"post_abc123": "post_abc123"} | self.swaps)
        return json.loads(await in_shell(every[name], folder=self._folder))


async def becomes_public(stage: Stage, guest: Guest, made: dict[str, Any]) -> None:
    """TikTok shows it to everyone, and we have heard so."""
    await stage.until(made["id"], "published")
    for one in (await stage.sim("GET", f"world?open_id={guest.open_id}"))["posts"]:
        if not one["public"]:
            await stage.sim("POST", f"posts/{one['post_id']}/publish")

    async def named() -> bool:
        return bool((await stage.get(made["id"]))["tiktok_post_ids"])

    await eventually(named)


@pytest.mark.row(
    "PP-02", "PP-06", "PP-07", "PP-08", "PP-09", "PP-10", "PP-12", "PP-29", "PP-30", "PP-37", "PP-42", "PP-45", "PP-47",
    "PP-48", "PP-49", "PP-53", "PP-55",
)  # fmt: skip
async def test_postproxys_page_runs_from_the_profiles_to_the_numbers(stage: Stage, tmp_path: Path) -> None:
    guest = await stage.guest(followers=120)
    vendor = Postproxy(guest, await key_of(guest), tmp_path)
    group = await stage.api("POST", "groups", {"customer_id": guest.customer_id, "name": "Main Brand"})
    await stage.api("PATCH", f"accounts/{guest.account_id}", {"group_id": group["id"]})
    await stage.api("POST", "groups", {"customer_id": guest.customer_id, "name": "Client Project"})
    film = await stage.upload(guest.customer_id, clip(size=(720, 1280), seconds=3.2, fps=25))
    files = f"{stage.urls['simulator']}/_sim"
    vendor.swaps |= {
        "prof_abc123": guest.account_id,
        "https://example.com/video.mp4": film,
        **{f"https://example.com/photo{n}.jpg": f"{files}/sample-{n}.jpg" for n in (1, 2)},
        "https://example.com/webhooks/postproxy": f"{files}/customer/{guest.name}pp",
    }

    hook = await vendor.runs("webhook")
    assert hook["events"] == ["platform_post.published", "platform_post.failed", "platform_post.insights"]
    await vendor("POST", "webhooks", {"url": f"{files}/customer/{guest.name}all", "events": list(ALL)}, status=201)
    shown = (await vendor("GET", "webhooks"))["data"]
    assert shown[0]["events"] == list(ALL) and shown[0]["secret"] is None
    assert shown[-1]["events"] == ["*"], "an endpoint of ours hears in our names"

    (profile,) = (await vendor.runs("profiles"))["data"]
    assert profile["avatar_url"].startswith("http")
    assert {name: value for name, value in profile.items() if name != "avatar_url"} == {
        "id": guest.account_id, "name": f"@{guest.name}", "platform": "tiktok", "status": "active",
        "profile_group_id": group["id"], "expires_at": None, "post_count": 0,
    }  # fmt: skip
    assert [(one["name"], one["profiles_count"]) for one in (await vendor.runs("groups"))["data"]] == [
        ("Client Project", 0), ("Main Brand", 1),
    ]  # fmt: skip
    video, photos = await vendor.runs("video"), await vendor.runs("photos")
    for made in (video, photos):
        await becomes_public(stage, guest, made)
    by_title = {one["post_info"].get("title") or one["post_info"]["description"]: one for one in
                await stage.publications(guest)}  # fmt: skip
    sent = by_title["Quick tip: Building APIs just got easier! 🚀"]["post_info"]
    assert (sent["privacy_level"], sent["disable_comment"], sent["is_aigc"]) == ("PUBLIC_TO_EVERYONE", False, False)
    assert sent["disable_duet"] and sent["disable_stitch"], "off unless asked for"
    sent = by_title["Swipe through our 2026 lookbook 📸"]["post_info"]
    assert not sent.get("title") and sent["auto_add_music"] is True
    again = await vendor("GET", f"posts/{video['id']}")
    assert (again["status"], again["platforms"][0]["status"]) == ("processed", "published")
    assert again["platforms"][0]["params"]["format"] == "video"

    await settled(stage)
    await stage.advance(23 * HOUR_S)
    await settled(stage)
    vendor.swaps["post_abc123"] = video["id"]
    (platform,) = (await vendor.runs("post stats"))["data"][video["id"]]["platforms"]
    first, last = platform["records"]
    assert (platform["status"], platform["profile_id"]) == ("counted", guest.account_id)
    assert set(last["stats"]) == {"impressions", "likes", "comments", "shares"}
    assert last["stats"]["impressions"] == last["raw"]["view_count"] > first["stats"]["impressions"]
    profile = (await vendor.runs("profile stats"))["data"]
    assert profile["records"][0]["stats"]["follower_count"] == 120
    assert set(profile["records"][0]["stats"]) == {"follower_count", "following_count", "likes_count", "video_count"}
    assert (await vendor("GET", f"profiles/{guest.account_id}"))["post_count"] == 2

    heard = (await stage.sim("GET", f"customer/{guest.name}pp/inbox"))["items"]
    assert Counter(item["json"]["type"] for item in heard) == {
        "platform_post.published": 2, "platform_post.insights": 4,
    }  # fmt: skip
    insight = next(item["json"]["data"] for item in heard if item["json"]["type"] == "platform_post.insights")
    assert insight["raw"].keys() == {"view_count", "like_count", "comment_count", "share_count"}
    assert insight["stats"].keys() == set(last["stats"]) and insight["profile_id"] == guest.account_id
    heard = (await stage.sim("GET", f"customer/{guest.name}all/inbox"))["items"]
    assert {item["json"]["type"] for item in heard} == {
        "post.processed", "platform_post.published", "platform_post.insights", "profile.stats",
    }  # fmt: skip

    link = await vendor("POST", f"profile_groups/{shown_group(await vendor('GET', 'profile_groups'))}"
                        "/initialize_connection", {"platform": "tiktok"})  # fmt: skip
    assert link["success"] is True and "/v2/auth/authorize" in link["url"]
    taken = await vendor("POST", f"profile_groups/{group['id']}/initialize_connection", {}, status=409)
    assert taken["code"] == "group_taken"


def shown_group(listed: dict[str, Any]) -> str:
    """The empty one."""
    return str(next(one["id"] for one in listed["data"] if not one["profiles_count"]))


@pytest.mark.row("PP-04", "PP-13", "PP-19", "PP-20", "PP-28", "PP-31", "PP-57")
async def test_postproxys_defaults_names_and_floor_and_what_it_has_no_name_for(stage: Stage, tmp_path: Path) -> None:
    guest = await stage.guest()
    vendor = Postproxy(guest, await key_of(guest), tmp_path)
    files = f"{stage.urls['simulator']}/_sim"

    def body(**more: Any) -> dict[str, Any]:
        return {"post": {"body": "a"}, "profiles": [guest.account_id], "media": [f"{files}/sample.mp4"], **more}

    async def refused(**more: Any) -> tuple[str, str]:
        error = (await vendor("POST", "posts", body(**more), status=400))["errors"][0]
        return error["field"], error["code"]

    assert (await refused(profiles=["tiktok"])) == ("profiles.0", "unknown")
    groups = []
    for name in ("a", "b"):
        groups.append((await stage.api("POST", "groups", {"customer_id": guest.customer_id, "name": name}))["id"])
    await stage.api("PATCH", f"accounts/{guest.account_id}", {"group_id": groups[0]})
    small = await vendor("POST", "posts", body(profiles=["tiktok"], post={"body": "named"}), status=201)
    chosen = {one["field"]: one["used"] for one in small["adjustments"]}
    assert chosen["platforms.tiktok.privacy_status"] == "PUBLIC_TO_EVERYONE"
    assert chosen["platforms.tiktok.format"] == "video"
    assert small["platforms"][0]["profile_id"] == guest.account_id
    failed = await stage.until(small["id"], "failed")
    assert [(e["field"], e["code"]) for e in failed["problem"]["errors"]] == [("media.0", "too_small")]
    assert await stage.publications(guest) == [], "before any init"
    kept = await stage.upload(guest.customer_id, clip(seconds=3.2))
    assert (await refused(media=[kept])) == ("media.0", "too_small")

    other = await stage.connect(guest.customer_id, username=f"{guest.name}b")
    await stage.api("PATCH", f"accounts/{other['id']}", {"group_id": groups[1]})
    assert (await refused(profiles=["tiktok"])) == ("profiles.0", "ambiguous")
    both = {"profiles": ["tiktok", guest.account_id], "profile_group_id": groups[1], "media": [f"{files}/sample-1.jpg"]}
    image = {"platforms": {"tiktok": {"format": "image"}}, "post": {"body": "b", "draft": True}}
    made = await vendor("POST", "posts", body(**both, **image), status=201)
    assert [one["profile_id"] for one in made["platforms"]] == [other["id"], guest.account_id]
    assert (made["status"], made["id"][:4]) == ("draft", "bat_")
    assert (await vendor("GET", f"posts/{made['id']}"))["platforms"][0]["params"]["format"] == "image"
    numbers = await vendor("GET", f"posts/stats?post_ids={made['id']},post_abc123")
    assert {one["status"] for one in numbers["data"][made["id"]]["platforms"]} == {"no_public_id"}
    assert numbers["unknown"] == ["post_abc123"]

    long = "🚀" * 1101
    assert (await refused(post={"body": long})) == ("post.body", "too_long")
    assert (await refused(platforms={"tiktok": {"privacy_status": "PUBLIC"}}))[0] == "platforms.tiktok.privacy_status"
    assert (await refused(platforms={"tiktok": {"board": 1}})) == ("platforms.tiktok.board", "unknown_field")
    branded = {"privacy_status": "SELF_ONLY", "brand_content_toggle": True}
    assert (await refused(platforms={"tiktok": branded}))[0].startswith("platforms.tiktok.")
    thread = await vendor("POST", "posts", body(thread=[{"body": "2"}]), status=422)
    assert (thread["code"], thread["capability"]) == ("capability_not_supported", "threads")
    hook = {"url": f"{files}/customer/x", "events": ["platform_post.published", "comment.created"]}
    assert (await vendor("POST", "webhooks", hook, status=400))["errors"][0]["field"] == "events.1"
    mixed = {"customer_id": guest.customer_id, "url": hook["url"], "events": ["post.*"], "naming": "postproxy"}
    assert (await stage.api("POST", "endpoints", mixed, status=422))["errors"][0]["code"] == "no_such_name"
