"""What is asked of TikTok and has no place there is warned of, and nothing else is."""

from typing import Any

import pytest

from libs.model.post_parse import parse
from libs.model.post_request import PostRequest
from libs.model.unused import unused

DIRECT: dict[str, Any] = {"account_id": "acc_1", "privacy_level": "SELF_ONLY"}
DRAFT: dict[str, Any] = {"account_id": "acc_1", "mode": "inbox"}
VIDEO: dict[str, Any] = {"kind": "video", "media": ["https://a.example/v.mp4"]}
PHOTO: dict[str, Any] = {"kind": "photo", "media": ["https://a.example/1.jpg"]}
TURNED: dict[str, Any] = {"disable_comment": True, "disable_duet": False, "disable_stitch": True}

WARNED: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "nothing given": (DRAFT | VIDEO, {}),
    "a video, direct": (DIRECT | VIDEO | TURNED | {"title": "x", "is_aigc": True}, {}),
    "a video's draft": (
        DRAFT | VIDEO | TURNED | {"title": "x", "privacy_level": "SELF_ONLY", "is_aigc": True},
        dict.fromkeys(["title", "privacy_level", *TURNED, "is_aigc"], "chosen_in_app"),
    ),
    "what asks for nothing": (DRAFT | VIDEO | {"title": "", "is_aigc": False, "video_cover_timestamp_ms": None}, {}),
    "a cover, which is put into the video": (DRAFT | VIDEO | {"cover": "https://a.example/c.jpg"}, {}),
    "photos, direct": (
        DIRECT | PHOTO | TURNED | {"title": "x", "description": "x", "auto_add_music": True},
        dict.fromkeys(["disable_duet", "disable_stitch"], "photos_have_none"),
    ),
    "photos' draft": (
        DRAFT | PHOTO | TURNED | {"title": "x", "auto_add_music": True, "photo_cover_index": 0},
        {
            "disable_comment": "chosen_in_app", "auto_add_music": "chosen_in_app",
            "disable_duet": "photos_have_none", "disable_stitch": "photos_have_none",
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize(("body", "warned"), WARNED.values(), ids=WARNED.keys())
def test_what_was_given_and_changes_nothing_is_named(body: dict[str, Any], warned: dict[str, str]) -> None:
    request = parse(body)
    assert isinstance(request, PostRequest)

    said = list(unused(request))

    assert {one.field: one.code for one in said} == warned
    assert all(one.found and one.field in one.detail and one.field in one.remedy for one in said)
