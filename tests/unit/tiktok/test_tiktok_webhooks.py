import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.tiktok.events import SPELLINGS, Event, Removal
from libs.tiktok.webhooks import MAX_DEPTH, MAX_KEY_BYTES, NotAnEnvelope, Notification, parse, semantic_key

USER = "-000simUser01"
PUBLISH_ID = "v_pub_file~v2-1.7602990000000000001"
POST_ID = "7602997517160123666"


POST = {"publish_id": PUBLISH_ID, "publish_type": "DIRECT_PUBLISH"}


def body(event: str = "post.publish.complete", said: Any = POST, /, **fields: Any) -> bytes:
    """A webhook. What it has `said` is encoded twice, as TikTok does; fields go in as given, `...` not at all."""
    envelope = {
        "client_key": "awsimkey01",
        "event": event,
        "create_time": 1770210870,
        "user_openid": USER,
        "content": json.dumps(said),
    } | fields
    return json.dumps({name: value for name, value in envelope.items() if value is not ...}).encode()


def heard(wire: bytes) -> Notification:
    notification = parse(wire)
    assert isinstance(notification, Notification), notification
    return notification


def refused(wire: bytes) -> str:
    flaw = parse(wire)
    assert isinstance(flaw, NotAnEnvelope), flaw
    return flaw.reason


@pytest.mark.parametrize(
    ("event", "content", "expected"),
    [
        ("authorization.removed", {"reason": 1}, {"reason": "1"}),
        ("video.upload.failed", {"share_id": "video.7602.sim"}, {"share_id": "video.7602.sim"}),
        ("video.publish.completed", {"share_id": "video.7602.sim"}, {"share_id": "video.7602.sim"}),
        ("portability.download.ready", {"request_id": 2**63 - 1}, {"request_id": "9223372036854775807"}),
        ("post.publish.failed", POST | {"reason": "video_pull_failed"}, POST | {"reason": "video_pull_failed"}),
        ("post.publish.complete", POST, POST),
        (
            "post.publish.inbox_delivered",
            POST | {"publish_type": "INBOX_SHARE"},
            POST | {"publish_type": "INBOX_SHARE"},
        ),
        ("post.publish.publicly_available", POST | {"post_id": POST_ID}, POST | {"post_id": POST_ID}),
        ("post.publish.no_longer_publicaly_available", POST | {"post_id": POST_ID}, POST | {"post_id": POST_ID}),
        ("tiktok.ping", {"reason": "testing Webhook"}, {"reason": "testing Webhook"}),
    ],
)
def test_every_event_of_the_sheet_is_read(event: str, content: dict[str, Any], expected: dict[str, str]) -> None:
    notification = heard(body(event, content))

    assert notification.known
    assert (notification.event, notification.raw_event) == (event, event)
    assert (notification.client_key, notification.user_openid) == ("awsimkey01", USER)
    assert notification.create_time == notification.create_time_raw == 1770210870
    assert notification.content == content
    texts = ("publish_id", "publish_type", "post_id", "share_id", "request_id", "reason")
    assert {name: getattr(notification, name) for name in texts} == dict.fromkeys(texts, "") | expected


def test_the_sheets_events_are_exactly_the_known_ones() -> None:
    assert len(Event) == 10
    assert set(SPELLINGS) == {event.value for event in Event} | {
        "post.publish.publicaly_available",
        "post.publish.no_longer_publicly_available",
    }


@pytest.mark.parametrize(
    ("spelling", "event"),
    [
        ("post.publish.publicly_available", Event.POST_PUBLICLY_AVAILABLE),
        ("post.publish.publicaly_available", Event.POST_PUBLICLY_AVAILABLE),
        ("post.publish.no_longer_publicaly_available", Event.POST_NO_LONGER_PUBLICLY_AVAILABLE),
        ("post.publish.no_longer_publicly_available", Event.POST_NO_LONGER_PUBLICLY_AVAILABLE),
    ],
)
def test_each_spelling_becomes_one_name_and_one_key(spelling: str, event: Event) -> None:
    notification = heard(body(spelling, POST | {"post_id": POST_ID}))

    assert notification.event == event
    assert notification.raw_event == spelling
    assert semantic_key(notification) == semantic_key(heard(body(event.value, POST | {"post_id": POST_ID})))


