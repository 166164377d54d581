"""Media in a local folder: written beside, then renamed into place, so that a crash leaves no half object."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import time
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, asynccontextmanager, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, ParamSpec, TypeVar
from uuid import uuid4

from libs.media.descriptor import Descriptor
from libs.media.draft import Draft
from libs.media.errors import ObjectMissing, ObjectTooLarge, StorageFailed, StorageFull
from libs.media.pieces import gathered
from libs.media.port import KEYS_AT_ONCE, PIECE_BYTES, Stored, checked_key, checked_range
from libs.media.thread import in_thread

P = ParamSpec("P")
T = TypeVar("T")

KEEP_FREE_BYTES: Final = 256 << 20
"""Left free on the disk by default: other things on the machine want to write too."""

_ROOM_CHECK_BYTES: Final = 64 << 20
_ABANDONED_AFTER_S: Final = 24 * 3600
_INCOMING: Final = ".incoming"  # no key can begin with a dot, so no key can name what is still being written


class FolderStorage:
    """``MediaStorage`` in a folder, which may be shared by processes. Content types are left to the caller's row."""

    def __init__(self, root: Path, *, keep_free_bytes: int = KEEP_FREE_BYTES, threads: int = 4) -> None:
        """Makes ``root`` (mode 0700) if absent and removes what writers that died over a day ago left behind."""
        self._root = root.absolute()
        self._incoming = self._root / _INCOMING
        self._keep_free_bytes = keep_free_bytes
        try:
            self._incoming.mkdir(mode=0o700, parents=True, exist_ok=True)
            _remove_abandoned(self._incoming, before=time.time() - _ABANDONED_AFTER_S)
        except OSError as error:
            raise StorageFailed(
                f"MEDIA_URL: {self._root} cannot be used ({error.strerror}); name a folder this user may write to"
            ) from error
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="media-folder")

    async def put(
        self,
        key: str,
        chunks: AsyncIterable[bytes],
        *,
        max_bytes: int,
        content_type: str,
        expected_bytes: int | None = None,
    ) -> Stored:
        target = self._path(key)
        if expected_bytes is not None and expected_bytes > max_bytes:
            raise ObjectTooLarge(limit_bytes=max_bytes)
        await self._check_room(needed_bytes=expected_bytes)
        size = checked = 0
        path = self._incoming / uuid4().hex
        draft = Draft(path, self._threads)
        try:
            with _translated(None):
                await draft.open()
            async with aclosing(gathered(chunks, piece_bytes=PIECE_BYTES, max_bytes=max_bytes)) as pieces:
                async for piece in pieces:
                    with _translated(None):
                        await draft.add(piece)
                    size += sum(map(len, piece))
                    if size - checked >= _ROOM_CHECK_BYTES:
                        checked = size
                        await self._check_room(needed_bytes=None)
            with _translated(None):
                stored = await draft.finish()
            await self._call(None, _publish, draft, path, target, self._root)
        finally:
            await draft.close()
        return stored

    async def open_range(self, key: str, *, first: int, last: int) -> AsyncGenerator[bytes, None]:
        checked_range(first=first, last=last, size=await self.size(key))
        return self._pieces(key, first=first, last=last)

    async def _pieces(self, key: str, *, first: int, last: int) -> AsyncGenerator[bytes, None]:
        """What is in memory is read on the loop, the rest by a thread: on a busy machine a thread is waited for longer
        than a piece is sent."""
        file, at = Descriptor(self._path(key), os.O_RDONLY), first
        try:
            await self._call(key, file.open)
            while at <= last:
                length = min(PIECE_BYTES, last + 1 - at)
                piece = file.read_cached(length, at=at) or await self._call(key, file.read, length, at=at)
                if not piece:
                    raise StorageFailed(f"{key!r} ended at byte {at}, before byte {last}")
                at += len(piece)
                yield piece
        finally:
            file.close()

    async def size(self, key: str) -> int:
        status = await self._call(key, os.stat, self._path(key))
        if not stat.S_ISREG(status.st_mode):
            raise ObjectMissing(key)  # a folder that holds longer keys is no object
        return status.st_size

    async def keys(self, *, before: datetime) -> AsyncGenerator[list[str], None]:
        folders = [self._root]
        while folders:
            inner, found = await self._call(None, _listed, folders.pop(), before.timestamp())
            folders += [folder for folder in inner if folder != self._incoming]
            for at in range(0, len(found), KEYS_AT_ONCE):
                yield [str(path.relative_to(self._root)) for path in found[at : at + KEYS_AT_ONCE]]

    async def delete(self, key: str) -> None:
        path = self._path(key)
        try:
            await self._call(key, os.unlink, path)
        except ObjectMissing:
            return  # deleting what is not there is fine

    @asynccontextmanager
    async def local_path(self, key: str, *, max_bytes: int) -> AsyncIterator[Path]:
        if await self.size(key) > max_bytes:
            raise ObjectTooLarge(limit_bytes=max_bytes)
        yield self._path(key)

    async def put_address(self, key: str, *, lives: timedelta) -> None:
        return None

    async def free_bytes(self) -> int:
        usage = await self._call(None, shutil.disk_usage, self._root)
        return max(0, usage.free - self._keep_free_bytes)

    async def close(self) -> None:
        await in_thread(None, self._threads.shutdown)

    def _path(self, key: str) -> Path:
        return self._root / checked_key(key)

    async def _check_room(self, *, needed_bytes: int | None) -> None:
        free_bytes = await self.free_bytes()
        if free_bytes <= (needed_bytes or 0):
            raise StorageFull(free_bytes=free_bytes, needed_bytes=needed_bytes)

    async def _call(self, key: str | None, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        with _translated(key):
            return await in_thread(self._threads, call, *args, **kwargs)


@contextmanager
def _translated(key: str | None) -> Iterator[None]:
    """The system's errors as ours. With ``key``, what is not there is that object; without, it is the store."""
    try:
        yield
    except OSError as exc:
        if key is not None and exc.errno in (errno.ENOENT, errno.ENOTDIR):
            raise ObjectMissing(key) from exc
        if exc.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFull(free_bytes=0, needed_bytes=None) from exc
        raise StorageFailed(f"the media folder failed: {exc.strerror}") from exc


def _publish(draft: Draft, path: Path, target: Path, root: Path) -> None:
    """Make the draft durable under its name: a power cut after this returns loses nothing."""
    draft.sync()
    made = [folder for folder in target.parents if root in folder.parents and not folder.exists()]
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.replace(target)
    for folder in {target.parent, *(folder.parent for folder in made)}:
        _sync_folder(folder)


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _listed(folder: Path, before: float) -> tuple[list[Path], list[Path]]:
    """Its folders, and its files last written before then."""
    folders, files = [], []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                folders.append(Path(entry.path))
            elif entry.is_file(follow_symlinks=False) and entry.stat().st_mtime < before:
                files.append(Path(entry.path))
    return folders, files


def _remove_abandoned(folder: Path, *, before: float) -> None:
    """Drafts nobody wrote to since ``before``: their writer died. A living one writes far more often than daily."""
    for draft in folder.iterdir():
        try:
            if draft.stat().st_mtime < before:
                draft.unlink()
        except FileNotFoundError:
            continue  # its writer, or another process that just opened this folder, was quicker
