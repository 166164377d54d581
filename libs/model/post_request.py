"""The post request: what a customer asks for, by REST and by RabbitMQ alike (design section 3).

Its shape is here; what a well-formed request may still break is in `libs.model.post_rule`, and `libs.model.post_parse`
reads a body by both.
"""

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

import orjson
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
)
from pydantic_core import PydanticCustomError

VIDEO_CAPTION_UNITS = 2200
PHOTO_TITLE_UNITS = 90
PHOTO_DESCRIPTION_UNITS = 4000
PHOTOS_MAX = 35
ACCOUNTS_MAX = 100
URL_MAX = 2048
METADATA_BYTES_MAX = 4096
YEARS = range(2000, 2200)
"""When a post may be wanted. Postgres holds years that Python does not: such a row could never be read again."""
TIME = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?")
_PLAIN: dict[str, Any] = {"pattern": r"^[^\x00]*$"}
"""A schema's word for what `libs.model.storable` refuses in texts."""


class Privacy(StrEnum):
    """TikTok's words (fact sheet 3.1); which of them an account may use is the creator's setting."""

    PUBLIC_TO_EVERYONE = "PUBLIC_TO_EVERYONE"
    MUTUAL_FOLLOW_FRIENDS = "MUTUAL_FOLLOW_FRIENDS"
    FOLLOWER_OF_CREATOR = "FOLLOWER_OF_CREATOR"
    SELF_ONLY = "SELF_ONLY"


def utf16_units(text: str) -> int:
    """Length as TikTok counts it: UTF-16 code units, so an emoji outside the basic plane costs two."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def written_out(value: object) -> object:
    """A number would have to be guessed: seconds or milliseconds."""
    if isinstance(value, str) and not TIME.match(value):
        raise PydanticCustomError("not_a_time", "A time is written as 2027-05-01T10:00:00Z")
    if isinstance(value, int | float):
        raise PydanticCustomError("not_a_time", "A time is a text such as 2027-05-01T10:00:00Z")
    return value


def whole(value: object) -> object:
    """JSON has one kind of number: 5.0 is the integer 5, and some write it so. Beyond 2^53 a float stands for many."""
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) <= 2**53 else value


def _in_utc(moment: datetime) -> datetime:
    """The same moment in UTC, so that two ways of writing it are the same request."""
    try:
        utc = moment.astimezone(UTC)
    except OverflowError:
        utc = None
    if utc is None or utc.year not in YEARS:
        raise PydanticCustomError("out_of_range", "A time lies between the years 2000 and 2199")
    return utc


Moment = Annotated[AwareDatetime, BeforeValidator(written_out), AfterValidator(_in_utc)]
Key = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^[\x20-\x7e]+$")]
Source = Annotated[
    str,
    StringConstraints(min_length=1, max_length=URL_MAX),
    Field(json_schema_extra={"pattern": "^(med_[0-9a-hjkmnp-tv-z]{26}$|https?://)"}),
]
AccountId = Annotated[str, StringConstraints(min_length=1, max_length=64), Field(json_schema_extra=_PLAIN)]
Whole = BeforeValidator(whole)
Flag = Annotated[bool, Field(strict=True)]


class Consent(BaseModel):
    """Who agreed to what was shown, and when (fact sheet 7)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    preview_confirmed: Flag
    express_consent: Flag
    by: Annotated[str, StringConstraints(max_length=255), Field(json_schema_extra=_PLAIN)]
    at: Moment