@pytest.mark.row("BO-18")
def test_an_event_tiktok_adds_tomorrow_is_kept_under_its_name() -> None:
    notification = heard(body("post.publish.liked", {"publish_id": {"odd": True}, "reason": 7}))

    assert not notification.known
    assert notification.event == "post.publish.liked"
    assert (notification.publish_id, notification.reason) == ("", "7")
    assert notification.content == {"publish_id": {"odd": True}, "reason": 7}
    assert semantic_key(notification) is None


@pytest.mark.parametrize(
    "fields", [{"content": ...}, {"content": None}, {"content": "[1]"}, {"content": "{"}, {"content": 3}]
)
def test_an_unknown_event_needs_no_content(fields: dict[str, Any]) -> None:
    assert heard(body("brand.new", **fields)).content == {}


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"content": ...}, "content is missing"),
        ({"content": None}, "content is missing"),
        ({"content": "{"}, "content is not a JSON object in text"),
        ({"content": "[]"}, "content is not a JSON object in text"),
        ({"content": ""}, "content is not a JSON object in text"),
        ({"content": {"publish_id": PUBLISH_ID}}, "content is not a JSON object in text"),
        ({"content": "{}"}, "publish_id is missing"),
        ({"content": '{"publish_id":""}'}, "publish_id is missing"),
        ({"content": '{"publish_id":null}'}, "publish_id is missing"),
        ({"content": '{"publish_id":["x"]}'}, "publish_id is not text"),
        ({"content": '{"publish_id":true}'}, "publish_id is not text"),
        ({"content": '{"publish_id":"x","reason":1.5}'}, "reason is not text"),
        ({"content": json.dumps({"publish_id": "x" * 1025})}, "publish_id is too long"),
        ({"event": ...}, "event is missing"),
        ({"event": ""}, "event is missing"),
        ({"event": 7}, "event is not text"),
        ({"event": "e" * 1025}, "event is too long"),
        ({"client_key": ...}, "client_key is missing"),
        ({"client_key": ["k"]}, "client_key is not text"),
        ({"user_openid": 12}, "user_openid is not text"),
        ({"user_openid": "u\0"}, "NUL in text"),
        ({"event": "e\0"}, "NUL in text"),
        ({"create_time": ...}, "create_time is missing"),
        ({"create_time": "1770210870"}, "create_time is not an integer"),
        ({"create_time": 1770210870.0}, "create_time is not an integer"),
        ({"create_time": True}, "create_time is not an integer"),
        ({"create_time": 10**30}, "create_time is not an integer"),
        ({"create_time": -1}, "create_time is out of range"),
        ({"create_time": 2**63 - 1}, "create_time is out of range"),
        ({"create_time": 253_402_300_800_000}, "create_time is out of range"),
    ],
)
def test_a_broken_envelope_is_refused_with_its_reason(fields: dict[str, Any], reason: str) -> None:
    assert refused(body(**fields)) == reason


@pytest.mark.parametrize(
    ("event", "content", "fields", "reason"),
    [
        ("authorization.removed", {"reason": 1}, {"user_openid": ...}, "user_openid is missing"),
        ("video.upload.failed", {}, {}, "share_id is missing"),
        ("video.publish.completed", {}, {}, "share_id is missing"),
        ("portability.download.ready", {}, {}, "request_id is missing"),
        ("post.publish.failed", {"reason": "internal"}, {}, "publish_id is missing"),
    ],
)
def test_an_event_that_does_not_say_what_it_is_about_is_refused(
    event: str, content: dict[str, Any], fields: dict[str, Any], reason: str
) -> None:
    assert refused(body(event, content, **fields)) == reason


