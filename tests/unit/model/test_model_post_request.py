"""The post request: each rule at its boundary, and a reader that never raises."""

import re
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.model.post_parse import parse
from libs.model.post_request import PostRequest, utf16_units
from libs.model.problem import FieldError
from tests.examples import examples

MED = "med_01hzzzzzzzzzzzzzzzzzzzzzzz"
EMOJI = "🎬"  # two UTF-16 units


def a_body(**more: Any) -> dict[str, Any]:
    body = {"account_id": "acc_1", "kind": "video", "media": [MED], "privacy_level": "SELF_ONLY"}
    return {name: value for name, value in (body | more).items() if value is not ...}


def photos(count: int = 1, **more: Any) -> dict[str, Any]:
    return a_body(kind="photo", media=[f"https://media.example/{n}.jpg" for n in range(count)], **more)


def good(body: dict[str, Any]) -> PostRequest:
    request = parse(body)
    assert isinstance(request, PostRequest), request
    return request


def refused(body: object) -> dict[str, FieldError]:
    errors = parse(body)
    assert isinstance(errors, list) and errors, "it was accepted"
    return {error.field: error for error in errors}


ACCEPTED: dict[str, dict[str, Any]] = {
    "the least": a_body(),
    "several accounts": a_body(account_id=..., account_ids=["acc_1", "acc_2"]),
    "a hundred accounts": a_body(account_id=..., account_ids=[f"acc_{n}" for n in range(100)]),
    "a caption of 2,200 units": a_body(title="x" * 2200),
    "a caption of 1,100 emoji": a_body(title=EMOJI * 1100),
    "a photo title of 90": photos(title="x" * 90),
    "a photo title of 45 emoji": photos(title=EMOJI * 45),
    "a photo description of 4,000": photos(description="x" * 4000),
    "35 photos": photos(35),
    "the last photo as cover": photos(35, photo_cover_index=34),
    "music on photos": photos(auto_add_music=True),
    "an inbox post without privacy": a_body(mode="inbox", privacy_level=...),
    "a draft of ours without privacy": a_body(draft=True, privacy_level=...),
    "branded content for friends": a_body(brand_content_toggle=True, privacy_level="MUTUAL_FOLLOW_FRIENDS"),
    "own brand in private": a_body(brand_organic_toggle=True),
    "a cover at the tenth minute": a_body(video_cover_timestamp_ms=600_000),
    "an http source, which egress will judge": a_body(media=["http://127.0.0.1/v.mp4"]),
    "a key of 255 printable characters": a_body(idempotency_key="~" * 255),
    "consent": a_body(
        consent={"preview_confirmed": True, "express_consent": True, "by": "me", "at": "2027-01-01T00:00:00Z"}
    ),
    "metadata of 4,096 bytes": a_body(metadata={"k": "x" * (4096 - len('{"k":""}'))}),
    "a backslash, a u and zeros, which are no NUL": a_body(title="\\u0000"),
    "nested metadata": a_body(metadata={"a": [{"b": {"c": [1, 2.5, None, True]}}]}),
    "publish_before just after publish_at": a_body(
        publish_at="2027-05-01T10:00:00Z", publish_before="2027-05-01T12:00:01+02:00"
    ),
}


