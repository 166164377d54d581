"""Where media live: whether it may be written to, and how much fits."""

import asyncio
import secrets
from collections.abc import AsyncIterator

from libs.media.errors import MediaError, ObjectMissing
from libs.media.port import MediaStorage
from libs.media.storage import open_storage
from libs.runtime.settings import mask_url
from services.cli.doctor.finding import Finding, broken, fine, limited
from services.cli.doctor.settings import DeploymentSettings

ASK_S = 15.0


async def disk(settings: DeploymentSettings) -> Finding:
    """Writes a few bytes, reads how much is free, and takes them away again."""
    if settings.media_url is None:
        return broken("media", "MEDIA_URL is not set", remedy="Set it to file:///folder or s3://bucket/prefix.")
    where = mask_url(settings.media_url)
    remedy = "Correct MEDIA_URL, or let the programs' user write there (for S3: AWS_* credentials, bucket, endpoint)."
    try:
        storage = open_storage(settings.media_url)
    except (MediaError, OSError) as error:
        return broken("media", f"{where} cannot be used: {error.__cause__ or error}", remedy=remedy)
    try:
        async with asyncio.timeout(ASK_S):
            free = await storage.free_bytes()
            if free == 0:
                return broken("media", f"{where} is full: uploads are refused", remedy=_ROOM)
            await _tried(storage)
    except (MediaError, OSError) as error:
        return broken("media", f"{where} cannot be used: {error or type(error).__name__}", remedy=remedy)
    finally:
        await storage.close()
    return _judged(where, free=free, largest=settings.media_max_bytes)


_ROOM = "Make room, move MEDIA_URL to a larger disk, or lower MEDIA_KEEP_USED_DAYS and MEDIA_KEEP_UNUSED_DAYS."


def _judged(where: str, *, free: int | None, largest: int) -> Finding:
    if free is not None and free < largest:
        text = (
            f"{where} has room for {free / 1e9:.1f} GB, less than one file of MEDIA_MAX_BYTES ({largest / 1e9:.1f} GB)"
        )
        return limited("media", text, remedy=_ROOM)
    room = "" if free is None else f"; {free / 1e9:.0f} GB free"
    return fine("media", f"{where} takes and gives back{room}")


async def _tried(storage: MediaStorage) -> None:
    key, content = f"doctor/{secrets.token_hex(8)}", secrets.token_bytes(64)

    async def pieces() -> AsyncIterator[bytes]:
        yield content

    await storage.put(key, pieces(), max_bytes=len(content), content_type="application/octet-stream")
    try:
        if await storage.size(key) != len(content):
            raise ObjectMissing(key)
    finally:
        await storage.delete(key)
