"""The kinds of values that fields have. Each refuses what Postgres, HTTP or TikTok could not hold."""

import re
from datetime import datetime
from functools import partial
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    Field,
    PlainSerializer,
    SecretStr,
    StringConstraints,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from libs.model.event import stamp
from libs.model.ids import Prefix, is_id
from libs.model.post_request import whole, written_out

YEARS = 50
_NUMBER = re.compile(r"-?[0-9]{1,19}", re.ASCII)
ID_LETTERS = "[0-9a-hjkmnp-tv-z]{26}"
_CURSOR = re.compile(rf"[0-9]{{1,19}}\.(evt_{ID_LETTERS})?", re.ASCII)
_NAMED = r"^[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f\x85][^\x00-\x1f\x7f]*$"
"""At least one letter that is no space."""
_VISIBLE = re.compile(r"[!-~]+", re.ASCII)


def _of(prefix: Prefix, text: str) -> str:
    if not is_id(text, prefix):
        raise PydanticCustomError("bad_id", "This is not an id that begins with {prefix}", {"prefix": f"{prefix}_"})
    return text


def _cursor(text: str) -> str:
    if _CURSOR.fullmatch(text) is None:
        raise PydanticCustomError("bad_cursor", "This is not a cursor of this feed")
    return text


def _visible(text: str) -> str:
    if _VISIBLE.fullmatch(text) is None:
        raise PydanticCustomError("bad_text", "Only printable ASCII without spaces is allowed")
    return text


def _printable_secret(secret: SecretStr) -> SecretStr:
    _visible(secret.get_secret_value())
    return secret


def _digits(value: object) -> object:
    """In an address everything is a text; only what a number is written like is one."""
    if isinstance(value, str) and _NUMBER.fullmatch(value) is None:
        raise PydanticCustomError("int_parsing", "A number is written in digits")
    return value


def _truth(value: object) -> object:
    if isinstance(value, str) and value not in ("true", "false"):
        raise PydanticCustomError("bool_parsing", "Write true or false")
    return value


def _not_null(schema: dict[str, Any]) -> None:
    schema.pop("default")
    [kept] = [one for one in schema.pop("anyOf") if one != {"type": "null"}]
    schema.update(kept)


def far(moment: datetime) -> datetime:
    """The moment, unless it is out of range."""
    # Further away, arithmetic on it overflows: here, in Postgres, or in whoever reads the answer.
    if not 1970 <= moment.year < 2970:
        raise PydanticCustomError("out_of_range", "This time is out of range")
    return moment


def _text(pattern: str) -> WithJsonSchema:
    """What a validator checks, in the words of a JSON Schema."""
    return WithJsonSchema({"type": "string", "pattern": pattern})


def _id(prefix: Prefix) -> WithJsonSchema:
    return _text(f"^{prefix}_{ID_LETTERS}$")


CustomerId = Annotated[str, AfterValidator(partial(_of, "cus")), _id("cus")]
AccountId = Annotated[str, AfterValidator(partial(_of, "acc")), _id("acc")]
MediaId = Annotated[str, AfterValidator(partial(_of, "med")), _id("med")]
PostId = Annotated[str, AfterValidator(partial(_of, "post")), _id("post")]
BatchId = Annotated[str, AfterValidator(partial(_of, "bat")), _id("bat")]
EventId = Annotated[str, AfterValidator(partial(_of, "evt")), _id("evt")]
EndpointId = Annotated[str, AfterValidator(partial(_of, "end")), _id("end")]
DeliveryId = Annotated[str, AfterValidator(partial(_of, "dlv")), _id("dlv")]
KeyId = Annotated[str, AfterValidator(partial(_of, "key")), _id("key")]
AppId = Annotated[str, AfterValidator(partial(_of, "app")), _id("app")]
GroupId = Annotated[str, AfterValidator(partial(_of, "grp")), _id("grp")]
AuditId = Annotated[str, AfterValidator(partial(_of, "aud")), _id("aud")]
ConsumerId = Annotated[str, AfterValidator(partial(_of, "con")), _id("con")]
ReplayId = Annotated[str, AfterValidator(partial(_of, "rpl")), _id("rpl")]
AttemptId = Annotated[str, AfterValidator(partial(_of, "att")), _id("att")]
FeedCursor = Annotated[str, AfterValidator(_cursor), _text(f"^{_CURSOR.pattern}$")]

Moment = Annotated[
    datetime,
    PlainSerializer(stamp, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}, mode="serialization"),
]
"""A time in an answer: ISO 8601, UTC, milliseconds, Z."""
Future = Annotated[AwareDatetime, BeforeValidator(written_out), AfterValidator(far)]
"""A time in a request: with an offset."""

Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$"),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 200, "pattern": _NAMED}),
]
Prose = Annotated[str, StringConstraints(max_length=500, pattern=r"^[^\x00]*$")]
Word = Annotated[
    str,
    StringConstraints(min_length=1, max_length=128),
    AfterValidator(_visible),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 128, "pattern": "^[!-~]+$"}),
]
"""An identifier of somebody else's: a TikTok client key, an open_id."""
Token = Annotated[
    SecretStr,
    Field(min_length=1, max_length=2048),
    AfterValidator(_printable_secret),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 2048, "pattern": "^[!-~]+$", "writeOnly": True}),
]
"""A token of somebody else's. Never printed, never answered."""
Seconds = Annotated[int, Field(strict=True, ge=1, le=YEARS * 365 * 86400), BeforeValidator(whole)]
Flag = Annotated[bool, Field(strict=True)]
"""True or false in a body: nothing that only looks like it."""
Truth = Annotated[bool, BeforeValidator(_truth)]
"""The same in an address."""
Whole = BeforeValidator(whole)
"""For numbers in a body."""
NOT_NULL: Any = Field(json_schema_extra=_not_null)
"""For fields that may be left out and never emptied: their None is that they were left out."""
Digits = BeforeValidator(_digits)
"""For numbers in an address."""