@pytest.mark.row("SS-02", "SS-03", "SS-05", "SS-35", "SS-51", "PP-14")
@pytest.mark.parametrize("body", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_a_request_within_every_rule_is_accepted(body: dict[str, Any]) -> None:
    good(body)


REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "an unknown field": (a_body(titel="x"), "titel", "unknown_field"),
    "no kind": (a_body(kind=...), "kind", "required"),
    "an unknown kind": (a_body(kind="story"), "kind", "literal_error"),
    "no media": (a_body(media=...), "media", "required"),
    "an empty list of media": (a_body(media=[]), "media", "too_short"),
    "two videos": (a_body(media=[MED, MED]), "media", "too_many"),
    "36 photos": (photos(36), "media", "too_long"),
    "a file name": (a_body(media=["video.mp4"]), "media.0", "not_a_source"),
    "another id": (a_body(media=["post_01hzzzzzzzzzzzzzzzzzzzzzzz"]), "media.0", "not_a_source"),
    "a source of 2,049 characters": (a_body(media=["https://" + "x" * 2041]), "media.0", "string_too_long"),
    "a caption of 2,201 units": (a_body(title="x" * 2201), "title", "too_long"),
    "a caption of 1,100 emoji and a letter": (a_body(title=EMOJI * 1100 + "x"), "title", "too_long"),
    "a photo title of 91": (photos(title="x" * 91), "title", "too_long"),
    "a photo title of 45 emoji and a letter": (photos(title=EMOJI * 45 + "x"), "title", "too_long"),
    "a photo description of 4,001": (photos(description="x" * 4001), "description", "too_long"),
    "a description of a video": (a_body(description="x"), "description", "photo_only"),
    "a cover index past the photos": (photos(2, photo_cover_index=2), "photo_cover_index", "out_of_range"),
    "a cover index of a video": (a_body(photo_cover_index=0), "photo_cover_index", "photo_only"),
    "music on a video": (a_body(auto_add_music=True), "auto_add_music", "photo_only"),
    "a cover time of photos": (photos(video_cover_timestamp_ms=0), "video_cover_timestamp_ms", "video_only"),
    "a cover image of photos": (photos(cover="https://a.example/x.jpg"), "cover", "video_only"),
    "a cover image in a video that must stay as it is": (
        a_body(cover="https://a.example/x.jpg", convert="never"), "cover", "needs_conversion",
    ),
    "a cover image and a cover time": (
        a_body(cover="https://a.example/x.jpg", video_cover_timestamp_ms=5), "video_cover_timestamp_ms", "two_covers",
    ),
    "an AI label on photos, which TikTok does not have": (photos(is_aigc=True), "is_aigc", "video_only"),
    "a cover time past ten minutes": (
        a_body(video_cover_timestamp_ms=600_001), "video_cover_timestamp_ms", "less_than_equal",
    ),
    "a direct post without privacy": (a_body(privacy_level=...), "privacy_level", "required"),
    "privacy in other words": (a_body(privacy_level="PRIVATE"), "privacy_level", "enum"),
    "branded content in private": (a_body(brand_content_toggle=True), "privacy_level", "branded_private"),
    "no account": (a_body(account_id=...), "account_id", "required"),
    "one and several accounts": (a_body(account_ids=["acc_2"]), "account_id", "required"),
    "no accounts of several": (a_body(account_id=..., account_ids=[]), "account_ids", "too_short"),
    "an account twice": (a_body(account_id=..., account_ids=["acc_1", "acc_1"]), "account_ids", "repeated"),
    "101 accounts": (a_body(account_id=..., account_ids=[f"acc_{n}" for n in range(101)]), "account_ids", "too_long"),
    "a time without an offset": (a_body(publish_at="2027-05-01T10:00:00"), "publish_at", "no_offset"),
    "a time that is none": (a_body(publish_at="tomorrow"), "publish_at", "not_a_time"),
    "a naive time that is none": (
        a_body(publish_at="2027-02-30T10:00", timezone="Europe/Berlin"), "publish_at", "datetime_from_date_parsing",
    ),
    "publish_before at publish_at": (
        a_body(publish_at="2027-05-01T10:00:00Z", publish_before="2027-05-01T12:00:00+02:00"),
        "publish_before", "before_publish_at",
    ),
    "a zone that is none": (a_body(timezone="Mars/Olympus"), "timezone", "unknown_timezone"),
    "a zone that leaves its folder": (a_body(timezone="../etc/passwd"), "timezone", "unknown_timezone"),
    "a zone that is a folder": (a_body(timezone="Europe"), "timezone", "unknown_timezone"),
    "a zone that is a number": (a_body(timezone=2), "timezone", "unknown_timezone"),
    "an empty zone": (a_body(timezone=""), "timezone", "unknown_timezone"),
    "a time in seconds": (a_body(publish_at=1_800_000_000), "publish_at", "not_a_time"),
    "a time in seconds, as text": (a_body(publish_at="1800000000"), "publish_at", "not_a_time"),
    "a day": (a_body(publish_at="2027-05-01"), "publish_at", "not_a_time"),
    "a time that no clock of ours can hold": (
        a_body(publish_at="9999-12-31T23:59:59-12:00"), "publish_at", "out_of_range",
    ),
    "the same in a zone": (
        a_body(publish_at="9999-12-31T23:59:59", timezone="America/New_York"), "publish_at", "out_of_range",
    ),
    "a time before time": (a_body(publish_before="0001-01-01T00:00:00+12:00"), "publish_before", "out_of_range"),
    "the same before time in a zone": (
        a_body(publish_at="0001-01-01T00:00:00", timezone="Asia/Tokyo"), "publish_at", "out_of_range",
    ),
    "an empty key": (a_body(idempotency_key=""), "idempotency_key", "string_too_short"),
    "a key of 256": (a_body(idempotency_key="k" * 256), "idempotency_key", "string_too_long"),
    "a key with a line break": (a_body(idempotency_key="a\nb"), "idempotency_key", "string_pattern_mismatch"),
    "a key that ends in a line break": (a_body(idempotency_key="a\n"), "idempotency_key", "string_pattern_mismatch"),
    "consent not given": (
        a_body(consent={"preview_confirmed": True, "express_consent": False, "by": "", "at": "2027-01-01T00:00:00Z"}),
        "consent", "not_given",
    ),
    "metadata of 4,097 bytes": (a_body(metadata={"k": "x" * (4097 - len('{"k":""}'))}), "metadata", "too_large"),
    "51 metadata": (a_body(metadata={str(n): n for n in range(51)}), "metadata", "too_long"),
    "a NUL in a text": (a_body(title="a\x00b"), "title", "bad_text"),
    "a NUL in metadata": (a_body(metadata={"k": ["\x00"]}), "metadata", "bad_text"),
    "a NUL in a metadata's name": (a_body(metadata={"\x00": 1}), "metadata", "bad_text"),
    "half a surrogate pair": (a_body(title="\ud800"), "title", "bad_text"),
    "half a surrogate pair in metadata": (a_body(metadata={"k": {"x": "\udc00"}}), "metadata", "bad_text"),
    "metadata 40 deep": (a_body(metadata={"k": orjson.loads("[" * 40 + "]" * 40)}), "metadata", "too_deep"),
    "a number beyond 64 bits": (a_body(metadata={"k": 2**64}), "metadata", "bad_number"),
    "a number that is none": (a_body(metadata={"k": float("nan")}), "metadata", "bad_number"),
}  # fmt: skip


