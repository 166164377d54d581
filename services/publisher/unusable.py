"""Why a post's media is not there: for good, or this time."""

from collections.abc import Sequence
from dataclasses import dataclass

from libs.model.problem import FieldError, Problem


@dataclass(frozen=True, slots=True)
class Unusable(Exception):
    """The media cannot be posted, however often it is tried."""

    problem: Problem


@dataclass(frozen=True, slots=True)
class Unfetched(Exception):
    """The media could not be fetched this time."""

    why: str
    code: str


@dataclass(frozen=True, slots=True)
class Unmendable(Exception):
    """Conversion refused the file. The errors name fields of the file, not of the request."""

    errors: Sequence[FieldError]