class PostRequest(BaseModel):
    """One post for one account, or the same for several. TikTok's own words; unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    account_id: AccountId | None = None
    """The account that posts. Exactly one of this and `account_ids`."""
    account_ids: Annotated[tuple[AccountId, ...], Field(min_length=1, max_length=ACCOUNTS_MAX)] | None = None
    """Several: one post each, in one batch."""
    kind: Literal["video", "photo"]
    media: Annotated[tuple[Source, ...], Field(min_length=1, max_length=PHOTOS_MAX)]
    """One video or up to 35 photos: ids of uploaded media (`med_…`), or https URLs that are fetched."""
    title: Annotated[str, Field(json_schema_extra=_PLAIN | {"maxLength": VIDEO_CAPTION_UNITS})] = ""
    """A video's caption (2,200 UTF-16 units), or the title of a photo post (90)."""
    description: Annotated[str, Field(json_schema_extra=_PLAIN | {"maxLength": PHOTO_DESCRIPTION_UNITS})] = ""
    """Of a photo post only."""
    privacy_level: Privacy | None = None
    """Who may see it. Required for direct posts and never defaulted: it is its creator's choice."""
    disable_comment: Flag = True
    disable_duet: Flag = True
    disable_stitch: Flag = True
    brand_content_toggle: Flag = False
    """It promotes somebody else's brand (paid partnership)."""
    brand_organic_toggle: Flag = False
    """It promotes the creator's own brand."""
    is_aigc: Flag = False
    """A video made by AI, to be labelled so."""
    video_cover_timestamp_ms: Annotated[int, Field(strict=True, ge=0, le=600_000), Whole] | None = None
    """The moment of the video that is its cover."""
    cover: Source | None = None
    """An image that is put into the video as its cover."""
    photo_cover_index: Annotated[int, Field(strict=True, ge=0, le=PHOTOS_MAX - 1), Whole] | None = None
    """Which photo is the cover, counted from 0."""
    auto_add_music: Flag | None = None
    """Lets TikTok add music to photos."""
    mode: Literal["direct", "inbox"] = "direct"
    """`inbox` sends a draft to the creator, who publishes it in the app."""
    transfer: Literal["auto", "upload", "pull"] = "auto"
    convert: Literal["auto", "never"] = "auto"
    """Whether media that TikTok would refuse are converted."""
    resolution_min: Literal["720x1280"] | None = None
    """A video with fewer pixels than this, either way up, is refused before anything is sent."""
    publish_at: Moment | None = None
    """When it is to go out; at once if left out. With `timezone`, a time without an offset is local."""
    timezone: Annotated[str, StringConstraints(max_length=64)] | None = None
    """An IANA name, for times without an offset."""
    publish_before: Moment | None = None
    """It fails rather than go out later than this."""
    draft: Flag = False
    """Keep it here, and do not send it until it is told to."""
    idempotency_key: Key | None = None
    """Names this request: the same again finds the post, another under the same key is refused."""
    consent: Consent | None = None
    metadata: dict[Annotated[str, StringConstraints(max_length=64)], Any] = Field(default_factory=dict, max_length=50)
    """Yours: kept, shown, and sent along with every event of the post. At most 4,096 bytes."""

    @property
    def accounts(self) -> tuple[str, ...]:
        """The accounts named, one or several, in the order given."""
        return self.account_ids if self.account_ids is not None else ((self.account_id,) if self.account_id else ())

    def content_hash(self) -> bytes:
        """The same for two requests that ask for the same: the idempotency key itself does not count."""
        apart = {"idempotency_key"} | ({"resolution_min"} if self.resolution_min is None else set())  # it is newer
        content = self.model_dump(mode="json", exclude=apart)
        return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).digest()


def arranged(request: Mapping[str, Any]) -> dict[str, Any]:
    """A stored request as it is shown: in the order of its description, and what is the customer's by name.

    Postgres keeps no order, so what was just accepted would look different from what is read later.
    """
    known = {name: request[name] for name in PostRequest.model_fields if name in request}
    if isinstance(consent := known.get("consent"), Mapping):
        known["consent"] = {name: consent[name] for name in Consent.model_fields if name in consent}
    return {**known, "metadata": _by_name(known.get("metadata", {}))}


def _by_name(value: Any) -> Any:
    match value:
        case dict():
            return {name: _by_name(value[name]) for name in sorted(value)}
        case list():
            return [_by_name(each) for each in value]
        case _:
            return value
