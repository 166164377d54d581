"""Other vendors' calls: whatever else is asked of a dialect gets an answer that helps, and never a bare 404."""

import pytest
from api_house import House

pytestmark = pytest.mark.asyncio(loop_scope="module")
BASE = "/compat/socialapi"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/posts/x/comments", 422, "capability_not_supported"),
        ("POST", "/v1/posts/x/comments/reply", 422, "capability_not_supported"),
        ("POST", "/v1/posts/x/comments/moderate", 422, "capability_not_supported"),
        ("POST", "/v1/posts/x/comments/settings", 422, "capability_not_supported"),
        ("GET", "/v1/messages", 422, "capability_not_supported"),
        ("GET", "/v1/reviews", 422, "capability_not_supported"),
        ("GET", "/v1/mentions", 422, "capability_not_supported"),
        ("GET", "/v1/nothing/at/all", 404, "unknown_address"),
        ("DELETE", "/", 404, "unknown_address"),
        ("PATCH", "/v1/accounts/connect", 405, "method_not_allowed"),
    ],
)
async def test_what_a_dialect_does_not_have_is_said_so(
    house: House, method: str, path: str, status: int, code: str
) -> None:
    answer = await house.call(method, BASE + path)

    said = answer.json()
    assert (answer.status_code, said["code"]) == (status, code)
    if status == 404:
        assert f"POST {BASE}/v1/accounts/connect" in said["calls"]
    if status == 405:
        assert answer.headers["Allow"] == "POST"
        return  # as ours do, whoever asks
    assert (await house.call(method, BASE + path, key="")).status_code == 401


async def test_what_was_asked_in_vain_is_audited_and_no_secret_in_its_address_is_shown(
    house: House,
) -> None:
    customer = await house.customer()
    key = await house.key(customer)
    house.secrets.add(key)

    answer = await house.post(f"{BASE}/v1/{key}", {}, key=key)

    assert answer.status_code == 404
    told = (await house.get(f"/v1/audit?customer_id={customer}")).json()["data"]
    assert (told[0]["action"], told[0]["detail"]["code"]) == ("socialapi.create", "unknown_address")
    assert told[0]["detail"]["asked"].startswith(f"POST {BASE}/v1/…(")


async def test_wrong_fields_are_400_and_named_as_the_vendor_names_them(house: House) -> None:
    key = await house.key(await house.customer())
    bad = {"platform": "tiktok", "metadata": {"redirect_uri": "ftp://x"}}

    answers = [
        await house.post(f"{BASE}/v1/accounts/connect", body, key=by)
        for body, by in ((bad, key), ({"platform": "x"}, key), ({"platform": "tiktok"}, house.operator))
    ]

    assert [answer.status_code for answer in answers] == [400] * 3
    fields = [[error["field"] for error in answer.json()["errors"]] for answer in answers]
    assert fields == [["metadata.redirect_uri"], ["platform"], ["customer_id"]]
