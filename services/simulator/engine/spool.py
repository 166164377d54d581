"""Where received bytes are kept, so that they can be probed and looked at. Bounded; bigger files are only hashed."""

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol


@dataclass(slots=True)
class Kept:
    """`busy`: still being received or probed, and so not to be removed."""

    size: int
    busy: bool


class Spool:
    """A folder of at most `total_bytes`; when it is full the oldest idle files go.

    `folder` None: a temporary one that `close` removes. Calls touch the page cache only and do not wait long.
    """

    def __init__(self, folder: Path | None, *, file_bytes: int, total_bytes: int) -> None:
        self._given = folder
        self._folder: Path | None = None
        self.file_bytes = file_bytes
        self._total_bytes = total_bytes
        self._files: dict[Path, Kept] = {}
        self.kept_bytes = 0

    def open(self) -> None:
        self._folder = self._given or Path(tempfile.mkdtemp(prefix="simulator-"))
        self._folder.mkdir(parents=True, exist_ok=True)
        self._sweep()  # what a killed run left behind

    @property
    def folder(self) -> Path:
        """Raises RuntimeError before `open`."""
        if self._folder is None:
            raise RuntimeError("the spool is not open")
        return self._folder

    def reserve(self, name: str, size: int) -> Path | None:
        """A path for a file of up to `size` bytes, held until `settle` or `drop`; None when it may not be kept."""
        if size > min(self.file_bytes, self._total_bytes):
            return None
        for path in [path for path, kept in self._files.items() if not kept.busy]:
            if self.kept_bytes + size <= self._total_bytes:
                break
            self.drop(path)
        if self.kept_bytes + size > self._total_bytes:
            return None
        path = self.folder / name
        path.touch()
        self._files[path] = Kept(size, busy=True)
        self.kept_bytes += size
        return path

    def settle(self, path: Path | None, size: int) -> None:
        """The file has its final size and nobody needs it any more, except to look at it."""
        if path is not None and (kept := self._files.get(path)) is not None:
            self.kept_bytes += size - kept.size
            self._files[path] = Kept(size, busy=False)

    def drop(self, path: Path | None) -> None:
        if path is not None and (kept := self._files.pop(path, None)) is not None:
            self.kept_bytes -= kept.size
            path.unlink(missing_ok=True)

    def clear(self) -> None:
        for path in list(self._files):
            self.drop(path)

    def close(self) -> None:
        """Removes every file, and the folder when it is ours."""
        self.clear()
        if self._given is None and self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
        elif self._folder is not None:
            self._sweep()

    def _sweep(self) -> None:
        for pattern in ("upload-*", "pull-*", "cover-*"):
            for path in self.folder.glob(pattern):
                path.unlink(missing_ok=True)


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
