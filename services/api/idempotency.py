"""Which idempotency key a request has."""

import re

from aiohttp import web

from libs.model.key import PREFIX
from libs.model.problem import FieldError, Refusal, invalid

HEADER = "Idempotency-Key"
_KEY = re.compile(r"[\x20-\x7e]{1,255}", re.ASCII)


def settle_key(request: web.Request, *, in_body: str | None) -> str | None:
    """The body's key, or the header's, if there is one. Raises `Refusal` when they differ."""
    header = given_key(request)
    if header is None:
        return in_body
    if in_body is not None and in_body != header:
        detail = "The header and the body's idempotency_key differ."
        raise Refusal(invalid([_error("idempotency_key_mismatch", detail, "Send one of them, or the same in both.")]))
    return header


def given_key(request: web.Request) -> str | None:
    """The header's key, if there is one. Raises `Refusal` for two, or for one that is no key."""
    given = request.headers.getall(HEADER, [])
    if len(given) > 1:
        raise Refusal(invalid([_error("repeated", "The header is given twice.", "Send it once.")]))
    if not given:
        return None
    if _KEY.fullmatch(given[0]) is None:
        detail = "A key is 1 to 255 printable ASCII characters."
        raise Refusal(invalid([_error("bad_text", detail, "Send a UUID, for example.")]))
    if given[0].startswith(PREFIX):
        detail = "This looks like an API key, and idempotency keys are kept in clear."
        raise Refusal(invalid([_error("looks_like_a_secret", detail, "Send a UUID, for example.")]))
    return given[0]


def _error(code: str, detail: str, remedy: str) -> FieldError:
    return FieldError("idempotency_key", code, detail, remedy=remedy)
