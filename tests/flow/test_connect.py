"""Accounts by OAuth: a person at TikTok's consent page, the hosted page they come back to, and what is told of it."""

import asyncio
from collections.abc import Collection
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flow_house import Guest, Stage

from libs.model.connect import LIFE, OPENINGS_MAX
from tests.contract.simulator.consent import Page
from tests.eventually import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

SCOPES = ["user.info.basic", "user.info.profile", "user.info.stats", "video.list", "video.publish", "video.upload"]


async def asked(stage: Stage, customer_id: str, **more: Any) -> dict[str, Any]:
    """A link for a creator, which asks for what a connect asks for by itself."""
    wanted = {"customer_id": customer_id, **more}
    made: dict[str, Any] = await stage.api("POST", "accounts/connect", wanted, status=201)
    return made


async def consents(
    stage: Stage, auth_url: str, username: str, *, unticks: Collection[str] = (), agrees: bool = True
) -> str:
    """Opens the link in a browser, chooses the account, and presses; where the browser is sent then."""
    stage.http.cookies.clear()  # a browser in which nobody is logged in
    page = await stage.http.get(auth_url)
    form = Page(page.text).form
    assert form is not None, page.text
    form.choose(f"@{username}")
    for scope in unticks:
        form.untick(scope)
    sent = await stage.http.post(
        f"{stage.urls['simulator']}{form.action}", data=dict(form.pressed("Authorize" if agrees else "Cancel")) | {
            "granted": [value for name, value in form.pressed("Authorize") if name == "granted"]
        },
    )  # fmt: skip
    assert sent.status_code == 302, sent.text
    return str(sent.headers["Location"])


async def creator(stage: Stage, username: str) -> str:
    """Somebody at TikTok who has granted nothing yet to anybody but a stranger; their name."""
    name = f"{username}{next(stage.count)}"
    await stage.sim("POST", "accounts", {"username": name, "display_name": f"The <b>{username}</b>"})
    return name


async def accounts(stage: Stage, customer_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await stage.api("GET", f"accounts?customer_id={customer_id}"))["data"]
    return found


async def customer(stage: Stage) -> str:
    return str((await stage.api("POST", "customers", {"name": f"c{next(stage.count)}"}))["id"])


async def told(guest: Guest) -> list[dict[str, Any]]:
    """What the customer heard about accounts, oldest first."""
    await guest.heard()
    return [item["json"] for item in await guest.inbox() if item["type"].startswith("account.")]


@pytest.mark.row("SA-01", "SA-16", "SA-20", "SA-21", "SA-22", "SA-23", "SA-24", "BO-04", "PP-54")
async def test_a_full_grant_ends_in_an_account_that_can_post_and_one_event(stage: Stage, guest: Guest) -> None:
    name = await creator(stage, "full")
    link = await asked(stage, guest.customer_id)
    query = parse_qs(urlsplit(link["auth_url"]).query)
    assert query["state"] == [link["state"]]
    assert len(query["code_challenge"][0]) == 64, "this redirect is on this machine, where PKCE applies"

    page = await stage.http.get(await consents(stage, link["auth_url"], name))

    assert page.status_code == 200
    assert f"@{name} is connected" in page.text
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert (page.headers["Cache-Control"], page.headers["Referrer-Policy"]) == ("no-store", "no-referrer")
    account = next(one for one in await accounts(stage, guest.customer_id) if one["username"] == name)
    assert (account["state"], account["missing_scopes"]) == ("connected", [])
    assert set(account["scopes"]) == set(SCOPES)
    [event] = await told(guest)
    assert (event["type"], event["data"]["account_id"]) == ("account.connected", account["id"])
    post = await guest.post(account_id=account["id"])
    await stage.until(post["id"], "published")
    profile = await stage.api("GET", f"accounts/{account['id']}/profile")
    assert (profile["username"], profile["follower_count"] >= 0) == (name, True)
    counts = {"follower_count", "following_count", "likes_count", "video_count"}
    assert {*counts, "avatar_url", "display_name"} <= profile.keys()
    assert "data" in await stage.api("GET", f"accounts/{account['id']}/videos?limit=5")


