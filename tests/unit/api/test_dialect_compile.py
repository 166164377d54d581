"""What dialects make of a vendor's body: what they choose is said, and nothing is guessed."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from libs.model.post_parse import parse
from libs.model.post_request import PostRequest, Privacy, utf16_units
from libs.model.problem import FieldError, Problem, invalid
from services.api.dialects.frame import Compiled, renamed
from services.api.dialects.mapping import words
from services.api.dialects.privacy import SAFE, safest
from services.api.dialects.socialapi.compile import PostNew as SocialApiPost
from services.api.dialects.socialapi.compile import compiled as socialapi_compiled
from services.api.dialects.socialapi.words import DIALECT as SOCIALAPI
from services.api.dialects.socialsyncer.compile import PostNew as SyncerPost
from services.api.dialects.socialsyncer.compile import compiled as syncer_compiled
from services.api.dialects.socialsyncer.text import photo_title
from tests.unit.api.dialect_things import ACCOUNT, NOW

OTHER = "acc_01jd4a0300c2d3e4f5g6h7j8k9"
SAFE_SETTINGS = {
    "privacy_level": "SELF_ONLY", "allow_comment": True, "allow_duet": True, "allow_stitch": True,
    "content_preview_confirmed": True, "express_consent_given": True, "video_cover_timestamp_ms": 0,
}  # fmt: skip
FALSE = {"branded_content": False, "paid_partnership": False}


def socialapi(*, strict: bool = False, **more: Any) -> Compiled:
    usual = {"account_ids": [ACCOUNT], "text": "hi", "media_ids": ["https://x.example/v.mp4"]}
    body = {name: value for name, value in (usual | more).items() if value is not None}
    return socialapi_compiled(SocialApiPost.model_validate(body), strict=strict)


def syncer(settings: dict[str, Any] | None = None, **more: Any) -> Compiled:
    usual = {
        "content": "hi", "mediaItems": [{"type": "video", "url": "https://x.example/v.mp4"}],
        "platforms": [{"platform": "tiktok", "accountId": ACCOUNT}], "publishNow": True,
        "tiktokSettings": {k: v for k, v in (SAFE_SETTINGS | (settings or {})).items() if v is not None},
    }  # fmt: skip
    body = {name: value for name, value in (usual | more).items() if value is not None}
    return syncer_compiled(SyncerPost.model_validate(body), by="key", at=NOW)


def wrong(made: Compiled) -> set[tuple[str, str]]:
    return {(error.field, error.code) for error in made.errors}


def chosen(made: Compiled) -> dict[str, tuple[str, Any]]:
    return {one.field: (one.code, one.used) for one in made.adjustments}


@pytest.mark.row("SA-27", "SA-31")
def test_what_socialapi_leaves_out_is_chosen_and_its_own_names_are_translated_and_both_are_said() -> None:
    made = socialapi(platform_data={"tiktok": {"privacy_level": "PUBLIC"}})

    assert (made.request["kind"], made.request["privacy_level"]) == ("video", "PUBLIC_TO_EVERYONE")
    assert chosen(made) == {
        "platform_data.tiktok.media_type": ("defaulted", "video"),
        "platform_data.tiktok.privacy_level": ("renamed", "PUBLIC_TO_EVERYONE"),
        "platform_data.tiktok.disclosure": ("defaulted", FALSE),
        **{f"platform_data.tiktok.disable_{what}": ("defaulted", True) for what in ("comment", "duet", "stitch")},
    }
    aliases = {"PRIVATE": "SELF_ONLY", "FRIENDS": "MUTUAL_FOLLOW_FRIENDS", "FOLLOWERS": "FOLLOWER_OF_CREATOR"}
    for alias, ours in aliases.items():
        assert socialapi(platform_data={"tiktok": {"privacy_level": alias}}).request["privacy_level"] == ours
    assert isinstance(parse(socialapi(platform_data={"tiktok": {"privacy_level": "public"}}).request), list)
    native = {"account_id": ACCOUNT, "kind": "video", "media": ["https://x.example/v"], "privacy_level": "PUBLIC"}
    [error] = [error for error in parse(native) if isinstance(error, FieldError)]
    assert error.field == "privacy_level" and "PUBLIC_TO_EVERYONE" in str(error.limit)


@pytest.mark.row("SA-70", "SA-48")
@pytest.mark.parametrize(
    ("disclosure", "strict", "errors"),
    [
        (None, False, {("disclosure", "required")}),
        ({}, False, {("disclosure.branded_content", "required"), ("disclosure.paid_partnership", "required")}),
        ({"branded_content": False}, False, {("disclosure.paid_partnership", "required")}),
        (FALSE | {"paid_partnership": 0}, False, {("disclosure.paid_partnership", "bool_type")}),
        (FALSE | {"sponsored": True}, False, {("disclosure.sponsored", "unknown_field")}),
        ("no", True, {("disclosure", "not_an_object")}),
        (FALSE, True, set()),
    ],
)
def test_the_landing_shape_has_to_disclose_and_the_other_one_too_where_the_operator_is_strict(
    disclosure: Any, strict: bool, errors: set[tuple[str, str]]
) -> None:
    said = {"tiktok": {"disclosure": disclosure} if disclosure is not None else {}}
    landing = socialapi(account_ids=None, account_id=ACCOUNT, platforms=["tiktok"], platform_options=said)
    other = socialapi(platform_data=said, strict=strict)

    beneath = {name.removeprefix("platform_options.").removeprefix("platform_data.") for name, _ in wrong(landing)}
    assert beneath == {f"tiktok.{name}" for name, _ in errors}
    assert {code for _, code in wrong(landing)} == {code for _, code in errors}
    if disclosure is None:
        assert wrong(other) == set()
        assert wrong(socialapi(strict=True)) == {("platform_data.tiktok.disclosure", "required")}


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"account_id": OTHER}, "account_id"),
        ({"platform_data": {"tiktok": {"privacy_level": "PUBLIC"}},
          "platform_options": {"tiktok": {"privacy_level": "PRIVATE", "disclosure": FALSE}}},
         "platform_options.tiktok.privacy_level"),
        ({"platform_data": {"tiktok": {"title": "other"}}}, "platform_data.tiktok.title"),
        ({"platform_data": {"tiktok": {"brand_content_toggle": True, "disclosure": FALSE}}},
         "platform_data.tiktok.disclosure"),
    ],
)  # fmt: skip
def test_the_two_shapes_of_socialapi_may_be_mixed_unless_they_differ(more: dict[str, Any], field: str) -> None:
    assert (field, "contradiction") in wrong(socialapi(**more))
    same = socialapi(account_id=ACCOUNT, platform_options={"tiktok": {"disclosure": FALSE}})
    assert wrong(same) == set()


def test_several_accounts_of_socialapi_are_one_request_and_other_platforms_are_refused() -> None:
    made = socialapi(account_ids=[ACCOUNT, OTHER])
    assert made.request["account_ids"] == [ACCOUNT, OTHER] and "account_id" not in made.request

    assert ("platforms.1", "not_tiktok") in wrong(socialapi(platforms=["tiktok", "instagram"]))
    assert wrong(socialapi(account_ids=None)) == {("account_ids", "required")}
    assert ("platform_data.tiktok.sound", "unknown_field") in wrong(socialapi(platform_data={"tiktok": {"sound": "x"}}))


def test_the_text_of_photos_is_their_description_and_their_title_a_setting() -> None:
    made = socialapi(platform_data={"tiktok": {"media_type": "photo", "title": "t", "privacy_level": "PRIVATE"}})

    assert (made.request["title"], made.request["description"]) == ("t", "hi")
    assert "disable_duet" not in made.request, "photos have none"


@pytest.mark.row("SA-36")
def test_an_account_whose_grant_is_over_is_401_invalid_token_with_where_to_reconnect_it() -> None:
    path = f"/v1/accounts/{ACCOUNT}/reconnect"
    asked = Problem("reauthorization_required", "x", 409, "d", "r", extra={"reconnect": path})
    posted = invalid([FieldError("account_id", "account_not_connected", "It is.", found=ACCOUNT)])

    for problem in (asked, posted):
        said = SOCIALAPI.problem(problem)
        assert (said.status, said.code, said.extra["reconnect"]) == (401, "invalid_token", path)
        assert said.remedy
    other = invalid([FieldError("account_id", "unknown_account", "There is none.", found=ACCOUNT)])
    assert SOCIALAPI.problem(other).code == "invalid_request"


@pytest.mark.row("SA-28")
@given(st.lists(st.sets(st.sampled_from(list(Privacy)), min_size=1), min_size=1, max_size=3), st.booleans())
def test_the_choice_that_is_made_is_everybodys_own_and_never_public(options: list[set[Privacy]], branded: bool) -> None:
    every = set.intersection(*options) - ({Privacy.SELF_ONLY} if branded else set())

    level = safest([list(one) for one in options], branded=branded)

    assert level is not Privacy.PUBLIC_TO_EVERYONE
    assert (level is None) == (every <= {Privacy.PUBLIC_TO_EVERYONE})
    assert level is None or level in every
    assert level == Privacy.SELF_ONLY or Privacy.SELF_ONLY not in every
    assert Privacy.PUBLIC_TO_EVERYONE not in SAFE


@pytest.mark.row("SS-45", "SS-46")
@pytest.mark.parametrize("value", [None, False, 1, "true"])
@pytest.mark.parametrize("flag", ["content_preview_confirmed", "express_consent_given"])
def test_a_consent_that_is_not_true_is_refused(flag: str, value: Any) -> None:
    assert wrong(syncer({flag: value})) == {(f"tiktokSettings.{flag}", "consent_required")}


@pytest.mark.row("SS-42", "SS-43", "SS-44")
def test_what_socialsyncer_requires_is_required_but_no_duets_of_drafts_and_photos() -> None:
    required = {"privacy_level", "allow_comment", "allow_duet", "allow_stitch"}
    for name in required:
        assert wrong(syncer({name: None})) == {(f"tiktokSettings.{name}", "required")}
    nothing: dict[str, Any] = dict.fromkeys(required)
    images = [{"type": "image", "url": "https://x.example/1.jpg"}]
    for made in (syncer(nothing | {"draft": True}), syncer(nothing | {"media_type": "photo"}, mediaItems=images)):
        assert wrong(made) == {
            ("tiktokSettings.privacy_level", "required"),
            ("tiktokSettings.allow_comment", "required"),
        }


@pytest.mark.row("SS-40")
def test_settings_are_taken_from_both_places_and_the_top_level_wins() -> None:
    inside = {"privacy_level": "PUBLIC_TO_EVERYONE", "video_made_with_ai": True}
    one = [{"platform": "tiktok", "accountId": ACCOUNT, "platformSpecificData": inside}]
    for more in ({"platformSpecificData": {"tiktokSettings": inside}}, {"platforms": one}):
        made = syncer(**more)

        assert (made.request["privacy_level"], made.request["is_aigc"], made.errors) == ("SELF_ONLY", True, [])
        assert [(one.field.rpartition(".")[2], one.code) for one in made.adjustments] == [
            ("privacy_level", "ignored"), ("video_made_with_ai", "moved"),
        ]  # fmt: skip
    two = [{"platform": "tiktok", "accountId": id_, "platformSpecificData": {"allow_duet": say}}
           for id_, say in ((ACCOUNT, True), (OTHER, False))]  # fmt: skip
    assert ("platforms.1.platformSpecificData.allow_duet", "contradiction") in wrong(
        syncer({"allow_duet": None}, platforms=two)
    )


@pytest.mark.row("SS-04", "SS-31", "SS-49")
def test_the_content_of_photos_is_their_title_without_hashtags_and_addresses_and_at_most_90_units() -> None:
    images = [{"type": "image", "url": "https://x.example/1.jpg"}]
    content = "Trip #travel to https://x.example/a?b=c#d and www.y.example C# 🎬" + " word" * 30

    made = syncer({"media_type": "photo", "description": "long #x", "video_cover_timestamp_ms": None}, content=content,
                  mediaItems=images)  # fmt: skip

    assert made.request["title"].startswith("Trip to and C# 🎬 word") and utf16_units(made.request["title"]) <= 90
    assert made.request["description"] == "long #x", "which keeps its hashtags"
    assert chosen(made) == {"content": ("changed", made.request["title"])}
    inferred = syncer({"video_cover_timestamp_ms": None}, content="x", mediaItems=images)
    assert inferred.request["kind"] == "photo" and chosen(inferred)["tiktokSettings.media_type"] == (
        "defaulted",
        "photo",
    )
    assert not isinstance(parse(inferred.request), list)


@given(st.text(st.characters(exclude_categories=("Cs",)), max_size=200))
def test_any_content_makes_a_title_that_tiktok_takes_and_making_it_again_changes_nothing(content: str) -> None:
    title = photo_title(content)

    assert utf16_units(title) <= 90 and title == title.strip() and "\n" not in title
    assert photo_title(title) == title or "#" in title or "www" in title.lower() or "://" in title


@pytest.mark.parametrize(
    ("more", "errors"),
    [
        ({"mediaItems": []}, {("mediaItems", "required")}),
        ({"mediaItems": [{"type": "video", "url": "https://x"}, {"type": "image", "url": "https://y"}]},
         {("mediaItems", "mixed")}),
        ({"mediaItems": [{"type": "image", "url": "https://y"}], "settings": {"media_type": "video"}},
         {("mediaItems", "wrong_type")}),
        ({"platforms": [{"platform": "instagram", "accountId": ACCOUNT}]}, {("platforms.0.platform", "not_tiktok")}),
        ({"scheduledFor": "2035-01-01T00:00:00Z"}, {("scheduledFor", "contradiction")}),
        ({"settings": {"commercialContentType": "both"}}, {("tiktokSettings.commercialContentType", "enum")}),
        ({"settings": {"sound": "x"}}, {("tiktokSettings.sound", "unknown_field")}),
    ],
)  # fmt: skip
def test_what_socialsyncer_has_not_is_refused_by_its_own_names(
    more: dict[str, Any], errors: set[tuple[str, str]]
) -> None:
    assert wrong(syncer(more.pop("settings", None), **more)) == errors


@pytest.mark.row("SS-23")
def test_nothing_goes_out_that_nobody_said_should() -> None:
    assert "draft" not in syncer().request
    for more in ({"publishNow": None}, {"publishNow": False}, {"publishNow": None, "isDraft": True}):
        assert syncer(**more).request["draft"] is True
    later = syncer(publishNow=None, scheduledFor="2035-01-01T09:00:00", timezone="Europe/Berlin")
    assert "draft" not in later.request and not isinstance(parse(later.request), list)


def test_covers_and_drafts_of_socialsyncer() -> None:
    assert syncer({"video_cover_timestamp_ms": None}).request["video_cover_timestamp_ms"] == 1000
    image = syncer({"video_cover_image_url": "https://x.example/c.jpg", "video_cover_timestamp_ms": 5})
    assert image.request["cover"] and "video_cover_timestamp_ms" not in image.request
    assert chosen(image) == {"tiktokSettings.video_cover_timestamp_ms": ("ignored", None)}
    draft = syncer({"draft": True, "video_cover_timestamp_ms": None})
    assert draft.request["mode"] == "inbox" and chosen(draft) == {"tiktokSettings": ("ignored", None)}


def test_our_problems_name_the_vendors_fields_with_whatever_stands_behind_them() -> None:
    problem = invalid([FieldError(name, "x", "d") for name in ("media.1", "media", "mediate", "title")])

    said = renamed(problem, {"media": "media_ids", "title": "text"})

    assert [error.field for error in said.errors] == ["media_ids.1", "media_ids", "mediate", "text"]


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("PUBLIC", "PUBLIC"), (True, True), (7, 7), (None, None), (FALSE, FALSE), ("x" * 400, "x" * 300),
        ("cw_L3jc0S1BrgJbw5mtDl3J39ku1tiAHB3JjfdGmz7o", "…(43 characters)"),
        ("https://cdn.example.com/a.jpg?signature=s", "https://cdn.example.com/a.jpg?…"),
        (["x"], None), ({"a": {}}, None),
    ],
)  # fmt: skip
def test_an_adjustment_shows_short_values_and_no_secrets(sent: Any, shown: Any) -> None:
    made = Compiled()

    made.adjust("a", "changed", "why", sent=sent)

    assert made.adjustments[0].sent == shown


def test_what_is_wrong_or_chosen_a_thousand_times_is_said_fifty_times_and_without_a_secret_in_a_name() -> None:
    key = "cw_L3jc0S1BrgJbw5mtDl3J39ku1tiAHB3JjfdGmz7o"
    disclosure = FALSE | {key: 1} | {f"x{n}": n for n in range(1000)}
    inner = {"tiktokSettings": {f"x{n}": n for n in range(1000)}}

    wrong_ones = socialapi(platform_data={"tiktok": {"disclosure": disclosure}}).errors
    moved = syncer(platformSpecificData=inner).adjustments

    assert (len(wrong_ones), len(moved)) == (50, 50)
    assert not any(key in error.field for error in wrong_ones)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 2**53) | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)


def anything(table: str) -> st.SearchStrategy[dict[str, Any]]:
    """Settings with the right names and any values, and with wrong names."""
    names = [word.theirs for word in words(table).values()]
    names += ["disclosure", "commercialContentType", "content_preview_confirmed", "express_consent_given"]
    return st.dictionaries(st.sampled_from(names) | st.text(max_size=5), JSON, max_size=6)


@given(st.booleans(), anything("socialapi"), anything("socialsyncer"), JSON)
def test_whatever_the_settings_say_is_a_request_or_names_what_is_wrong(
    landing: bool, said: dict[str, Any], synced: dict[str, Any], value: Any
) -> None:
    shape = "platform_options" if landing else "platform_data"
    for made in (
        socialapi(**{shape: {"tiktok": said}, "publish_at": value, "metadata": value, "media_ids": [value]}),
        syncer(synced, platformSpecificData=said, scheduledFor=value, timezone=value, metadata=value),
    ):
        read = parse(made.request)
        assert made.errors or isinstance(read, PostRequest) or all(error.field for error in read)
        assert all(one.model_dump_json() for one in made.adjustments)


def test_unknown_fields_of_a_body_are_refused() -> None:
    with pytest.raises(ValidationError):
        syncer(surprise=1)
