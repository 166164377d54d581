"""Checks of section 0 and 1: conventions and OAuth."""

import base64
import hashlib
import re
from urllib.parse import parse_qs, unquote, urlsplit

from tests.contract.simulator.box import KEY, SECRET, WEB_URI, Box, authorize_url, whole
from tests.contract.simulator.sheet import proves

VERIFIER = "Sim0-Verifier_1.2~3456789012345678901234567890ABC"
CHALLENGE = "02228f2674e164134c872c9bc575fd32585d4e8655ac7ed1a01fd773f9f70950"
DESKTOP_URI = "http://127.0.0.1:3455/callback/"


async def redirected(box: Box, **query: str) -> dict[str, list[str]]:
    """The query the authorize page sends back without showing itself."""
    reply = await box.call("GET", authorize_url(box.url, **query))
    assert reply.status == 302, reply.text
    return parse_qs(urlsplit(reply.headers["Location"]).query)


# 0


@proves("0.01")
async def paths_without_their_slash_are_unknown(box: Box) -> None:
    for method, path in (("POST", "/v2/oauth/token"), ("POST", "/v2/video/query"), ("GET", "/v2/video/list/")):
        reply = await box.call(method, path)
        assert (reply.status, reply.message) == (404, "Unsupported path(Janus)")


@proves("0.02", "0.04")
async def success_and_error_have_one_envelope(box: Box) -> None:
    token = await box.token()
    good = await box.post("post/publish/creator_info/query/", token)
    bad = await box.post("post/publish/creator_info/query/", "act.unknown")
    assert set(good.json) == {"data", "error"}
    assert good.json["error"]["code"] == "ok" and good.json["error"]["message"] == ""
    assert set(bad.json["error"]) == {"code", "message", "log_id"}
    assert re.fullmatch(r"20260204114113[0-9A-F]{20}", good.json["error"]["log_id"])
    assert good.headers["Content-Type"] == "application/json; charset=utf-8"


@proves("0.03")
async def data_of_an_error_is_empty_or_absent(box: Box) -> None:
    assert (await box.post("video/list/?fields=id", "no")).json["data"] == {}
    await box.turn(error_data="absent")
    assert set((await box.post("video/list/?fields=id", "no")).json) == {"error"}


@proves("0.05", "3.2.02")
async def captions_count_utf16_units(box: Box) -> None:
    token = await box.token()
    assert (await box.init(token, title="😀" * 1100)).status == 200
    refused = await box.init(token, title="😀" * 1100 + "x")
    assert (refused.status, refused.code) == (400, "invalid_params")
    assert (await box.init(token, title="x" * 2200)).status == 200


@proves("0.07", "3.2.05")
async def unknown_fields_are_ignored_and_flags_may_be_left_out(box: Box) -> None:
    token = await box.token()
    body = {"post_info": {"privacy_level": "SELF_ONLY", "surprise": 1}, "source_info": whole(1000), "more": {}}
    assert (await box.post("post/publish/video/init/", token, body)).status == 200
    for flag in ("brand_content_toggle", "brand_organic_toggle", "is_aigc"):
        assert (await box.init(token, **{flag: True})).status == 200
        assert (await box.init(token, **{flag: "yes"})).code == "invalid_params"
        box.advance(61)


@proves("0.10", "0.11")
async def calls_bring_a_users_token_and_say_that_they_are_json(box: Box) -> None:
    token = await box.token()
    own = (await box.app_form("token", grant_type="client_credentials")).json["access_token"]
    json_type = "application/json; charset=UTF-8"
    for authorization, kind, status, code in (
        (f"Bearer {token}", json_type, 200, "ok"),
        (f"Bearer {token}", "text/plain", 400, "invalid_params"),
        (token, json_type, 401, "access_token_invalid"),
        (f"Basic {token}", json_type, 401, "access_token_invalid"),
        (f"Bearer {own}", json_type, 401, "access_token_invalid"),
        ("", json_type, 401, "access_token_invalid"),
    ):
        headers = {"Authorization": authorization, "Content-Type": kind}
        reply = await box.call("POST", "/v2/post/publish/creator_info/query/", headers=headers, data=b"{}")
        assert (reply.status, reply.code) == (status, code), (authorization[:6], kind)


