"""What the campaign `leaks` does with a house: everything that handles a secret, and everything that may go wrong."""

import asyncio
import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from bench.campaign.leak_media import media
from bench.campaign.leak_mistakes import jobs, mistakes, webhooks
from bench.campaign.leak_witness import Shelf, Witness
from libs.model.key import everything

SCOPES = ["user.info.basic", "user.info.profile", "user.info.stats", "video.list", "video.publish", "video.upload"]
SETTLED = frozenset({"published", "failed", "cancelled", "in_inbox", "draft", "scheduled"})
PATIENCE_S = 12.0


async def play(w: Witness, shelf: Shelf, n: int) -> None:
    """One customer's life, from its key to its mistakes."""
    customer = (await w.do("POST", "/v1/customers", {"name": f"customer {n}"}))["id"]
    key = await _keys(w, customer)
    endpoints = await _endpoints(w, customer, key, n)
    accounts = [await _by_consent(w, customer, n), await _by_tokens(w, customer), await _by_tokens(w, customer)]
    await _again(w, accounts[1])
    await _own_app(w, n)
    posts = await _posts(w, shelf, key, accounts[0]) + await _troubles(w, shelf, key, accounts[1])
    await media(w, shelf, customer, accounts[0], key)
    await jobs(w, shelf, customer, accounts[0])
    await mistakes(w, shelf, key, customer, accounts[0], endpoints[0])
    await webhooks(w)
    await _settled(w, posts)
    for account in accounts:
        await tokens_of(w, account)
    await w.do("POST", f"/v1/accounts/{accounts[2]}/disconnect")
    await w.do("POST", "/v1/replays", {"customer_id": customer, "since": "2026-01-01T00:00:00Z"}, key=key)


async def tokens_of(w: Witness, account_id: str) -> None:
    """The tokens an account has by now are secrets too, and the upload URLs of its posts."""
    granted = await w.house.store.accounts.grant(account_id)
    if granted is not None and granted[1].access_token:
        w.remember("access token", granted[1].access_token)
        w.remember("refresh token", granted[1].refresh_token)


async def _keys(w: Witness, customer: str) -> str:
    grants = {str(name): str(level) for name, level in everything().items()}
    narrow = {name: level for name, level in grants.items() if name not in ("customers", "apps")}
    wanted = {"customer_id": customer, "name": "ci", "grants": narrow}
    once = {"Idempotency-Key": secrets.token_hex(8)}
    made = await w.do("POST", "/v1/keys", wanted, headers=once, shows="API key")
    await w.do("POST", "/v1/keys", wanted, headers=once, shows="API key")  # the same answer, kept sealed
    rotated = await w.do("POST", f"/v1/keys/{made['id']}/rotate", {"grace_s": 60}, shows="API key")
    await w.do("GET", "/v1/posts", key=made["secret"])
    return str(rotated.get("secret") or made["secret"])


async def _endpoints(w: Witness, customer: str, key: str, n: int) -> list[str]:
    """One that listens, one that answers 500 and repeats what it heard, one that nobody answers at."""
    box = f"{w.house.urls['simulator']}/_sim/customer"
    # It is sent along with every delivery: that is what it is for.
    own = "endpoint's own header", secrets.token_urlsafe(24), f"sent to good{n}", f"sent to bad{n}"
    token = w.remember(*own)
    made = []
    for url in (f"{box}/good{n}", f"{box}/bad{n}", "http://127.0.0.1:9/hook"):
        wanted = {"customer_id": customer, "url": url, "events": ["*"], "headers": {"X-Token": token},
                  "signatures": ["v1", "v1a"]}  # fmt: skip
        made.append(await w.do("POST", "/v1/endpoints", wanted, key=key, shows="webhook secret"))
    await w.sim("PUT", f"customer/bad{n}", {"answer": {"status": 500, "body": "no such table", "headers": {}}})
    await w.do("POST", f"/v1/endpoints/{made[0]['id']}/rotate", {"overlap_days": 1}, key=key, shows="webhook secret")
    for endpoint in made:
        await w.do("POST", f"/v1/endpoints/{endpoint['id']}/test", key=key)
        for live in (await w.house.store.endpoints.get_many([endpoint["id"]]))[endpoint["id"]].secrets:
            shown = next((s.shown_by for s in w.secrets if s.value == live.text), frozenset())
            w.remember("webhook secret", live.text, *shown)
    return [str(endpoint["id"]) for endpoint in made]


