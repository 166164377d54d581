"""Posts through the door: accepted once, listed, told about."""

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest
from api_house import House

from libs.model import upload
from libs.model.ids import new_id
from tests.eventually import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

UPLOAD_URL = "https://upload.example/video?secret=planted-upload-url"


async def wish(house: House, customer: str, **more: Any) -> dict[str, Any]:
    """A post request that is fine."""
    account = await house.account(customer, open_id=f"-000{new_id('acc', house.now())}")
    body = {"account_id": account, "kind": "video", "privacy_level": "SELF_ONLY", "title": "hello"}
    return body | {"media": [await house.video(customer)]} | more


@pytest.mark.row("SA-49")
async def test_a_new_post_is_201_with_its_id_and_state_and_rings_both_bells(house: House) -> None:
    customer = await house.customer()
    body = await wish(house, customer, metadata={"order": "17"})

    async with house.broker.listen("publisher") as publisher, house.broker.listen("notifier") as notifier:
        response = await house.post("/v1/posts", body)
        assert await publisher.wait(1)
        assert await notifier.wait(1)

    assert response.status_code == 201
    post = response.json()
    assert response.headers["Location"] == f"/v1/posts/{post['id']}"
    assert (post["state"], post["customer_id"], post["account_id"]) == ("queued", customer, body["account_id"])
    assert post["request"]["metadata"] == {"order": "17"}
    detail = (await house.get(f"/v1/posts/{post['id']}")).json()
    assert detail.pop("waiting")["reason"] == "turn"
    assert detail == post | {"publications": []}
    lanes = await house.store.posts.claim_lanes(now=house.now(), lease=house.now() + timedelta(seconds=30), limit=99)
    assert body["account_id"] in [account for account, _ in lanes]


async def test_the_customer_comes_from_the_key_from_the_body_or_from_the_account(house: House) -> None:
    customer = await house.customer()
    key = await house.key(customer)
    body = await wish(house, customer)

    answers = [
        await house.post("/v1/posts", body, key=key),
        await house.post("/v1/posts", body | {"title": "b", "customer_id": customer}, key=key),
        await house.post("/v1/posts", body | {"title": "c", "customer_id": customer}),
        await house.post("/v1/posts", body | {"title": "d"}),
    ]

    assert [(answer.status_code, answer.json()["customer_id"]) for answer in answers] == [(201, customer)] * 4


async def test_all_that_is_wrong_is_said_at_once_and_no_more_than_the_key_may_know(house: House) -> None:
    one, other = await house.customer(), await house.customer()
    body, key = await wish(house, one), await house.key(one)
    theirs = (await wish(house, other))["account_id"]
    absent, nobody = new_id("med", house.now()), new_id("acc", house.now())
    typo: dict[str, Any] = {"titel": "x", "title": "x" * 2201}
    cases: list[tuple[dict[str, Any], str | None, set[str]]] = [
        (body | typo | {"media": [absent]}, None, {"titel", "title", "media.0"}),
        (body | typo | {"account_id": nobody}, None, {"titel", "title", "account_id"}),
        (body | typo | {"account_id": theirs, "media": [absent]}, key, {"titel", "title", "account_id", "media.0"}),
        (body | typo | {"customer_id": "x"}, None, {"titel", "title", "customer_id"}),
        (body | typo | {"customer_id": other}, key, {"titel", "title", "customer_id"}),
        ({"kind": "film", "media": [absent]}, None, {"kind", "account_id", "privacy_level"}),
        ({"kind": "film", "media": [absent]}, key, {"kind", "account_id", "privacy_level", "media.0"}),
        ({"account_id": body["account_id"], "timezone": "Mars"}, key, {"timezone", "kind", "media", "privacy_level"}),
    ]

    for wrong, by, fields in cases:
        for path in ("/v1/posts", "/v1/posts/validate"):
            response = await house.post(path, wrong, key=by)
            assert (response.status_code, {error["field"] for error in response.json()["errors"]}) == (422, fields)


async def test_a_url_that_will_never_be_fetched_is_refused_at_once(house: House) -> None:
    customer = await house.customer()
    body = await wish(house, customer)
    cases = {
        "https://169.254.169.254/latest/meta-data": "address",
        "http://93.184.216.34/a.mp4": "plain_http",
        "https://exa mple.com/a.mp4": "characters",
        "https://u:hunter2@example.com/a.mp4": "userinfo",
        "https://0x7f.1/": "numeric_host",
        "https://cdn.example.com/a.mp4#t": "fragment",
    }

    for url, code in cases.items():
        for path in ("/v1/posts", "/v1/posts/validate"):
            response = await house.post(path, body | {"media": [url], "cover": url, "titel": 1})
            errors = {error["field"]: error for error in response.json()["errors"]}
            assert (response.status_code, set(errors)) == (422, {"media.0", "cover", "titel"})
            assert (errors["media.0"]["code"], errors["cover"]["code"]) == (code, code)
            assert "header" not in errors["cover"]["remedy"].replace("custom headers, a file", "")
            assert "hunter2" not in response.text


