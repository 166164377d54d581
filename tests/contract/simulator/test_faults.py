"""Faults by endpoint and count: each does what it says, where it was told, and then is gone."""

import asyncio
import hashlib
from typing import Any

import aiohttp
import pytest

from tests.contract.simulator.box import CHUNK, Box, chunked, open_box
from tests.eventually import eventually

RESET = (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError, ConnectionResetError)
CREATOR = "post/publish/creator_info/query/"


async def test_a_status_answers_html_and_nothing_happens(box: Box) -> None:
    token = await box.token()
    await box.fault("status", endpoint="video/init", status=502, count=2)

    assert [(await box.init(token)).status for _ in range(3)] == [502, 502, 200]
    assert len((await box.sim("GET", "publications"))["publications"]) == 1
    assert (await box.sim("GET", "faults"))["faults"] == []


async def test_a_status_after_hides_what_happened(box: Box) -> None:
    token = await box.token()
    await box.fault("status_after", endpoint="video/init", status=503)

    assert (await box.init(token)).status == 503
    assert len((await box.sim("GET", "publications"))["publications"]) == 1


async def test_a_reset_happens_before_and_a_reset_after_happens_after(box: Box) -> None:
    token = await box.token()
    for do, left_behind in (("reset", 0), ("reset_after", 1)):
        await box.fault(do, endpoint="video/init")
        with pytest.raises(RESET):
            await box.init(token)
        assert len((await box.sim("GET", "publications"))["publications"]) == left_behind


async def test_hangs_end_when_the_client_gives_up(box: Box) -> None:
    token = await box.token()

    async def met() -> bool:
        return not (await box.sim("GET", "faults"))["faults"]

    for do in ("hang", "hang_after"):
        await box.fault(do, endpoint="creator_info/query", seconds=60)
        hanging = asyncio.create_task(box.post(CREATOR, token))
        await eventually(met)
        answered, _ = await asyncio.wait([hanging], timeout=0.2)
        assert not answered
        hanging.cancel()
        await asyncio.wait([hanging])
    assert (await box.post(CREATOR, token)).status == 200


async def test_a_hanging_call_does_not_keep_the_simulator_from_stopping() -> None:
    async with open_box() as box:
        token = await box.token()
        await box.fault("hang", endpoint="creator_info/query", seconds=600)
        hanging = asyncio.create_task(box.post(CREATOR, token))
        while not (await box.sim("GET", "calls"))["calls"]:
            await asyncio.sleep(0)
        async with asyncio.timeout(30):  # it would hang for ten minutes
            await box.simulator.stop()
        with pytest.raises(aiohttp.ClientError):
            await hanging


async def test_bodies_can_drip_or_end_half_way(box: Box) -> None:
    token = await box.token()
    await box.fault("slow_body", endpoint="creator_info/query", seconds=0.0001)
    assert (await box.post(CREATOR, token)).code == "ok"
    await box.fault("truncated_body", endpoint="creator_info/query")
    with pytest.raises(aiohttp.ClientError):
        await box.post(CREATOR, token)
    await box.fault("latency", endpoint="creator_info/query", seconds=0.05)
    assert (await box.post(CREATOR, token)).code == "ok"


@pytest.mark.parametrize("do", ["latency", "slow_body"])
async def test_a_call_that_waits_is_let_go_by_its_account(box: Box, do: str) -> None:
    anna, bob = await box.account(), await box.account()
    await box.fault(do, endpoint="creator_info/query", seconds=600)
    waiting = asyncio.create_task(box.post(CREATOR, anna["access_token"]))
    while not (await box.sim("GET", "calls"))["calls"]:
        await asyncio.sleep(0)

    assert await box.sim("POST", "faults/release", {"open_id": bob["open_id"]}) == {"released": 0}
    assert not waiting.done()
    assert await box.sim("POST", "faults/release", {"open_id": anna["open_id"]}) == {"released": 1}

    assert (await waiting).code == "ok"


