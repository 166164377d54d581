"""The worker's pipe: JSON objects, each behind its length in four bytes. Both ends use this, nothing else."""

from __future__ import annotations

import errno
import json
import struct
from collections.abc import Mapping
from typing import Any, Final

_LENGTH = struct.Struct(">I")
HEADER_BYTES: Final = _LENGTH.size
TROUBLES: Final = frozenset(
    {
        errno.EACCES,
        errno.EDQUOT,
        errno.EIO,
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOENT,
        errno.ENOSPC,
        errno.ENOTDIR,
        errno.EPERM,
        errno.EROFS,
        errno.ESTALE,
    }
)
"""System errors that say something of this machine and nothing of the file."""
FRAME_MAX_BYTES: Final = 256 << 10
"""Nothing that crosses the pipe comes near this; more means that one side has lost its mind."""


class BadFrame(ValueError):
    """What came through the pipe is no frame of ours."""


def packed(message: Mapping[str, Any]) -> bytes:
    """One message as it goes through the pipe."""
    body = json.dumps(message, allow_nan=False).encode()
    if len(body) > FRAME_MAX_BYTES:
        raise BadFrame(f"a frame of {len(body)} bytes")
    return _LENGTH.pack(len(body)) + body


def body_length(header: bytes) -> int:
    """How many bytes follow the header; raises ``BadFrame``."""
    (length,) = _LENGTH.unpack(header)
    if length > FRAME_MAX_BYTES:
        raise BadFrame(f"a frame of {length} bytes")
    return int(length)


def unpacked(body: bytes) -> dict[str, Any]:
    """The message in a frame's body; raises ``BadFrame``."""
    try:
        message = json.loads(body)
    except ValueError as exc:
        raise BadFrame("not JSON") from exc
    if not isinstance(message, dict):
        raise BadFrame("not a JSON object")
    return message
