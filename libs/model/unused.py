"""What a post request asks for and TikTok does not use: taken, and warned of (fact sheet 3.3, 3.4)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from libs.model.post_request import PostRequest

_VIDEO_DRAFT: Final = (
    "title", "privacy_level", "disable_comment", "disable_duet", "disable_stitch", "brand_content_toggle",
    "brand_organic_toggle", "is_aigc", "video_cover_timestamp_ms",
)  # fmt: skip
_PHOTO_DRAFT: Final = (
    "privacy_level", "disable_comment", "brand_content_toggle", "brand_organic_toggle", "auto_add_music",
)  # fmt: skip
_NO_PHOTOS: Final = ("disable_duet", "disable_stitch")


@dataclass(frozen=True, slots=True)
class Unused:
    """A field that was given and changes nothing."""

    field: str
    code: str
    detail: str
    found: str
    remedy: str


def unused(request: PostRequest) -> Iterator[Unused]:
    """One for each field that was given, whatever its default, and that TikTok has no place for."""
    photo, inbox = request.kind == "photo", request.mode == "inbox"
    for name in PostRequest.model_fields:
        value = getattr(request, name)
        if name not in request.model_fields_set or _asks_nothing(name, value):
            continue
        if photo and name in _NO_PHOTOS:
            yield _unused(name, value, "photos_have_none", f"TikTok's photo posts have no {name}.")
        elif inbox and name in (_PHOTO_DRAFT if photo else _VIDEO_DRAFT):
            yield _unused(name, value, "chosen_in_app",
                          f"A draft of a {request.kind} takes no {name}: its creator chooses in the app.")  # fmt: skip


def _asks_nothing(name: str, value: Any) -> bool:
    return value in (None, "") or (value is False and not name.startswith("disable_"))


def _unused(name: str, value: Any, code: str, detail: str) -> Unused:
    said = str(value).lower() if isinstance(value, bool) else str(value)
    return Unused(name, code, detail, said[:80], f"Leave {name} out.")