async def test_an_operator_must_not_leave_the_customer_in_doubt(house: House) -> None:
    one, other = await house.customer("One"), await house.customer("Other")
    body, others = await wish(house, one), await wish(house, other)
    both = {name: value for name, value in body.items() if name != "account_id"}
    cases: list[tuple[dict[str, Any], str]] = [
        (body | {"account_id": new_id("acc", house.now())}, "unknown_account"),
        (both | {"account_ids": [body["account_id"], others["account_id"]]}, "several_customers"),
        (body | {"customer_id": new_id("cus", house.now())}, "unknown_customer"),
        (body | {"customer_id": "x"}, "bad_id"),
        (body | {"customer_id": 7}, "bad_id"),
        (body | {"customer_id": other}, "unknown_account"),
    ]

    for wrong, code in cases:
        response = await house.post("/v1/posts", wrong)
        assert response.status_code == 422
        assert response.json()["errors"][0]["code"] == code


async def test_a_request_is_shown_in_one_order_however_it_was_sent_and_whenever_it_is_read(house: House) -> None:
    at = "2027-01-01T00:00:00+02:00"
    consent = {"at": at, "by": "me", "express_consent": True, "preview_confirmed": True}
    body = await wish(house, await house.customer(), metadata={"z": 1, "long name": {"b": 1, "a": [{"y": 1, "x": 2}]}})

    made = (await house.post("/v1/posts", dict(reversed(body.items())) | {"consent": consent})).json()
    read = (await house.get(f"/v1/posts/{made['id']}")).json()

    assert json.dumps(read["request"]) == json.dumps(made["request"])
    assert list(made["request"])[:4] == ["account_id", "kind", "media", "title"]
    assert list(made["request"]["consent"]) == ["preview_confirmed", "express_consent", "by", "at"]
    assert made["request"]["consent"]["at"] == "2026-12-31T22:00:00Z"


async def test_the_same_key_with_the_same_body_is_200_and_the_same_post(house: House) -> None:
    body = await wish(house, await house.customer(), idempotency_key="order-17")

    first, second = await house.post("/v1/posts", body), await house.post("/v1/posts", body)

    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    assert ("Idempotent-Replayed" in first.headers, second.headers["Idempotent-Replayed"]) == (False, "true")


async def test_the_same_key_with_another_body_is_a_conflict_that_names_the_post(house: House) -> None:
    body = await wish(house, await house.customer(), idempotency_key="order-17")
    first = await house.post("/v1/posts", body)

    second = await house.post("/v1/posts", body | {"title": "other"})

    assert second.status_code == 422
    problem = second.json()
    assert (problem["code"], problem["post_id"]) == ("idempotency_conflict", first.json()["id"])


async def test_the_header_is_the_key_when_the_body_has_none(house: House) -> None:
    body, header = await wish(house, await house.customer()), {"Idempotency-Key": "from the header"}

    first = await house.post("/v1/posts", body, headers=header)
    second = await house.post("/v1/posts", body, headers=header)
    third = await house.post("/v1/posts", body | {"idempotency_key": "from the header"}, headers=header)

    assert [answer.status_code for answer in (first, second, third)] == [201, 200, 200]
    assert first.json()["idempotency_key"] == "from the header"
    assert len({answer.json()["id"] for answer in (first, second, third)}) == 1


@pytest.mark.parametrize(
    ("header", "in_body", "code"),
    [
        ("one", "other", "idempotency_key_mismatch"),
        ("x" * 256, None, "bad_text"),
        ("", None, "bad_text"),
        (b"\xff\xfe", None, "bad_text"),
        ("tab\there", None, "bad_text"),
    ],
)
async def test_a_key_that_is_none_or_two_is_refused(
    house: House, header: str | bytes, in_body: str | None, code: str
) -> None:
    body = await wish(house, await house.customer()) | ({"idempotency_key": in_body} if in_body else {})

    response = await house.post("/v1/posts", body, headers={"Idempotency-Key": header})

    assert response.status_code == 422
    assert [(error["field"], error["code"]) for error in response.json()["errors"]] == [("idempotency_key", code)]