@pytest.mark.row("SA-25", "SA-37", "BO-16", "BO-57")
async def test_a_partial_grant_names_each_missing_permission_to_everybody(stage: Stage, guest: Guest) -> None:
    name = await creator(stage, "partial")
    link = await asked(stage, guest.customer_id)
    off = ["video.publish", "user.info.stats"]

    page = await stage.http.get(await consents(stage, link["auth_url"], name, unticks=off))

    assert page.status_code == 200
    assert "some permissions missing" in page.text
    assert "video.publish: publish posts directly" in page.text
    account = next(one for one in await accounts(stage, guest.customer_id) if one["username"] == name)
    assert set(account["missing_scopes"]) == set(off)
    [event] = await told(guest)
    assert set(event["data"]["missing_scopes"]) == set(off)
    health = await stage.api("GET", f"accounts/{account['id']}/health")
    assert "publish posts directly" in health["cannot"]
    assert (health["usable"], health["app_audited"]) == (True, True)
    refused = await guest.post(account_id=account["id"], status=422)
    assert refused["errors"][0]["code"] == "missing_scope"
    profile = await stage.api("GET", f"accounts/{account['id']}/profile")
    assert profile["username"] == name
    assert "follower_count" not in profile, "a field that no scope opens is absent"


async def test_who_does_not_agree_is_not_connected_and_nothing_is_told(stage: Stage, guest: Guest) -> None:
    name = await creator(stage, "denies")
    link = await asked(stage, guest.customer_id)

    page = await stage.http.get(await consents(stage, link["auth_url"], name, agrees=False))

    assert page.status_code == 200
    assert "You did not agree" in page.text
    assert len(await accounts(stage, guest.customer_id)) == 1
    assert await told(guest) == []


@pytest.mark.row("SA-16")
async def test_a_link_works_once_though_its_answer_is_brought_many_times_at_once(stage: Stage, guest: Guest) -> None:
    name = await creator(stage, "replay")
    link = await asked(stage, guest.customer_id)
    back = await consents(stage, link["auth_url"], name)

    pages = await asyncio.gather(*(stage.http.get(back) for _ in range(8)))

    assert sorted(page.status_code for page in pages) == [200] + [400] * 7
    assert sum("was used already" in page.text for page in pages) == 7
    assert (await stage.http.head(back)).status_code == 405
    assert [event["type"] for event in await told(guest)] == ["account.connected"]


@pytest.mark.row("SA-16", "SA-18")
async def test_a_stolen_state_brings_the_thief_nothing_and_stays_good(stage: Stage, guest: Guest) -> None:
    """The thief has the state of another customer: his own key, another address and a code of his own do not help."""
    name, thief = await creator(stage, "victim"), await creator(stage, "thief")
    other = await customer(stage)
    key = await stage.api("POST", "keys", {"customer_id": other, "name": "t", "grants": {"accounts": "full"}})
    headers = {"Authorization": f"Bearer {key['secret']}"}
    link, own = await asked(stage, guest.customer_id), await asked(stage, other)
    back = parse_qs(urlsplit(await consents(stage, own["auth_url"], thief)).query)
    wanted = {"state": link["state"], "code": back["code"][0], "redirect_uri": link["redirect_uri"]}

    refused = await stage.http.post(f"{stage.urls['api']}/v1/accounts/exchange", json=wanted, headers=headers)

    assert (refused.status_code, refused.json()["code"]) == (422, "unknown_state")
    unknown = await stage.http.get(link["redirect_uri"], params={"state": "0" * 32, "code": "x"})
    assert (unknown.status_code, "not known here" in unknown.text) == (400, True)
    page = await stage.http.get(await consents(stage, link["auth_url"], name))
    assert page.status_code == 200, "the state was not used up by the thief"
    assert await accounts(stage, other) == []


async def test_a_code_of_another_browser_does_not_fit_the_state(stage: Stage, guest: Guest) -> None:
    name = await creator(stage, "swap")
    mine, theirs = await asked(stage, guest.customer_id), await asked(stage, await customer(stage))
    back = parse_qs(urlsplit(await consents(stage, theirs["auth_url"], name)).query)

    page = await stage.http.get(mine["redirect_uri"], params={"state": mine["state"], "code": back["code"][0]})

    assert (page.status_code, "meant for another browser" in page.text) == (400, True)
    assert await told(guest) == []


@pytest.mark.row("SA-16", "SA-18")
async def test_a_state_is_good_for_its_own_redirect_only(stage: Stage, guest: Guest) -> None:
    link = await asked(stage, guest.customer_id, redirect_uri="https://app.example/cb")
    assert "code_challenge" not in link["auth_url"], "a web app sends no challenge"
    hosted = (await asked(stage, guest.customer_id))["redirect_uri"]

    page = await stage.http.get(hosted, params={"state": link["state"], "code": "x"})

    assert (page.status_code, "belongs to another address" in page.text) == (400, True)
    wanted = {"state": link["state"], "code": "x", "redirect_uri": "https://app.example/cb/"}
    refused = await stage.api("POST", "accounts/exchange", wanted, status=422)
    assert refused["code"] == "wrong_redirect"


