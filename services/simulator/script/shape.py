"""Reading and writing JSON for `/_sim/`: a wrong request is answered 400 with every mistake named."""

import json
from typing import Any, TypeVar

from aiohttp import web
from pydantic import BaseModel, ValidationError

M = TypeVar("M", bound=BaseModel)


def answer(value: Any, *, status: int = 200) -> web.Response:
    return web.Response(
        status=status,
        body=json.dumps(value, ensure_ascii=False, default=str).encode("utf-8", "surrogatepass"),
        content_type="application/json",
    )


def bad(message: str, *, status: int = 400) -> web.Response:
    return answer({"error": message}, status=status)


def not_found(what: str) -> web.Response:
    return bad(f"no such {what}", status=404)


class BadRequest(Exception):
    """The caller of `/_sim/` made a mistake; the message names it. `errors` (a middleware) turns it into a 400."""


@web.middleware
async def errors(request: web.Request, handler: Any) -> web.StreamResponse:
    """Turns `BadRequest` into 400 on every path."""
    try:
        response: web.StreamResponse = await handler(request)
    except BadRequest as error:
        return bad(str(error))
    return response


async def json_of(request: web.Request) -> Any:
    """The body as JSON; nothing at all is `{}`."""
    raw = await request.read()
    try:
        return json.loads(raw) if raw.strip() else {}
    except (ValueError, RecursionError):
        raise BadRequest("the body is not JSON") from None


async def body_as(model: type[M], request: web.Request) -> M:
    return parsed_as(model, await json_of(request))


def parsed_as(model: type[M], value: Any) -> M:
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise BadRequest(mistakes(error)) from None


def mistakes(error: ValidationError) -> str:
    return "; ".join(f"{'.'.join(map(str, e['loc'])) or 'body'}: {e['msg']}" for e in error.errors())


def number(request: web.Request, name: str, default: int) -> int:
    text = request.query.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise BadRequest(f"{name} is not a number")
    return int(text)
