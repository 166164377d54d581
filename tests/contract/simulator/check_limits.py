"""Checks of limits and caps: 2, 3 and 3.7, and the error table of 5."""

from collections.abc import Awaitable, Callable

from tests.contract.simulator.box import Box, Reply
from tests.contract.simulator.sheet import proves

Call = Callable[[], Awaitable[Reply]]


async def runs_dry_after(box: Box, call: Call, limit: int) -> None:
    """`limit` calls pass, the next is 429, and one passes again a minute after the first."""
    for _ in range(limit):
        assert (await call()).status != 429
    refused = await call()
    assert (refused.status, refused.code) == (429, "rate_limit_exceeded")
    assert "Retry-After" not in refused.headers
    box.advance(59.9)
    assert (await call()).status == 429
    box.advance(0.2)
    assert (await call()).status != 429


@proves("2.0.01")
async def display_calls_are_600_a_minute_each(box: Box) -> None:
    await box.turn(limit_display=30)  # the same window with a smaller number, so that the check stays quick
    assert (await box.sim("GET", "settings"))["limit_display"] == 30
    token = await box.token()
    await runs_dry_after(box, lambda: box.user(token, "open_id"), 30)
    assert (await box.post("video/list/?fields=id", token, {})).status == 200
    await box.turn(limit_display=600)
    box.advance(60)
    other = await box.token()
    for _ in range(600):
        assert (await box.post("video/list/?fields=id", other, {})).status == 200
    assert (await box.post("video/list/?fields=id", other, {})).status == 429


@proves("3.0.01", "3.0.02", "3.0.03", "3.0.04", "3.0.05", "3.0.07")
async def posting_calls_have_their_limits_per_token_and_endpoint(box: Box) -> None:
    await box.turn(pending_share_cap=1000, daily_post_cap=1000, pull_delay_s=1000)
    account = await box.account()
    token = account["access_token"]
    calls: dict[str, tuple[Call, int]] = {
        "creator_info": (lambda: box.post("post/publish/creator_info/query/", token), 20),
        "video": (lambda: box.init(token), 6),
        "inbox": (lambda: box.inbox(token), 6),
        "photos": (lambda: box.photos(token), 6),
        "status": (lambda: box.status(token, "x"), 30),
    }
    for call, limit in calls.values():
        await runs_dry_after(box, call, limit)
    for _ in range(6):
        await box.init(token)
    assert (await box.init(token)).status == 429
    other = (await box.sim("POST", f"accounts/{account['username']}/tokens", {}))["access_token"]
    assert (await box.init(other)).status == 200


@proves("3.0.01", "3.0.02", "3.0.03", "3.0.04", "3.0.05", "3.1.09")
async def posting_calls_need_their_scopes(box: Box) -> None:
    await box.turn(pull_delay_s=1000)
    tokens = {scope: await box.token(scopes=[scope]) for scope in ("video.publish", "video.upload", "video.list")}
    table: tuple[tuple[Callable[[str], Awaitable[Reply]], set[str]], ...] = (
        (lambda token: box.post("post/publish/creator_info/query/", token), {"video.publish"}),
        (box.init, {"video.publish"}),
        (box.inbox, {"video.upload"}),
        (box.photos, {"video.publish"}),
        (lambda token: box.photos(token, mode="MEDIA_UPLOAD"), {"video.upload"}),
        (lambda token: box.status(token, "x"), {"video.publish", "video.upload"}),
    )
    for call, enough in table:
        for scope, token in tokens.items():
            reply = await call(token)
            assert (reply.code != "scope_not_authorized") is (scope in enough), (scope, reply.text)
            if scope not in enough:
                assert reply.status == 401 and "did not authorize the scope" in reply.message
    await box.turn(creator_info_scope="any")
    assert (await box.post("post/publish/creator_info/query/", tokens["video.upload"])).status == 200


@proves("3.1.08", "3.7.05")
async def fifteen_direct_posts_a_day_whatever_the_app(box: Box) -> None:
    await box.turn(limit_init=1000)
    await box.sim("PUT", "apps/second", {"secrets": ["s"]})
    account = await box.account(username="anna")
    other = (await box.sim("POST", "accounts/anna/tokens?client_key=second", {}))["access_token"]
    for n in range(15):
        assert (await box.init(account["access_token"] if n % 2 else other)).status == 200
        box.advance(60)
    for token in (account["access_token"], other):
        refused = await box.init(token)
        assert (refused.status, refused.code) == (403, "spam_risk_too_many_posts")
        told = await box.post("post/publish/creator_info/query/", token)
        assert (told.status, told.code) == (200, "spam_risk_too_many_posts")
    assert (await box.inbox(account["access_token"])).status == 200
    fresh = await box.app_form("token", grant_type="refresh_token", refresh_token=account["refresh_token"])
    box.advance(86_400 - 15 * 60 + 1)
    fresh = await box.app_form("token", grant_type="refresh_token", refresh_token=fresh.json["refresh_token"])
    assert (await box.init(fresh.json["access_token"])).status == 200


