"""One process at a time in a folder; the kernel frees the lock however the holder ends."""

import fcntl
import os
import time
from pathlib import Path
from types import TracebackType

from deploy.errors import DirectoryInUse

_POLL_SECONDS = 0.05


class FileLock:
    """An exclusive lock on `path`, which stays on disk and names the last holder's pid."""

    def __init__(self, path: Path, *, timeout: float = 0.0) -> None:
        self._path = path
        self._timeout = timeout
        self._fd: int | None = None

    def acquire(self) -> None:
        """Waits up to `timeout` seconds; raises `DirectoryInUse` naming the holder. Taking it twice is harmless."""
        if self._fd is not None:
            return
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            self._wait_for(fd)
        except BaseException:
            os.close(fd)
            raise
        os.ftruncate(fd, 0)
        os.pwrite(fd, str(os.getpid()).encode(), 0)
        self._fd = fd

    def release(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _wait_for(self, fd: int) -> None:
        deadline = time.monotonic() + self._timeout
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    holder = os.pread(fd, 20, 0).decode(errors="replace") or "unknown"
                    raise DirectoryInUse(f"{self._path.parent} is in use by process {holder}") from None
                time.sleep(_POLL_SECONDS)
            else:
                return

    def __enter__(self) -> "FileLock":
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
