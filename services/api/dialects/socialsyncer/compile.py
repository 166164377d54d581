"""A post of SocialSyncerAPI's in our words. Pure."""

from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from libs.model.post_request import AccountId, Flag
from libs.rest.shape import Ask
from services.api.dialects.frame import Compiled
from services.api.dialects.mapping import words
from services.api.dialects.socialsyncer.settings import gathered, settle
from services.api.dialects.socialsyncer.text import photo_title
from services.api.dialects.socialsyncer.words import NAME, SETTINGS, WORDS

COVER_MS: Final = 1000
"""Where the vendor takes the cover from when nobody says."""
Block = Annotated[dict[str, Any], Field(max_length=50)]


class MediaItem(Ask):
    """A file by its URL, or by the id that our own upload gave."""

    type: Literal["video", "image"]
    url: str


class Platform(Ask):
    """Where to post: one of the accounts."""

    platform: str
    accountId: AccountId
    platformSpecificData: Block | None = None


class PostNew(Ask):
    """The body of `POST /v1/posts`. `metadata` is kept with the post and told with its events."""

    content: str = ""
    mediaItems: Annotated[tuple[MediaItem, ...], Field(max_length=100)] = ()
    platforms: Annotated[tuple[Platform, ...], Field(min_length=1, max_length=100)]
    tiktokSettings: Block = Field(default_factory=dict)
    platformSpecificData: Block | None = None
    publishNow: Flag | None = None
    scheduledFor: Any = None
    timezone: Any = None
    isDraft: Flag | None = None
    tags: tuple[str, ...] | None = None
    metadata: Any = None


def compiled(new: PostNew, *, by: str, at: datetime) -> Compiled:
    """In our words. `by` and `at` are who consented and when, as far as the vendor's body tells: its key, and now."""
    made = Compiled()
    others = {"platformSpecificData": new.platformSpecificData}
    others |= {f"platforms.{n}.platformSpecificData": one.platformSpecificData for n, one in enumerate(new.platforms)}
    settle(gathered(new.tiktokSettings, others, made), made, by=by, at=at.isoformat())
    made.words = dict(WORDS)
    _accounts(new, made)
    _kind(new, made)
    _required(made)
    _text(new, made)
    _cover(made)
    _when(new, made)
    if made.request.get("mode") == "inbox":
        detail = "A draft in the creator's inbox has no settings: its creator chooses them in the app."
        made.adjust(SETTINGS, "ignored", detail)
    if new.tags:
        made.adjust("tags", "ignored", "TikTok has no tags but the hashtags of a text.", sent=" ".join(new.tags))
    if new.metadata is not None:
        made.request["metadata"] = new.metadata
    return made


def _accounts(new: PostNew, made: Compiled) -> None:
    for n, one in enumerate(new.platforms):
        if one.platform != "tiktok":
            made.wrong(f"platforms.{n}.platform", "not_tiktok", "Nothing but TikTok is posted to here.",
                       "Send the others to whoever has them.", limit="tiktok", found=one.platform[:80])  # fmt: skip
        made.words[f"account_ids.{n}"] = f"platforms.{n}.accountId"
    ids = [one.accountId for one in new.platforms]
    if len(ids) == 1:
        made.request["account_id"] = ids[0]
        made.words["account_id"] = "platforms.0.accountId"
    else:
        made.request["account_ids"] = ids
        made.words["account_ids"] = "platforms"


def _kind(new: PostNew, made: Compiled) -> None:
    """Photos when they say so, or when nothing else is there."""
    types = {item.type for item in new.mediaItems}
    if made.request.get("kind") is None:
        made.request["kind"] = "photo" if types == {"image"} else "video"
        if types == {"image"}:
            made.adjust(f"{SETTINGS}.media_type", "defaulted", "All of it is images.", used="photo")
    wanted = "image" if made.request["kind"] == "photo" else "video"
    if not new.mediaItems:
        made.wrong("mediaItems", "required", "TikTok has no posts of text alone.", "Add a video or photos.")
    elif len(types) > 1:
        made.wrong("mediaItems", "mixed", "Photos and videos cannot be mixed in a post.",
                   "Send one video, or photos only.")  # fmt: skip
    elif types != {wanted}:
        made.wrong("mediaItems", "wrong_type", f"A {made.request['kind']} post has items of the type {wanted}.",
                   f"Correct {SETTINGS}.media_type or the types.", limit=wanted, found=types.pop())  # fmt: skip
    made.request["media"] = [item.url for item in new.mediaItems]
    made.words |= {f"media.{n}": f"mediaItems.{n}.url" for n in range(len(new.mediaItems))} | {"media": "mediaItems"}


def _required(made: Compiled) -> None:
    names = ["privacy_level", "disable_comment"]
    if made.request["kind"] != "photo" and made.request.get("mode") != "inbox":
        names += ["disable_duet", "disable_stitch"]
    said = words(NAME)
    for name in names:
        if made.request.get(name) is None:
            field = f"{SETTINGS}.{said[name].theirs}"
            made.wrong(field, "required", "This is required.", "Send what its creator chose.")
            made.request.pop(name, None)


def _text(new: PostNew, made: Compiled) -> None:
    """The caption of a video. Of photos the title, as TikTok takes one; their long text is `description`."""
    made.words["title"] = "content"
    if made.request["kind"] != "photo":
        made.request["title"] = new.content
        return
    made.request["title"] = title = photo_title(new.content)
    if title != new.content:
        detail = "The title of photos has no hashtags and no addresses, and at most 90 characters."
        made.adjust("content", "changed", detail, sent=new.content, used=title)


def _cover(made: Compiled) -> None:
    request, field = made.request, f"{SETTINGS}.video_cover_timestamp_ms"
    if request["kind"] == "photo" or request.get("mode") == "inbox":
        return
    if request.get("cover") is not None:
        if (sent := request.pop("video_cover_timestamp_ms", None)) is not None:
            made.adjust(field, "ignored", "The image is the cover.", sent=sent)
    elif request.get("video_cover_timestamp_ms") is None:
        request["video_cover_timestamp_ms"] = COVER_MS
        made.adjust(field, "defaulted", "Left out, the cover is taken from here.", used=COVER_MS)


def _when(new: PostNew, made: Compiled) -> None:
    """Nothing goes out that nobody said should: without a time it is kept as a draft."""
    said = {"publishNow": new.publishNow, "scheduledFor": new.scheduledFor is not None, "isDraft": new.isDraft}
    chosen = [name for name, value in said.items() if value]
    if len(chosen) > 1:
        made.wrong(chosen[1], "contradiction", f"This and {chosen[0]} say different things.", "Send one of them.")
    if new.scheduledFor is not None:
        made.request["publish_at"] = new.scheduledFor
    if new.timezone is not None:
        made.request["timezone"] = new.timezone
    if new.isDraft or not chosen:
        made.request["draft"] = True
    if not chosen:
        detail = "Neither publishNow nor scheduledFor: it is kept, and not sent until it is told to."
        made.adjust("isDraft", "defaulted", detail, used=True)