@pytest.mark.row("SA-53", "SS-02", "SS-03", "SS-05", "SS-06", "SS-17", "SS-41", "SS-50", "SS-51", "SS-52", "PP-15")
@pytest.mark.parametrize(("body", "field", "code"), REFUSED.values(), ids=REFUSED.keys())
def test_a_broken_rule_names_its_field_and_what_to_do(body: dict[str, Any], field: str, code: str) -> None:
    errors = refused(body)

    assert list(errors) == [field]
    assert errors[field].code == code
    assert errors[field].remedy and errors[field].detail.endswith(".")
    orjson.dumps(errors[field].as_dict())


LIMITS = [
    (a_body(title="x" * 2201), "title", 2200, 2201),
    (a_body(title="x" * 5000), "title", 2200, 5000),
    (photos(title=EMOJI * 46), "title", 90, 92),
    (photos(description="x" * 9000), "description", 4000, 9000),
    (photos(36), "media", 35, 36),
    (a_body(media=[MED] * 2), "media", 1, 2),
    (photos(3, photo_cover_index=3), "photo_cover_index", 2, 3),
    (a_body(metadata={"a": "x" * 5000}), "metadata", 4096, 5008),
    (a_body(metadata={str(n): n for n in range(52)}), "metadata", 50, 52),
    (a_body(idempotency_key="k" * 300), "idempotency_key", 255, 300),
    (a_body(account_id=..., account_ids=[]), "account_ids", 1, 0),
    (a_body(video_cover_timestamp_ms=700_000), "video_cover_timestamp_ms", 600_000, 700_000),
]


@pytest.mark.row("SS-02", "SS-03", "PP-14")
@pytest.mark.parametrize(("body", "field", "limit", "found"), LIMITS)
def test_a_limit_is_told_with_what_was_found(body: dict[str, Any], field: str, limit: int, found: int | None) -> None:
    error = refused(body)[field]

    assert (error.limit, error.found) == (limit, found)


