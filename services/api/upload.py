"""Bytes in, at constant memory: the body itself, or the one file of a form."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Final

from aiohttp import BodyPartReader, hdrs, web
from aiohttp.http import HttpProcessingError

from libs.model.problem import FieldError, Problem, Refusal, invalid
from services.api.body import check_encoding, invite, slow, unsupported

PIECE_BYTES: Final = 256 * 1024
IDLE_S: Final = 30.0
TOTAL_S: Final = 6 * 3600.0
"""4 GB at 1.5 Mbit/s."""
FORM_BYTES: Final = 4096
"""More than a form with one file has around it."""
_PLAIN: Final = frozenset({"binary", "8bit", "7bit"})


def pieces(request: web.Request) -> AsyncGenerator[bytes, None]:
    """The file's bytes as they come. Raises `Refusal` at once for a body of another kind, and while iterating for one
    that stalls or is malformed; errors of the connection come out as aiohttp's."""
    check_encoding(request)
    kind = request.content_type
    if kind == "multipart/form-data":
        return _bounded(request, _of_form(request))
    if kind.startswith(("video/", "image/")) or kind == "application/octet-stream":
        return _bounded(request, _of_body(request))
    raise Refusal(
        unsupported("A file comes as the body or as a form.", "Send Content-Type: video/mp4, or a form with a file.")
    )


def expected_bytes(request: web.Request) -> int | None:
    """How many bytes the file announces; a form's length includes the form, so it says nothing."""
    return None if is_form(request) else request.content_length


def is_form(request: web.Request) -> bool:
    return request.content_type.startswith("multipart/")


async def _bounded(request: web.Request, source: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """Each silence and the whole are bounded; the time the consumer takes counts into the whole only."""
    loop = asyncio.get_running_loop()
    ends = loop.time() + TOTAL_S
    await invite(request)
    try:
        while True:
            try:
                async with asyncio.timeout_at(min(loop.time() + IDLE_S, ends)):
                    piece = await anext(source)
            except StopAsyncIteration:
                return
            except TimeoutError:
                raise Refusal(slow()) from None
            yield piece
    finally:
        await source.aclose()


async def _of_body(request: web.Request) -> AsyncGenerator[bytes, None]:
    while not request.content.at_eof():
        piece, _ = await request.content.readchunk()  # as they came: reading all there is would copy it together
        if piece:
            yield piece


async def _of_form(request: web.Request) -> AsyncGenerator[bytes, None]:
    try:
        form = await request.multipart()
        part = await form.next()
        if not isinstance(part, BodyPartReader) or part.name != "file":
            raise Refusal(_form_error("The form's first field must be the file.", "Send one field named file."))
        if part.headers.get(hdrs.CONTENT_TRANSFER_ENCODING, "binary").lower() not in _PLAIN:
            raise Refusal(_form_error("The file is encoded.", "Send its bytes as they are."))
        while not part.at_eof():
            if piece := await part.read_chunk(PIECE_BYTES):
                yield piece
        if await form.next() is not None:
            raise Refusal(_form_error("There is more than the file.", "Send one field; other facts go into the query."))
    except (ValueError, AssertionError, HttpProcessingError) as error:
        # aiohttp's words for a form without its boundary, with broken headers or without its end.
        problem = Problem("malformed_form", "The form cannot be read", 400, "It is malformed.", "Send it again.")
        raise Refusal(problem) from error


def _form_error(detail: str, remedy: str) -> Problem:
    return invalid([FieldError("file", "form", detail, remedy=remedy)])
