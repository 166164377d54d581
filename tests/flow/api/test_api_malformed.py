"""What no client would send: named, bounded, and never a 500."""

from typing import Any

import orjson
import pytest
from api_house import House, body_of

from services.api.body import BODY_MAX, DEPTH_MAX
from services.api.doc.shape import Upload
from services.api.resource.capabilities import Anything
from tests.flow.api.test_api_door import ROUTES, noun_of

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.thorough]
JSON = {"Content-Type": "application/json"}
PREFIXES = {
    "posts": "post", "endpoints": "end", "deliveries": "dlv", "keys": "key", "replays": "rpl", "accounts": "acc",
    "groups": "grp", "apps": "app", "customers": "cus", "batches": "bat", "media": "med",
}  # fmt: skip
PATHS = [
    route.path.replace("{name}", "nobody").replace("{id}", f"{PREFIXES.get(noun_of(route.path))}_{'0' * 26}")
    for route in ROUTES
    if route.method == "POST"
    and not isinstance(route.doc.body, Upload)  # which takes files
    and route.query is not Anything  # whatever a proper object says there, TikTok does not allow it
]


@pytest.mark.parametrize(
    ("raw", "status", "code"),
    [
        (b"{", 400, "malformed_json"),
        (b"nope", 400, "malformed_json"),
        (b'{"name": "\\ud800"}', 400, "malformed_json"),
        (b'{"name": "\xff"}', 400, "malformed_json"),
        (b"\xef\xbb\xbf{}", 400, "malformed_json"),
        (b'{"name": NaN}', 400, "malformed_json"),
        (b'{"name": 1e999}', 400, "malformed_json"),
        (b'{"a":' * 2000, 400, "malformed_json"),
        (b"[]", 422, "invalid_request"),
        (b"7", 422, "invalid_request"),
        (b"null", 422, "invalid_request"),
        (b'"text"', 422, "invalid_request"),
        (b'{"a":' * 200 + b"1" + b"}" * 200, 422, "invalid_request"),
        (b'{"a":' + b"[" * 900 + b"]" * 900 + b"}", 422, "invalid_request"),
        (b'{"' + b"n" * 5000 + b'": 1}', 422, "invalid_request"),
        (b'{"name": 1000000000000000000000000000000}', 422, "invalid_request"),
        (b'{"name": -1e308}', 422, "invalid_request"),
        (b'{"\\u0000": "\\u0000"}', 422, "invalid_request"),
        (b'{"name": "' + b"x" * BODY_MAX + b'"}', 413, "too_large"),
    ],
)
async def test_a_body_that_is_no_proper_object_is_refused_everywhere(
    house: House, raw: bytes, status: int, code: str
) -> None:
    for path in PATHS:
        response = await house.post(path, content=raw, headers=JSON)
        said = 400 if path.startswith("/compat/") and code == "invalid_request" else status  # as vendors have it
        assert (response.status_code, response.json()["code"]) == (said, code), path


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "application/json; charset=utf-16"},
        {"Content-Type": ""},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
    ],
)
async def test_a_body_of_another_kind_is_415(house: House, headers: dict[str, str]) -> None:
    for path in PATHS:
        response = await house.post(path, content=b"{}", headers=headers)
        assert (response.status_code, response.json()["code"]) == (415, "unsupported_media_type"), path


async def test_the_usual_spellings_of_the_content_type_are_taken(house: House) -> None:
    for kind in ("application/json", "application/json; charset=utf-8", 'Application/JSON; charset="UTF-8"'):
        response = await house.post("/v1/customers", content=b'{"name": "x"}', headers={"Content-Type": kind})
        assert response.status_code == 201, kind


STRANGE: list[Any] = [
    None, True, 0, -1, 2**53, 2**63, 2**64 - 1, 1.5, 1e308, "", " ", "\x00", "a\x00b", "\u202e", "😀" * 300, "x" * 5000,
    "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00", "0001-01-01T00:00:00+23:59", "2030-02-30T00:00:00Z", [], [[]],
    [None], ["x"] * 200, {}, {"a": {"b": [1]}}, {"\x00": "\x00"},
]  # fmt: skip


async def test_strange_values_in_any_field_of_a_post_are_answered_and_never_a_fault(house: House) -> None:
    customer = await house.customer()
    good = {"account_id": await house.account(customer), "kind": "video", "media": [await house.video(customer)],
            "privacy_level": "SELF_ONLY"}  # fmt: skip
    fields = [
        "account_id", "account_ids", "kind", "media", "title", "description", "privacy_level", "disable_comment",
        "brand_content_toggle", "video_cover_timestamp_ms", "cover", "photo_cover_index", "mode", "transfer", "convert",
        "publish_at", "timezone", "publish_before", "draft", "idempotency_key", "consent", "metadata", "customer_id",
        "new",
    ]  # fmt: skip

    for field in fields:
        for value in STRANGE:
            body = good | {field: value} | ({"timezone": "Asia/Tokyo"} if field.startswith("publish") else {})
            response = await house.post("/v1/posts", content=orjson.dumps(body), headers=JSON)
            assert response.status_code in (201, 200, 409, 422), (field, value, response.text)
    for path in ("/v1/posts?limit=200", f"/v1/posts?customer_id={customer}"):
        assert (await house.get(path)).status_code == 200


