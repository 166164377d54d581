"""Every rule that a post request alone can break (fact sheet 3, 4.4, 7)."""

from collections.abc import Iterator
from datetime import datetime

import orjson

from libs.model.event import stamp
from libs.model.ids import is_id
from libs.model.post_request import (
    METADATA_BYTES_MAX,
    PHOTO_DESCRIPTION_UNITS,
    PHOTO_TITLE_UNITS,
    VIDEO_CAPTION_UNITS,
    PostRequest,
    Privacy,
    utf16_units,
)
from libs.model.problem import FieldError
from libs.model.veil import veil


def rule_errors(request: PostRequest) -> Iterator[FieldError]:
    """One for each rule that is broken."""
    yield from _account_errors(request)
    yield from _media_errors(request)
    yield from _text_errors(request)
    yield from _disclosure_errors(request)
    yield from _cover_errors(request)
    if request.publish_at and request.publish_before and request.publish_before <= request.publish_at:
        yield before_publish_at(request.publish_before, request.publish_at)
    size = len(orjson.dumps(request.metadata, default=str))
    if size > METADATA_BYTES_MAX:
        remedy = f"Take {size - METADATA_BYTES_MAX} bytes away: it is for recognizing the post."
        yield FieldError("metadata", "too_large", "metadata is too large, counted in bytes of JSON.",
                         limit=METADATA_BYTES_MAX, found=size, remedy=remedy)  # fmt: skip
    if request.consent and not (request.consent.preview_confirmed and request.consent.express_consent):
        yield FieldError("consent", "not_given", "Consent is recorded as not given.",
                         remedy="Post only what its creator has seen and agreed to (both flags true).")  # fmt: skip


def before_publish_at(publish_before: datetime, publish_at: datetime) -> FieldError:
    return FieldError("publish_before", "before_publish_at", "publish_before must be later than publish_at.",
                      limit=stamp(publish_at), found=stamp(publish_before),
                      remedy="Move publish_before after publish_at, or leave it out.")  # fmt: skip


def passed(publish_before: datetime, *, now: datetime) -> FieldError:
    return FieldError("publish_before", "passed", "publish_before lies in the past: it could only fail.",
                      limit=stamp(now), found=stamp(publish_before),
                      remedy="Choose a later time, or leave it out.")  # fmt: skip


def _account_errors(request: PostRequest) -> Iterator[FieldError]:
    if (request.account_id is None) == (request.account_ids is None):
        yield FieldError("account_id", "required", "Exactly one of account_id and account_ids is required.",
                         remedy="Send account_id for one account or account_ids for several.")  # fmt: skip
    twice = next((one for place, one in enumerate(request.accounts) if one in request.accounts[:place]), None)
    if twice is not None:
        yield FieldError("account_ids", "repeated", "An account is named twice.", found=twice,
                         remedy="Name each account once.")  # fmt: skip


def _media_errors(request: PostRequest) -> Iterator[FieldError]:
    if request.kind == "video" and len(request.media) != 1:
        yield FieldError("media", "too_many", "A video post has exactly one video.", limit=1, found=len(request.media),
                         remedy="Send one video per post.")  # fmt: skip
    if request.kind == "photo" and (request.photo_cover_index or 0) >= len(request.media):
        yield FieldError("photo_cover_index", "out_of_range", "There is no such photo.", limit=len(request.media) - 1,
                         found=request.photo_cover_index, remedy="Count from 0.")  # fmt: skip
    if request.kind == "photo" and request.transfer == "upload":
        yield FieldError("transfer", "pull_only", "TikTok takes photos by pulling them only.", found=request.transfer,
                         remedy="Leave transfer out: photos are served to TikTok from here.")  # fmt: skip
    cover = [("cover", request.cover)] if request.cover else []
    for place, source in [*((f"media.{n}", source) for n, source in enumerate(request.media)), *cover]:
        if not (is_id(source, "med") or source.startswith(("https://", "http://"))):
            yield FieldError(place, "not_a_source", "Neither a media id nor an https URL.", found=veil(source)[:80],
                             remedy="Upload the file and send its med_… id, or send an https URL.")  # fmt: skip


def _cover_errors(request: PostRequest) -> Iterator[FieldError]:
    """A cover image becomes the video's first moment: TikTok itself takes a moment of the video only."""
    if request.cover is None or request.kind != "video":
        return
    if request.convert == "never":
        yield FieldError("cover", "needs_conversion", "A cover image is put into the video, which convert forbids.",
                         found="convert: never", remedy="Set convert to auto, or leave cover out.")  # fmt: skip
    if request.video_cover_timestamp_ms is not None:
        yield FieldError("video_cover_timestamp_ms", "two_covers", "cover is an image, this is a moment.",
                         found=request.video_cover_timestamp_ms, remedy="Leave one of the two out.")  # fmt: skip


def _text_errors(request: PostRequest) -> Iterator[FieldError]:
    photo = request.kind == "photo"
    limits = [("title", request.title, PHOTO_TITLE_UNITS if photo else VIDEO_CAPTION_UNITS)]
    limits.append(("description", request.description, PHOTO_DESCRIPTION_UNITS))
    for field, text, limit in limits:
        units = utf16_units(text)
        if units > limit:
            yield FieldError(field, "too_long", f"{field} is too long, counted in UTF-16 units.", limit=limit,
                             found=units, remedy=f"Shorten {field} by {units - limit}.")  # fmt: skip
    if not photo and request.description:
        yield FieldError("description", "photo_only", "Only photo posts have a description.",
                         remedy="Put a video's caption into title.")  # fmt: skip


def _disclosure_errors(request: PostRequest) -> Iterator[FieldError]:
    if request.mode == "direct" and request.privacy_level is None and not request.draft:
        yield FieldError("privacy_level", "required", "A direct post needs privacy_level; it is never defaulted.",
                         limit=", ".join(Privacy), remedy="Send the value its creator chose.")  # fmt: skip
    if request.brand_content_toggle and request.privacy_level == Privacy.SELF_ONLY:
        yield FieldError("privacy_level", "branded_private", "Branded content visibility cannot be set to private.",
                         found=str(request.privacy_level),
                         remedy="Choose a wider audience or turn brand_content_toggle off.")  # fmt: skip
    video = request.kind == "video"
    photo_only = {"photo_cover_index": request.photo_cover_index is not None, "auto_add_music": request.auto_add_music}
    video_only = {"video_cover_timestamp_ms": request.video_cover_timestamp_ms is not None, "cover": request.cover}
    video_only["is_aigc"] = request.is_aigc
    for field, present in (photo_only if video else video_only).items():
        if present:
            kinds = "photo" if video else "video"
            yield FieldError(field, f"{kinds}_only", f"Only {kinds} posts have {field}.", remedy=f"Leave {field} out.")
