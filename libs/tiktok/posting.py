"""Content Posting API: what is sent to start a post, and what TikTok answers (3)."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Protocol, TypeVar
from urllib.parse import urlsplit

from pydantic import AliasChoices, BeforeValidator, Field, field_validator

from libs.tiktok.chunks import ChunkPlan
from libs.tiktok.wire import Id, Int64, Secret, Wire

MAX_PHOTOS = 35
_MAX_URL = 2048  # TikTok says 256; a longer one is still usable

PublishId = Annotated[str, Field(min_length=1, max_length=256)]
"""TikTok's name of a post in the making: at most 64 characters as documented, opaque, and never the post's own id."""


class PublishStatus(StrEnum):
    """Where a post stands. `Status.status` may hold another word: TikTok may add one, and it is no success."""

    PROCESSING_UPLOAD = "PROCESSING_UPLOAD"
    """Waiting for bytes, or working on them. FILE_UPLOAD only."""
    PROCESSING_DOWNLOAD = "PROCESSING_DOWNLOAD"
    """Fetching the media, or working on it. PULL_FROM_URL only."""
    SEND_TO_USER_INBOX = "SEND_TO_USER_INBOX"
    """A draft was delivered; the creator may post it, once, several times or never."""
    PUBLISH_COMPLETE = "PUBLISH_COMPLETE"
    """Published; public ids come later, after moderation, and only for public posts."""
    FAILED = "FAILED"
    """Ended without a post; `fail_reason` says why."""


class Publication(Wire):
    """A post has begun. For a pull this is the point of no return: TikTok fetches and publishes by itself."""

    publish_id: PublishId


class UploadSlot(Publication):
    """A post has begun and waits an hour for its bytes at `upload_url`. Nothing is published before the last one."""

    upload_url: Secret

    @field_validator("upload_url")
    @classmethod
    def _is_a_url(cls, url: Secret) -> Secret:
        text = url.get_secret_value()
        parts = urlsplit(text)
        if parts.scheme not in ("https", "http") or not parts.hostname or len(text) > _MAX_URL:
            raise ValueError("not a URL to upload to")
        return url


def _post_ids(value: object) -> object:
    """A list as documented; one bare id, or nothing, as seen by other clients (8, trap 17)."""
    if isinstance(value, str | int):
        return [value] if value else []
    return value


class Status(Wire):
    """The data of status/fetch. A failed post still comes with HTTP 200 and code ok."""

    status: str = Field(min_length=1)
    """A `PublishStatus`, or a word this version does not know."""
    fail_reason: str = ""
    post_ids: Annotated[tuple[Id, ...], BeforeValidator(_post_ids)] = Field(
        default=(), validation_alias=AliasChoices("publicaly_available_post_id", "publicly_available_post_id")
    )
    """The public posts made of it, if any yet; a draft may become several."""
    uploaded_bytes: Int64 | None = None
    downloaded_bytes: Int64 | None = None


class CreatorInfo(Wire):
    """What a creator may post right now; to be asked again each time it is shown (3.1)."""

    creator_avatar_url: str = ""
    """Good for two hours."""
    creator_username: str = ""
    creator_nickname: str = ""
    privacy_level_options: tuple[str, ...]
    comment_disabled: bool = False
    duet_disabled: bool = False
    stitch_disabled: bool = False
    max_video_post_duration_sec: Int64 | None = None


class Nothing(Wire):
    """The data of an answer that has none."""


P_co = TypeVar("P_co", bound=Publication, covariant=True)


class Source(Protocol[P_co]):
    """Where TikTok gets the video from; it decides what the init answers."""

    @property
    def answer(self) -> type[P_co]: ...

    def body(self) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class FileUpload:
    """The bytes come from us, in the chunks of the plan."""

    plan: ChunkPlan
    answer: ClassVar[type[UploadSlot]] = UploadSlot

    def body(self) -> dict[str, Any]:
        return {
            "source": "FILE_UPLOAD",
            "video_size": self.plan.size,
            "chunk_size": self.plan.chunk_size,
            "total_chunk_count": self.plan.count,
        }


@dataclass(frozen=True, slots=True)
class PullFromUrl:
    """TikTok fetches the video: https, no redirects, a verified domain, for up to an hour (4.3)."""

    video_url: str = field(repr=False)
    answer: ClassVar[type[Publication]] = Publication

    def body(self) -> dict[str, Any]:
        return {"source": "PULL_FROM_URL", "video_url": self.video_url}


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoPost:
    """`post_info` of a direct video. Interactions are off unless asked for, as TikTok's guidelines want (7)."""

    privacy_level: str
    """One of the creator's options, chosen by the user; there is no default."""
    title: str | None = None
    """The caption: at most 2,200 UTF-16 units."""
    disable_comment: bool = True
    disable_duet: bool = True
    disable_stitch: bool = True
    video_cover_timestamp_ms: int | None = None
    brand_content_toggle: bool = False
    """A paid partnership for a third party."""
    brand_organic_toggle: bool = False
    """Promotes the creator's own business."""
    is_aigc: bool = False

    def body(self) -> dict[str, Any]:
        return _present({name: getattr(self, name) for name in self.__slots__})


@dataclass(frozen=True, slots=True, kw_only=True)
class Photos:
    """The pictures of a photo post, which TikTok always pulls. Raises ValueError outside 1 … 35 or for a bad cover."""

    urls: tuple[str, ...] = field(repr=False)
    cover_index: int = 0

    def __post_init__(self) -> None:
        if not 1 <= len(self.urls) <= MAX_PHOTOS:
            raise ValueError(f"a photo post has 1 to {MAX_PHOTOS} photos, not {len(self.urls)}")
        if not 0 <= self.cover_index < len(self.urls):
            raise ValueError(f"photo {self.cover_index} cannot be the cover of {len(self.urls)}")

    def body(self) -> dict[str, Any]:
        return {"source": "PULL_FROM_URL", "photo_cover_index": self.cover_index, "photo_images": list(self.urls)}


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoPost:
    """A photo post that goes out by itself (`DIRECT_POST`)."""

    photos: Photos
    privacy_level: str
    title: str | None = None
    """At most 90 UTF-16 units."""
    description: str | None = None
    """At most 4,000 UTF-16 units."""
    disable_comment: bool = True
    auto_add_music: bool = False
    brand_content_toggle: bool = False
    brand_organic_toggle: bool = False

    def body(self) -> dict[str, Any]:
        info = {name: getattr(self, name) for name in self.__slots__ if name != "photos"}
        return _photo_body("DIRECT_POST", info, self.photos)


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoDraft:
    """Photos for the creator's inbox (`MEDIA_UPLOAD`): everything else is set by the creator in the app."""

    photos: Photos
    title: str | None = None
    description: str | None = None

    def body(self) -> dict[str, Any]:
        return _photo_body("MEDIA_UPLOAD", {"title": self.title, "description": self.description}, self.photos)


def _photo_body(mode: str, info: dict[str, Any], photos: Photos) -> dict[str, Any]:
    return {"media_type": "PHOTO", "post_mode": mode, "post_info": _present(info), "source_info": photos.body()}


def _present(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
