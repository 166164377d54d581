"""The kinds of values that fields have. Each refuses what Postgres, HTTP or TikTok could not hold."""

import re
from datetime import datetime
from functools import partial
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, Field, PlainSerializer, SecretStr, StringConstraints
from pydantic_core import PydanticCustomError

from libs.model.event import stamp
from libs.model.ids import Prefix, is_id

YEARS = 50
_CURSOR = re.compile(r"[0-9]{1,20}\.(evt_[0-9a-z]{26})?", re.ASCII)
_VISIBLE = re.compile(r"[!-~]+", re.ASCII)


def _of(prefix: Prefix, text: str) -> str:
    if not is_id(text, prefix):
        raise PydanticCustomError("bad_id", "This is not an id that begins with {prefix}", {"prefix": f"{prefix}_"})
    return text


def _cursor(text: str) -> str:
    if _CURSOR.fullmatch(text) is None or int(text.partition(".")[0]) >= 2**64:
        raise PydanticCustomError("bad_cursor", "This is not a cursor of this feed")
    return text


def _visible(text: str) -> str:
    if _VISIBLE.fullmatch(text) is None:
        raise PydanticCustomError("bad_text", "Only printable ASCII without spaces is allowed")
    return text


def _printable_secret(secret: SecretStr) -> SecretStr:
    _visible(secret.get_secret_value())
    return secret


def far(moment: datetime) -> datetime:
    """The moment, unless it is out of range."""
    # Further away, arithmetic on it overflows: here, in Postgres, or in whoever reads the answer.
    if not 1970 <= moment.year < 2970:
        raise PydanticCustomError("out_of_range", "This time is out of range")
    return moment


CustomerId = Annotated[str, AfterValidator(partial(_of, "cus"))]
AccountId = Annotated[str, AfterValidator(partial(_of, "acc"))]
MediaId = Annotated[str, AfterValidator(partial(_of, "med"))]
PostId = Annotated[str, AfterValidator(partial(_of, "post"))]
BatchId = Annotated[str, AfterValidator(partial(_of, "bat"))]
EventId = Annotated[str, AfterValidator(partial(_of, "evt"))]
EndpointId = Annotated[str, AfterValidator(partial(_of, "end"))]
DeliveryId = Annotated[str, AfterValidator(partial(_of, "dlv"))]
KeyId = Annotated[str, AfterValidator(partial(_of, "key"))]
AppId = Annotated[str, AfterValidator(partial(_of, "app"))]
GroupId = Annotated[str, AfterValidator(partial(_of, "grp"))]
AuditId = Annotated[str, AfterValidator(partial(_of, "aud"))]
FeedCursor = Annotated[str, AfterValidator(_cursor)]

Moment = Annotated[datetime, PlainSerializer(stamp, return_type=str, when_used="json")]
"""A time in an answer: ISO 8601, UTC, milliseconds, Z."""
Future = Annotated[AwareDatetime, AfterValidator(far)]
"""A time in a request: with an offset."""

Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")
]
Prose = Annotated[str, StringConstraints(max_length=500, pattern=r"^[^\x00]*$")]
Word = Annotated[str, StringConstraints(min_length=1, max_length=128), AfterValidator(_visible)]
"""An identifier of somebody else's: a TikTok client key, an open_id."""
Token = Annotated[SecretStr, Field(min_length=1, max_length=2048), AfterValidator(_printable_secret)]
"""A token of somebody else's. Never printed, never answered."""
Seconds = Annotated[int, Field(strict=True, ge=1, le=YEARS * 365 * 86400)]
