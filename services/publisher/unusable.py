"""Why a post's media is not there: for good, or this time."""

from collections.abc import Sequence
from dataclasses import dataclass

from libs.model.problem import FieldError, Problem


@dataclass(slots=True, eq=False)  # not frozen: Python writes an exception's traceback while it travels
class Unusable(Exception):
    """The media cannot be posted, however often it is tried."""

    problem: Problem


@dataclass(slots=True, eq=False)  # not frozen: Python writes an exception's traceback while it travels
class Unfetched(Exception):
    """The media could not be fetched this time."""

    why: str
    code: str


@dataclass(slots=True, eq=False)  # not frozen: Python writes an exception's traceback while it travels
class Unmendable(Exception):
    """Conversion refused the file. The errors name fields of the file, not of the request."""

    errors: Sequence[FieldError]
