"""Times as people type them: `2h`, `90d`, or written out, which the server judges."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

_SPAN: Final = re.compile(r"([0-9]{1,6})(s|m|h|d)")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def ago(said: str) -> datetime | str:
    """So long before now, or the time as it was written."""
    span = _span(said)
    return said if span is None else datetime.now(UTC) - span


def ahead(said: str) -> datetime | str:
    """So long after now, or the time as it was written."""
    span = _span(said)
    return said if span is None else datetime.now(UTC) + span


def _span(said: str) -> timedelta | None:
    found = _SPAN.fullmatch(said)
    return timedelta(**{_UNITS[found[2]]: int(found[1])}) if found else None