async def test_without_a_key_the_same_content_for_the_same_account_is_refused_and_the_post_it_has_is_named(
    house: House,
) -> None:
    customer = await house.customer()
    body = await wish(house, customer)
    first = await house.make("/v1/posts", body)

    copies = await asyncio.gather(*(house.post("/v1/posts", body) for _ in range(8)))
    keyed = await house.post("/v1/posts", body, headers={"Idempotency-Key": "on purpose"})
    other = await house.post("/v1/posts", body | {"title": "another"})
    elsewhere = await house.post("/v1/posts", body | {"account_id": await house.account(customer, open_id="-000b")})
    await house.make(f"/v1/posts/{first['id']}/cancel")
    await house.make(f"/v1/posts/{keyed.json()['id']}/cancel")
    again = await house.post("/v1/posts", body)

    assert {copy.status_code for copy in copies} == {409}
    assert {(copy.json()["code"], copy.json()["post_id"]) for copy in copies} == {("duplicate_content", first["id"])}
    said = copies[0].json()
    assert (said["state"], f"GET /v1/posts/{first['id']}" in said["remedy"]) == ("queued", True)
    assert "Idempotency-Key" in said["remedy"]
    assert [answer.status_code for answer in (keyed, other, elsewhere, again)] == [201] * 4
    made = {answer.json()["id"] for answer in (keyed, other, elsewhere, again)} | {first["id"]}

    async def told() -> dict[str, str | None]:
        # The feed shows an event once no older transaction of the whole server can still commit.
        feed = (await house.get(f"/v1/events?customer_id={customer}&type=post.accepted")).json()["data"]
        found = {event["data"]["post_id"]: event["data"]["idempotency_key"] for event in feed}
        assert found.keys() == made
        return found

    keys = await eventually(told)
    assert (first["idempotency_key"], keys[first["id"]]) == (None, None), "nobody gave one, so nobody is shown one"
    assert keys[keyed.json()["id"]] == "on purpose"


async def test_the_same_file_uploaded_twice_is_the_same_content(house: House) -> None:
    customer = await house.customer()
    body = await wish(house, customer)
    first = await house.make("/v1/posts", body | {"media": [await house.video(customer, sha256=b"a" * 32)]})

    same = await house.post("/v1/posts", body | {"media": [await house.video(customer, sha256=b"a" * 32)]})
    other = await house.post("/v1/posts", body | {"media": [await house.video(customer, sha256=b"b" * 32)]})

    assert (same.status_code, same.json()["post_id"]) == (409, first["id"])
    assert other.status_code == 201


async def test_32_concurrent_copies_make_one_post(house: House) -> None:
    customer = await house.customer()
    body = await wish(house, customer, idempotency_key="storm")

    answers = await asyncio.gather(*(house.post("/v1/posts", body) for _ in range(32)))

    assert sorted(answer.status_code for answer in answers) == [200] * 31 + [201]
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len((await house.get(f"/v1/posts?customer_id={customer}")).json()["data"]) == 1


@pytest.mark.row("SA-26", "PP-03")
async def test_several_accounts_make_one_batch_in_the_order_given(house: House) -> None:
    customer = await house.customer()
    accounts = [await house.account(customer, open_id=f"-000{n}") for n in range(3)]
    body = {"account_ids": accounts, "kind": "video", "media": [await house.video(customer)], "idempotency_key": "b",
            "privacy_level": "SELF_ONLY"}  # fmt: skip

    first, second = await house.post("/v1/posts", body), await house.post("/v1/posts", body)

    assert (first.status_code, second.status_code) == (201, 200)
    batch = first.json()
    assert [post["account_id"] for post in batch["posts"]] == accounts
    assert {post["batch_id"] for post in batch["posts"]} == {batch["batch_id"]}
    assert second.json() == batch
    listed = (await house.get(first.headers["Location"])).json()["data"]
    assert {post["id"] for post in listed} == {post["id"] for post in batch["posts"]}