MIXED: dict[str, tuple[dict[str, Any], set[str]]] = {
    "unknown, missing and too long": (
        {"kind": "video", "media": [MED], "foo": 1, "title": "x" * 2300},
        {"foo", "account_id", "privacy_level", "title"},
    ),
    "a zone and five rules": (
        a_body(media=[MED, MED], timezone="Mars/X", title="x" * 2300, description="d", photo_cover_index=0),
        {"timezone", "media", "title", "description", "photo_cover_index"},
    ),
    "a text that cannot be kept, and the rest": (
        a_body(title="a\x00", titel=1, media=[MED, MED], description="d"), {"title", "titel", "media", "description"},
    ),
    "nothing at all": ({}, {"account_id", "kind", "media", "privacy_level"}),
    # What depends on a wrong field is not said, unless it is so whatever was meant.
    "a caption of no kind, too long for either": (a_body(kind="film", title="x" * 2201), {"kind", "title"}),
    "a caption of no kind, too long for photos": (a_body(kind="film", title="x" * 91), {"kind"}),
    "media of no kind": (a_body(kind="film", media=[MED, MED], description="d"), {"kind"}),
    "no privacy in a mode that is none": (a_body(mode="later", privacy_level=...), {"mode"}),
    "no privacy in what may be a draft": (a_body(draft="yes", privacy_level=...), {"draft"}),
    "a cover index among photos that cannot be read": (a_body(kind="photo", media=7, photo_cover_index=3), {"media"}),
    # One of several.
    "a wrong video of two": (a_body(media=[MED, 7]), {"media.1", "media"}),
    "two wrong ways to name media": (a_body(media=[7, "file.mp4"]), {"media.0", "media.1", "media"}),
    "36 files of which none is a text": (a_body(media=[7] * 36), {"media"}),
    "101 accounts of which none is a text": (a_body(account_id=..., account_ids=[None] * 101), {"account_ids"}),
    "an account of several": (a_body(account_id=..., account_ids=["a", 7, "a"]), {"account_ids.1", "account_ids"}),
    "wrong accounts beside one": (a_body(account_ids=7), {"account_ids", "account_id"}),
    "words of a consent": (
        a_body(consent={"preview_confirmed": False, "express_consent": True, "by": 7, "more": 1}, foo=1),
        {"consent.by", "consent.at", "consent.more", "consent", "foo"},
    ),
    # Times whose zone is unknown.
    "local times in a zone that is none": (
        a_body(timezone="Mars/X", publish_at="2027-05-01T10:00", publish_before="2027-05-01T09:00"),
        {"timezone", "publish_before"},
    ),
    "a local time beside another": (
        a_body(timezone="Mars/X", publish_at="2027-05-01T10:00", publish_before="2027-05-01T09:00Z"), {"timezone"},
    ),
    "no such day in no such zone": (a_body(timezone=7, publish_at="2027-02-30T10:00"), {"timezone", "publish_at"}),
    "a zone that cannot be kept": (a_body(timezone="\x00", publish_at="2027-02-03T10:00"), {"timezone"}),
}  # fmt: skip


@pytest.mark.parametrize(("body", "fields"), MIXED.values(), ids=MIXED.keys())
def test_every_wrong_field_is_named_at_once(body: dict[str, Any], fields: set[str]) -> None:
    assert set(refused(body)) == fields


WRONG: dict[str, Any] = {
    "account_id": 7, "media": "x", "title": "x" * 2201, "description": "d", "privacy_level": "PUBLIC",
    "disable_comment": "yes", "disable_duet": 1, "brand_organic_toggle": None, "is_aigc": [], "cover": "file.jpg",
    "video_cover_timestamp_ms": 600_001, "photo_cover_index": 0, "auto_add_music": True, "mode": "x", "transfer": "x",
    "convert": 1, "publish_at": "tomorrow", "timezone": "Mars/X", "publish_before": 5, "draft": 1,
    "idempotency_key": "", "consent": {}, "metadata": {"a": "x" * 5000}, "kind": "film", "titel": 1, "\u202e": {},
}  # fmt: skip
"""Values that are wrong by themselves in a good body of a video."""
_OF_A_KIND = {"description", "photo_cover_index", "auto_add_music"}


