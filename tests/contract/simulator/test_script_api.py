"""The scripting and inspection API: what tests and people do with the box."""

import asyncio
import hashlib
import json
from datetime import datetime

import pytest

from tests.contract.simulator.box import KEY, SECRET, START, WEB_URI, Box, open_box
from tests.contract.simulator.clips import clip
from tests.eventually import eventually


async def test_the_world_shows_bytes_hashes_and_how_often_each_upload_was_published(box: Box) -> None:
    await box.turn(processing_s=0)
    account = await box.account(username="anna")
    data = bytes(range(250)) * 4

    publish_id = await box.upload(await box.init(account["access_token"], title="Hi"), data)

    world = await box.sim("GET", f"world?open_id={account['open_id']}")
    (pub,), (post,) = world["publications"], world["posts"]
    assert (pub["publish_id"], pub["published"], pub["upload"]["chunks"]) == (publish_id, 1, [1000])
    assert post["sha256"] == [hashlib.sha256(data).hexdigest()] and post["media"][0]["bytes"] == 1000
    assert (post["username"], post["title"], post["privacy_level"]) == ("anna", "Hi", "SELF_ONLY")
    assert world["counts"]["posts"] == 1 and world["health"]["unscripted_errors"] == 0
    assert world["duplicates"] == []
    assert {"endpoint": "video/init", "code": "ok", "count": 1} in world["calls"]


async def test_the_same_bytes_and_words_published_twice_are_called_out(box: Box) -> None:
    await box.turn(processing_s=0)
    twice, once = await box.account(username="anna"), await box.account(username="bert")
    for title in ("same", "other", "same"):
        await box.upload(await box.init(twice["access_token"], title=title))
    await box.upload(await box.init(once["access_token"], title="same"))

    (found,) = (await box.sim("GET", "world"))["duplicates"]

    assert found["title"] == "same" and len(found["publish_ids"]) == 2
    assert (await box.sim("GET", f"world?open_id={twice['open_id']}"))["duplicates"] == [found]
    assert (await box.sim("GET", f"world?open_id={once['open_id']}"))["duplicates"] == []


async def test_the_call_log_holds_every_call_and_no_secret(box: Box) -> None:
    account = await box.account(username="anna")
    sent = await box.code(username="anna")
    await box.app_form("token", grant_type="authorization_code", code=sent["code"], redirect_uri=WEB_URI)
    reply = await box.init(account["access_token"])
    await box.upload(reply)
    pair = (await box.app_form("token", grant_type="refresh_token", refresh_token=account["refresh_token"])).json
    await box.app_form("revoke", token=pair["access_token"])

    calls = (await box.sim("GET", "calls"))["calls"]

    endpoints = [call["endpoint"] for call in calls]
    assert endpoints == ["oauth/token", "video/init", "upload", "oauth/token", "oauth/revoke"]
    assert calls[1]["request"]["source_info"]["video_size"] == 1000 and calls[1]["open_id"] == account["open_id"]
    assert calls[2]["chunk"] == 1 and calls[2]["received_bytes"] == 1000 and calls[2]["status"] == 201
    token = reply.data["upload_url"].rpartition("=")[2]
    text = json.dumps(calls)
    for secret in (
        SECRET,
        sent["code"],
        account["access_token"],
        account["refresh_token"],
        pair["access_token"],
        token,
    ):
        assert secret not in text
    later = (await box.sim("GET", f"calls?after={calls[2]['seq']}&endpoint=oauth/token"))["calls"]
    assert [call["seq"] for call in later] == [calls[3]["seq"]]


async def test_reset_forgets_everything_but_time_and_used_numbers(box: Box) -> None:
    await box.turn(processing_s=0, stuck=True)
    await box.listen()
    token = await box.token()
    first = await box.upload(await box.init(token))
    await box.fault("hang")
    box.advance(100)

    await box.sim("POST", "reset")

    world = await box.sim("GET", "world")
    assert all(count == 0 for count in world["counts"].values()) and world["calls"] == []
    assert (await box.sim("GET", "settings"))["stuck"] is False
    assert (await box.sim("GET", "settings"))["webhook_url"].endswith("/_sim/customer/ingest")
    assert (await box.sim("GET", "customer"))["customers"] == []
    assert (await box.status(token, first)).status == 401
    assert box.clock.now() > START and world["now"] == box.clock.now().isoformat()
    again = await box.init(await box.token())
    assert int(again.data["publish_id"].rpartition(".")[2]) > int(first.rpartition(".")[2])