@proves("3.1.08")
async def banned_creators_hear_so_with_200_and_403(box: Box) -> None:
    token = await box.token(banned=True)
    told = await box.post("post/publish/creator_info/query/", token)
    assert (told.status, told.code, told.data) == (200, "spam_risk_user_banned_from_posting", {})
    for reply in (await box.init(token), await box.inbox(token), await box.photos(token)):
        assert (reply.status, reply.code) == (403, "spam_risk_user_banned_from_posting")


@proves("3.7.01", "3.7.02", "3.1.08")
async def an_unaudited_app_posts_for_five_private_creators_a_day(box: Box) -> None:
    tokens = [await box.token() for _ in range(6)]
    for token in tokens[:5]:
        assert (await box.init(token)).status == 200
    sixth = await box.init(tokens[5])
    assert (sixth.status, sixth.code) == (403, "reached_active_user_cap")
    told = await box.post("post/publish/creator_info/query/", tokens[5])
    assert (told.status, told.code) == (200, "reached_active_user_cap")
    box.advance(61)
    for changes in ({"privacy_level": "MUTUAL_FOLLOW_FRIENDS"}, {"privacy_level": "FOLLOWER_OF_CREATOR"}):
        reply = await box.init(tokens[0], **changes)
        assert (reply.status, reply.code) == (403, "unaudited_client_can_only_post_to_private_accounts")
    open_account = await box.token(private=False)
    assert (await box.init(open_account)).code == "unaudited_client_can_only_post_to_private_accounts"
    assert (await box.photos(open_account)).code == "unaudited_client_can_only_post_to_private_accounts"


@proves("3.7.03", "3.7.04")
async def an_audited_app_has_its_own_cap_of_active_creators(box: Box) -> None:
    await box.turn(audited=True, active_user_cap=2)
    first, second, third = [await box.token() for _ in range(3)]
    assert [(await box.init(token)).code for token in (first, second, third)] == ["ok", "ok", "reached_active_user_cap"]
    assert (await box.init(first)).status == 200
    assert (await box.inbox(third)).status == 200
    box.advance(86_399)


@proves("3.3.03")
async def five_drafts_may_wait_in_an_inbox_a_day(box: Box) -> None:
    await box.turn(limit_init=1000, processing_s=0)
    account = await box.account()
    token = account["access_token"]
    ids = [await box.upload(await box.inbox(token)) for _ in range(5)]
    for refused in (await box.inbox(token), await box.photos(token, mode="MEDIA_UPLOAD")):
        assert (refused.status, refused.code) == (403, "spam_risk_too_many_pending_share")
    assert (await box.init(token)).status == 200
    await box.sim("POST", f"publications/{ids[0]}/post", {})
    assert (await box.inbox(token)).status == 200
    assert (await box.inbox(token)).status == 403
    box.advance(86_399.5)
    fresh = await box.app_form("token", grant_type="refresh_token", refresh_token=account["refresh_token"])
    assert (await box.inbox(fresh.json["access_token"])).status == 403
    box.advance(1)
    assert (await box.inbox(fresh.json["access_token"])).status == 200


@proves("5.01", "3.1.09")
async def every_code_of_the_table_has_its_status(box: Box) -> None:
    table = {
        "invalid_params": 400, "app_version_check_failed": 400, "invalid_publish_id": 400,
        "token_not_authorized_for_specified_publish_id": 400, "publish_not_cancellable": 400,
        "scope_permission_missed": 400, "invalid_file_upload": 400, "access_token_invalid": 401,
        "scope_not_authorized": 401, "spam_risk_too_many_posts": 403, "spam_risk_user_banned_from_posting": 403,
        "reached_active_user_cap": 403, "spam_risk_too_many_pending_share": 403,
        "unaudited_client_can_only_post_to_private_accounts": 403, "url_ownership_unverified": 403,
        "privacy_level_option_mismatch": 403, "rate_limit_exceeded": 429, "internal_error": 500,
    }  # fmt: skip
    token = await box.token()
    for code, status in table.items():
        await box.fault("error", endpoint="status/fetch", code=code)
        reply = await box.status(token, "x")
        assert (reply.status, reply.code) == (status, code)
    assert (await box.status(token, "x")).code == "invalid_publish_id"


@proves("5.02")
async def the_spelling_of_the_parameter_error_is_a_knob(box: Box) -> None:
    token = await box.token()
    assert (await box.init(token, privacy_level=None)).code == "invalid_params"
    await box.turn(param_error="invalid_param")
    assert (await box.init(token, privacy_level=None)).code == "invalid_param"


@proves("5.03")
async def an_invalid_token_has_its_words(box: Box) -> None:
    for token in (None, "act.unknown", ""):
        reply = await box.status(token or "", "x")
        assert reply.status == 401 and reply.code == "access_token_invalid"
        assert reply.message == "The access token is invalid or not found in the request."
