"""Reading a post request, by REST and by RabbitMQ alike.

What is wrong comes back as `FieldError`s that name the field, the limit, what was found and the remedy: every wrong
field of a body at once, whatever else is wrong. Nothing here needs the account or the media: what those forbid joins
by `Reading.also`.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from libs.model import stand_in
from libs.model.post_request import TIME, PostRequest
from libs.model.post_rule import rule_errors
from libs.model.problem import FieldError
from libs.model.storable import WHY, flaw
from libs.model.wording import NAME_MAX, worded

ERRORS_MAX = 50


@dataclass(frozen=True, slots=True)
class Reading:
    """What a body says: the request, or what is wrong with it and what it may have been meant to be."""

    errors: tuple[FieldError, ...]
    meant: tuple[PostRequest, ...]
    """With stand-ins for the wrong fields, the likeliest first; none when the body is no object. One if all is well."""

    @property
    def request(self) -> PostRequest | None:
        """The likeliest. With `errors` it may be asked about and never be made."""
        return self.meant[0] if self.meant else None

    def also(self, find: Callable[[PostRequest], Iterable[FieldError]]) -> tuple[FieldError, ...]:
        """`errors`, and those that `find` has of the other fields, whatever the wrong ones were meant to be."""
        return _joined(self.errors, [list(find(request)) for request in self.meant])


def parse(body: object) -> PostRequest | list[FieldError]:
    """Reads a decoded JSON body. Never raises: what is wrong comes back as one error per wrong field."""
    reading = read(body)
    return list(reading.errors) if reading.errors else reading.meant[0]


def read(body: object) -> Reading:
    """The same, with what is left to be asked of the rest of a wrong body."""
    if not isinstance(body, dict):
        wrong = FieldError("", "not_an_object", "The body must be one JSON object.", remedy="Send a JSON object.")
        return Reading((wrong,), ())
    flaws = list(_flaws(body))
    errors = [error for _, error in flaws[:ERRORS_MAX]]
    rest = stand_in.mended(body, [(name,) for name, _ in flaws]) if flaws else body
    placed = in_timezone(rest)
    if isinstance(placed, list):
        errors += placed
    unplaced = _local(rest) if any(error.field == "timezone" for error in errors) else []
    if unplaced or isinstance(placed, list):
        placed = as_if_in_utc(rest)
    request, misshapen = _shaped(placed)
    errors += misshapen
    if len(unplaced) == 1:  # two of them can be told apart, whatever the zone
        request = request.model_copy(update={unplaced[0]: None})
    meant = stand_in.meant(request, {error.field.partition(".")[0] for error in errors})
    found = Reading(tuple(errors), meant).also(rule_errors)[:ERRORS_MAX]
    return Reading(found, tuple(one.model_copy(update=dict.fromkeys(unplaced)) for one in meant) if unplaced else meant)


def unnamed(known: Sequence[FieldError], more: Iterable[FieldError]) -> list[FieldError]:
    """Those of `more` whose field, or a field around it, is not wrong already."""
    named = {error.field for error in known}
    return [error for error in more if not any(_around(name, error.field) for name in named)]


def _around(outer: str, name: str) -> bool:
    return outer != "" and f"{name}.".startswith(f"{outer}.")


def _joined(known: tuple[FieldError, ...], found: Sequence[list[FieldError]]) -> tuple[FieldError, ...]:
    first, *others = [unnamed(known, errors) for errors in found] or [[]]
    kept = [error for error in first if all(any(error.field == one.field for one in other) for other in others)]
    return (*known, *kept)


def _shaped(body: dict[str, Any]) -> tuple[PostRequest, list[FieldError]]:
    """The request of these fields, stand-ins where their shape is wrong, and what is wrong with it."""
    details: list[Any] = []
    found = _validated(body)
    if not isinstance(found, PostRequest):
        details, body = found, stand_in.mended(body, [detail["loc"] for detail in found])
        found = _validated(body)
    if not isinstance(found, PostRequest):  # wrong items hid that their list is too long
        outer = {detail["loc"] for detail in found}
        details = [*found, *(detail for detail in details if detail["loc"][:1] not in outer)]
        found = PostRequest.model_validate(stand_in.mended(body, [place[:1] for place in outer]))
    return found, [worded(detail) for detail in details[:ERRORS_MAX]]


def _validated(body: dict[str, Any]) -> PostRequest | list[Any]:
    """The request, or pydantic's findings."""
    try:
        return PostRequest.model_validate(body)
    except ValidationError as error:
        details = error.errors(include_url=False)
    inner = {detail["loc"][:-1] for detail in details}  # an item is wrong: its list is then "too short" as well
    return [detail for detail in details if detail["loc"] not in inner]


def _flaws(body: dict[Any, Any]) -> Iterator[tuple[Any, FieldError]]:
    for name, value in body.items():
        if not isinstance(name, str) or flaw(name):
            yield name, FieldError("", "bad_text", "A field's name is not a text.", remedy="Send well-formed JSON.")
        elif found := flaw(value):
            yield name, FieldError(name[:NAME_MAX], found, WHY[found], remedy="Send plain JSON text and numbers.")


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
        if isinstance(value, str) and TIME.fullmatch(value):
            try:
                local = datetime.fromisoformat(value).replace(tzinfo=zone)
                placed[field] = (local - (local.utcoffset() or timedelta(0))).replace(tzinfo=None).isoformat() + "Z"
            except ValueError:
                continue  # no such day or hour: pydantic will say so
            except OverflowError:
                placed[field] = local.replace(tzinfo=None).isoformat() + "Z"  # out of range anyway, and said so
    return placed


def _local(body: dict[str, Any]) -> list[str]:
    """The times without an offset."""
    times = [(name, body.get(name)) for name in ("publish_at", "publish_before")]
    return [name for name, value in times if isinstance(value, str) and TIME.fullmatch(value)]


def as_if_in_utc(body: dict[str, Any]) -> dict[str, Any]:
    """For a wrong `timezone`: so that local times can be read, and be compared with each other."""
    placed = in_timezone(body | {"timezone": "UTC"})
    return {name: value for name, value in placed.items() if name != "timezone"} if isinstance(placed, dict) else body
