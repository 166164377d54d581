"""What an init request must look like (fact sheet 3.2 to 3.4). Unknown fields are ignored, as TikTok does."""

from dataclasses import dataclass
from typing import Any

from services.simulator.knobs import Knobs
from services.simulator.world.chunk import check_plan
from services.simulator.world.error import Code, Refused
from services.simulator.world.record import Client, Mode, Privacy, Source
from services.simulator.world.redirect import check_pull_url

CAPTION_UNITS = 2200
PHOTO_TITLE_UNITS = 90
PHOTO_DESCRIPTION_UNITS = 4000
MAX_PHOTOS = 35
INT64 = (1 << 63) - 1
INT32 = (1 << 31) - 1
SOURCE_MESSAGE = "The request source info is empty or incorrect"

VIDEO_FLAGS = (
    "disable_comment",
    "disable_duet",
    "disable_stitch",
    "brand_content_toggle",
    "brand_organic_toggle",
    "is_aigc",
)
PHOTO_FLAGS = ("disable_comment", "auto_add_music", "brand_content_toggle", "brand_organic_toggle")


def utf16_units(text: str) -> int:
    """TikTok's measure of length; an emoji outside the BMP costs two. A lone surrogate costs one."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


@dataclass(frozen=True, slots=True)
class UploadPlan:
    size: int
    chunk_size: int
    count: int


@dataclass(frozen=True, slots=True)
class PullPlan:
    urls: tuple[str, ...]
    cover_index: int = 0


def video_source(body: dict[str, Any], *, client: Client, knobs: Knobs) -> UploadPlan | PullPlan:
    """`source_info` of video/init and inbox/video/init."""
    info = body.get("source_info")
    if not isinstance(info, dict):
        raise Refused(Code.INVALID_PARAMS, SOURCE_MESSAGE)
    match info.get("source"):
        case Source.FILE.value:
            size, chunk, count = (_int64(info, name) for name in ("video_size", "chunk_size", "total_chunk_count"))
            check_plan(size, chunk, count, knobs=knobs)
            return UploadPlan(size, chunk, count)
        case Source.PULL.value:
            url = check_pull_url(info.get("video_url"), verified=client.verified_urls, loopback=knobs.pull_loopback)
            return PullPlan((url,))
        case _:
            raise Refused(Code.INVALID_PARAMS, SOURCE_MESSAGE)


def photo_source(body: dict[str, Any], *, client: Client, knobs: Knobs) -> PullPlan:
    """`source_info` of content/init: PULL_FROM_URL only."""
    info = body.get("source_info")
    if not isinstance(info, dict) or info.get("source") != Source.PULL.value:
        raise Refused(Code.INVALID_PARAMS, SOURCE_MESSAGE)
    images = info.get("photo_images")
    if not isinstance(images, list) or not 1 <= len(images) <= MAX_PHOTOS:
        raise Refused(Code.INVALID_PARAMS, f"photo_images must hold 1 to {MAX_PHOTOS} urls")
    cover = _int64(info, "photo_cover_index")
    if cover >= len(images):
        raise Refused(Code.INVALID_PARAMS, "photo_cover_index is out of range")
    verified = client.verified_urls
    return PullPlan(tuple(check_pull_url(u, verified=verified, loopback=knobs.pull_loopback) for u in images), cover)


def photo_mode(body: dict[str, Any]) -> Mode:
    """`media_type` and `post_mode` of content/init."""
    mode = {"DIRECT_POST": Mode.DIRECT, "MEDIA_UPLOAD": Mode.INBOX}.get(str(body.get("post_mode")))
    if body.get("media_type") != "PHOTO" or mode is None:
        raise Refused(Code.INVALID_PARAMS, "Invalid media_type or post_mode")
    return mode


def video_post_info(body: dict[str, Any]) -> dict[str, Any]:
    """`post_info` of video/init with only the fields TikTok knows. The privacy level is judged elsewhere."""
    info = _post_info(body)
    kept: dict[str, Any] = {"privacy_level": _privacy(info), "title": _text(info, "title", CAPTION_UNITS)}
    kept.update({name: _flag(info, name) for name in VIDEO_FLAGS})
    if (cover := info.get("video_cover_timestamp_ms")) is not None:
        # An out-of-range time means the first frame; only what is no int32 at all is refused.
        if isinstance(cover, bool) or not isinstance(cover, int) or abs(cover) > INT32:
            raise Refused(Code.INVALID_PARAMS, "video_cover_timestamp_ms must be an int32")
        kept["video_cover_timestamp_ms"] = cover
    return kept


def photo_post_info(body: dict[str, Any], *, mode: Mode) -> dict[str, Any]:
    """`post_info` of content/init. MEDIA_UPLOAD uses title and description only, and may leave post_info out."""
    info = _post_info(body) if mode is Mode.DIRECT or body.get("post_info") is not None else {}
    kept: dict[str, Any] = {
        "title": _text(info, "title", PHOTO_TITLE_UNITS),
        "description": _text(info, "description", PHOTO_DESCRIPTION_UNITS),
    }
    if mode is Mode.DIRECT:
        kept["privacy_level"] = _privacy(info)
        kept.update({name: _flag(info, name) for name in PHOTO_FLAGS})
    return kept


def _post_info(body: dict[str, Any]) -> dict[str, Any]:
    info = body.get("post_info")
    if not isinstance(info, dict):
        raise Refused(Code.INVALID_PARAMS, "post_info is missing")
    return info


def _privacy(info: dict[str, Any]) -> str:
    level = info.get("privacy_level")
    if not isinstance(level, str) or not level:
        raise Refused(Code.INVALID_PARAMS, "privacy_level is required")
    return level


def _text(info: dict[str, Any], name: str, most: int) -> str:
    text = info.get(name)
    if text is None:
        return ""
    if not isinstance(text, str):
        raise Refused(Code.INVALID_PARAMS, f"{name} must be a string")
    if utf16_units(text) > most:
        raise Refused(Code.INVALID_PARAMS, f"{name} is longer than {most} UTF-16 units")
    return text


def _flag(info: dict[str, Any], name: str) -> bool:
    value = info.get(name)
    if value is not None and not isinstance(value, bool):
        raise Refused(Code.INVALID_PARAMS, f"{name} must be a bool")
    return bool(value)


def _int64(info: dict[str, Any], name: str) -> int:
    value = info.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= INT64:
        raise Refused(Code.INVALID_PARAMS, f"{name} must be an int64")
    return value


def check_branded(info: dict[str, Any], *, knobs: Knobs) -> None:
    """Branded content with SELF_ONLY: forbidden by the UX rules, undocumented at the API, so a knob."""
    if not info.get("brand_content_toggle") or info.get("privacy_level") != Privacy.SELF:
        return
    match knobs.branded_self_only:
        case "403":
            raise Refused(Code.PRIVACY_MISMATCH)
        case "400":
            raise Refused(Code.INVALID_PARAMS, "Branded content visibility cannot be set to private")
        case "accept":
            return