@given(st.sets(st.sampled_from(sorted(WRONG)), min_size=2))
def test_no_wrong_field_hides_another(names: set[str]) -> None:
    named = {field.partition(".")[0] for field in refused(a_body(**{name: WRONG[name] for name in names}))}

    # Without a kind nobody knows what only photos have.
    assert named == names - (_OF_A_KIND if "kind" in names else set())


@given(
    st.lists(st.sampled_from([7, MED, "", None, []]), max_size=40),
    st.lists(st.sampled_from([7, "a", "b", "", None, {}]), max_size=110) | st.none(),
)
def test_no_list_of_wrong_and_right_makes_the_reader_raise(media: list[Any], accounts: list[Any] | None) -> None:
    parse(a_body(media=media, account_ids=accounts, kind="photo"))


@pytest.mark.parametrize(
    "body",
    [
        {f"f{n}": 1 for n in range(20_000)},
        {f"f{n}": "\x00" for n in range(20_000)},
        a_body(consent={f"f{n}": 1 for n in range(20_000)}),
        a_body(media=[7] * 20_000),
    ],
    ids=["unknown", "unkeepable", "within", "listed"],
)
def test_a_body_that_is_wrong_all_over_is_answered_with_the_first_fifty(body: dict[str, Any]) -> None:
    errors = parse(body)

    assert isinstance(errors, list) and 1 <= len(errors) <= 50


def test_several_broken_rules_are_told_at_once() -> None:
    assert set(refused(a_body(title="x" * 2201, brand_content_toggle=True, description="d"))) == {
        "title", "privacy_level", "description",
    }  # fmt: skip
    assert set(refused(a_body(titel="x", kind="story", media=[]))) == {"titel", "kind", "media"}


@pytest.mark.parametrize("body", [None, [], "text", 7, True, 2.5])
def test_only_an_object_is_read(body: object) -> None:
    assert refused(body)[""].code == "not_an_object"


ZONES = [
    ("2027-01-15T09:00", "Europe/Berlin", "2027-01-15T08:00:00Z"),
    ("2027-07-15T09:00:30", "Europe/Berlin", "2027-07-15T07:00:30Z"),
    ("2027-07-15 09:00:30.25", "America/New_York", "2027-07-15T13:00:30.250Z"),
    ("2027-07-15T09:00", "Asia/Kolkata", "2027-07-15T03:30:00Z"),
    # An offset that is said counts, whatever the zone.
    ("2027-07-15T09:00Z", "Asia/Kolkata", "2027-07-15T09:00:00Z"),
    ("2027-07-15T09:00-03:00", "Asia/Kolkata", "2027-07-15T12:00:00Z"),
    # The hour that does not exist: as if the clock had not been put forward (RFC 5545).
    ("2027-03-28T02:30", "Europe/Berlin", "2027-03-28T01:30:00Z"),
    ("2027-03-28T03:30", "Europe/Berlin", "2027-03-28T01:30:00Z"),
    # The hour that comes twice: its first time.
    ("2027-10-31T02:30", "Europe/Berlin", "2027-10-31T00:30:00Z"),
    ("2027-10-31T03:30", "Europe/Berlin", "2027-10-31T02:30:00Z"),
]


@pytest.mark.row("SS-13")
@pytest.mark.parametrize(("local", "zone", "utc"), ZONES)
def test_a_local_time_is_placed_in_its_zone(local: str, zone: str, utc: str) -> None:
    request = good(a_body(publish_at=local, timezone=zone))

    assert request.publish_at is not None
    assert request.publish_at.astimezone(UTC) == datetime.fromisoformat(utc)


def test_the_idempotency_key_is_no_part_of_the_content() -> None:
    first, second = good(a_body(idempotency_key="a")), good(a_body(idempotency_key="b"))

    assert first.content_hash() == second.content_hash()