async def _by_consent(w: Witness, customer: str, n: int) -> str:
    """By OAuth: agreed, brought twice, denied, and with a code of somebody else's."""
    back = await _consent(w, customer, f"creator{n}")
    await w.ask("GET", back, key="")
    await w.ask("GET", back, key="")
    await w.ask("GET", await _consent(w, customer, f"creator{n}", decision="cancel"), key="")
    other = dict(parse_qsl(urlsplit(await _consent(w, customer, f"thief{n}")).query))
    asked = {"customer_id": customer, "redirect_uri": "https://app.example/cb", "scopes": SCOPES}
    link = await w.do("POST", "/v1/accounts/connect", asked)
    exchange = {"state": link["state"], "code": other["code"], "redirect_uri": "https://app.example/cb"}
    await w.ask("POST", "/v1/accounts/exchange", exchange)
    await w.ask("POST", "/v1/accounts/exchange", exchange | {"code_": other["code"]})
    found = await w.do("GET", f"/v1/accounts?customer_id={customer}")
    account = str(found["data"][0]["id"])
    await tokens_of(w, account)
    return account


async def _consent(w: Witness, customer: str, username: str, *, decision: str = "authorize") -> str:
    """Where TikTok sends the browser of a creator who was asked."""
    asked = {"customer_id": customer, "scopes": SCOPES, "always_ask": True}
    link = await w.do("POST", "/v1/accounts/connect", asked)
    form = [*parse_qsl(urlsplit(link["auth_url"]).query), ("account", "new"), ("new_username", username)]
    form += [("decision", decision), *(("granted", scope) for scope in SCOPES)]
    url = link["auth_url"].partition("?")[0]
    async with w.http.post(url, data=form, allow_redirects=False) as reply:
        back = reply.headers["Location"]
    if (code := dict(parse_qsl(urlsplit(back).query)).get("code")) is not None:
        w.remember("OAuth code", code)
    return back


async def _again(w: Witness, account: str) -> None:
    """A link to connect again: made twice under one name, opened, opened wrongly."""
    once = {"Idempotency-Key": secrets.token_hex(8)}
    for _ in range(2):
        made = await w.do("POST", f"/v1/accounts/{account}/reconnect", {"link_days": 1}, headers=once)
        w.remember("reconnect link", str(made["link"]).rpartition("/")[2], w.places[-1].name)
        w.remember("OAuth state", str(made["state"]), w.places[-1].name)
    opened = await w.ask("GET", str(made["link"]), key="")
    state = dict(parse_qsl(urlsplit(opened["location"]).query))["state"]
    w.remember("OAuth state", state, w.places[-1].name)
    await w.ask("GET", str(made["link"])[:-1], key="")
    await w.ask("POST", f"/v1/accounts/{account}/reconnect", {"link_days": state, "redirect_uri": made["link"]})


async def _by_tokens(w: Witness, customer: str) -> str:
    given = await w.sim("POST", "accounts", {"private": False})
    w.remember("access token", given["access_token"])
    w.remember("refresh token", given["refresh_token"])
    same = ("open_id", "access_token", "refresh_token", "expires_in", "refresh_expires_in")
    body = {"customer_id": customer, "scopes": given["scope"].split(","), **{name: given[name] for name in same}}
    await w.ask("POST", "/v1/accounts", body | {"expires_in": given["access_token"]})
    await w.ask("POST", "/v1/accounts", body | {given["refresh_token"]: 1, "open_id": given["access_token"] + " "})
    return str((await w.do("POST", "/v1/accounts", body))["id"])


