"""What every refusal and failure looks like: RFC 9457, `application/problem+json`."""

from typing import Any

from pydantic import ConfigDict

from libs.rest.shape import Answer

CONTENT_TYPE = "application/problem+json"


class FieldProblem(Answer):
    """One wrong field of a request."""

    field: str
    code: str
    detail: str
    limit: str | int | None = None
    found: str | int | None = None
    remedy: str | None = None


class ProblemAnswer(Answer):
    """`code` is stable and made to be programmed against; `retryable`: the same request may succeed later.

    Some problems have members of their own (`post_id`, `state`), which are kept.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    type: str
    title: str
    status: int
    code: str
    detail: str
    retryable: bool
    request_id: str
    instance: str
    remedy: str | None = None
    errors: tuple[FieldProblem, ...] = ()
    upstream: dict[str, Any] | None = None