@pytest.mark.parametrize(
    ("wire", "reason"),
    [
        (b"", "body is not JSON"),
        (b"{", "body is not JSON"),
        (body()[:-1], "body is not JSON"),
        (b"<html>", "body is not JSON"),
        (b"\xff\xfe{}", "body is not JSON"),
        (b"\xef\xbb\xbf{}", "body is not JSON"),
        (b'{"event":"\xed\xa0\x80"}', "body is not JSON"),
        (rb'{"event":"\ud800"}', "body is not JSON"),
        (b'{"event":"\0"}', "body is not JSON"),
        (b'{"a":NaN}', "body is not JSON"),
        (b'{"a":1e999}', "body is not JSON"),
        (b"[" * 1_000_000, "body is not JSON"),
        (b'{"a":' * 200_000, "body is not JSON"),
        (b"[]", "body is not an object"),
        (b"null", "body is not an object"),
        (b'"text"', "body is not an object"),
        (b"1", "body is not an object"),
        (b"{}", "event is missing"),
    ],
)
def test_a_body_that_is_no_json_object_is_refused(wire: bytes, reason: str) -> None:
    assert refused(wire) == reason


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (r'{"publish_id":"a\u0000b"}', "NUL in text"),
        (r'{"publish_id":"a","x":["\u0000"]}', "NUL in text"),
        (r'{"publish_id":"a","\u0000":1}', "NUL in text"),
        ('{"publish_id":"a","x":9223372036854775808}', "a number beyond int64"),
        ('{"publish_id":"a","x":-9223372036854775809}', "a number beyond int64"),
        ('{"publish_id":"a","x":1' + "0" * 30 + "}", "a number beyond int64"),
        ('{"publish_id":"a","x":1e300}', "a number beyond int64"),
        ('{"publish_id":"a","x":' + "[" * MAX_DEPTH + "]" * MAX_DEPTH + "}", "content is too deep"),
        (r'{"publish_id":"\ud800"}', "content is not a JSON object in text"),
        ('{"publish_id":' * 5000, "content is not a JSON object in text"),
    ],
)
@pytest.mark.parametrize("event", ["post.publish.complete", "brand.new"])
def test_what_no_database_holds_is_refused_even_in_unknown_events(raw: str, reason: str, event: str) -> None:
    result = parse(body(event, content=raw))

    if event == "brand.new" and reason.startswith("content is not"):
        assert isinstance(result, Notification) and result.content == {}
    else:
        assert result == NotAnEnvelope(reason)


def test_depth_and_numbers_just_inside_their_bounds_are_taken() -> None:
    deep = "[" * (MAX_DEPTH - 2) + "]" * (MAX_DEPTH - 2)
    raw = f'{{"publish_id":"a","x":{deep},"y":9223372036854775807,"z":-9223372036854775808}}'

    assert heard(body(content=raw)).content["y"] == 2**63 - 1


def test_a_key_given_twice_counts_as_last_given() -> None:
    wire = body().replace(b'"client_key": "awsimkey01"', b'"client_key": "first", "client_key": "second"')

    assert heard(wire).client_key == "second"


def test_the_portals_test_event_counts_milliseconds() -> None:
    notification = heard(body("tiktok.ping", {"reason": "testing Webhook"}, create_time=1770210901123, user_openid=""))

    assert (notification.create_time, notification.create_time_raw) == (1770210901, 1770210901123)


@pytest.mark.parametrize("openid", [..., None, ""])
def test_a_user_who_is_not_named_is_the_empty_text(openid: Any) -> None:
    assert heard(body("portability.download.ready", {"request_id": 5}, user_openid=openid)).user_openid == ""


def test_a_post_id_sent_as_a_number_keeps_every_digit() -> None:
    notification = heard(body("post.publish.publicly_available", POST | {"post_id": int(POST_ID)}))

    assert notification.post_id == POST_ID