@proves("0.12")
async def the_consent_page_offers_the_six_scopes(box: Box) -> None:
    six = ["user.info.basic", "user.info.profile", "user.info.stats", "video.list", "video.publish", "video.upload"]
    page = await box.call("GET", authorize_url(box.url, scope=",".join(six)))
    assert page.status == 200 and all(f'value="{scope}"' in page.text for scope in six)


@proves("0.08")
async def open_id_is_per_app_and_union_id_is_not(box: Box) -> None:
    await box.sim("PUT", "apps/second", {"secrets": ["s2"]})
    first = await box.account(username="anna")
    other = await box.sim("POST", "accounts/anna/tokens?client_key=second", {})
    assert first["open_id"].startswith(("-000", "_000")) and other["open_id"] != first["open_id"]
    ids = [(await box.user(token, "open_id,union_id")).data["user"] for token in
           (first["access_token"], other["access_token"])]  # fmt: skip
    assert ids[0]["union_id"] == ids[1]["union_id"] and ids[0]["open_id"] != ids[1]["open_id"]


# 1.1


@proves("1.1.01", "1.1.04")
async def the_page_trusts_known_apps_and_registered_uris_only(box: Box) -> None:
    await box.sim("PUT", f"apps/{KEY}", {"redirect_uris": [WEB_URI]})
    good = await box.call("GET", authorize_url(box.url))
    assert good.status == 200 and "<form" in good.text
    for wrong in (
        {"client_key": ""},
        {"client_key": "", "client_id": KEY},
        {"client_key": "nobody"},
        {"redirect_uri": WEB_URI + "/"},
        {"redirect_uri": WEB_URI.upper()},
        {"redirect_uri": ""},
    ):
        reply = await box.call("GET", authorize_url(box.url, **wrong))
        assert reply.status == 400 and "Location" not in reply.headers


@proves("1.1.02", "1.1.03", "1.1.05", "1.1.08", "1.1.15")
async def wrong_queries_go_back_to_the_app_with_their_state(box: Box) -> None:
    for wrong, error in (
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "user.info.basic video.list"}, "invalid_scope"),
        ({"scope": "no.such"}, "invalid_scope"),
        ({"code_challenge": CHALLENGE, "code_challenge_method": "plain"}, "invalid_request"),
    ):
        query = await redirected(box, **wrong)
        assert query["error"] == [error] and query["state"] == ["xyz"] and query["error_description"][0]


@proves("1.1.06")
async def a_creator_who_agreed_before_is_not_asked_again_unless_the_app_insists(box: Box) -> None:
    account = await box.account(scopes=["user.info.basic", "video.publish"])
    session = {"Cookie": f"sim_session={account['union_id']}"}
    for query, asked in (({}, False), ({"disable_auto_auth": "0"}, False), ({"disable_auto_auth": "1"}, True),
                         ({"scope": "user.info.basic,video.list"}, True)):  # fmt: skip
        reply = await box.call("GET", authorize_url(box.url, **query), headers=session)
        assert reply.status == (200 if asked else 302), query


@proves("1.1.07", "1.1.09", "1.2.02")
async def pkce_is_hex_and_checked_at_the_exchange(box: Box) -> None:
    await box.account(username="anna")
    assert hashlib.sha256(VERIFIER.encode()).hexdigest() == CHALLENGE
    base64url = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
    for wrong in (base64url, CHALLENGE.upper(), CHALLENGE[:-1]):
        query = await redirected(box, redirect_uri=DESKTOP_URI, code_challenge=wrong, code_challenge_method="S256")
        assert query["error"] == ["invalid_request"]
    pkce = {"redirect_uri": DESKTOP_URI, "code_challenge": CHALLENGE, "code_challenge_method": "S256"}
    for verifier, good in ((VERIFIER, True), (VERIFIER[:-1] + "x", False), ("", False), ("short", False)):
        sent = await box.code(username="anna", **pkce)
        more = {"code_verifier": verifier} if verifier else {}
        reply = await box.app_form(
            "token", grant_type="authorization_code", code=sent["code"], redirect_uri=DESKTOP_URI, **more
        )
        assert ("access_token" in reply.json) is good


