"""PULL_FROM_URL: TikTok comes and fetches (fact sheet 4.3). No redirects, one hour, photos and videos."""

import asyncio
import hashlib

import aiohttp

from services.simulator.engine.dials import Dials
from services.simulator.engine.spool import Spool, absorb, open_at
from services.simulator.world.media_rule import PHOTO_MAX_BYTES
from services.simulator.world.record import Kind, Media, Publication, Pull

PIECE = 1 << 20


class PullFailed(Exception):
    """The URL could not be fetched as TikTok demands."""


class Puller:
    """Streams a publication's URLs into the spool, counting `downloaded` as it goes."""

    def __init__(self, spool: Spool, dials: Dials) -> None:
        self._spool = spool
        self._dials = dials
        self._session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        # Never decompressed: what is fetched is what is hashed.
        self._session = aiohttp.ClientSession(trust_env=False, auto_decompress=False)

    async def stop(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def fetch(self, pub: Publication, pull: Pull) -> list[Media]:
        """All files of the publication, in order; raises `PullFailed` at the first that cannot be had."""
        pull.downloaded = pull.fetched = 0
        got: list[Media] = []
        try:
            for url in pull.urls:
                got.append(await self._one(pub, pull, url))
                pull.fetched += 1
        except BaseException:
            for media in got:
                self._spool.drop(media.path)
            raise
        return got

    async def _one(self, pub: Publication, pull: Pull, url: str) -> Media:
        if self._session is None:
            raise PullFailed("not started")
        knobs = self._dials.now
        most = PHOTO_MAX_BYTES + 1 if pub.kind is Kind.PHOTO else knobs.video_max_bytes
        timeout = aiohttp.ClientTimeout(
            total=knobs.pull_deadline_s or None, sock_connect=10, sock_read=knobs.pull_idle_real_s
        )
        headers = {"User-Agent": "TikTok-Media-Simulator", "Accept-Encoding": "identity"}
        try:
            async with self._session.get(url, allow_redirects=False, timeout=timeout, headers=headers) as response:
                if response.status != 200:
                    raise PullFailed(f"HTTP {response.status}")
                size = response.content_length
                if size is not None and size > most and pub.kind is Kind.VIDEO:
                    raise PullFailed("too large")
                return await self._store(pub, pull, url, response, most)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise PullFailed(type(error).__name__) from error

    async def _store(
        self,
        pub: Publication,
        pull: Pull,
        url: str,
        response: aiohttp.ClientResponse,
        most: int,
    ) -> Media:
        name = f"pull-{pub.publish_id.rpartition('.')[2]}-{pull.fetched}-{pull.attempts}"
        size = response.content_length
        room = min(size if size is not None else self._spool.file_bytes, most)
        path = self._spool.reserve(name, room)
        digest, count = hashlib.sha256(), 0
        file = open_at(path, 0)
        try:
            async for piece in response.content.iter_chunked(PIECE):
                count += len(piece)
                if count > most:
                    break
                if file is not None and count > room:  # no length was told, and it is too big to keep
                    file.close()
                    self._spool.drop(path)
                    file = path = None
                await asyncio.to_thread(absorb, digest, file, piece)
                pull.downloaded += len(piece)
                if (pace := self._dials.now.bytes_per_s) > 0:
                    await asyncio.sleep(len(piece) / pace)
        except BaseException:
            self._spool.drop(path)
            raise
        finally:
            if file is not None:
                file.close()
        kind = response.headers.get("Content-Type", "application/octet-stream")
        return Media(digest.hexdigest(), count, kind, path, url)
