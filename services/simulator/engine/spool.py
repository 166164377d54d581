"""Where received bytes are kept, so that they can be probed and looked at. Bounded; bigger files are only hashed."""

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol


@dataclass(slots=True)
class Kept:
    size: int
    busy: bool


class Spool:
    """A folder of at most `total_bytes`; when it is full the oldest idle files go.

    `folder` None: a temporary one that `close` removes. Calls touch the page cache only and do not wait long.
    """

    def __init__(self, folder: Path | None, *, file_bytes: int, total_bytes: int) -> None:
        self._temporary = folder is None
        self.folder = folder or Path(tempfile.mkdtemp(prefix="simulator-"))
        self.folder.mkdir(parents=True, exist_ok=True)
        self.file_bytes = file_bytes
        self._total_bytes = total_bytes
        self._files: dict[Path, Kept] = {}

    def reserve(self, name: str, size: int) -> Path | None:
        """A path for a file of up to `size` bytes, held until `settle`; None when it may not be kept."""
        if size > min(self.file_bytes, self._total_bytes):
            return None
        total = sum(kept.size for kept in self._files.values())
        for path, kept in list(self._files.items()):
            if total + size <= self._total_bytes:
                break
            if not kept.busy:
                self.drop(path)
                total -= kept.size
        if total + size > self._total_bytes:
            return None
        path = self.folder / name
        self._files[path] = Kept(size, busy=True)
        path.touch()
        return path

    def settle(self, path: Path | None, size: int) -> None:
        """The file has its final size; from now on it may make room for newer ones."""
        if path is not None and path in self._files:
            self._files[path] = Kept(size, busy=False)

    def drop(self, path: Path | None) -> None:
        if path is not None:
            self._files.pop(path, None)
            path.unlink(missing_ok=True)

    def clear(self) -> None:
        for path in list(self._files):
            self.drop(path)

    def close(self) -> None:
        self.clear()
        if self._temporary:
            shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def kept_bytes(self) -> int:
        return sum(kept.size for kept in self._files.values())


class Digest(Protocol):
    """A running hash, as hashlib makes them."""

    def update(self, data: bytes, /) -> None: ...


def absorb(digest: Digest, file: BinaryIO | None, piece: bytes) -> None:
    """Hashes and writes one piece; meant for a thread, so that the event loop stays free."""
    digest.update(piece)
    if file is not None:
        file.write(piece)


def open_at(path: Path | None, position: int) -> BinaryIO | None:
    """The file opened for writing at `position`, what lay behind it cut off; None for a file that is not kept."""
    if path is None:
        return None
    file = path.open("r+b")
    file.truncate(position)
    file.seek(position)
    return file