@pytest.mark.row("SA-18")
async def test_whoever_catches_the_browser_exchanges_the_code_for_the_account(stage: Stage, guest: Guest) -> None:
    name = await creator(stage, "catch")
    link = await asked(stage, guest.customer_id, redirect_uri="https://app.example/cb")
    back = parse_qs(urlsplit(await consents(stage, link["auth_url"], name)).query)
    wanted = {"state": link["state"], "code": back["code"][0], "redirect_uri": "https://app.example/cb"}

    made = await stage.api("POST", "accounts/exchange", wanted, status=201)

    assert (made["username"], made["customer_id"]) == (name, guest.customer_id)
    again = await stage.api("POST", "accounts/exchange", wanted, status=422)
    assert again["code"] == "replayed_state"


@pytest.mark.row("SA-16")
async def test_too_old_a_code_and_too_old_a_link_are_told_apart(stage: Stage, guest: Guest) -> None:
    name = await creator(stage, "late")
    slow, slower = await asked(stage, guest.customer_id), await asked(stage, guest.customer_id)
    back, later = [await consents(stage, link["auth_url"], name) for link in (slow, slower)]

    await stage.advance(400)
    expired_code = await stage.http.get(back)
    await stage.advance(600)
    expired_state = await stage.http.get(later)

    assert (expired_code.status_code, "It took too long" in expired_code.text) == (400, True)
    assert (expired_state.status_code, "This link is too old" in expired_state.text) == (400, True)
    assert await told(guest) == []


async def test_connecting_again_keeps_id_and_history_and_only_the_same_creator_will_do(
    stage: Stage, guest: Guest
) -> None:
    name, other = await creator(stage, "again"), await creator(stage, "other")
    first = await stage.http.get(await consents(stage, (await asked(stage, guest.customer_id))["auth_url"], name))
    assert first.status_code == 200
    account = next(one for one in await accounts(stage, guest.customer_id) if one["username"] == name)
    post = await guest.published(account_id=account["id"])
    await stage.api("POST", f"accounts/{account['id']}/disconnect", status=200)
    await stage.advance(2)  # TikTok's word of it may come late: it has to be older than the new grant
    link = await asked(stage, guest.customer_id, account_id=account["id"], always_ask=True)

    wrong = await stage.http.get(await consents(stage, link["auth_url"], other))
    link = await asked(stage, guest.customer_id, account_id=account["id"], always_ask=True)
    right = await stage.http.get(await consents(stage, link["auth_url"], name))

    assert (wrong.status_code, "another TikTok account" in wrong.text) == (400, True)
    assert (right.status_code, "connected again" in right.text) == (200, True)
    found = await stage.api("GET", f"accounts/{account['id']}")
    assert (found["state"], found["open_id"]) == ("connected", account["open_id"])
    assert (await stage.get(post["id"]))["account_id"] == account["id"]
    kinds = [event["type"] for event in await told(guest)]
    assert kinds == ["account.connected", "account.disconnected", "account.connected"]


# A link to connect again


@pytest.mark.row("SA-36", "BO-52")
async def test_whoever_needs_connecting_again_says_how_and_the_link_that_is_sent_does_it(
    stage: Stage, guest: Guest
) -> None:
    await stage.sim("POST", f"accounts/{guest.open_id}/expire?refresh=1")
    failed = await stage.until((await guest.post())["id"], "failed")
    path = f"/v1/accounts/{guest.account_id}/reconnect"

    [event] = await told(guest)
    health = await stage.api("GET", f"accounts/{guest.account_id}/health")
    refused = await guest.post(status=422)
    asked_tiktok = await stage.api("GET", f"accounts/{guest.account_id}/profile", status=409)

    assert (event["type"], event["data"]["reconnect"]) == ("account.reauthorization_required", path)
    assert (health["usable"], health["reconnect"], path in health["remedy"]) == (False, path, True)
    assert (await guest.account())["reconnect"] == path
    assert all(path in text for text in (failed["problem"]["remedy"], refused["errors"][0]["remedy"]))
    assert (asked_tiktok["code"], asked_tiktok["reconnect"]) == ("reauthorization_required", path)

    made = await stage.api("POST", path.removeprefix("/v1/"), {"link_days": 2}, status=201)
    await stage.advance(86_400)  # mailed, and found the next day
    opened = await stage.http.get(made["link"])
    assert (opened.status_code, opened.headers["Referrer-Policy"]) == (302, "no-referrer")
    assert made["state"] not in opened.headers["Location"], "each opening has a state of its own"
    other = await stage.http.get(await consents(stage, opened.headers["Location"], await creator(stage, "notme")))
    again = (await stage.http.get(made["link"])).headers["Location"]
    right = await stage.http.get(await consents(stage, again, guest.name))

    assert (other.status_code, "another TikTok account" in other.text) == (400, True)
    assert (right.status_code, "connected again" in right.text) == (200, True)
    account = await guest.account()
    assert (account["id"], account["state"], account["reconnect"]) == (guest.account_id, "connected", None)
    await guest.published()
    done = await stage.http.get(made["link"])
    assert (done.status_code, "Already connected" in done.text) == (200, True)
    history = await stage.api("GET", f"audit?customer_id={guest.customer_id}&limit=200")
    assert made["link"].rpartition("/")[2] not in str(history) + str(await guest.inbox())


