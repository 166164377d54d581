"""One table of what vendors call things: there and back, and on to TikTok's body, nothing is lost or turned round."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.model.post import Post, PostState
from libs.model.post_parse import parse
from libs.model.post_request import PostRequest, Privacy
from services.api.dialects.frame import Compiled
from services.api.dialects.mapping import TABLE, paths, to_ours, to_theirs, words
from services.api.dialects.postproxy.compile import PostNew as PostproxyPost
from services.api.dialects.postproxy.compile import compiled as postproxy
from services.api.dialects.socialapi.compile import PostNew as SocialApiPost
from services.api.dialects.socialapi.compile import compiled as socialapi
from services.api.dialects.socialsyncer.compile import PostNew as SyncerPost
from services.api.dialects.socialsyncer.compile import compiled as socialsyncer
from services.publisher.wording import photo_post, video_post
from tests.unit.api.dialect_things import ACCOUNT, NOW, film

VENDORS = sorted({vendor for row in TABLE.values() for vendor in row})
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "kind": st.sampled_from(("video", "photo")),
    "privacy_level": st.sampled_from([str(level) for level in Privacy]),
    "title": st.text("abc #", min_size=1, max_size=9),
    "description": st.text("abc #", min_size=1, max_size=9),
    "video_cover_timestamp_ms": st.integers(0, 600_000),
    "cover": st.just("https://cdn.example.com/cover.jpg"),
    "photo_cover_index": st.integers(0, 34),
    "mode": st.sampled_from(("direct", "inbox")),
}


def wishes(vendor: str) -> st.SearchStrategy[dict[str, Any]]:
    """Any of our fields that the vendor has a word for."""
    return st.fixed_dictionaries({}, optional={ours: VALUES.get(ours, st.booleans()) for ours in words(vendor)})


@given(st.data())
def test_what_a_vendor_has_words_for_goes_there_and_comes_back(data: st.DataObject) -> None:
    vendor = data.draw(st.sampled_from(VENDORS))
    asked = data.draw(wishes(vendor))

    said = to_theirs(vendor, asked)

    assert to_ours(vendor, said) == (asked, [])
    assert to_theirs(vendor, to_ours(vendor, said)[0]) == said


def test_the_table_says_nothing_twice_and_nothing_that_a_post_request_has_not() -> None:
    assert set(TABLE) <= set(PostRequest.model_fields)
    for vendor in VENDORS:
        named = [word.theirs for word in words(vendor).values()]
        assert len(set(named)) == len(named)
        for word in words(vendor).values():
            ours = [value for _, value in word.values]
            assert len(set(ours)) == len(ours) == len({str(theirs) for theirs, _ in word.values})
        assert paths(vendor, "x")["privacy_level"] == f"x.{words(vendor)['privacy_level'].theirs}"


@pytest.mark.parametrize("value", [1, 0, "true", None, [], "MEDIA"])
def test_a_value_of_another_type_is_passed_on_to_our_own_rules(value: Any) -> None:
    assert to_ours("socialsyncer", {"allow_comment": value, "draft": value}) == (
        {"disable_comment": value, "mode": value}, [],
    )  # fmt: skip


def body_at_tiktok(made: Compiled) -> dict[str, Any]:
    """The `post_info` that this becomes."""
    request = parse(made.request)
    assert isinstance(request, PostRequest), request
    asked = request.model_dump(mode="json")
    post = Post(
        id="post_1", customer_id="cus_1", account_id=ACCOUNT, batch_id=None, idempotency_key="k", request=asked,
        state=PostState.QUEUED, version=1, alarm=NOW, in_lane=True, created_at=NOW, updated_at=NOW,
    )  # fmt: skip
    if not post.photo:
        return video_post(post, film(), off=()).body()
    body = photo_post(post, ("https://x.example/1.jpg",), off=()).body()
    return dict(body["post_info"]) | {"photo_cover_index": body["source_info"]["photo_cover_index"]}


DIRECT = {
    "privacy_level": st.sampled_from(("PUBLIC_TO_EVERYONE", "FOLLOWER_OF_CREATOR")),
    **{f"disable_{what}": st.booleans() for what in ("comment", "duet", "stitch")},
    "is_aigc": st.booleans(),
    "video_cover_timestamp_ms": st.integers(0, 600_000),
}
TOGGLES = st.sampled_from(("none", "brand_organic", "brand_content"))


@pytest.mark.row("SS-42", "SS-43", "SS-44", "SS-55")
@given(st.fixed_dictionaries(DIRECT), TOGGLES)
def test_a_video_of_socialsyncer_says_to_tiktok_what_it_said(asked: dict[str, Any], commercial: str) -> None:
    consent = {"content_preview_confirmed": True, "express_consent_given": True, "commercialContentType": commercial}
    said = to_theirs("socialsyncer", asked) | consent
    assert said["allow_duet"] is not asked["disable_duet"]
    new = SyncerPost.model_validate(
        {
            "content": "a #b", "mediaItems": [{"type": "video", "url": "https://x.example/v.mp4"}],
            "platforms": [{"platform": "tiktok", "accountId": ACCOUNT}], "tiktokSettings": said, "publishNow": True,
        }
    )  # fmt: skip

    made = socialsyncer(new, by="key", at=NOW)

    toggles = {
        "brand_content_toggle": commercial == "brand_content",
        "brand_organic_toggle": commercial == "brand_organic",
    }
    assert (made.errors, made.adjustments) == ([], [])
    assert body_at_tiktok(made) == asked | toggles | {"title": "a #b"}


@pytest.mark.row("SA-48")
@given(st.fixed_dictionaries(DIRECT), st.booleans(), st.booleans(), st.booleans())
def test_a_video_of_socialapi_says_to_tiktok_what_it_said(
    asked: dict[str, Any], branded: bool, paid: bool, organic: bool
) -> None:
    disclosure = {"branded_content": branded, "paid_partnership": paid}
    said = to_theirs("socialapi", asked | {"brand_organic_toggle": organic}) | {"disclosure": disclosure}
    landing = {"account_id": ACCOUNT, "platforms": ["tiktok"], "platform_options": {"tiktok": said}}
    connector = {"account_ids": [ACCOUNT], "platform_data": {"tiktok": said}}

    bodies = []
    for shape in (landing, connector):
        made = socialapi(SocialApiPost.model_validate(shape | {"text": "a", "media_ids": ["https://x.example/v.mp4"]}),
                         strict=True)  # fmt: skip
        assert made.errors == []
        bodies.append(body_at_tiktok(made))

    toggles = {"brand_content_toggle": branded or paid, "brand_organic_toggle": organic}
    assert bodies == [asked | toggles | {"title": "a"}] * 2


@given(st.fixed_dictionaries({name: one for name, one in DIRECT.items() if name != "video_cover_timestamp_ms"}),
       TOGGLES)  # fmt: skip
def test_a_video_of_postproxy_says_to_tiktok_what_it_said(asked: dict[str, Any], commercial: str) -> None:
    toggles = {f"{name}_toggle": commercial == name for name in ("brand_content", "brand_organic")}
    said = to_theirs("postproxy", asked | toggles) | {"format": "video"}
    new = PostproxyPost.model_validate(
        {
            "post": {"body": "a"}, "profiles": [ACCOUNT], "media": ["https://x.example/v.mp4"],
            "platforms": {"tiktok": said},
        }
    )  # fmt: skip

    made = postproxy(new, named={ACCOUNT: 0})

    assert (made.errors, made.adjustments) == ([], [])
    body = body_at_tiktok(made)
    assert body == asked | toggles | {"title": "a"} | {k: v for k, v in body.items() if v is None}