async def test_programs_can_follow_the_clock(box: Box) -> None:
    before = await box.sim("GET", "clock")
    follower = asyncio.create_task(box.sim("GET", f"clock?version={before['version']}&wait_s=30"))
    await asyncio.sleep(0)

    after = await box.sim("POST", "clock/advance", {"seconds": 3600})

    heard = await follower
    assert heard == after and heard["unix"] - before["unix"] == 3600 and heard["version"] == before["version"] + 1
    frozen = await box.sim("POST", "clock/freeze")
    box.advance(50)
    assert (await box.sim("GET", "clock"))["now"] == frozen["now"] and frozen["frozen"] is True
    await box.sim("POST", "clock/thaw")
    box.advance(50)
    now = datetime.fromisoformat((await box.sim("GET", "clock"))["now"])
    assert (now - datetime.fromisoformat(frozen["now"])).total_seconds() == 50
    assert (await box.call("POST", "/_sim/clock/advance", json={"seconds": -1})).status == 400


async def test_wrong_settings_are_refused_whole_and_by_name(box: Box) -> None:
    reply = await box.call("PATCH", "/_sim/settings", json={"limit_init": 3, "chunk_min_bytes": 0, "nope": 1})
    assert reply.status == 400 and "chunk_min_bytes" in reply.text and "nope" in reply.text
    assert (await box.sim("GET", "settings"))["limit_init"] == 6
    for wrong in ({"webhook_url": "ftp://x"}, {"webhook_url": 7}, [], "x"):
        assert (await box.call("PATCH", "/_sim/settings", json=wrong)).status == 400
    assert (await box.call("POST", "/_sim/accounts", data=b"{")).status == 400


async def test_accounts_come_in_any_state(box: Box) -> None:
    account = await box.account(username="anna", limits={"video/init": 2}, spent_posts=13, scopes=["video.publish"])
    assert account["posts_left"] == 2 and account["scope"] == "video.publish"
    codes = [(await box.init(account["access_token"])).code for _ in range(3)]
    assert codes == ["ok", "ok", "rate_limit_exceeded"]
    for name in ("anna", account["open_id"], account["union_id"]):
        assert (await box.sim("GET", f"accounts/{name}"))["posts_left"] == 0
    await box.sim("PATCH", "accounts/anna", {"daily_post_cap": 20})
    assert (await box.sim("GET", "accounts/anna"))["posts_left"] == 5
    await box.sim("POST", "accounts/anna/expire")
    assert (await box.init(account["access_token"])).code == "access_token_invalid"
    fresh = await box.app_form("token", grant_type="refresh_token", refresh_token=account["refresh_token"])
    assert "access_token" in fresh.json
    await box.sim("POST", "accounts/anna/expire?refresh=1")
    dead = await box.app_form("token", grant_type="refresh_token", refresh_token=fresh.json["refresh_token"])
    assert dead.code == "invalid_grant"
    assert (await box.call("POST", "/_sim/accounts", json={"username": "anna"})).status == 400
    assert (await box.call("POST", "/_sim/accounts", json={"scopes": ["nope"]})).status == 400
    assert (await box.call("GET", "/_sim/accounts/nobody")).status == 404


async def test_the_same_seed_makes_the_same_run() -> None:
    async def run() -> tuple[str, str]:
        async with open_box() as box:
            account = await box.account(username="anna")
            return account["access_token"], (await box.init(account["access_token"])).data["publish_id"]

    assert await run() == await run()


async def test_apps_have_their_own_secrets_and_callback_urls(box: Box) -> None:
    await box.turn(processing_s=0)
    await box.listen("first")
    await box.sim("PUT", "apps/second", {"secrets": ["new", "old"], "webhook_url": f"{box.url}/_sim/customer/second"})
    await box.sim("PUT", "customer/second", {"secret": "tiktok_new"})
    await box.sim("PUT", "customer/first", {"secret": "tiktok_wrong"})
    mine, theirs = await box.account(), await box.account(client_key="second")
    for account in (mine, theirs):
        await box.upload(await box.init(account["access_token"]))
    await box.webhooks(answered=2)

    verdicts = {name: (await box.sim("GET", f"customer/{name}/inbox"))["items"] for name in ("first", "second")}

    assert [item["signature"] for item in verdicts["first"]] == ["invalid"]
    assert [item["good"] for item in verdicts["second"]] == [True]
    assert verdicts["second"][0]["json"]["client_key"] == "second"
    for secret, good in (("new", True), ("old", True), ("older", False)):
        fields = {"client_key": "second", "client_secret": secret, "grant_type": "refresh_token",
                  "refresh_token": theirs["refresh_token"]}  # fmt: skip
        reply = await box.form("token", **fields)
        assert (reply.json.get("error") != "invalid_client") is good
        theirs["refresh_token"] = reply.json.get("refresh_token", "")
    assert (await box.app_form("revoke", token=theirs["access_token"])).code == "invalid_request"
    assert (await box.call("PUT", "/_sim/apps/third", json={})).status == 400


