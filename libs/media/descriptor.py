"""An open file whose descriptor cannot get lost between a thread that opens it and a caller that is cancelled."""

from __future__ import annotations

import os
from collections import deque
from io import BytesIO
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
        self._rooms: deque[BytesIO] = deque()
        self._room_bytes = 0

    def open(self) -> None:
        """Open it, creating it for its owner only where the flags say create."""
        self._fd = os.open(self._path, self._flags | os.O_CLOEXEC, _MODE)

    def read(self, length: int, *, at: int) -> bytes:
        """Up to ``length`` bytes from position ``at``; none at the end of the file."""
        return os.pread(self._fd, length, at)

    def read_cached(self, length: int, *, at: int) -> bytes:
        """The same without ever waiting for a disk; none where that would be needed, or the system cannot tell.

        A piece that its reader has let go of by the next but one gives that one its memory: to take and clear some for
        each costs more than half of what the reading does. A piece still held stays as it is. (Do not use such bytes as
        keys: once hashed, memory that is used again keeps its old hash.)
        """
        if _NO_WAIT is None:
            return b""
        room = self._room(length)
        try:
            with room.getbuffer() as whole, whole[:length] as part:
                got = os.preadv(self._fd, [part], at, _NO_WAIT)
        except OSError:
            return b""  # not in memory, or a file system that knows no such reads: a plain read says what is wrong
        piece = room.getvalue()
        return piece if got == len(piece) else piece[:got]

    def _room(self, length: int) -> BytesIO:
        """One of two, by turns: the last piece is still with its reader."""
        if length > self._room_bytes:
            self._rooms.clear()
            self._room_bytes = length
        if len(self._rooms) < 2:
            self._rooms.append(BytesIO(bytes(self._room_bytes)))
        else:
            self._rooms.rotate()
        return self._rooms[-1]

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
        self._rooms.clear()
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            os.close(fd)