async def test_faults_match_account_chunk_and_skip_some(box: Box) -> None:
    anna, bob = await box.account(), await box.account()
    await box.fault("status", endpoint="creator_info/query", open_id=anna["open_id"], skip=1)
    seen = [(await box.post(CREATOR, who["access_token"])).status for who in (bob, anna, bob, anna, anna)]
    assert seen == [200, 200, 200, 500, 200]

    body = {"post_info": {"privacy_level": "SELF_ONLY"}, "source_info": chunked(CHUNK * 3, CHUNK, 3)}
    url = (await box.post("post/publish/video/init/", anna["access_token"], body)).data["upload_url"]
    await box.fault("status", endpoint="upload", chunk=2, status=500)
    await box.fault("status", endpoint="upload", chunk="last", status=504)
    data = b"x" * CHUNK
    for first, statuses in ((0, [206]), (CHUNK, [500, 206]), (CHUNK * 2, [504, 201])):
        assert [(await box.put(url, data, first=first, total=CHUNK * 3)).status for _ in statuses] == statuses


async def test_effects_befall_the_account_before_or_after_the_call(box: Box) -> None:
    async def after(do: str, effect: str) -> tuple[Any, Any]:
        account = await box.account()
        await box.fault(do, endpoint="creator_info/query", effect=effect)
        first = (await box.post(CREATOR, account["access_token"])).code
        return first, (await box.post(CREATOR, account["access_token"])).code

    assert await after("effect", "ban") == ("spam_risk_user_banned_from_posting",) * 2
    assert await after("effect_after", "ban") == ("ok", "spam_risk_user_banned_from_posting")
    assert await after("effect", "expire_token") == ("access_token_invalid",) * 2
    assert await after("effect_after", "remove_authorization") == ("ok", "access_token_invalid")
    assert await after("effect", "spend_daily_cap") == ("spam_risk_too_many_posts",) * 2
    assert await after("effect_after", "make_public") == ("ok", "ok")


async def test_a_chance_of_a_half_is_the_same_chance_for_the_same_seed() -> None:
    async def run() -> list[int]:
        async with open_box() as box:
            token = await box.token()
            await box.fault("status", endpoint="user/info", probability=0.5, count=None)
            return [(await box.user(token, "open_id")).status for _ in range(40)]

    first, second = await run(), await run()
    assert first == second and 8 < first.count(500) < 32


async def test_wrong_faults_are_refused_by_name(box: Box) -> None:
    for fault, word in (
        ({"do": "nope"}, "do"),
        ({"do": "error"}, "code"),
        ({"do": "fail_post"}, "fail_reason"),
        ({"do": "effect"}, "effect"),
        ({"do": "hang", "seconds": 1e9}, "seconds"),
        ({"do": "status", "status": 200}, "status"),
        ({"do": "status", "surprise": 1}, "surprise"),
    ):
        reply = await box.call("POST", "/_sim/faults", json=fault)
        assert reply.status == 400 and word in reply.text
    made = await box.sim("POST", "faults", {"do": "reset"})
    await box.sim("DELETE", f"faults/{made['id']}")
    assert (await box.call("DELETE", f"/_sim/faults/{made['id']}")).status == 404


async def test_a_client_that_leaves_mid_chunk_loses_that_chunk_only(box: Box) -> None:
    token = await box.token()
    body = {"post_info": {"privacy_level": "SELF_ONLY"}, "source_info": chunked(CHUNK * 2, CHUNK, 2)}
    reply = await box.post("post/publish/video/init/", token, body)
    url, data = reply.data["upload_url"], bytes(range(256)) * (CHUNK // 256)
    assert (await box.put(url, data, total=CHUNK * 2)).status == 206

    async def half() -> Any:
        yield data[: CHUNK // 2]
        raise RuntimeError("gone")

    headers = {"Content-Type": "video/mp4", "Content-Range": f"bytes {CHUNK}-{CHUNK * 2 - 1}/{CHUNK * 2}",
               "Content-Length": str(CHUNK)}  # fmt: skip
    with pytest.raises((aiohttp.ClientError, RuntimeError)):
        await box.call("PUT", url, data=half(), headers=headers)

    assert (await box.status(token, reply.data["publish_id"])).data["uploaded_bytes"] == CHUNK
    assert (await box.put(url, data, first=CHUNK, total=CHUNK * 2)).status == 201
    (media,) = (await box.publication(reply.data["publish_id"]))["media"]
    assert media["sha256"] == hashlib.sha256(data * 2).hexdigest()