@pytest.mark.parametrize(
    ("event", "content", "key"),
    [
        ("post.publish.complete", POST, f"post.publish.complete|awsimkey01|{USER}|{PUBLISH_ID}|||||"),
        (
            "post.publish.complete",
            {"publish_id": "d", "publish_type": "INBOX_SHARE"},
            f"post.publish.complete|awsimkey01|{USER}|d|||||1770210870",
        ),
        (
            "post.publish.publicly_available",
            POST | {"post_id": "9"},
            f"post.publish.publicly_available|awsimkey01|{USER}|{PUBLISH_ID}|9||||1770210870",
        ),
        ("authorization.removed", {"reason": 1}, f"authorization.removed|awsimkey01|{USER}|||||1|1770210870"),
        ("video.upload.failed", {"share_id": "s"}, f"video.upload.failed|awsimkey01|{USER}|||s|||1770210870"),
        (
            "portability.download.ready",
            {"request_id": 5},
            f"portability.download.ready|awsimkey01|{USER}||||5||1770210870",
        ),
    ],
)
def test_the_semantic_key_is_the_sheets(event: str, content: dict[str, Any], key: str) -> None:
    assert semantic_key(heard(body(event, content))) == key


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        # A direct post completes once, a draft once per posting.
        (body(create_time=1770210870), body(create_time=1770210999), True),
        (
            body("post.publish.complete", {"publish_id": "d", "publish_type": "INBOX_SHARE"}, create_time=1770210870),
            body("post.publish.complete", {"publish_id": "d", "publish_type": "INBOX_SHARE"}, create_time=1770210999),
            False,
        ),
        # Two posts of one draft becoming public in the same second.
        (
            body("post.publish.publicly_available", POST | {"post_id": "1"}),
            body("post.publish.publicly_available", POST | {"post_id": "2"}),
            False,
        ),
        # Two users' exports in the same second, neither naming the user.
        (
            body("portability.download.ready", {"request_id": 1}, user_openid=...),
            body("portability.download.ready", {"request_id": 2}, user_openid=...),
            False,
        ),
        (
            body("video.upload.failed", {"share_id": "a"}),
            body("video.upload.failed", {"share_id": "b"}),
            False,
        ),
        (body(client_key="a"), body(client_key="b"), False),
        (body(user_openid="a"), body(user_openid="b"), False),
        # The same said with other white space, order and number forms.
        (
            body("post.publish.publicly_available", {"publish_id": "p", "post_id": "1"}),
            body("post.publish.publicly_available", content='{ "post_id":1,"publish_id":"p", "extra":0}'),
            True,
        ),
        # A bar inside a value does not move its neighbour.
        (body(client_key="a|b", user_openid="c"), body(client_key="a", user_openid="b|c"), False),
        (body(client_key="a|b", user_openid="c"), body(client_key="a%7Cb", user_openid="c"), False),
    ],
)
def test_bodies_with_one_meaning_share_a_key_and_no_others(one: bytes, other: bytes, same: bool) -> None:
    assert (semantic_key(heard(one)) == semantic_key(heard(other))) is same


def test_a_long_key_is_hashed_to_fit_an_index() -> None:
    keys = {semantic_key(heard(body(user_openid="é" * 1023 + last))) for last in "ab"}

    assert len(keys) == 2
    assert all(key is not None and key.startswith("sha256:") and len(key) < MAX_KEY_BYTES for key in keys)


@pytest.mark.row("BO-39")
def test_every_reason_of_a_removal_is_listed() -> None:
    assert [reason.value for reason in Removal] == ["0", "1", "2", "3", "4", "5"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
contents = json_values.map(json.dumps) | json_values | st.text()
envelopes = st.fixed_dictionaries(
    {},
    optional={
        "client_key": st.text(min_size=1) | json_values,
        "event": st.sampled_from(sorted(SPELLINGS)) | st.text() | json_values,
        "create_time": st.integers() | json_values,
        "user_openid": st.text() | json_values,
        "content": contents
        | st.fixed_dictionaries(
            {"publish_id": st.text(min_size=1) | st.integers()},
            optional={"post_id": json_values, "reason": json_values},
        ).map(json.dumps),
    },
)


def storable(value: Any) -> bool:
    if isinstance(value, dict):
        return all(storable(key) and storable(inner) for key, inner in value.items())
    if isinstance(value, list):
        return all(map(storable, value))
    if isinstance(value, str):
        return "\0" not in value and value.encode().decode() == value
    if isinstance(value, int | float):
        return -(2**63) <= value < 2**63
    return value is None


@given(wire=st.binary() | json_values.map(lambda value: json.dumps(value).encode()))
def test_no_bytes_ever_raise(wire: bytes) -> None:
    assert isinstance(parse(wire), Notification | NotAnEnvelope)


@given(envelope=envelopes)
def test_whatever_is_heard_can_be_stored(envelope: dict[str, Any]) -> None:
    result = parse(json.dumps(envelope).encode())

    if isinstance(result, Notification):
        assert all(storable(getattr(result, name)) for name in result.__slots__)
        assert 0 <= result.create_time <= 253_402_300_799
        assert result.known == (semantic_key(result) is not None)
