"""Media in an S3 bucket (or anything that speaks S3), through ``obstore``."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
import tempfile
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from libs.media.errors import ObjectMissing, ObjectTooLarge, StorageFailed, StorageFull
from libs.media.handover import Handover
from libs.media.pieces import gathered
from libs.media.port import COPY, KEYS_AT_ONCE, PIECE_BYTES, Stored, checked_key, checked_range
from libs.media.thread import in_thread

_PART_BYTES: Final = 8 << 20
"""Parts of an upload. S3 takes at most 10,000 of them, so this reaches 80 GB."""
_PARTS_AT_ONCE: Final = 2
_WINDOW_BYTES: Final = 32 << 20
"""Asked for in one GET: a chunk of an upload to TikTok. A request's deadline includes its body, and whoever forwards
the bytes may read slowly; a window that runs out of time is taken up again at the byte it reached."""
_STALLS: Final = 3
"""Windows in a row that may break before a read is given up."""
_REQUEST_S: Final = 60
_CALL_S: Final = 150  # one call with all its retries
_ABORT_S: Final = 30


class BucketStorage:
    """``MediaStorage`` in an S3 bucket.

    Credentials come from where every S3 client looks: ``AWS_ACCESS_KEY_ID`` …, web identity, instance metadata. A
    process that is killed mid-upload leaves an unfinished multipart upload, which no reader sees; give the bucket a
    lifecycle rule ``AbortIncompleteMultipartUpload``. ``scratch`` is where ``local_path`` makes its copies.
    """

    def __init__(
        self, bucket: str, *, prefix: str, endpoint: str | None, region: str | None, scratch: Path | None = None
    ) -> None:
        self._store = S3Store(
            bucket,
            prefix=prefix or None,
            endpoint=endpoint,
            region=region,
            virtual_hosted_style_request=endpoint is None,  # servers that are not Amazon know buckets by path
            client_options={
                "allow_http": endpoint is not None and endpoint.startswith("http://"),
                "connect_timeout": timedelta(seconds=10),
                "timeout": timedelta(seconds=_REQUEST_S),
            },
            retry_config={"max_retries": 4, "retry_timeout": timedelta(seconds=_REQUEST_S)},
        )
        self._scratch = scratch or Path(tempfile.gettempdir())

    async def put(
        self,
        key: str,
        chunks: AsyncIterable[bytes],
        *,
        max_bytes: int,
        content_type: str,
        expected_bytes: int | None = None,
    ) -> Stored:
        checked_key(key)
        if expected_bytes is not None and expected_bytes > max_bytes:
            raise ObjectTooLarge(limit_bytes=max_bytes)
        handover = Handover()
        upload: asyncio.Future[None] | None = None
        digest, size = hashlib.sha256(), 0
        try:
            async with aclosing(gathered(chunks, piece_bytes=_PART_BYTES, max_bytes=max_bytes)) as parts:
                async for pieces in parts:
                    part = b"".join(pieces)
                    await in_thread(None, digest.update, part)
                    size += len(part)
                    if upload is None and len(part) < _PART_BYTES:
                        await self._put_whole(key, part, content_type=content_type)
                        return Stored(size=size, sha256=digest.hexdigest())
                    upload = upload or asyncio.ensure_future(self._put_parts(key, handover, content_type=content_type))
                    await handover.give(part, upload=upload)
                    if upload.done():
                        break  # it failed: nobody takes the rest
            if upload is None:
                await self._put_whole(key, b"", content_type=content_type)
            else:
                await handover.give(None, upload=upload)
                await asyncio.shield(upload)
        except BaseException:
            if upload is not None:
                await _undone(upload, handover)
            raise
        return Stored(size=size, sha256=digest.hexdigest())

    async def open_range(self, key: str, *, first: int, last: int) -> AsyncGenerator[bytes, None]:
        size, e_tag = await self._head(key)
        checked_range(first=first, last=last, size=size)
        return self._pieces(key, first=first, last=last, e_tag=e_tag)

    async def _pieces(self, key: str, *, first: int, last: int, e_tag: str | None) -> AsyncGenerator[bytes, None]:
        at, stalls = first, 0
        while at <= last:
            begun = at
            try:
                async with aclosing(self._window(key, first=at, last=last, e_tag=e_tag)) as window:
                    async for piece in window:
                        at += len(piece)
                        yield piece
            except StorageFailed:
                stalls = 1 if at > begun else stalls + 1
                if stalls >= _STALLS:
                    raise

    async def _window(self, key: str, *, first: int, last: int, e_tag: str | None) -> AsyncGenerator[bytes, None]:
        end = min(first + _WINDOW_BYTES, last + 1)
        left = end - first
        with _translated(key):
            async with asyncio.timeout(_CALL_S):
                found = await obstore.get_async(self._store, key, options={"range": (first, end), "if_match": e_tag})
            stream = found.stream(min_chunk_size=PIECE_BYTES)
            while left > 0:
                async with asyncio.timeout(_REQUEST_S):
                    piece = bytes(await anext(stream, b""))
                if not 0 < len(piece) <= left:
                    raise StorageFailed(f"{key!r}: the store sent {len(piece)} bytes where {left} were left to send")
                left -= len(piece)
                yield piece

    async def size(self, key: str) -> int:
        size, _ = await self._head(key)
        return size

    async def keys(self, *, before: datetime) -> AsyncGenerator[list[str], None]:
        listing = obstore.list(self._store, chunk_size=KEYS_AT_ONCE).__aiter__()
        while True:
            with _translated(None):
                async with asyncio.timeout(_CALL_S):
                    batch = await anext(listing, None)
            if batch is None:
                return
            yield [found["path"] for found in batch if found["last_modified"] < before]

    async def delete(self, key: str) -> None:
        try:
            with _translated(key):
                async with asyncio.timeout(_CALL_S):
                    await obstore.delete_async(self._store, checked_key(key))
        except ObjectMissing:
            return  # deleting what is not there is fine

    @asynccontextmanager
    async def local_path(self, key: str, *, max_bytes: int) -> AsyncIterator[Path]:
        size, e_tag = await self._head(key)
        if size > max_bytes:
            raise ObjectTooLarge(limit_bytes=max_bytes)
        free_bytes = (await in_thread(None, shutil.disk_usage, self._scratch)).free
        if free_bytes < size:
            raise StorageFull(free_bytes=free_bytes, needed_bytes=size)
        with tempfile.NamedTemporaryFile(dir=self._scratch, prefix=COPY, buffering=0) as copy:
            async with aclosing(self._pieces(key, first=0, last=size - 1, e_tag=e_tag)) as pieces:
                async for piece in pieces:
                    await in_thread(None, copy.write, piece)
            yield Path(copy.name)

    async def put_address(self, key: str, *, lives: timedelta) -> str:
        with _translated(None):
            async with asyncio.timeout(_CALL_S):
                return await obstore.sign_async(self._store, "PUT", checked_key(key), lives)

    async def free_bytes(self) -> None:
        return None

    async def close(self) -> None:
        """Connections close with the object; obstore keeps no other resource."""

    async def _head(self, key: str) -> tuple[int, str | None]:
        with _translated(key):
            async with asyncio.timeout(_CALL_S):
                meta = await obstore.head_async(self._store, checked_key(key))
        return meta["size"], meta["e_tag"]

    async def _put_whole(self, key: str, body: bytes, *, content_type: str) -> None:
        with _translated(None):
            async with asyncio.timeout(_CALL_S):
                await obstore.put_async(
                    self._store, key, body, attributes={"Content-Type": content_type}, use_multipart=False
                )

    async def _put_parts(self, key: str, parts: Handover, *, content_type: str) -> None:
        # No deadline around the whole: each part's request has one, and the writer's pace is the writer's business.
        with _translated(None):
            await obstore.put_async(
                self._store,
                key,
                parts,
                attributes={"Content-Type": content_type},
                use_multipart=True,
                chunk_size=_PART_BYTES,
                max_concurrency=_PARTS_AT_ONCE,
            )


async def _undone(upload: asyncio.Future[None], handover: Handover) -> None:
    """Let the upload abort its parts (a cancelled one would leave them in the bucket), within ``_ABORT_S``."""
    handover.abandon()
    deadline = asyncio.get_running_loop().time() + _ABORT_S
    while not upload.done() and (left := deadline - asyncio.get_running_loop().time()) > 0:
        try:
            await asyncio.wait((upload,), timeout=left)
        except asyncio.CancelledError:
            continue  # the caller's own cancellation is re-raised once the parts are gone
    if not upload.done():
        upload.cancel()
    elif not upload.cancelled():
        upload.exception()  # seen; what the caller learns is what made it give up


@contextmanager
def _translated(key: str | None) -> Iterator[None]:
    """obstore's errors as ours, with their text left to the cause: it quotes whole server answers.

    With ``key``, what is not there is that object; without, it is the bucket.
    """
    try:
        yield
    except (BaseError, OSError) as exc:  # asyncio.timeout's TimeoutError is an OSError
        if key is not None and isinstance(exc, FileNotFoundError):
            raise ObjectMissing(key) from exc
        raise StorageFailed(f"the media bucket failed: {type(exc).__name__}") from exc