@proves("1.1.10")
async def web_apps_need_no_pkce_and_may_send_a_verifier(box: Box) -> None:
    await box.account(username="anna")
    for more in ({}, {"code_verifier": VERIFIER}):
        sent = await box.code(username="anna")
        reply = await box.app_form(
            "token", grant_type="authorization_code", code=sent["code"], redirect_uri=WEB_URI, **more
        )
        assert "access_token" in reply.json


@proves("1.1.11")
async def localhost_must_bring_pkce_unless_turned_off(box: Box) -> None:
    assert (await redirected(box, redirect_uri=DESKTOP_URI))["error"] == ["invalid_request"]
    await box.turn(pkce_for_desktop=False)
    assert (await box.call("GET", authorize_url(box.url, redirect_uri=DESKTOP_URI))).status == 200


@proves("1.1.12", "1.1.13")
async def the_portal_registers_legal_redirect_uris_only(box: Box) -> None:
    async def registered(*uris: str) -> bool:
        return (await box.call("PUT", f"/_sim/apps/{KEY}", json={"redirect_uris": list(uris)})).status == 200

    for good in (WEB_URI, "https://a.example/" + "x" * 480, "http://localhost:80/cb", "https://127.0.0.1:9/cb"):
        assert await registered(good), good
    for bad in ("http://app.example/cb", "/cb", WEB_URI + "?a=1", WEB_URI + "#a", "https://a.example/" + "x" * 500,
                "http://localhost/cb", "http://10.0.0.1:80/cb", "http://127.0.0.1:3455/cb?x=1", "https://a.example:*/cb",
                "http://localhost:3455/cb#x", "ftp://localhost:3455/cb"):  # fmt: skip
        assert not await registered(bad), bad
    assert await registered(*(f"https://a.example/{n}" for n in range(10)))
    assert not await registered(*(f"https://a.example/{n}" for n in range(11)))

    assert await registered("http://127.0.0.1:*/callback/")
    pkce = {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}
    for uri, known in ((DESKTOP_URI, True), ("http://127.0.0.1:9/callback/", True), ("http://127.0.0.1:9/else/", False),
                       ("http://127.0.0.1/callback/", False), ("http://localhost:9/callback/", False)):  # fmt: skip
        reply = await box.call("GET", authorize_url(box.url, redirect_uri=uri, **pkce))
        assert (reply.status == 200) is known, uri


@proves("1.1.14", "1.1.16")
async def the_page_sends_back_an_encoded_code_that_works_once(box: Box) -> None:
    account = await box.account(username="anna", connect=False)
    form = {"client_key": KEY, "response_type": "code", "scope": "user.info.basic,video.list,video.publish",
            "redirect_uri": WEB_URI, "state": "a b&c", "account": account["union_id"], "decision": "authorize",
            "granted": "video.publish"}  # fmt: skip
    reply = await box.call("POST", "/v2/auth/authorize/", data=form)
    query = urlsplit(reply.headers["Location"]).query
    raw = dict(part.split("=", 1) for part in query.split("&"))
    assert reply.status == 302 and unquote(raw["state"]) == "a b&c"
    assert unquote(raw["scopes"]) == "user.info.basic,video.publish"
    code = unquote(raw["code"])
    assert "%2A" in raw["code"] and "%21" in raw["code"] and "*" in code and "!" in code
    exchange = {"grant_type": "authorization_code", "redirect_uri": WEB_URI}
    assert (await box.app_form("token", code=raw["code"], **exchange)).code == "invalid_grant"
    assert (await box.app_form("token", code=code, **exchange)).json["scope"] == "user.info.basic,video.publish"
    assert (await box.app_form("token", code=code, **exchange)).code == "invalid_grant"