@pytest.mark.row("BO-38")
async def test_research_comments_are_gated_behind_an_approved_app(box: Box) -> None:
    path = "/v2/research/video/comment/list/?fields=id,text"
    account = await box.account(videos=1)
    (post,) = (await box.sim("GET", "posts"))["posts"]
    video_id = int(post["post_id"])
    comment = {"id": 1, "video_id": video_id, "text": "Nice", "like_count": 2}
    await box.sim("PATCH", f"accounts/{account['username']}", {"comments": [comment]})

    async def ask(token: str) -> tuple[int, str]:
        reply = await box.call("POST", path, json={"video_id": video_id}, headers={"Authorization": f"Bearer {token}"})
        return reply.status, reply.text

    assert (await ask(account["access_token"]))[0] == 401
    plain = (await box.app_form("token", grant_type="client_credentials")).json["access_token"]
    assert "scope_not_authorized" in (await ask(plain))[1]
    await box.sim("PUT", f"apps/{KEY}", {"research_approved": True})
    approved = (await box.app_form("token", grant_type="client_credentials")).json["access_token"]
    status, text = await ask(approved)
    assert status == 200 and json.loads(text)["data"]["comments"] == [{"id": 1, "text": "Nice"}]


async def test_published_media_can_be_played_with_ranges_and_never_as_a_page(box: Box) -> None:
    await box.turn(processing_s=0)
    token, film = await box.token(), clip()
    await box.upload(await box.init(token, size=len(film)), film)
    (post,) = (await box.sim("GET", "posts"))["posts"]

    reply = await box.call("GET", f"/_sim/posts/{post['post_id']}/media/0", headers={"Range": "bytes=4-7"})

    assert (reply.status, reply.text, reply.headers["Content-Type"]) == (206, "ftyp", "video/mp4")
    for missing in (f"posts/{post['post_id']}/media/1", "posts/1/media/0", "posts/x/cover", "sample-36.jpg"):
        assert (await box.call("GET", f"/_sim/{missing}")).status == 404


async def test_the_page_and_its_parts_are_served(box: Box) -> None:
    assert (await box.call("GET", "/")).headers["Location"] == "/_sim/"
    page = await box.call("GET", "/_sim/")
    assert page.status == 200 and "page.js" in page.text
    for part, kind in (("page.css", "css"), ("page.js", "javascript")):
        assert kind in (await box.call("GET", f"/_sim/{part}")).headers["Content-Type"]


async def test_drafts_can_be_posted_by_themselves_or_vanish(box: Box) -> None:
    await box.turn(processing_s=0, draft_autopost_s=60)
    token = await box.token()
    posted = await box.upload(await box.inbox(token))
    box.advance(60)
    assert (await box.status(token, posted)).data == {"status": "PUBLISH_COMPLETE"}
    await box.turn(draft_autopost_s=None, draft_retention_s=100)
    lost = await box.upload(await box.inbox(token))
    box.advance(100)
    assert (await box.status(token, lost)).data == {"status": "SEND_TO_USER_INBOX"}
    assert (await box.call("POST", f"/_sim/publications/{lost}/post", json={})).status == 400
    await box.turn(publish_id_retention_s=50)
    assert (await box.status(token, lost)).code == "invalid_publish_id"


async def test_bigger_files_are_hashed_and_counted_but_not_kept() -> None:
    async with open_box(processing_s=0, check_media=True) as box:
        box.simulator._spool.file_bytes = 999  # what SIMULATOR_KEEP_FILE_BYTES sets
        token = await box.token()
        data = b"z" * 1000
        publish_id = await box.upload(await box.init(token), data)

        await box.until(token, publish_id, "PUBLISH_COMPLETE")

        (media,) = (await box.publication(publish_id))["media"]
        assert media == {**media, "sha256": hashlib.sha256(data).hexdigest(), "bytes": 1000, "kept": False}


async def test_history_stays_bounded_and_finished_posts_go_first(box: Box) -> None:
    await box.turn(processing_s=0, limit_init=0, daily_post_cap=1_000_000, pending_share_cap=1_000_000)
    box.simulator.world.publications._most = 20
    token = await box.token()
    waiting = (await box.init(token)).data["publish_id"]
    for _ in range(30):
        await box.upload(await box.init(token))

    async def settled() -> bool:
        return (await box.sim("GET", "world"))["counts"]["publications"] == 20

    assert await eventually(settled)
    assert (await box.status(token, waiting)).data["status"] == "PROCESSING_UPLOAD"