async def _own_app(w: Witness, n: int) -> None:
    customer = (await w.do("POST", "/v1/customers", {"name": f"with an app {n}"}))["id"]
    first, second = (w.remember("client secret", secrets.token_urlsafe(24)) for _ in range(2))
    wanted = {"customer_id": customer, "client_key": f"awown{n}{secrets.token_hex(4)}", "client_secrets": [first]}
    app = await w.do("POST", "/v1/apps", wanted)
    await w.do("PATCH", f"/v1/apps/{app['id']}", {"client_secrets": [second, first]})
    await w.ask("PATCH", f"/v1/apps/{app['id']}", {"client_secrets": [second, first, second + "x"]})
    await w.ask("POST", "/v1/apps", wanted | {"client_secrets": first})


async def _posts(w: Witness, shelf: Shelf, key: str, account: str) -> list[str]:
    """Every kind, by signed URLs: video, inbox, pull, photos, a cover, at a time, a draft edited."""

    def film() -> str:
        return shelf.signed(w, "film.mp4")

    def photo() -> str:
        return shelf.signed(w, "photo.jpg")

    asked: list[dict[str, Any]] = [
        {"kind": "video", "media": [film()]},
        {"kind": "video", "media": [film()], "mode": "inbox", "privacy_level": None},
        {"kind": "video", "media": [film()], "transfer": "pull"},
        {"kind": "video", "media": [film()], "cover": photo()},
        {"kind": "photo", "media": [photo(), photo()]},
        {"kind": "video", "media": [film()], "publish_at": "2030-01-01T00:00:00Z"},
        {"kind": "video", "media": [film()], "draft": True},
    ]
    posts = [await _post(w, key, account, body) for body in asked]
    await w.do("PATCH", f"/v1/posts/{posts[-1]}", {"media": [film()], "title": "edited"}, key=key)
    await w.ask("PATCH", f"/v1/posts/{posts[-1]}", {"media": ["ftp" + film()[4:]]}, key=key)
    await w.ask("POST", "/v1/posts/validate", {"account_id": account, "kind": "photo", "media": [film()] * 2}, key=key)
    return posts


async def _post(w: Witness, key: str, account: str, body: Mapping[str, Any]) -> str:
    usual = {"account_id": account, "privacy_level": "SELF_ONLY", "title": f"post {secrets.token_hex(3)}"}
    wanted = {name: value for name, value in (usual | dict(body)).items() if value is not None}
    return str((await w.do("POST", "/v1/posts", wanted, key=key)).get("id", ""))


async def _troubles(w: Witness, shelf: Shelf, key: str, account: str) -> list[str]:
    """Files that do not come, and a TikTok that fails at every step and repeats our tokens in what it says."""
    found = await w.house.store.accounts.grant(account)
    if found is None:
        raise RuntimeError("the account is gone")
    grant = found[1]
    said = f"bad token {grant.access_token} {grant.refresh_token}"
    open_id = found[0].open_id
    faults: list[dict[str, Any]] = [
        {"endpoint": "video/init", "do": "error", "code": "invalid_params", "message": said},
        {"endpoint": "upload", "do": "status", "status": 500},
        {"endpoint": "upload", "do": "reset_after"},
        {"endpoint": "status/fetch", "do": "truncated_body"},
        {"endpoint": "video/init", "do": "effect", "effect": "expire_token"},
        {"endpoint": "oauth/token", "do": "error", "oauth_error": "server_error", "message": said},
    ]
    posts = []
    for fault in faults:
        await w.sim("POST", "faults", {"open_id": open_id, **fault})
        posts.append(await _post(w, key, account, {"kind": "video", "media": [shelf.signed(w, "film.mp4")]}))
    for name in ("moved", "denied", "cut", "text"):
        posts.append(await _post(w, key, account, {"kind": "video", "media": [shelf.signed(w, name)]}))
    return posts


async def _settled(w: Witness, posts: list[str]) -> None:
    """Waits until the posts have come to rest, as far as they do in this time: some try again for hours."""
    waiting = {post for post in posts if post}
    try:
        async with asyncio.timeout(PATIENCE_S):
            while waiting:
                await asyncio.sleep(0.3)
                for post in sorted(waiting):
                    found = await w.house.store.posts.get(post, customer_id=None)
                    for publication in found.publications if found else ():
                        if publication.upload_url:
                            w.remember("upload URL", publication.upload_url.rpartition("=")[2])
                    if found is None or found.post.state in SETTLED or found.post.failures:
                        waiting.discard(post)
    except TimeoutError:
        return