async def test_strange_values_in_any_field_of_anything_else_are_answered(house: House) -> None:
    customer = await house.customer()
    bodies: dict[str, dict[str, Any]] = {
        "/v1/customers": {"name": "x"},
        "/v1/accounts": house.grant(customer_id=customer),
        "/v1/endpoints": {"customer_id": customer, "url": "http://127.0.0.1:9/", "events": ["*"], "description": "d",
                          "timeout_s": 5},
        "/v1/keys": {"customer_id": customer, "name": "x", "grants": {"posts": "read"}, "expires_at": None},
    }  # fmt: skip

    for path, good in bodies.items():
        for field in [*good, "new"]:
            for value in STRANGE:
                response = await house.post(path, content=orjson.dumps(good | {field: value}), headers=JSON)
                assert response.status_code in (200, 201, 422), (path, field, value, response.text)


async def test_deep_metadata_up_to_the_bound_comes_back_as_it_was(house: House) -> None:
    customer = await house.customer()
    deep: Any = "bottom"
    for _ in range(DEPTH_MAX - 2):
        deep = [deep]
    body = {"account_id": await house.account(customer), "kind": "video", "media": [await house.video(customer)],
            "metadata": {"deep": deep, "big": 2**64 - 1, "float": 1e308, "tiny": 5e-324},
            "privacy_level": "SELF_ONLY"}  # fmt: skip

    response = await house.post("/v1/posts", body)

    assert response.status_code == 201
    shown = (await house.get(f"/v1/posts/{response.json()['id']}")).json()
    assert shown["request"]["metadata"] == body["metadata"]


@pytest.mark.parametrize(
    "line",
    [
        b"GET /v1/posts/\xff\xfe HTTP/1.1",
        b"GET /v1/posts/%ff%00%0a HTTP/1.1",
        b"GET /v1/posts?state=\xff HTTP/1.1",
        b"GET /v1/\xed\xa0\x80 HTTP/1.1",
        b"GET //v1//posts HTTP/1.1",
        b"GET /v1/../v1/posts HTTP/1.1",
        b"POST /v1/posts/x/cancel HTTP/1.1",
        b"QUERY /v1/posts HTTP/1.1",
        b"OPTIONS * HTTP/1.1",
    ],
)
async def test_strange_request_lines_are_answered_in_kind(house: House, line: bytes) -> None:
    headers = f"Host: x\r\nAuthorization: Bearer {house.operator}\r\nConnection: close\r\n\r\n".encode()

    answer = await house.raw(line + b"\r\n" + headers)

    status = int(answer.split()[1])
    assert 200 <= status < 500, answer
    assert house.operator.encode() not in answer
    if b"application/problem+json" in answer:
        assert body_of(answer)["status"] == status


@pytest.mark.parametrize("given", ["a" * 65, "spaces in it", "ü", ""])
async def test_a_request_id_is_kept_when_tame_and_replaced_when_not(house: House, given: str) -> None:
    kept = await house.get("/v1/posts", headers={"X-Request-Id": "order-17.retry_2"})
    replaced = await house.get("/v1/posts", headers={"X-Request-Id": given.encode()})

    assert kept.headers["X-Request-Id"] == "order-17.retry_2"
    assert replaced.headers["X-Request-Id"].startswith("req_")


async def test_a_database_that_is_away_is_503_and_says_when_to_come_back(own_house: House) -> None:
    own_house.faults = True
    await own_house.store.close()

    answers = [await own_house.get("/v1/posts"), await own_house.post("/v1/customers", {"name": "x"})]
    ready = await own_house.http.get("/readyz")
    alive = await own_house.http.get("/healthz")

    assert {answer.status_code for answer in answers} == {503}
    assert {answer.json()["code"] for answer in answers} == {"store_unavailable"}
    assert {answer.headers["Retry-After"] for answer in answers} == {"5"}
    assert all(answer.json()["retryable"] for answer in answers)
    assert (ready.status_code, alive.status_code) == (503, 200)
    assert list(ready.json()["wrong"]) == ["store"]


async def test_a_broker_that_is_away_makes_it_unready_and_nothing_else(own_house: House) -> None:
    own_house.faults = True
    await own_house.broker.close()

    ready = await own_house.http.get("/readyz")

    assert (ready.status_code, list(ready.json()["wrong"])) == (503, ["broker"])
    assert (await own_house.post("/v1/customers", {"name": "x"})).status_code == 201


async def test_answers_are_counted_by_route_and_never_by_address(own_house: House) -> None:
    await own_house.get("/v1/posts/post_00000000000000000000000000")
    await own_house.get("/v1/nothing-like-this")

    metrics = (await own_house.http.get("/metrics")).text

    labels = 'method="GET",route="/v1/posts/{id}",status="404"'
    assert f"clipwire_api_request_seconds_count{{{labels}}} 1.0" in metrics
    assert "nothing-like-this" not in metrics