SAME_CONTENT = [
    (a_body(disable_comment=True), a_body()),
    (a_body(metadata={"a": 1, "b": 2}), a_body(metadata={"b": 2, "a": 1})),
    (a_body(publish_at="2027-05-01T10:00:00Z"), a_body(publish_at="2027-05-01T12:00:00+02:00")),
    (a_body(publish_at="2027-05-01T10:00:00Z"), a_body(publish_at="2027-05-01T10:00:00.000+00:00")),
]
OTHER_CONTENT = [
    (a_body(title="a"), a_body(title="b")),
    (a_body(account_id="acc_1"), a_body(account_id=..., account_ids=["acc_1"])),
    (a_body(metadata={"a": 1}), a_body(metadata={"a": "1"})),
    (a_body(account_id=..., account_ids=["a", "b"]), a_body(account_id=..., account_ids=["b", "a"])),
]


@pytest.mark.parametrize(("one", "other"), SAME_CONTENT)
def test_two_ways_of_asking_for_the_same_are_the_same(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert good(one).content_hash() == good(other).content_hash()


@pytest.mark.parametrize(("one", "other"), OTHER_CONTENT)
def test_asking_for_something_else_is_not_the_same(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert good(one).content_hash() != good(other).content_hash()


def test_the_body_is_left_as_it_was() -> None:
    body = a_body(publish_at="2027-05-01T10:00", timezone="Europe/Berlin")
    before = orjson.dumps(body)

    good(body)

    assert orjson.dumps(body) == before


@pytest.mark.row("SA-50", "SS-02")
@given(st.text())
def test_units_are_counted_as_tiktok_counts_them(text: str) -> None:
    assert utf16_units(text) == sum(2 if ord(letter) > 0xFFFF else 1 for letter in text)


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=40)
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
)
times = st.datetimes().map(lambda moment: moment.isoformat()) | st.sampled_from(
    ["9999-12-31T23:59:59", "0001-01-01T00:00", "2027-03-28T02:30Z", "2027-03-28T02:30-23:59"]
)
likely = {
    "account_id": st.just("acc_1") | anything,
    "account_ids": st.lists(st.text(max_size=5), max_size=3) | anything,
    "kind": st.sampled_from(["video", "photo"]) | anything,
    "media": st.lists(st.sampled_from([MED, "https://a.example/v"]) | st.text(max_size=9), max_size=3) | anything,
    "title": st.text(max_size=100) | anything,
    "privacy_level": st.sampled_from(["SELF_ONLY", "PUBLIC_TO_EVERYONE"]) | anything,
    "publish_at": times | anything,
    "publish_before": times | anything,
    "timezone": st.sampled_from(["Europe/Berlin", "America/New_York", "Pacific/Apia", "UTC"]) | anything,
    "metadata": st.dictionaries(st.text(max_size=8), anything, max_size=3) | anything,
    "consent": anything,
    "mode": st.sampled_from(["direct", "inbox"]) | anything,
    "draft": st.booleans() | anything,
}
bodies = st.fixed_dictionaries({}, optional=likely) | st.dictionaries(st.text(max_size=12), anything, max_size=6)


@settings(max_examples=examples(3), deadline=None)
@given(bodies | anything)
def test_no_body_makes_the_reader_raise_and_what_it_accepts_can_be_stored(body: object) -> None:
    outcome = parse(body)

    if isinstance(outcome, PostRequest):
        outcome.content_hash()
        stored = orjson.dumps(outcome.model_dump(mode="json"))
        assert b"\\u0000" not in stored.replace(b"\\\\", b"")
        for moment in (outcome.publish_at, outcome.publish_before):
            assert moment is None or 2000 <= moment.astimezone(UTC).year < 9999
    else:
        assert outcome
        said = orjson.dumps([error.as_dict() for error in outcome]).decode()
        assert not re.search("Input should|[Tt]uple|[Dd]ictionary|valid (string|boolean|integer)|NoneType", said)


@pytest.mark.parametrize("depth", [33, 200, 500, 1000])
@pytest.mark.parametrize("field", ["metadata", "title", "media", "timezone", "other"])
def test_depth_is_refused_and_not_followed(depth: int, field: str) -> None:
    deep: Any = "x"
    for _ in range(depth):
        deep = [deep] if field != "metadata" else {"k": deep}

    assert refused(a_body(**{field: deep}))