async def test_a_batch_tells_how_far_its_posts_are_to_whoever_may_see_one_of_them(house: House) -> None:
    customer = await house.customer()
    accounts = [await house.account(customer, open_id=f"-000{n}") for n in range(3)]
    body = {"account_ids": accounts, "kind": "video", "media": [await house.video(customer)], "mode": "inbox"}
    made = await house.make("/v1/posts", body)
    await house.make(f"/v1/posts/{made['posts'][0]['id']}/cancel")
    place = f"/v1/batches/{made['batch_id']}"
    grant = {"account_id": accounts[0], "grants": {"posts": "read"}}
    asked = {"customer_id": customer, "name": "one", "grants": {"posts": "off"}, "scoped": [grant]}
    one = (await house.make("/v1/keys", asked))["secret"]

    whole = (await house.get(place)).json()
    part = (await house.get(place, key=one)).json()

    assert (whole["total"], whole["settled"], whole["complete"]) == (3, 1, False)
    assert whole["states"] == {"cancelled": 1, "queued": 2}
    assert part["states"] == {"cancelled": 1}
    assert (await house.get(f"/v1/batches?customer_id={customer}")).json()["data"] == [whole]
    for post in made["posts"][1:]:
        await house.make(f"/v1/posts/{post['id']}/cancel")
    ended = {"settled": 3, "complete": True, "states": {"cancelled": 3}}
    assert (await house.get(place)).json() == whole | ended


async def test_posts_are_listed_by_group_kind_and_time(house: House) -> None:
    customer = await house.customer()
    group = (await house.make("/v1/groups", {"customer_id": customer, "name": "brand"}))["id"]
    empty = (await house.make("/v1/groups", {"customer_id": customer, "name": "none"}))["id"]
    body = await wish(house, customer)
    await house.call("PATCH", f"/v1/accounts/{body['account_id']}", body={"group_id": group})
    post = await house.make("/v1/posts", body | {"idempotency_key": "order-1"})
    other = await house.make("/v1/posts", await wish(house, customer))

    async def found(query: str) -> list[str]:
        answer = await house.get(f"/v1/posts?customer_id={customer}&{query}")
        assert answer.status_code == 200, answer.text
        return [one["id"] for one in answer.json()["data"]]

    assert await found(f"group_id={group}") == [post["id"]]
    assert await found(f"group_id={group}&account_id={other['account_id']}") == []
    assert await found(f"group_id={empty}") == await found("kind=photo") == []
    assert await found(f"group_id={new_id('grp', house.now())}") == []
    assert await found(f"idempotency_key={post['idempotency_key']}") == [post["id"]]
    assert await found(f"idempotency_key={post['idempotency_key']}&state=failed") == []
    whose = await house.get(f"/v1/posts?idempotency_key={post['idempotency_key']}")
    assert (whose.status_code, whose.json()["errors"][0]["field"]) == (422, "customer_id")
    assert await found("kind=video&state=queued") == [other["id"], post["id"]]
    soon, before = (house.now() + timedelta(hours=n) for n in (1, -1))
    assert await found(f"since={soon:%Y-%m-%dT%H:%M:%SZ}") == await found(f"until={before:%Y-%m-%dT%H:%M:%SZ}") == []
    assert len(await found(f"since={before:%Y-%m-%dT%H:%M:%SZ}&until={soon:%Y-%m-%dT%H:%M:%SZ}")) == 2


async def test_the_same_accounts_in_different_orders_at_once_never_fail(house: House) -> None:
    customer = await house.customer()
    accounts = [await house.account(customer, open_id=f"-000{n}") for n in range(12)]
    media = await house.video(customer)

    def body(n: int) -> dict[str, Any]:
        order = accounts if n % 2 else accounts[::-1]
        return {"account_ids": order, "kind": "video", "media": [media], "privacy_level": "SELF_ONLY"}

    answers = await asyncio.gather(
        *(house.post("/v1/posts", body(n), headers={"Idempotency-Key": f"k{n // 2}"}) for n in range(16))
    )

    assert {answer.status_code for answer in answers} <= {201, 422}
    assert sum(answer.status_code == 201 for answer in answers) == 8


@pytest.mark.parametrize(
    ("more", "field", "code"),
    [
        ({"privacy_level": None}, "privacy_level", "required"),
        ({"privacy_level": "PUBLIC_TO_EVERYONE"}, "privacy_level", "app_not_audited"),
        ({"media": []}, "media", "too_short"),
        ({"media": ["ftp://x"]}, "media.0", "not_a_source"),
        ({"media": ["med_00000000000000000000000000"]}, "media.0", "unknown_media"),
        ({"account_id": "acc_00000000000000000000000000"}, "account_id", "unknown_account"),
        ({"title": "x" * 2201}, "title", "too_long"),
        ({"title": "a\x00b"}, "title", "bad_text"),
        ({"titel": "typo"}, "titel", "unknown_field"),
        ({"kind": "photo", "transfer": "upload"}, "transfer", "pull_only"),
        ({"publish_at": "2030-01-01T10:00:00"}, "publish_at", "no_offset"),
        ({"timezone": "Mars/Base"}, "timezone", "unknown_timezone"),
    ],
)
async def test_what_is_wrong_with_a_post_is_named(house: House, more: dict[str, Any], field: str, code: str) -> None:
    customer = await house.customer()
    key = await house.key(customer)
    body = await wish(house, customer)

    response = await house.post("/v1/posts", body | more, key=key)

    assert response.status_code == 422
    assert (field, code) in [(error["field"], error["code"]) for error in response.json()["errors"]]


