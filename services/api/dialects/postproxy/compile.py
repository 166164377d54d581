"""A post of Postproxy's in our words. Pure: which accounts its profiles are is looked up before."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import Field

from libs.model.post_request import VIDEO_CAPTION_UNITS, Flag, Privacy, utf16_units
from libs.rest.field import GroupId
from libs.rest.shape import Ask
from services.api.dialects.frame import Compiled
from services.api.dialects.mapping import to_ours
from services.api.dialects.postproxy.words import NAME, SETTINGS, WORDS

FLOOR: Final = "720x1280"


class PostBody(Ask):
    """What is said, and when."""

    body: str = ""
    scheduled_at: Any = None
    draft: Flag = False


class Platforms(Ask):
    """TikTok's settings."""

    tiktok: Annotated[dict[str, Any], Field(max_length=50)] = Field(default_factory=dict)


class PostNew(Ask):
    """The body of `POST /api/posts`. A profile is its id, or `tiktok`, which is the one of the group named, or of the
    only group there is."""

    post: PostBody = PostBody()
    profiles: Annotated[tuple[str, ...], Field(min_length=1, max_length=100)]
    media: tuple[Any, ...] = ()
    platforms: Platforms = Platforms()
    profile_group_id: GroupId | None = None
    thread: Any = None


def compiled(new: PostNew, *, named: Mapping[str, int]) -> Compiled:
    """In our words. `named` are the accounts that the profiles are, and where each is named first."""
    made = Compiled(words=dict(WORDS))
    request, unknown = to_ours(NAME, new.platforms.tiktok)
    made.unknown(SETTINGS, unknown)
    made.request = request
    if len(named) == 1:
        (request["account_id"],) = named
    else:
        request["account_ids"] = list(named)
    made.words |= {f"account_ids.{n}": f"profiles.{place}" for n, place in enumerate(named.values())}
    _defaults(made)
    _text(new, made)
    request["media"] = list(new.media)
    if not new.media:
        made.wrong("media", "required", "TikTok has no posts of text alone.", "Add a video or images.")
    if new.post.scheduled_at is not None:
        request["publish_at"] = new.post.scheduled_at
    if new.post.draft:
        request["draft"] = True
    return made


def _defaults(made: Compiled) -> None:
    """What Postproxy's page says of fields that are left out; TikTok's own rules hold all the same."""
    request = made.request
    if request.get("kind") is None:
        request["kind"] = "video"
        made.adjust(f"{SETTINGS}.format", "defaulted", "Left out, it is a video.", used="video")
    if request.get("privacy_level") is None:
        request["privacy_level"] = str(Privacy.PUBLIC_TO_EVERYONE)
        detail = "Left out, everyone sees it. Say so: an app that TikTok has not audited may post in private only."
        made.adjust(f"{SETTINGS}.privacy_status", "defaulted", detail, used=request["privacy_level"])
    made.switch_off(SETTINGS)
    if request["kind"] == "video":
        request["resolution_min"] = FLOOR


def _text(new: PostNew, made: Compiled) -> None:
    """The caption of a video; of photos the description, and then there is no title."""
    field = "description" if made.request["kind"] == "photo" else "title"
    made.request[field] = new.post.body
    units = utf16_units(new.post.body)
    if units > VIDEO_CAPTION_UNITS:
        made.wrong("post.body", "too_long", "The text is too long, counted in UTF-16 units.", "Shorten it.",
                   limit=VIDEO_CAPTION_UNITS, found=units)  # fmt: skip
