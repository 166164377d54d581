"""What pydantic finds, in our words: a caller knows JSON, and need not know Python."""

import re
from collections.abc import Mapping
from typing import Any, Final

from libs.model.problem import FieldError
from libs.model.veil import veil, veil_path

NAME_MAX: Final = 100
FOUND_MAX: Final = 80

_TEXT = ("string_type", "This must be a text.", "Send a text, in quotes.")
_LIST = ("list_type", "This must be a list.", "Send a list, in square brackets.")
_OBJECT = ("object_type", "This must be an object.", "Send an object, in braces.")
_WHOLE = ("int_type", "This must be a whole number.", "Send a whole number, without quotes.")
_NUMBER = ("float_type", "This must be a number.", "Send a number, without quotes.")
_TRUTH = ("bool_type", "This must be true or false.", "Send true or false, without quotes.")
_TYPES: Final[Mapping[str, tuple[str, str, str]]] = {
    "string_type": _TEXT, "string_sub_type": _TEXT, "string_unicode": _TEXT,
    "tuple_type": _LIST, "list_type": _LIST, "set_type": _LIST, "frozen_set_type": _LIST, "iterable_type": _LIST,
    "dict_type": _OBJECT, "model_type": _OBJECT, "model_attributes_type": _OBJECT, "mapping_type": _OBJECT,
    "int_type": _WHOLE, "int_parsing": _WHOLE, "int_from_float": _WHOLE, "int_parsing_size": _WHOLE,
    "float_type": _NUMBER, "float_parsing": _NUMBER, "finite_number": _NUMBER,
    "bool_type": _TRUTH, "bool_parsing": _TRUTH,
}  # fmt: skip
"""pydantic's word for a wrong type → our code, what is wanted, and what to send."""
_AT_MOST: Final = {"less_than_equal": "le", "less_than": "lt"}
_AT_LEAST: Final = {"greater_than_equal": "ge", "greater_than": "gt"}
_WRITE_A_TIME: Final = "Write it as 2027-05-01T10:00:00Z."
_REMEDIES: Final[Mapping[str, str]] = {
    "not_a_time": _WRITE_A_TIME,
    "out_of_range": "Name a time that is nearer.",
    "bad_id": "Send the id as it was answered.",
    "bad_cursor": "Send next_cursor as it was answered, or leave it out to begin anew.",
    "bad_text": "Send printable ASCII without spaces.",
}
"""For the findings of our own validators, whose words are ours already."""


def worded(detail: Mapping[str, Any], *, show: bool = True) -> FieldError:
    """One of pydantic's errors as ours, never in Python's words. Without `show` no text that came in is repeated."""
    place = veil_path(".".join(str(part) for part in detail["loc"]))[:NAME_MAX]
    kind, came, context = str(detail["type"]), detail.get("input"), detail.get("ctx") or {}
    found = _found(came, show=show)
    if kind == "extra_forbidden":
        return FieldError(place, "unknown_field", "This field is not known.", remedy="Remove it or correct its name.")
    if kind == "missing":
        return FieldError(place, "required", "This field is required.", remedy=f"Add {place}.")
    if kind in _TYPES:
        code, said, remedy = _TYPES[kind]
        return FieldError(place, code, said, found=found, remedy=remedy)
    if kind in ("literal_error", "enum"):
        values = ", ".join(re.findall(r"'([^']*)'", str(context["expected"])))
        return FieldError(
            place, kind, "This is none of the values that are taken.", values, found, f"Send one of {values}."
        )
    if kind.endswith(("too_long", "too_short")):
        return _length(place, kind, came, context)
    if kind in _AT_MOST:
        most = context[_AT_MOST[kind]]
        than = "at most" if kind == "less_than_equal" else "less than"
        return FieldError(place, kind, "The number is too large.", _bound(most), found, f"Send {than} {most}.")
    if kind in _AT_LEAST:
        least = context[_AT_LEAST[kind]]
        than = "at least" if kind == "greater_than_equal" else "more than"
        return FieldError(place, kind, "The number is too small.", _bound(least), found, f"Send {than} {least}.")
    if kind == "string_pattern_mismatch":
        pattern = str(context["pattern"])
        return FieldError(place, kind, "The text holds something that is not taken here.", pattern, found,
                          "Send a text that matches limit, a regular expression.")  # fmt: skip
    if kind == "timezone_aware":
        return FieldError(place, "no_offset", "A time needs an offset.", found=found,
                          remedy="End it with Z or an offset such as +02:00, or send timezone as well.")  # fmt: skip
    if kind.startswith("datetime_"):
        return FieldError(place, kind, "There is no such time.", found=found, remedy=_WRITE_A_TIME)
    said = f"{detail['msg']}." if kind in _REMEDIES or "Input should" not in detail["msg"] else "This is not taken."
    return FieldError(place, kind, said, found=found, remedy=_REMEDIES.get(kind, f"Correct {place or 'the body'}."))


def _length(place: str, kind: str, came: Any, context: Mapping[str, Any]) -> FieldError:
    text = isinstance(came, str)
    has = context.get("actual_length")
    found: int | None = has if isinstance(has, int) else (len(came) if hasattr(came, "__len__") else None)
    if kind.endswith("too_long"):
        most = int(context["max_length"])
        said = "The text is too long, counted in characters." if text else f"There are more than {most}."
        over = "" if found is None else f" by {found - most}" if text else f", {found - most} fewer than now"
        remedy = f"Shorten it{over}." if text else f"Send at most {most}{over}."
        return FieldError(place, kind, said, most, found, remedy)
    least = int(context["min_length"])
    said = "The text is empty." if found == 0 and text else "The text is too short." if text else "There are too few."
    return FieldError(place, kind, said, least, found, f"Send at least {least}{' characters' * text}.")


def _found(came: Any, *, show: bool) -> str | int | None:
    """What came, as far as it may be shown: a text cut short and veiled, of lists and objects only what they are."""
    match came:
        case None:
            return "null"
        case bool():
            return str(came).lower()
        case int():
            return came if -(2**63) <= came < 2**64 else "a number beyond 64 bits"
        case float():
            return str(came)
        case str():
            return veil(came)[:FOUND_MAX] if show else None
        case list() | tuple():
            return "a list"
        case dict():
            return "an object"
        case _:
            return None


def _bound(value: Any) -> str | int:
    return value if isinstance(value, int) else str(value)
