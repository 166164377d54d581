"""What ran at another vendor runs here when its host and its key are changed: their own samples, word for word."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flow_house import Guest, Stage
from test_connect import consents, creator
from vendor_samples import in_node, in_python, in_shell, samples

from libs.model.key import Capability

pytestmark = pytest.mark.asyncio(loop_scope="module")
EXAMPLES = ("quick_start", "video", "carousel", "draft")


async def key_of(guest: Guest) -> str:
    wanted = {"customer_id": guest.customer_id, "name": "vendor", "grants": {str(one): "full" for one in Capability}}
    return str((await guest.stage.api("POST", "keys", wanted))["secret"])


class Vendor:
    """A vendor's API as its customer calls it."""

    def __init__(self, guest: Guest, name: str, key: str) -> None:
        self.url = f"{guest.stage.urls['api']}/compat/{name}"
        self.key = key
        self._stage = guest.stage

    async def __call__(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.key}", **more.pop("headers", {})}
        return await self._stage._ask(method, f"{self.url}/v1/{path}", body, headers=headers, **more)


def swaps(vendor: Vendor, guest: Guest) -> dict[str, str]:
    files = f"{guest.stage.urls['simulator']}/_sim"
    return {
        "https://api.socialsyncerapi.com": vendor.url,
        "sk_your_api_key": vendor.key,
        "YOUR_ACCOUNT_ID": guest.account_id,
        **{f"https://cdn.example.com/photo{n}.jpg": f"{files}/sample-{n}.jpg" for n in (1, 2, 3)},
        **{f"https://cdn.example.com/{name}.mp4": f"{files}/sample.mp4"
           for name in ("sunset-video", "cooking-tutorial", "draft")},
    }  # fmt: skip


@pytest.mark.row("SS-18", "SS-19", "SS-20", "SS-21", "SS-22", "SS-23", "SS-24", "SS-26")
@pytest.mark.parametrize("language", ["python", "curl", "node"])
async def test_every_example_of_socialsyncer_runs_in_every_language(
    stage: Stage, guest: Guest, language: str, tmp_path: Path
) -> None:
    if language != "python" and shutil.which(language) is None:
        pytest.skip(f"there is no {language} on this machine")
    vendor = Vendor(guest, "socialsyncer", await key_of(guest))
    every = samples("socialsyncer", swaps(vendor, guest))

    scripts = [every[f"{name} {language}"] for name in EXAMPLES]
    match language:
        case "python":
            said = [await in_python(script) for script in scripts]
        case "curl":
            said = [await in_shell(script, folder=tmp_path) for script in scripts]
        case _:
            said = [await in_node(scripts, folder=tmp_path)]

    draft, carousel, video, first = (await vendor("GET", "posts"))["data"]
    assert first["id"] in said[0], "as the samples read it: at the top level"
    for post in (first, video, carousel):
        await stage.until(post["id"], "published")
    await stage.until(draft["id"], "in_inbox")
    assert (await vendor("GET", f"posts/{first['id']}"))["status"] == "published"
    sent = {one["post_info"].get("title"): one["post_info"] for one in await stage.publications(guest)}
    shared = {"privacy_level": "PUBLIC_TO_EVERYONE", "disable_comment": False}
    open_to_all = shared | {"disable_duet": False, "disable_stitch": False}
    seen = [
        {"title": "Check out this amazing sunset! #sunset #nature", "video_cover_timestamp_ms": 1000, **open_to_all},
        {"title": "New cooking tutorial #recipe #foodtok", "video_cover_timestamp_ms": 3000, **open_to_all},
        {"title": "My travel highlights", "auto_add_music": True, **shared,
         "description": "Full trip recap from our weekend adventure. #travel #roadtrip"},
    ]  # fmt: skip
    for wanted in seen:
        assert wanted.items() <= sent[wanted["title"]].items()
    assert len(sent) == 4, "the creator gives the draft its words"