@proves("1.1.15")
async def cancelling_denies_access(box: Box) -> None:
    form = {"client_key": KEY, "response_type": "code", "scope": "video.list", "redirect_uri": WEB_URI, "state": "s",
            "decision": "cancel"}  # fmt: skip
    reply = await box.call("POST", "/v2/auth/authorize/", data=form)
    assert reply.headers["Location"] == f"{WEB_URI}?error=access_denied&error_description=User%20denied&state=s"


@proves("1.1.17")
async def a_sandbox_is_for_its_target_users_and_never_public(box: Box) -> None:
    setup = {"secrets": ["s"], "sandbox_of": KEY, "audited": True}
    await box.sim("PUT", "apps/box1", {**setup, "sandbox_users": ["anna"]})
    for n in range(2, 6):
        await box.sim("PUT", f"apps/box{n}", setup)
    assert (await box.call("PUT", "/_sim/apps/box6", json=setup)).status == 400
    many = {**setup, "sandbox_users": [f"u{n}" for n in range(11)]}
    assert (await box.call("PUT", "/_sim/apps/box1", json=many)).status == 400
    anna = await box.account(username="anna", client_key="box1", private=False)
    await box.account(username="bob")
    url = authorize_url(box.url, client_key="box1")
    refused = await box.sim("POST", "authorize", {"url": url, "username": "bob"})
    assert refused["error"] == "non_sandbox_target"
    assert "code" in await box.sim("POST", "authorize", {"url": url, "username": "anna"})
    assert (await box.init(anna["access_token"], privacy_level="PUBLIC_TO_EVERYONE")).status == 403


# 1.2 to 1.4


@proves("1.2.01", "1.4.01", "1.4.04")
async def the_token_endpoint_takes_forms_and_fails_with_200(box: Box) -> None:
    body = {"client_key": KEY, "client_secret": SECRET, "grant_type": "client_credentials"}
    reply = await box.call("POST", "/v2/oauth/token/", json=body)
    assert reply.status == 200 and set(reply.json) == {"error", "error_description", "log_id"}
    assert reply.json["error"] == "invalid_request"
    assert "access_token" in (await box.call("POST", "/v2/oauth/token/", data=body)).json
    for status in (400, 401):
        await box.turn(oauth_error_status=status)
        assert (await box.form("token", **{**body, "client_secret": "wrong"})).status == status


@proves("1.2.02", "1.2.05", "1.2.07")
async def a_code_becomes_a_flat_pair_of_tokens(box: Box) -> None:
    await box.account(username="anna")
    fields = {"grant_type": "authorization_code", "redirect_uri": WEB_URI}
    sent = await box.code(username="anna")
    for wrong in ("https://app.example/cb/", "https://APP.example/cb"):
        reply = await box.app_form("token", **{**fields, "redirect_uri": wrong}, code=sent["code"])
        assert reply.code == "invalid_request"
    reply = await box.app_form("token", **fields, code=sent["code"])
    assert set(reply.json) == {"access_token", "expires_in", "open_id", "refresh_token", "refresh_expires_in", "scope",
                               "token_type"}  # fmt: skip
    assert (reply.json["expires_in"], reply.json["refresh_expires_in"]) == (86_400, 31_536_000)
    assert (reply.json["scope"], reply.json["token_type"]) == ("user.info.basic,video.publish", "Bearer")
    assert reply.json["access_token"].startswith("act.") and reply.json["refresh_token"].startswith("rft.")