async def test_a_post_for_later_is_scheduled_and_a_draft_is_kept(house: House) -> None:
    body = await wish(house, await house.customer())

    later = await house.post("/v1/posts", body | {"publish_at": (house.now() + timedelta(days=1)).isoformat()})
    draft = await house.post("/v1/posts", body | {"draft": True})

    assert (later.json()["state"], draft.json()["state"]) == ("scheduled", "draft")


async def test_a_signed_media_url_is_never_shown_whole(house: House) -> None:
    house.secrets.add("planted-signature")
    body = await wish(house, await house.customer(), media=["https://cdn.acme.example/v.mp4?sig=planted-signature"])

    post = (await house.post("/v1/posts", body)).json()

    assert post["request"]["media"] == ["https://cdn.acme.example/v.mp4?…"]
    await house.get(f"/v1/posts/{post['id']}")
    await house.get("/v1/posts")


async def test_a_post_shows_its_publications_without_upload_urls_and_its_timeline(house: House) -> None:
    house.secrets.add("planted-upload-url")
    post_id = (await house.make("/v1/posts", await wish(house, await house.customer())))["id"]
    now = house.now()
    found = await house.store.posts.get(post_id, customer_id=None)
    assert found is not None
    change = upload.intend(found.post, lease=now, size=10, chunk_size=10, chunk_count=1, now=now)
    assert not await house.store.posts.save([change], now=now)
    found = await house.store.posts.get(post_id, customer_id=None)
    assert found is not None and found.publication is not None
    change = upload.opened(
        found.post, found.publication, publish_id="v_pub_file~1", upload_url=UPLOAD_URL,
        expires=now + timedelta(hours=1), lease=now, now=now,
    )  # fmt: skip
    assert not await house.store.posts.save([change], now=now)

    post = (await house.get(f"/v1/posts/{post_id}")).json()
    timeline = (await house.get(f"/v1/posts/{post_id}/timeline")).json()

    assert post["state"] == "uploading"
    [publication] = post["publications"]
    assert (publication["n"], publication["state"], publication["publish_id"]) == (1, "open", "v_pub_file~1")
    assert "upload_url" not in publication
    kinds = [entry["kind"] for entry in timeline["data"]]
    assert kinds == ["accepted", "state", "intended", "state", "uploading"]
    assert timeline["next_cursor"] is None
    paged, cursor = [], "0"
    while cursor is not None:
        page = (await house.get(f"/v1/posts/{post_id}/timeline?limit=2&cursor={cursor}")).json()
        paged, cursor = paged + page["data"], page["next_cursor"]
    assert paged == timeline["data"]


async def test_pages_hold_every_post_once_newest_first(house: House) -> None:
    customer = await house.customer()
    body = await wish(house, customer)
    made = [(await house.make("/v1/posts", body | {"title": str(n)}))["id"] for n in range(7)]

    seen: list[str] = []
    cursor = ""
    while True:
        page = (await house.get(f"/v1/posts?customer_id={customer}&limit=3{cursor}")).json()
        seen += [post["id"] for post in page["data"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"

    assert seen == sorted(made, reverse=True)
    whole = (await house.get(f"/v1/posts?customer_id={customer}&limit=7")).json()
    assert (len(whole["data"]), whole["next_cursor"]) == (7, None)


async def test_filters_narrow_a_list_down(house: House) -> None:
    customer = await house.customer()
    key = await house.key(customer)
    body, other = await wish(house, customer), await wish(house, customer)
    queued, draft = await house.make("/v1/posts", body), await house.make("/v1/posts", other | {"draft": True})

    async def ids(query: str) -> list[str]:
        return [post["id"] for post in (await house.get(f"/v1/posts?{query}", key=key)).json()["data"]]

    assert await ids("state=draft") == [draft["id"]]
    assert await ids(f"account_id={body['account_id']}") == [queued["id"]]
    assert await ids(f"state=draft&account_id={body['account_id']}") == []
    assert await ids(f"batch_id={new_id('bat', house.now())}") == []
    assert await ids(f"customer_id={customer}") == [draft["id"], queued["id"]]
