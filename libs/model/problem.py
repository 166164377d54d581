"""What went wrong, said so that a person or a program can act on it (RFC 9457, with our additions)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from libs.model.veil import veil, veil_path

DOCS = "/docs#problem-"
"""Where the api says what a code means; what follows is the code."""


@dataclass(frozen=True, slots=True)
class FieldError:
    """One wrong field: where, what was found, what the limit is and what to do.

    The first two are somebody else's words and kept veiled (`libs.model.veil`).
    """

    field: str
    code: str
    detail: str
    limit: str | int | None = None
    found: str | int | None = None
    remedy: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "field", veil_path(self.field))
        if isinstance(self.found, str):
            object.__setattr__(self, "found", veil(self.found))

    def as_dict(self) -> dict[str, Any]:
        every = {name: getattr(self, name) for name in self.__slots__}
        return {name: value for name, value in every.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Problem:
    """A refusal or a failure. `code` is stable, `detail` for people; `retryable`: the same may succeed later."""

    code: str
    title: str
    status: int
    detail: str
    remedy: str | None = None
    retryable: bool = False
    errors: Sequence[FieldError] = ()
    upstream: Mapping[str, Any] | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The problem+json members. The caller adds `request_id` and `instance`."""
        body: dict[str, Any] = {
            "type": f"{DOCS}{self.code}",
            "title": self.title,
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
            "retryable": self.retryable,
        }
        if self.remedy:
            body["remedy"] = self.remedy
        if self.errors:
            body["errors"] = [error.as_dict() for error in self.errors]
        if self.upstream:
            body["upstream"] = dict(self.upstream)
        return body | dict(self.extra)


class Refusal(Exception):
    """A request that is refused for a reason its sender can act on; carries the `Problem`."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{problem.code}: {problem.detail}")
        self.problem = problem


def invalid(errors: Sequence[FieldError]) -> Problem:
    """The problem of a request with wrong fields, or with a body that has none."""
    names = ", ".join(dict.fromkeys(error.field for error in errors if error.field))
    counted = f"{len(errors)} problem{'s' if len(errors) != 1 else ''}"
    unnamed = next((error.detail for error in errors if not error.field), None)
    return Problem(
        code="invalid_request",
        title="The request is not valid",
        status=422,
        detail=f"{counted} with: {names}." if names else unnamed or "It breaks a rule.",
        remedy="Correct the fields named in errors and send the request again.",
        errors=tuple(errors),
    )


def not_found(noun: str, id_: str) -> Problem:
    return Problem(
        code="not_found",
        title=f"No such {noun}",
        status=404,
        detail=f"There is no {noun} {veil(id_)[:64]!r} that this key may see.",
        remedy=f"Check the id; list what exists to find the right {noun}.",
    )