@proves("1.2.03", "1.2.07", "1.2.08", "1.4.05")
async def a_refresh_rotates_and_the_year_counts_from_the_first_issue(box: Box) -> None:
    first = await box.account()
    box.advance(86_400)
    assert (await box.user(first["access_token"], "open_id")).code == "access_token_invalid"
    second = (await box.app_form("token", grant_type="refresh_token", refresh_token=first["refresh_token"])).json
    assert second["refresh_token"] != first["refresh_token"] and second["expires_in"] == 86_400
    assert second["refresh_expires_in"] == 31_536_000 - 86_400
    assert (await box.user(second["access_token"], "open_id")).data["user"]["open_id"] == first["open_id"]
    again = await box.app_form("token", grant_type="refresh_token", refresh_token=first["refresh_token"])
    assert again.code == "invalid_grant"
    box.advance(364 * 86_400)
    late = await box.app_form("token", grant_type="refresh_token", refresh_token=second["refresh_token"])
    assert late.code == "invalid_grant"


@proves("1.2.04", "1.2.06", "1.2.07")
async def client_credentials_make_a_short_client_token(box: Box) -> None:
    reply = await box.app_form("token", grant_type="client_credentials")
    assert set(reply.json) == {"access_token", "expires_in", "token_type"} and reply.json["expires_in"] == 7200
    assert reply.json["access_token"].startswith("clt.")
    assert (await box.user(reply.json["access_token"], "open_id")).code == "access_token_invalid"


@proves("1.3.01", "1.3.02")
async def revoking_withdraws_access_and_is_told_by_webhook(box: Box) -> None:
    await box.listen()
    account = await box.account()
    assert (await box.form("revoke", client_key=KEY, token=account["access_token"])).code == "invalid_request"
    reply = await box.app_form("revoke", token=account["access_token"])
    assert (reply.status, reply.json) == (200, {})
    assert (await box.user(account["access_token"], "open_id")).status == 401
    dead = await box.app_form("token", grant_type="refresh_token", refresh_token=account["refresh_token"])
    assert dead.code == "invalid_grant"
    (hook,) = await box.webhooks("authorization.removed", answered=1)
    assert '"content":"{\\"reason\\":5}"' in hook["body"] and account["open_id"] in hook["body"]
    old = await box.account()
    box.advance(86_400)
    assert (await box.app_form("revoke", token=old["access_token"])).code == "invalid_request"
    assert len(await box.webhooks("authorization.removed")) == 1


@proves("1.4.02", "1.4.03")
async def oauth_errors_have_their_names_and_words(box: Box) -> None:
    await box.account(username="anna")
    sent = await box.code(username="anna")
    exchange = {"grant_type": "authorization_code", "code": sent["code"], "redirect_uri": WEB_URI}
    for fields, error, words in (
        ({**exchange, "redirect_uri": "https://x.example/"}, "invalid_request",
         "Redirect_uri is not matched with the uri when requesting code."),
        ({"grant_type": "authorization_code"}, "invalid_request", "The request parameters are malformed."),
        ({**exchange, "client_secret": ""}, "invalid_request", "Client secret is missed in request."),
        ({**exchange, "code": "nope"}, "invalid_grant", "Authorization code is expired."),
        ({**exchange, "client_secret": "nope"}, "invalid_client", "Client key or secret is incorrect."),
        ({"grant_type": "password"}, "unsupported_grant_type", None),
    ):  # fmt: skip
        reply = await box.form("token", **{"client_key": KEY, "client_secret": SECRET, **fields})
        assert reply.json["error"] == error
        assert words in (None, reply.json["error_description"])
    box.advance(300)
    assert (await box.app_form("token", **exchange)).json["error_description"] == "Authorization code is expired."
    assert (await redirected(box, scope="x"))["error"] == ["invalid_scope"]
    assert (await redirected(box, response_type="x"))["error"] == ["unsupported_response_type"]


@proves("1.4.02", "1.4.05")
async def troubles_of_tiktoks_own_can_be_scripted(box: Box) -> None:
    for error in ("server_error", "temporarily_unavailable", "unauthorized_client", "access_denied"):
        await box.fault("error", endpoint="oauth/token", oauth_error=error)
        assert (await box.app_form("token", grant_type="client_credentials")).json["error"] == error
    await box.fault("status", endpoint="oauth/token", status=503)
    assert (await box.app_form("token", grant_type="client_credentials")).status == 503
