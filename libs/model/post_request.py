"""The post request: what a customer asks for, by REST and by RabbitMQ alike (design section 3).

Shape errors are found by pydantic, rules by `rule_errors`; both come back as `FieldError`s that name the field, the
limit, what was found and the remedy. Nothing here needs the account or the media: those checks come after.
"""

import hashlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import orjson
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)
from pydantic_core import PydanticCustomError

from libs.model.ids import is_id
from libs.model.problem import FieldError
from libs.model.storable import WHY, flaw
from libs.model.veil import veil

VIDEO_CAPTION_UNITS = 2200
PHOTO_TITLE_UNITS = 90
PHOTO_DESCRIPTION_UNITS = 4000
PHOTOS_MAX = 35
ACCOUNTS_MAX = 100
URL_MAX = 2048
METADATA_BYTES_MAX = 4096
YEARS = range(2000, 2200)
"""When a post may be wanted. Postgres holds years that Python does not: such a row could never be read again."""
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?")
_NAME_MAX = 100
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
    if isinstance(value, str) and not _TIME.match(value):
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
        content = self.model_dump(mode="json", exclude={"idempotency_key"})
        return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).digest()


def parse(body: object) -> PostRequest | list[FieldError]:
    """Reads a decoded JSON body. Never raises: what is wrong comes back as one error per wrong field."""
    if not isinstance(body, dict):
        return [FieldError("", "not_an_object", "The body must be one JSON object.", remedy="Send a JSON object.")]
    flaws = list(_flaws(body))
    if flaws:
        return flaws
    placed = in_timezone(body)
    if isinstance(placed, list):
        return placed
    try:
        request = PostRequest.model_validate(placed)
    except ValidationError as error:
        details = error.errors(include_url=False)
        inner = {detail["loc"][:-1] for detail in details}  # an item is wrong: its list is then "too short" as well
        return [_shape_error(detail) for detail in details if detail["loc"] not in inner][:50]
    errors = list(rule_errors(request))
    return errors or request


def _flaws(body: dict[Any, Any]) -> Iterator[FieldError]:
    for name, value in body.items():
        if not isinstance(name, str) or flaw(name):
            yield FieldError("", "bad_text", "A field's name is not a text.", remedy="Send well-formed JSON.")
        elif found := flaw(value):
            yield FieldError(name[:_NAME_MAX], found, WHY[found], remedy="Send plain JSON text and numbers.")


def in_timezone(body: dict[str, Any]) -> dict[str, Any] | list[FieldError]:
    """Gives naive local times their zone: `timezone` is an IANA name and applies to times without an offset.

    An hour that the clock skips is read as if it had not, one that comes twice as the first of both (RFC 5545).
    """
    name = body.get("timezone")
    if name is None:
        return body
    try:
        zone = ZoneInfo(name) if isinstance(name, str) and 0 < len(name) <= 64 else None
    except (KeyError, ValueError, OSError):
        zone = None
    if zone is None:
        return [FieldError("timezone", "unknown_timezone", "This is not an IANA zone name.", found=str(name)[:64],
                           remedy="Use a name such as Europe/Berlin, or send offsets instead.")]  # fmt: skip
    placed = dict(body)
    for field in ("publish_at", "publish_before"):
        value = placed.get(field)
        if isinstance(value, str) and _TIME.fullmatch(value):
            try:
                local = datetime.fromisoformat(value).replace(tzinfo=zone)
                placed[field] = (local - (local.utcoffset() or timedelta(0))).replace(tzinfo=UTC).isoformat()
            except ValueError:
                continue  # no such day or hour: pydantic will say so
            except OverflowError:
                placed[field] = local.replace(tzinfo=UTC).isoformat()  # out of range anyway, and said so
    return placed


def _shape_error(detail: Any) -> FieldError:
    place = veil(".".join(str(part) for part in detail["loc"]))[:_NAME_MAX]
    kind = str(detail["type"])
    if kind == "extra_forbidden":
        return FieldError(place, "unknown_field", "This field is not known.", remedy="Remove it or correct its name.")
    if kind == "missing":
        return FieldError(place, "required", "This field is required.", remedy=f"Add {place}.")
    found = detail.get("input")
    found = str(found).lower() if isinstance(found, bool) else found
    shown = found if isinstance(found, int) else (veil(found)[:80] if isinstance(found, str) else None)
    if place in ("publish_at", "publish_before") and kind == "timezone_aware":
        return FieldError(place, "no_offset", "A time needs an offset.", found=shown,
                          remedy="End it with Z or an offset such as +02:00, or send timezone as well.")  # fmt: skip
    limits = detail.get("ctx") or {}
    limit = next((limits[n] for n in ("max_length", "min_length", "le", "lt", "ge", "expected") if n in limits), None)
    return FieldError(place, kind, f"{detail['msg']}.", limit=limit, found=shown, remedy=f"Correct {place}.")


def rule_errors(request: PostRequest) -> Iterator[FieldError]:
    """Every rule that the request alone can break (fact sheet 3, 4.4, 7)."""
    yield from _account_errors(request)
    yield from _media_errors(request)
    yield from _text_errors(request)
    yield from _disclosure_errors(request)
    yield from _cover_errors(request)
    if request.publish_at and request.publish_before and request.publish_before <= request.publish_at:
        yield FieldError("publish_before", "before_publish_at", "publish_before must be later than publish_at.",
                         limit=request.publish_at.isoformat(), found=request.publish_before.isoformat(),
                         remedy="Move publish_before after publish_at, or leave it out.")  # fmt: skip
    if len(orjson.dumps(request.metadata, default=str)) > METADATA_BYTES_MAX:
        yield FieldError("metadata", "too_large", "metadata is too large.", limit=METADATA_BYTES_MAX,
                         remedy="Keep only what you need to recognize the post.")  # fmt: skip
    if request.consent and not (request.consent.preview_confirmed and request.consent.express_consent):
        yield FieldError("consent", "not_given", "Consent is recorded as not given.",
                         remedy="Post only what its creator has seen and agreed to (both flags true).")  # fmt: skip


def _account_errors(request: PostRequest) -> Iterator[FieldError]:
    if (request.account_id is None) == (request.account_ids is None):
        yield FieldError("account_id", "required", "Exactly one of account_id and account_ids is required.",
                         remedy="Send account_id for one account or account_ids for several.")  # fmt: skip
    if len(set(request.accounts)) != len(request.accounts):
        yield FieldError("account_ids", "repeated", "An account is named twice.", remedy="Name each account once.")


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
