"""Success or not: reads the two envelopes TikTok answers in, v2's (0) and the flat one of OAuth (1.4). Pure.

HTTP statuses mislead both ways: caps are refused with 200, and so are most OAuth errors. The body decides, and the
status speaks only where the body is silent or TikTok itself is in trouble.
"""

from dataclasses import dataclass, replace
from typing import Any, TypeVar

import orjson
from pydantic import ValidationError

from libs.tiktok.errors import OAuthRefused, Refused, ServerTrouble, Throttled, TikTokError, Unreadable, redact
from libs.tiktok.exchange import Answer
from libs.tiktok.readings import read_code, read_oauth
from libs.tiktok.wire import Reply, Trace, Wire

W = TypeVar("W", bound=Wire)

_THROTTLED = "rate_limit_exceeded"
_TROUBLE = "internal_error"
_MAX_WORD = 100


def open_v2(answer: Answer, shape: type[W]) -> Reply[W]:
    """The `data` beside `error.code == "ok"`; absent data counts as empty. Raises any TikTokError but NoReply."""
    said = _hear(answer)
    if said.code != "ok" or answer.status >= 400:
        raise _failure(said, answer.status)
    data = said.body.get("data")
    return Reply(_fit(shape, {} if data is None else data, said.trace), said.trace)


def open_token(answer: Answer, shape: type[W]) -> Reply[W]:
    """A token answer: success is an `access_token` and no error, whatever the status. Raises as `open_v2` does."""
    said = _hear(answer)
    if not said.body.get("access_token") or said.code not in ("", "ok"):
        raise _failure(said, answer.status)
    return Reply(_fit(shape, said.body, said.trace), said.trace)


def open_revoked(answer: Answer) -> Reply[None]:
    """A revocation: success is a 2xx with an empty body or an object without an error (1.3). Raises as `open_v2`."""
    said = _hear(answer)
    readable = said.is_object or not answer.body.strip()
    if not (200 <= answer.status < 300 and readable and said.code in ("", "ok")):
        raise _failure(said, answer.status)
    return Reply(None, said.trace)


@dataclass(frozen=True, slots=True)
class _Said:
    """What an answer says of itself. `code` is "" when it says nothing; `flat` is OAuth's way of saying it."""

    body: dict[str, Any]
    is_object: bool
    trace: Trace
    code: str
    message: str
    flat: bool


def _hear(answer: Answer) -> _Said:
    try:
        body = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        body = None
    is_object = isinstance(body, dict)
    body = body if is_object else {}
    error = body.get("error")
    if isinstance(error, dict):
        flat, code, message, log_id = False, error.get("code"), error.get("message"), error.get("log_id")
    else:
        flat, code, message, log_id = True, error, body.get("error_description"), body.get("log_id")
    return _Said(
        body=body,
        is_object=is_object,
        trace=replace(answer.trace, log_id=_word(log_id)),
        code=_word(code),
        message=redact(message) if isinstance(message, str) else "",
        flat=flat,
    )


def _failure(said: _Said, status: int) -> TikTokError:
    """The error of an answer that is no success."""
    trace, code, message = said.trace, said.code, said.message
    if status >= 500 or code == _TROUBLE:
        return ServerTrouble(message, trace=trace, code=code)
    if status == 429 or code == _THROTTLED:
        return Throttled(message, trace=trace, code=code or _THROTTLED, reading=read_code(_THROTTLED))
    if code == "ok":
        return Unreadable("the status and the code contradict each other", trace=trace)
    if not code:
        return Unreadable("no error code in it" if said.is_object else "not a JSON object", trace=trace)
    if said.flat:
        return OAuthRefused(message, trace=trace, code=code, reading=read_oauth(code))
    return Refused(message, trace=trace, code=code, reading=read_code(code))


def _fit(shape: type[W], data: object, trace: Trace) -> W:
    try:
        return shape.model_validate(data)
    except ValidationError as error:
        where = {".".join(str(step) for step in flaw["loc"]) or "data" for flaw in error.errors(include_input=False)}
        raise Unreadable(f"unexpected {', '.join(sorted(where))}"[:_MAX_WORD], trace=trace) from error


def _word(value: object) -> str:
    """A code or a log id as text that is safe to keep; "" for anything else."""
    return redact(value)[:_MAX_WORD] if isinstance(value, str) else ""