@pytest.mark.row("SS-72")
async def test_missing_permissions_are_named_with_the_way_to_grant_them_all(stage: Stage, guest: Guest) -> None:
    name = await creator(stage, "fewer")
    link = await asked(stage, guest.customer_id)
    page = await stage.http.get(await consents(stage, link["auth_url"], name, unticks=["video.publish", "video.list"]))
    assert page.status_code == 200
    account = next(one for one in await accounts(stage, guest.customer_id) if one["username"] == name)
    path = f"/v1/accounts/{account['id']}/reconnect"

    refused = (await guest.post(account_id=account["id"], status=422))["errors"][0]
    videos = await stage.api("GET", f"accounts/{account['id']}/videos", status=409)

    assert refused["detail"] == "Missing required TikTok permissions: video.publish."
    assert path in refused["remedy"]
    assert (videos["code"], videos["missing_scopes"], videos["reconnect"]) == ("missing_scope", ["video.list"], path)
    made = await stage.api("POST", path.removeprefix("/v1/"), status=201)
    assert set(made["scopes"]) == set(SCOPES)
    granted = await stage.http.get(await consents(stage, made["auth_url"], name))
    assert (granted.status_code, "All permissions were granted" in granted.text) == (200, True)
    found = await stage.api("GET", f"accounts/{account['id']}")
    assert (found["missing_scopes"], found["reconnect"]) == ([], None)


async def test_a_link_to_reconnect_ends_is_unknown_to_strangers_and_fills_no_table(stage: Stage, guest: Guest) -> None:
    made = await stage.api("POST", f"accounts/{guest.account_id}/reconnect", {"link_days": 1}, status=201)
    base, _, token = made["link"].rpartition("/")

    opened = [await stage.http.get(made["link"]) for _ in range(OPENINGS_MAX + 1)]
    unknown = [await stage.http.get(f"{base}/{guess}") for guess in ("A" * 43, token[:-1], "a%00b")]
    head = await stage.http.head(made["link"])
    await stage.advance(LIFE.total_seconds() + 1)
    later = await stage.http.get(made["link"])
    await stage.advance(86_400)
    late = await stage.http.get(made["link"])

    assert [answer.status_code for answer in opened] == [302] * OPENINGS_MAX + [429]
    assert [answer.status_code for answer in unknown] == [400] * 3
    assert [head.status_code, later.status_code, late.status_code] == [405, 302, 410]
    assert "too old" in late.text


async def test_whoever_disconnects_an_account_takes_its_links_back(stage: Stage, guest: Guest) -> None:
    made = await stage.api("POST", f"accounts/{guest.account_id}/reconnect", status=201)
    assert (await stage.http.get(made["link"])).status_code == 302

    await stage.api("POST", f"accounts/{guest.account_id}/disconnect", status=200)

    assert (await stage.http.get(made["link"])).status_code == 400
    again = await stage.api("POST", f"accounts/{guest.account_id}/reconnect", status=201)
    assert (await stage.http.get(again["link"])).status_code == 302


# Disconnecting


@pytest.mark.row("BO-26", "PP-54")
async def test_disconnecting_revokes_at_tiktok_and_its_webhook_tells_nobody_twice(stage: Stage, guest: Guest) -> None:
    post = await guest.post(publish_at=stage.now.replace(year=2030).isoformat())

    gone = await stage.api("POST", f"accounts/{guest.account_id}/disconnect", status=200)

    assert (gone["state"], gone["at_tiktok"]) == ("disconnected", "revoked")
    assert [call["code"] for call in await stage.calls("oauth/revoke", guest)] == ["ok"]
    assert [event["type"] for event in await told(guest)] == ["account.disconnected"]
    assert post["id"]
    again = await stage.api("POST", f"accounts/{guest.account_id}/disconnect", status=200)
    assert again["at_tiktok"] == "already_over"
    granted = await stage.house.store.accounts.grant(guest.account_id)
    assert granted is not None
    assert (granted[1].access_token, granted[1].refresh_token) == ("", "")


