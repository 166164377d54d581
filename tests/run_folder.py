"""The folder of one test run: in memory where there is plenty, locked while the run lives, swept away by the next."""

import os
import shutil
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from deploy.errors import DirectoryInUse
from deploy.filelock import FileLock

_PREFIX = "clipwire-tests-"
_LOCK = "run.lock"
_MEMORY = Path("/dev/shm")
_PLENTY = 3 * 1024**3
_YOUNG_SECONDS = 60.0


class RunFolder:
    """`path` may be passed through by others, for a server that root has to run as another user."""

    def __init__(self, parent: Path) -> None:
        sweep(parent)
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
        self.path.chmod(0o711)
        self._lock = FileLock(self.path / _LOCK)
        self._lock.acquire()

    def remove(self) -> None:
        shutil.rmtree(self.path)
        self._lock.release()


def place(environ: Mapping[str, str]) -> Path:
    """`TMPDIR` when it is set; else memory, because hundreds of databases are made and dropped; else the usual."""
    if not environ.get("TMPDIR") and os.access(_MEMORY, os.W_OK | os.X_OK):
        free = os.statvfs(_MEMORY)
        if free.f_bavail * free.f_frsize >= _PLENTY:
            return _MEMORY
    return Path(tempfile.gettempdir())


def sweep(parent: Path) -> None:
    """Deletes the folders of this user's runs that were killed: their lock is free, and they are not being made."""
    for folder in parent.glob(f"{_PREFIX}*"):
        try:
            found = (folder / _LOCK).stat()
            if found.st_uid != os.geteuid() or time.time() - found.st_mtime < _YOUNG_SECONDS:
                continue
            with FileLock(folder / _LOCK):
                shutil.rmtree(folder)
        except (DirectoryInUse, FileNotFoundError):
            continue  # alive, or swept by another run
