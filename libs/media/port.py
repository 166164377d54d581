"""The storage port: what the rest of Clipwire may ask of the place where media bytes live."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Protocol

from libs.media.errors import InvalidKey, InvalidRange

PIECE_BYTES: Final = 1 << 20
"""About the size of the pieces ``open_range`` yields."""

COPY: Final = "clipwire-media-"
"""What names of copies in the scratch folder begin with: a killed process leaves them behind."""
KEYS_AT_ONCE: Final = 500
"""At most so many keys come in one batch of ``keys``."""
KEY_MAX: Final = 512
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


@dataclass(frozen=True, slots=True)
class Stored:
    """What was kept: its length in bytes and the SHA-256 of those bytes in lower-case hex."""

    size: int
    sha256: str


class MediaStorage(Protocol):
    """Bytes under keys. Objects are whole or absent: no reader ever sees half of one.

    Memory stays constant whatever the object's size. Any method may raise ``StorageFailed`` (worth another try) and,
    except ``free_bytes`` and ``close``, ``InvalidKey``.
    """

    async def put(
        self,
        key: str,
        chunks: AsyncIterable[bytes],
        *,
        max_bytes: int,
        content_type: str,
        expected_bytes: int | None = None,
    ) -> Stored:
        """Store what ``chunks`` yields; an object already under ``key`` is replaced in one step.

        ``expected_bytes`` (a Content-Length) lets the store refuse before it reads anything. Raises ``ObjectTooLarge``
        or ``StorageFull``. Whatever goes wrong, cancellation and errors of ``chunks`` included, nothing is left behind
        and nothing new is visible, unless the very last step was under way: then the whole object may be. Errors of
        ``chunks`` come out unchanged.
        """

    async def open_range(self, key: str, *, first: int, last: int) -> AsyncGenerator[bytes, None]:
        """Exactly the bytes ``first`` … ``last`` (both inclusive, as in Content-Range), in pieces of about PIECE_BYTES.

        Raises ``ObjectMissing`` and ``InvalidRange`` at once. Reads no faster than the caller consumes. A short or
        changed object raises ``StorageFailed`` midway rather than yielding wrong bytes. Close it (``aclosing``).
        """

    async def size(self, key: str) -> int:
        """Length in bytes; raises ``ObjectMissing``."""

    def keys(self, *, before: datetime) -> AsyncGenerator[list[str], None]:
        """Every key last written before then, in batches, in no order; what changes meanwhile may be missed."""

    async def delete(self, key: str) -> None:
        """Forget the object; deleting what is not there is fine."""

    def local_path(self, key: str, *, max_bytes: int) -> AbstractAsyncContextManager[Path]:
        """A seekable local file with the object's bytes, to be read only, valid inside the ``async with``.

        The file's name says nothing of its content. Raises ``ObjectMissing``, and ``ObjectTooLarge`` or
        ``StorageFull`` where a copy has to be made.
        """

    async def put_address(self, key: str, *, lives: timedelta) -> str | None:
        """A URL that takes the object by one PUT, from whoever has it, for so long; None: this store has no such URLs.

        It does not bound what is sent: whoever hands it out looks at what came.
        """

    async def free_bytes(self) -> int | None:
        """Bytes that may still be stored; None where the store knows no bound."""

    async def close(self) -> None:
        """Let go of threads and connections; no method may be called afterwards."""


def checked_key(key: str) -> str:
    """``key`` itself if every store keeps it and it cannot leave the store; else ``InvalidKey``.

    Names of ``[A-Za-z0-9._-]`` that begin with a letter or digit, joined by ``/``: no empty, hidden or parent names.
    """
    if len(key) > KEY_MAX or not all(_NAME.fullmatch(name) for name in key.split("/")):
        raise InvalidKey(key)
    return key


def checked_range(*, first: int, last: int, size: int) -> None:
    """Raise ``InvalidRange`` unless 0 ≤ first ≤ last < size."""
    if not 0 <= first <= last < size:
        raise InvalidRange(first=first, last=last, size=size)
