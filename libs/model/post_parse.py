"""Reading a post request, by REST and by RabbitMQ alike.

What is wrong comes back as `FieldError`s that name the field, the limit, what was found and the remedy. Nothing here
needs the account or the media: those checks come after.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from libs.model.post_request import TIME, PostRequest
from libs.model.post_rule import rule_errors
from libs.model.problem import FieldError
from libs.model.storable import WHY, flaw
from libs.model.veil import veil, veil_path

NAME_MAX = 100


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
            yield FieldError(name[:NAME_MAX], found, WHY[found], remedy="Send plain JSON text and numbers.")


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
                placed[field] = (local - (local.utcoffset() or timedelta(0))).replace(tzinfo=UTC).isoformat()
            except ValueError:
                continue  # no such day or hour: pydantic will say so
            except OverflowError:
                placed[field] = local.replace(tzinfo=UTC).isoformat()  # out of range anyway, and said so
    return placed


def _shape_error(detail: Any) -> FieldError:
    place = veil_path(".".join(str(part) for part in detail["loc"]))[:NAME_MAX]
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
