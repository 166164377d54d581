"""Why an operation may refuse or fail: what is its own, and what every one of its kind may answer."""

from collections.abc import Iterable
from typing import Any

from libs.rest.code import Code
from libs.rest.problem import CONTENT_TYPE
from services.api.openapi.header import refs
from services.api.route import Route

EVERY = (
    Code.HTTP_ERROR,
    Code.UNREADABLE_REQUEST,
    Code.UNAUTHORIZED,
    Code.FORBIDDEN,
    Code.INVALID_REQUEST,
    Code.RATE_LIMITED,
    Code.INTERNAL_ERROR,
    Code.STORE_UNAVAILABLE,
    Code.CONTENDED,
)
READING = (Code.MALFORMED_JSON, Code.BODY_BROKEN, Code.REQUEST_TIMEOUT, Code.TOO_LARGE, Code.UNSUPPORTED_MEDIA_TYPE)
CHANGING = (Code.BAD_DATA, Code.CHANGED_MEANWHILE)
NAMED = (Code.IDEMPOTENCY_IN_FLIGHT, Code.IDEMPOTENCY_KEY_REUSED)


def codes_of(route: Route) -> tuple[Code, ...]:
    """Every code the operation may answer, by status."""
    found = [*EVERY, *route.doc.problems]
    found += [Code.NOT_FOUND, Code.UNKNOWN_ADDRESS] if "{" in route.path else []  # some bytes match no address
    if takes_body(route):
        found += READING
    if route.write:
        found += CHANGING
        found += [] if route.own_key else NAMED
    return tuple(sorted(set(found), key=lambda code: (code.status, code.value)))


def takes_body(route: Route) -> bool:
    """An action's body is read too: fields in it are refused."""
    return route.doc.body is not None or route.method != "GET"


def responses(codes: Iterable[Code], *, components: dict[str, Any]) -> dict[str, Any]:
    """One response per status, kept under the codes it may have."""
    by_status: dict[int, list[Code]] = {}
    for code in codes:
        by_status.setdefault(code.status, []).append(code)
    made = {}
    for status, some in sorted(by_status.items()):
        name = ".".join([str(status), *some])
        components.setdefault(name, _response(status, some))
        made[str(status)] = {"$ref": f"#/components/responses/{name}"}
    return made


def _response(status: int, codes: list[Code]) -> dict[str, Any]:
    names = ["X-Request-Id"]
    names += ["WWW-Authenticate"] if status == 401 else []
    names += ["Retry-After"] if status in (409, 429, 503) else []
    only = {"properties": {"code": {"enum": [str(code) for code in codes]}}}
    return {
        "description": "\n".join(f"- `{code}`: {code.meaning}" for code in codes),
        "headers": refs(*names),
        "content": {CONTENT_TYPE: {"schema": {"allOf": [{"$ref": "#/components/schemas/ProblemAnswer"}, only]}}},
    }
