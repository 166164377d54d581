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


SETTINGS = {
    "privacy_level": "SELF_ONLY", "allow_comment": True, "allow_duet": True, "allow_stitch": True,
    "content_preview_confirmed": True, "express_consent_given": True,
}  # fmt: skip


@pytest.mark.row("SS-21", "SS-24")
async def test_a_post_for_several_accounts_is_one_post_to_socialsyncer_and_only_to_those_who_may_see_it(
    house: House,
) -> None:
    customer = await house.customer()
    key, stranger = await house.key(customer), await house.key(await house.customer())
    accounts = [await house.account(customer, open_id=f"-{n}{customer}") for n in (1, 2)]
    scoped = [{"account_id": accounts[0], "grants": {"posts": "full"}}]
    narrow = await house.make("/v1/keys", {"customer_id": customer, "name": "k", "scoped": scoped})
    body = {
        "mediaItems": [{"type": "video", "url": await house.video(customer)}], "tiktokSettings": SETTINGS,
        "platforms": [{"platform": "tiktok", "accountId": one} for one in accounts], "publishNow": True,
    }  # fmt: skip
    posts = "/compat/socialsyncer/v1/posts"

    made = await house.make(posts, body)  # the operator's key: the accounts say whose it is

    seen = (await house.get(f"{posts}/{made['id']}", key=key)).json()
    assert made["id"].startswith("bat_") and {**seen, "adjustments": made["adjustments"]} == made
    assert [one["accountId"] for one in seen["platforms"]] == accounts and seen["status"] == "publishing"
    own = (await house.get(f"{posts}/{made['id']}", key=narrow["secret"])).json()
    assert [one["accountId"] for one in own["platforms"]] == accounts[:1]
    assert (await house.get(f"{posts}/{made['id']}", key=stranger)).status_code == 404
    assert (await house.post(posts, body | {"content": "x"}, key=narrow["secret"])).status_code == 403
    both = [one["postId"] for one in seen["platforms"]]
    assert (await house.call("DELETE", f"{posts}/{both[0]}", key=key)).json()["status"] == "cancelled"
    assert (await house.get(f"{posts}/{made['id']}", key=key)).json()["status"] == "publishing", "the other one is not"
    assert [one["id"] for one in (await house.get(posts, key=key)).json()["data"]] == both[::-1]


async def test_a_post_for_several_accounts_is_found_by_the_id_that_socialapi_gave(house: House) -> None:
    customer = await house.customer()
    key = await house.key(customer)
    accounts = [await house.account(customer, open_id=f"-s{n}{customer}") for n in (1, 2)]
    settings = {"privacy_level": "PRIVATE", "disclosure": {"branded_content": False, "paid_partnership": False}}
    body = {"account_ids": accounts, "text": "two", "media_ids": [await house.video(customer)]}

    made = await house.post(f"{BASE}/v1/posts", body | {"platform_data": {"tiktok": settings}}, key=key)

    assert made.status_code == 201, made.text
    found = (await house.get(made.headers["Location"], key=key)).json()
    assert [one["account_id"] for one in found["posts"]] == accounts and found["id"] == made.json()["id"]
    one = (await house.get(f"{BASE}/v1/posts/{found['posts'][0]['id']}", key=key)).json()
    assert one == found["posts"][0]


POSTPROXY = "/compat/postproxy/api"


async def test_tiktok_is_the_one_profile_in_a_group_that_the_key_reaches_and_no_other_is_named(house: House) -> None:
    customer = await house.customer()
    accounts = [await house.account(customer, open_id=f"-p{n}{customer}") for n in (1, 2)]
    groups = []
    for name, account in zip("ab", accounts, strict=True):
        groups.append((await house.make("/v1/groups", {"customer_id": customer, "name": name}))["id"])
        await house.call("PATCH", f"/v1/accounts/{account}", body={"group_id": groups[-1]})
    scoped = [{"account_id": accounts[0], "grants": {"posts": "full"}}]
    narrow = (await house.make("/v1/keys", {"customer_id": customer, "name": "n", "scoped": scoped}))["secret"]
    whole = await house.key(customer)
    media = await house.video(customer)
    body = {"post": {"body": "hi"}, "media": [media], "platforms": {"tiktok": {"privacy_status": "SELF_ONLY"}}}

    own, many, other = [
        await house.post(f"{POSTPROXY}/posts", body | {"profiles": ["tiktok"], **more}, key=by)
        for more, by in (({}, narrow), ({}, whole), ({"profile_group_id": groups[1]}, narrow))
    ]
    first = [accounts[0], accounts[0], "acc_00000000000000000000000000"]
    wrong = await house.post(f"{POSTPROXY}/posts", body | {"profiles": first}, key=whole)

    assert [one["profile_id"] for one in own.json()["platforms"]] == [accounts[0]]
    assert [error["code"] for answer in (many, other) for error in answer.json()["errors"]] == ["ambiguous", "unknown"]
    assert accounts[1] not in other.text
    assert [error["field"] for error in wrong.json()["errors"]] == ["profiles.2"], "by its place in the body"


async def test_a_wrong_webhook_is_named_by_its_own_fields_and_not_by_a_posts(house: House) -> None:
    key = await house.key(await house.customer())

    answer = await house.post(f"{POSTPROXY}/webhooks", {"url": "https://8.8.8.8/x", "events": ["post.nope"]}, key=key)

    assert answer.status_code == 400
    assert all(error["field"].startswith(("events", "url")) for error in answer.json()["errors"])
