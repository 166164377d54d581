"""Every OAuth error of the fact sheet (1.1, 1.4), wherever TikTok may say it: at the callback, at the exchange, at a
refresh. Only one of them ever costs an account its connection."""

from typing import Any
from urllib.parse import urlencode

import pytest
from flow_house import Stage
from test_connect import accounts, asked, consents, creator, customer

pytestmark = pytest.mark.asyncio(loop_scope="module")

# error: (why a consent ends when the callback says it, why when the exchange does, the account's state after a refresh)
ENDS: dict[str, tuple[str, str, str]] = {
    "access_denied": ("denied", "refused_by_tiktok", "connected"),
    "invalid_client": ("refused_by_tiktok", "refused_by_tiktok", "connected"),
    "invalid_grant": ("refused_by_tiktok", "expired_code", "reauthorization_required"),
    "invalid_request": ("refused_by_tiktok", "refused_by_tiktok", "connected"),
    "invalid_scope": ("refused_by_tiktok", "refused_by_tiktok", "connected"),
    "unauthorized_client": ("refused_by_tiktok", "refused_by_tiktok", "connected"),
    "unsupported_grant_type": ("refused_by_tiktok", "refused_by_tiktok", "connected"),
    "unsupported_response_type": ("refused_by_tiktok", "refused_by_tiktok", "connected"),
    "server_error": ("tiktok_trouble", "tiktok_trouble", "connected"),
    "temporarily_unavailable": ("tiktok_trouble", "tiktok_trouble", "connected"),
    "non_sandbox_target": ("refused_by_tiktok", "refused_by_tiktok", "connected"),
    "an_error_of_tomorrow": ("refused_by_tiktok", "refused_by_tiktok", "connected"),
}


async def why(stage: Stage, customer_id: str) -> list[str]:
    """Why consents of this customer ended."""
    found = (await stage.api("GET", f"audit?customer_id={customer_id}"))["data"]
    return [one["detail"]["code"] for one in found if one["action"] == "accounts.consent"]


@pytest.mark.parametrize("error", ENDS)
async def test_an_error_at_the_callback_or_the_exchange_ends_in_a_page_that_says_so(stage: Stage, error: str) -> None:
    owner, name = await customer(stage), await creator(stage, "erring")
    told, fails = await asked(stage, owner), await asked(stage, owner)

    said = {"error": error, "error_description": "because", "state": told["state"]}
    at_callback = await stage.http.get(f"{told['redirect_uri']}?{urlencode(said)}")
    back = await consents(stage, fails["auth_url"], name)
    fault: dict[str, Any] = {"endpoint": "oauth/token", "grant_type": "authorization_code"}
    await stage.sim("POST", "faults", fault | {"do": "error", "oauth_error": error})
    at_exchange = await stage.http.get(back)

    assert sorted(await why(stage, owner)) == sorted(ENDS[error][:2])
    for page in (at_callback, at_exchange):
        assert page.status_code in (200, 400, 502)
        assert "Nothing was connected" in page.text and "because" not in page.text
    assert await accounts(stage, owner) == []


@pytest.mark.parametrize("error", ENDS)
async def test_an_error_at_a_refresh_costs_the_connection_only_if_the_grant_is_over(stage: Stage, error: str) -> None:
    account = await stage.connect(await customer(stage), username=f"refreshed{next(stage.count)}")
    await stage.sim("POST", f"accounts/{account['open_id']}/expire")
    await stage.sim("POST", "faults", {"open_id": account["open_id"], "endpoint": "oauth/token", "do": "error",
                                       "oauth_error": error})  # fmt: skip

    over = ENDS[error][2] != "connected"
    refused = await stage.api("GET", f"accounts/{account['id']}/profile", status=409 if over else 503)

    assert (refused["retryable"], bool(refused.get("remedy"))) == (not over, True)
    assert (await stage.api("GET", f"accounts/{account['id']}"))["state"] == ENDS[error][2]