@pytest.mark.row("SS-16", "SS-45", "SS-46")
async def test_who_consented_and_when_is_in_the_audit_log_and_without_consent_nothing_is_sent(
    stage: Stage, guest: Guest
) -> None:
    vendor = Vendor(guest, "socialsyncer", await key_of(guest))
    settings = {
        "privacy_level": "SELF_ONLY", "allow_comment": True, "allow_duet": True, "allow_stitch": True,
        "content_preview_confirmed": True, "express_consent_given": True,
    }  # fmt: skip
    body = {
        "content": "one", "publishNow": True, "platforms": [{"platform": "tiktok", "accountId": guest.account_id}],
        "mediaItems": [{"type": "video", "url": f"{stage.urls['simulator']}/_sim/sample.mp4"}],
    }  # fmt: skip
    named = {"Idempotency-Key": "one"}

    for missing in ("content_preview_confirmed", "express_consent_given"):
        lacking = {name: value for name, value in settings.items() if name != missing}
        for given in (lacking, lacking | {missing: False}):
            refused = await vendor("POST", "posts", body | {"tiktokSettings": given}, status=400)
            assert [error["field"] for error in refused["errors"]] == [f"tiktokSettings.{missing}"]
    made = await vendor("POST", "posts", body | {"tiktokSettings": settings}, status=201, headers=named)
    first = stage.now
    await stage.until(made["id"], "published")
    await stage.advance(2 * 86400)  # by then the kept answer is forgotten, and the post itself is found
    await stage.row("with gone as (delete from idempotency returning 1) select count(*) from gone")
    again = await vendor("POST", "posts", body | {"tiktokSettings": settings}, status=201, headers=named)

    assert again["id"] == made["id"] and len(await stage.publications(guest)) == 1
    entries = (await stage.api("GET", f"audit?customer_id={guest.customer_id}"))["data"]
    told = [entry for entry in entries if entry["action"] == "socialsyncer.posts.create"]
    assert [entry["decision"] for entry in told] == ["allowed", "allowed", *["refused"] * 4]
    consent = told[1]["detail"]["consent"]
    assert consent["by"] == f"key {told[1]['key_id']}" and consent["at"][:19] == first.isoformat()[:19]
    assert (consent["preview_confirmed"], consent["express_consent"]) == (True, True)


@pytest.mark.row(
    "SA-02", "SA-15", "SA-18", "SA-19", "SA-20", "SA-26", "SA-27", "SA-28", "SA-29", "SA-30", "SA-31", "SA-33", "SA-36",
    "SA-40", "SA-47", "SA-48", "SA-49", "SA-70",
)  # fmt: skip
async def test_socialapis_pages_run_from_the_connect_to_the_published_post(
    stage: Stage, guest: Guest, tmp_path: Path
) -> None:
    vendor = Vendor(guest, "socialapi", await key_of(guest))
    fixed = {"https://api.social-api.ai": vendor.url, "<your-api-key>": vendor.key}
    if shutil.which("jq") is None:
        fixed["| jq"] = ""

    async def run(name: str, more: Mapping[str, str]) -> dict[str, Any]:
        script = samples("socialapi", fixed | more)[name]
        answer: dict[str, Any] = json.loads(await in_shell(script, folder=tmp_path, SOCAPI_KEY=vendor.key))
        return answer

    link = await run("connect", {})
    state = parse_qs(urlsplit(link["auth_url"]).query)["state"]
    assert state == [link["state"]] and len(bytes.fromhex(link["state"])) == 16
    name = await creator(stage, "acmecorp")
    back = urlsplit(await consents(stage, link["auth_url"], name))
    assert (back.netloc, back.path) == ("app.example.com", "/oauth/callback")
    came = {"abc123...": parse_qs(back.query)["code"][0], "4a8f2c1e9b3d7f06a5c2e8b4d1f3a7e2": link["state"]}
    account = await run("exchange", came)
    assert (account["id"][:4], account["platform"], account["username"]) == ("acc_", "tiktok", name)
    assert account["name"].startswith("The ")
    counts = {"follower_count", "following_count", "video_count", "likes_count"}
    assert {"avatar_url": str} | dict.fromkeys(counts, int) == {k: type(v) for k, v in account["metadata"].items()}
    assert await vendor("GET", f"accounts/{account['id']}") == account
    assert "metadata" not in (await vendor("GET", "accounts"))["data"][0]
    assert (await run_again(stage, vendor, came))["code"] == "replayed_state"

    files = f"{stage.urls['simulator']}/_sim"
    here = {"acc_01HZ9X3Q4R5M6N7P8V2K0W1J": account["id"], "https://cdn.example.com/video.mp4": f"{files}/sample.mp4"}
    public = await run("post", here)
    (tmp_path / "video.mp4").write_bytes((await stage.http.get(f"{files}/sample.mp4")).content)
    media = await run("upload", {})
    private = await run("landing", {"<account-id>": account["id"], "<media-id>": media["id"]})

    for made in (public, private):
        await stage.until(made["id"], "published")
        assert (await vendor("GET", f"posts/{made['id']}"))["status"] == "published"
    chosen = [{one["field"].rpartition(".")[2]: one for one in made["adjustments"]} for made in (public, private)]
    assert (chosen[0]["privacy_level"]["sent"], chosen[0]["privacy_level"]["used"]) == ("PUBLIC", "PUBLIC_TO_EVERYONE")
    assert (chosen[1]["privacy_level"]["code"], chosen[1]["privacy_level"]["used"]) == ("defaulted", "SELF_ONLY")
    assert "go live" in chosen[1]["privacy_level"]["detail"]
    await stage.api("PATCH", f"customers/{guest.customer_id}", {"strict_disclosure": True})
    for by in (vendor, Vendor(guest, "socialapi", stage.keepsake.operator_key)):
        body = {"account_ids": [account["id"]], "media_ids": [media["id"]], "text": "silent"}
        silent = await by("POST", "posts", body, status=400)
        assert [error["field"] for error in silent["errors"]] == ["platform_data.tiktok.disclosure"]
    await stage.api("PATCH", f"customers/{guest.customer_id}", {"strict_disclosure": False})
    assert chosen[1]["media_type"]["used"] == "video" and "media_type" not in chosen[0]
    sent = await stage.sim("GET", f"world?open_id={(await stage.api('GET', 'accounts/' + account['id']))['open_id']}")
    infos = [one["post_info"] for one in sent["publications"]]
    assert [(info["privacy_level"], info["title"]) for info in infos] == [
        ("PUBLIC_TO_EVERYONE", "Check out this video!"),
        ("SELF_ONLY", "Check out this tutorial! #coding #devlife"),
    ]

    wrong = {"account_id": account["id"], "media_ids": [media["id"], media["id"]], "text": "x" * 2201,
             "platform_options": {"tiktok": {"disclosure": {"branded_content": True, "paid_partnership": False},
                                             "disable_duet": "no"}}}  # fmt: skip
    refused = await vendor("POST", "posts", wrong, status=400)
    assert {"platform_options.tiktok.disable_duet"} <= {error["field"] for error in refused["errors"]}
    await stage.api("POST", f"accounts/{account['id']}/disconnect")
    for privacy in ({}, {"privacy_level": "PRIVATE"}):
        body = {"account_ids": [account["id"]], "media_ids": [media["id"]], "platform_data": {"tiktok": privacy}}
        over = await vendor("POST", "posts", body, status=401)
        assert (over["code"], over["reconnect"]) == ("invalid_token", f"/v1/accounts/{account['id']}/reconnect")


