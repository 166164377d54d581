"""Bounded JSON in, or what is wrong with it. No message repeats a text that came in: it may be a token."""

import asyncio
from collections.abc import Mapping
from typing import Any, TypeVar

import orjson
from aiohttp import hdrs, web
from aiohttp.http import HttpVersion11
from pydantic import BaseModel, ValidationError

from libs.model.problem import FieldError, Problem, Refusal, invalid
from libs.model.wording import worded

BODY_MAX = 1024 * 1024
BODY_S = 30.0
DEPTH_MAX = 32
"""orjson reads 1,024 levels and writes 254; nothing of ours needs more than a few."""
ERRORS_MAX = 50
RAW = web.RequestKey("raw", bytes)

M = TypeVar("M", bound=BaseModel)


async def read_object(request: web.Request, *, optional: bool = False) -> dict[str, Any]:
    """The request's JSON object; with `optional`, no body at all is an empty one. Raises `Refusal`."""
    check_encoding(request)
    if optional and RAW not in request and not request.can_read_body:  # what was read before cannot be read again
        return {}
    if request.content_type != "application/json" or (request.charset or "utf-8").lower() not in ("utf-8", "utf8"):
        raise Refusal(unsupported("The body must be JSON in UTF-8.", "Send Content-Type: application/json."))
    raw = await read_raw(request)
    if optional and not raw:
        return {}
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise Refusal(_malformed(f"{error.msg}: line {error.lineno}, column {error.colno}")) from None
    if not isinstance(body, dict):
        raise Refusal(invalid([FieldError("", "not_an_object", "The body must be one JSON object.")]))
    if _too_deep(body):
        detail = f"The body is nested deeper than {DEPTH_MAX} levels."
        raise Refusal(invalid([FieldError("", "too_deep", detail, limit=DEPTH_MAX, remedy="Send a flatter body.")]))
    return body


async def read_raw(request: web.Request) -> bytes:
    """The body's bytes, within the time and size that bodies have; the same when asked again. Raises `Refusal`."""
    known = request.get(RAW)
    if known is None:
        check_encoding(request)
        await invite(request)
        try:
            async with asyncio.timeout(BODY_S):
                known = await request.read()
        except TimeoutError:
            raise Refusal(slow()) from None
        request[RAW] = known
    return known


def parsed(model: type[M], values: Mapping[str, Any]) -> M:
    """The values as `model`; raises `Refusal` with one error per wrong field."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        details = error.errors(include_url=False)
        raise Refusal(invalid([field_error(detail) for detail in details[:ERRORS_MAX]])) from None


def field_error(detail: Mapping[str, Any]) -> FieldError:
    """pydantic's finding in our words. A text that came in is not repeated."""
    return worded(detail, show=False)


async def invite(request: web.Request) -> None:
    """Tells a client that waits for `100 Continue` to send its body: only now, when it is known to be wanted."""
    expects = request.headers.get(hdrs.EXPECT, "").lower() == "100-continue"
    if expects and request.version >= HttpVersion11:
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # those bytes are not the answer's


def check_encoding(request: web.Request) -> None:
    """Raises `Refusal` for compressed bodies: nobody needs them, and they hide how large they are."""
    encoding = request.headers.get(hdrs.CONTENT_ENCODING, "identity").lower()
    if encoding != "identity":
        raise Refusal(unsupported("Compressed bodies are not taken.", "Send the body without Content-Encoding."))


def unsupported(detail: str, remedy: str) -> Problem:
    return Problem("unsupported_media_type", "The body has a type that is not taken here", 415, detail, remedy)


def slow() -> Problem:
    return Problem("request_timeout", "The body came too slowly", 408, "It stopped coming.", "Send it again.", True)


def _malformed(detail: str) -> Problem:
    return Problem("malformed_json", "The body is not JSON", 400, detail, "Send one JSON object in UTF-8.")


def _too_deep(value: Any) -> bool:
    level = [value]
    for _ in range(DEPTH_MAX):
        level = [
            inner
            for each in level
            for inner in (each.values() if isinstance(each, dict) else each)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True
