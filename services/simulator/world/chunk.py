"""The law of chunks: which plans an init accepts, which ranges a PUT may carry (fact sheet 4.1 and 4.2)."""

import re
from dataclasses import dataclass
from typing import NoReturn

from services.simulator.knobs import Knobs
from services.simulator.world.error import Code, Refused, UploadRefused
from services.simulator.world.record import Upload

CONTENT_TYPES = ("video/mp4", "video/quicktime", "video/webm")
_RANGE = re.compile(r"bytes ([0-9]{1,15})-([0-9]{1,15})/([0-9]{1,15})")


def check_plan(size: int, chunk_size: int, count: int, *, knobs: Knobs) -> None:
    """Raises `Refused` with the message TikTok was seen to give. The last chunk carries `size % chunk_size`."""
    if not 1 <= size <= knobs.video_max_bytes:
        _refuse("The video size is invalid")
    if not 1 <= count <= knobs.chunk_count_max:
        _refuse("The total chunk count is invalid")
    if count == 1:
        if chunk_size != size or size > knobs.chunk_max_bytes:
            _refuse("The chunk size is invalid")
        return
    if not knobs.chunk_min_bytes <= chunk_size <= knobs.chunk_max_bytes:
        _refuse("The chunk size is invalid")
    if count != size // chunk_size:
        _refuse("The total chunk count is invalid")
    if size - (count - 1) * chunk_size > knobs.last_chunk_max_bytes:
        _refuse("The chunk size is invalid")


def _refuse(message: str) -> NoReturn:
    raise Refused(Code.INVALID_PARAMS, message)


@dataclass(frozen=True, slots=True)
class Accepted:
    """The PUT may stream `length` bytes as chunk `index` (from 0). `again`: those bytes are already in (a knob)."""

    index: int
    length: int
    again: bool = False


def check_put(
    upload: Upload,
    *,
    content_range: str | None,
    content_length: int | None,
    content_type: str | None,
    knobs: Knobs,
) -> Accepted:
    """Judges a chunk's headers against the plan and the progress; raises `UploadRefused`."""
    if content_range is None:
        raise UploadRefused(knobs.missing_range, "no Content-Range", progress=knobs.missing_range == 416)
    given = _RANGE.fullmatch(content_range)
    if given is None:
        raise UploadRefused(400, "malformed Content-Range")
    first, last, total = (int(part) for part in given.groups())
    if (content_type or "").partition(";")[0].strip().lower() not in CONTENT_TYPES:
        raise UploadRefused(400, "Content-Type is not a video's")
    if content_length is None:
        raise UploadRefused(400, "no Content-Length")
    if total != upload.size:
        raise UploadRefused(400, "total differs from video_size")
    if last < first or last >= total or content_length != last - first + 1:
        raise UploadRefused(400, "Content-Length and Content-Range disagree")
    if first != upload.received:
        if first < upload.received:
            return _already(upload, first, last, knobs=knobs)
        raise UploadRefused(416, "range does not continue the upload", progress=True)
    index = len(upload.chunks)
    if (first, last) != upload.expected(index):
        raise UploadRefused(400, "chunk differs from the plan")
    return Accepted(index, last - first + 1)


def _already(upload: Upload, first: int, last: int, *, knobs: Knobs) -> Accepted:
    index = first // upload.chunk_size
    known = index < len(upload.chunks) and (first, last) == upload.expected(index)
    if known and knobs.reput_accepted == 206:
        return Accepted(index, last - first + 1, again=True)
    raise UploadRefused(416, "range is already accepted", progress=True)


def check_open(upload: Upload, *, expired: bool, running: bool) -> None:
    """Whether the upload host still talks about this task: 403 when the URL expired, 404 when the post has ended."""
    if expired:
        raise UploadRefused(403, "upload_url expired")
    if not running and not upload.complete:
        raise UploadRefused(404, "upload task ended")