async def run_again(stage: Stage, vendor: Vendor, came: Mapping[str, str]) -> Any:
    """The exchange once more: its state is used up."""
    code, state = came.values()
    metadata = {"state": state, "redirect_uri": "https://app.example.com/oauth/callback"}
    body = {"platform": "tiktok", "code": code, "metadata": metadata}
    return await vendor("POST", "oauth/exchange", body, status=422)


@pytest.mark.row("SA-27", "SA-28")
async def test_what_socialapi_leaves_out_is_chosen_for_all_accounts_together_and_the_same_again(
    stage: Stage, guest: Guest
) -> None:
    vendor = Vendor(guest, "socialapi", await key_of(guest))
    other = await stage.connect(guest.customer_id, username=f"{guest.name}b")
    film = f"{stage.urls['simulator']}/_sim/sample.mp4"
    body = {"account_ids": [guest.account_id, other["id"]], "text": "both", "media_ids": [film]}
    named = {"Idempotency-Key": "both"}

    made = await vendor("POST", "posts", body, status=201, headers=named)
    await stage.row("with gone as (delete from idempotency returning 1) select count(*) from gone")
    for one in (guest.open_id, other["open_id"]):
        fault = {"do": "status", "endpoint": "creator_info/query", "status": 500, "open_id": one}
        await stage.sim("POST", "faults", {**fault, "count": None})  # the posts that were made ask as well
    again = await vendor("POST", "posts", body, status=201, headers=named)
    unknown = await vendor("POST", "posts", body | {"text": "another"}, status=503)

    assert again["id"] == made["id"], "what was chosen once is chosen again, whatever TikTok says now"
    assert unknown["code"] == "tiktok_unavailable"
    assert [one["account_id"] for one in made["posts"]] == body["account_ids"]
    assert {one["platform_data"]["tiktok"]["privacy_level"] for one in made["posts"]} == {"SELF_ONLY"}