async def test_an_expired_token_is_refreshed_and_then_revoked(stage: Stage, guest: Guest) -> None:
    await stage.advance(86_400 + 1)

    async def disconnected() -> dict[str, Any]:
        """503 while the publisher is just refreshing the token by itself."""
        found: dict[str, Any] = await stage.api("POST", f"accounts/{guest.account_id}/disconnect", status=200)
        return found

    gone = await eventually(disconnected)

    assert gone["at_tiktok"] == "revoked"
    assert [call["code"] for call in await stage.calls("oauth/revoke", guest)] == ["ok"]


async def test_while_tiktok_is_in_trouble_nothing_is_disconnected_and_the_answer_says_so(
    stage: Stage, guest: Guest
) -> None:
    await guest.fault(endpoint="oauth/revoke", do="status", status=503)

    refused = await stage.api("POST", f"accounts/{guest.account_id}/disconnect", status=503)

    assert (refused["code"], refused["retryable"]) == ("tiktok_unavailable", True)
    assert (await guest.account())["state"] == "connected"
    gone = await stage.api("POST", f"accounts/{guest.account_id}/disconnect", {"revoke": False}, status=200)
    assert (gone["state"], gone["at_tiktok"]) == ("disconnected", "left")


async def test_one_creator_of_two_customers_is_revoked_when_the_last_one_leaves(stage: Stage, guest: Guest) -> None:
    given = await stage.sim("POST", f"accounts/{guest.open_id}/tokens", {})
    other = await stage.adopt(await customer(stage), given)
    assert other["id"] != guest.account_id

    first = await stage.api("POST", f"accounts/{guest.account_id}/disconnect", status=200)
    still = await stage.api("GET", f"accounts/{other['id']}")
    last = await stage.api("POST", f"accounts/{other['id']}/disconnect", status=200)

    assert (first["at_tiktok"], still["state"], last["at_tiktok"]) == ("shared", "connected", "revoked")
    assert [call["code"] for call in await stage.calls("oauth/revoke", guest)] == ["ok"]


# Apps


@pytest.mark.row("SA-69")
async def test_a_customer_with_an_app_of_its_own_connects_refreshes_and_hears_by_it(stage: Stage) -> None:
    key, secret = f"awown{next(stage.count)}", "own-secret-1"
    hook = f"{stage.urls['ingest']}/webhooks/tiktok"
    await stage.sim("PUT", f"apps/{key}", {"secrets": [secret], "webhook_url": hook, "audited": True})
    owner, name = await customer(stage), await creator(stage, "own")
    app = await stage.api(
        "POST", "apps", {"customer_id": owner, "client_key": key, "client_secrets": ["wrong", secret], "audited": True}
    )
    assert (app["live_secrets"], secret in str(app)) == (2, False)
    link = await asked(stage, owner)
    assert f"client_key={key}" in link["auth_url"]

    page = await stage.http.get(await consents(stage, link["auth_url"], name))

    assert page.status_code == 200, page.text
    [account] = await accounts(stage, owner)
    assert account["client_key"] == key
    await stage.advance(86_400 + 1)  # its token runs out: the publisher refreshes it with the app's own secret
    media = [f"{stage.urls['simulator']}/_sim/sample.mp4"]
    wanted = {"account_id": account["id"], "kind": "video", "media": media, "privacy_level": "SELF_ONLY", "title": name}
    post = await stage.api("POST", "posts", wanted)
    await stage.past_refresh()
    await stage.until(post["id"], "published")  # by a webhook that the app's own secret signs
    body = stage.envelope("authorization.removed", {"reason": 1}, client_key=key, user_openid=account["open_id"])
    assert await stage.hear(body) == 401, "signed with the operator's secret, it is not this app's"
    ours = stage.envelope("authorization.removed", {"reason": 1}, user_openid=account["open_id"])
    assert await stage.hear(ours, signature=stage.sign(ours, secret=secret)) == 401
    assert await stage.hear(body, signature=stage.sign(body, secret=secret)) == 200

    async def ended() -> bool:
        return bool((await stage.api("GET", f"accounts/{account['id']}"))["state"] == "disconnected")

    await eventually(ended)
