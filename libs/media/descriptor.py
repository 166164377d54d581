"""An open file whose descriptor cannot get lost between a thread that opens it and a caller that is cancelled."""

from __future__ import annotations

import os
from pathlib import Path

_MODE = 0o600
_NO_WAIT: int | None = getattr(os, "RWF_NOWAIT", None)
"""Linux has it."""


class Descriptor:
    """Made first, opened in a thread, closed in a ``finally``: whenever the caller is cancelled, nothing leaks."""

    def __init__(self, path: Path, flags: int) -> None:
        self._path = path
        self._flags = flags
        self._fd = -1

    def open(self) -> None:
        """Open it, creating it for its owner only where the flags say create."""
        self._fd = os.open(self._path, self._flags | os.O_CLOEXEC, _MODE)

    def read(self, length: int, *, at: int) -> bytes:
        """Up to ``length`` bytes from position ``at``; none at the end of the file."""
        return os.pread(self._fd, length, at)

    def read_cached(self, length: int, *, at: int) -> bytes:
        """The same without ever waiting for a disk; none where that would be needed, or the system cannot tell."""
        if _NO_WAIT is None:
            return b""
        buffer = bytearray(length)
        try:
            got = os.preadv(self._fd, [buffer], at, _NO_WAIT)
        except OSError:
            return b""  # not in memory, or a file system that knows no such reads: a plain read says what is wrong
        return bytes(memoryview(buffer)[:got])

    def write(self, piece: bytes) -> None:
        """All of ``piece``, behind what was written before."""
        rest = memoryview(piece)
        while rest:
            rest = rest[os.write(self._fd, rest) :]

    def sync(self) -> None:
        """Return when a power cut can no longer undo what was written."""
        os.fsync(self._fd)

    def close(self) -> None:
        """Close it if it is open."""
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            os.close(fd)
