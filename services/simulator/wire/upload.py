"""Chunk PUTs: strictly sequential, hashed while they stream, a whole chunk or nothing (fact sheet 4.2)."""

import asyncio
import hmac
from collections.abc import AsyncIterator
from typing import BinaryIO

from aiohttp import web

from services.simulator.engine.dials import Dials
from services.simulator.engine.spool import Digest, Spool, absorb, open_at
from services.simulator.engine.stage import Stage
from services.simulator.wire.answer import Answer, progress
from services.simulator.wire.gate import Endpoint
from services.simulator.wire.request import Request
from services.simulator.world import chunk
from services.simulator.world.error import UploadRefused
from services.simulator.world.record import RUNNING, Media, Publication, Upload

BLOCK = 1 << 20


class Uploads:
    """The upload host. Bytes of a chunk that did not arrive whole are forgotten."""

    def __init__(self, stage: Stage, spool: Spool, dials: Dials) -> None:
        self._stage = stage
        self._spool = spool
        self._dials = dials

    async def put(self, request: Request) -> Answer:
        query = request.http.query
        given = query.get("upload_id", "")
        known = given.isascii() and given.isdigit() and len(given) < 20
        pub = request.world.uploads.get(int(given)) if known else None
        upload = pub.upload if pub else None
        if pub is None or upload is None or not _same(query.get("upload_token", ""), upload.token):
            raise UploadRefused(404, "upload task unknown")
        upload.puts += 1
        try:
            return await self._chunk(request, pub, upload)
        except UploadRefused:
            upload.refused += 1
            raise

    async def _chunk(self, request: Request, pub: Publication, upload: Upload) -> Answer:
        expired = request.now >= upload.expires_at
        chunk.check_open(upload, expired=expired, running=pub.status in RUNNING)
        headers = request.http.headers
        accepted = chunk.check_put(
            upload,
            content_range=headers.get("Content-Range"),
            content_length=request.http.content_length,
            content_type=headers.get("Content-Type"),
            knobs=request.knobs,
        )
        if accepted.again:
            await request.http.release()
            return Answer(201 if upload.complete else 206, headers=progress(upload), content_type="text/plain")
        await self._stream(request, pub, upload, accepted.length)
        if not upload.complete:
            return Answer(206, headers=progress(upload), content_type="text/plain")
        self._received(pub, upload)
        return Answer(201, headers=progress(upload), content_type="text/plain")

    async def _stream(self, request: Request, pub: Publication, upload: Upload, length: int) -> None:
        """Reads one chunk; the newest PUT of an upload wins, an older one still streaming is refused."""
        upload.writer += 1
        mine = upload.writer
        if upload.received == 0 and upload.path is None:
            upload.path = self._spool.reserve(f"upload-{upload.upload_id}", upload.size)
        digest = upload.digest.copy()
        file = open_at(upload.path, upload.received)
        got = 0
        try:
            async for block in _blocks(request.http):
                if upload.writer != mine or pub.status not in RUNNING:
                    raise UploadRefused(416, "another PUT took over", progress=True)
                got += len(block)
                await _absorb(digest, file, block)
                if (pace := self._dials.now.bytes_per_s) > 0:
                    await asyncio.sleep(len(block) / pace)
        finally:
            request.call.received_bytes = got
            if file is not None:
                file.close()
        if got != length:
            raise UploadRefused(400, "body is shorter than Content-Length")
        if upload.writer != mine or pub.status not in RUNNING:
            raise UploadRefused(416, "another PUT took over", progress=True)
        upload.digest = digest
        upload.received += length
        upload.chunks.append(length)
        upload.content_type = request.http.content_type

    def _received(self, pub: Publication, upload: Upload) -> None:
        pub.media = [Media(upload.digest.hexdigest(), upload.size, upload.content_type, upload.path)]
        self._stage.settle()
        self._stage.bytes_in(pub, now=self._stage.now())

    async def elsewhere(self, request: Request) -> Answer:
        """Any other path of the upload host answers 405."""
        raise UploadRefused(405, "no such path on the upload host")

    def endpoints(self) -> list[Endpoint]:
        return [
            Endpoint("upload", "PUT", "/upload", self.put, streams=True),
            Endpoint("upload/elsewhere", "PUT", r"/{path:(?!_sim/).*}", self.elsewhere, streams=True),
        ]


async def _blocks(http: web.Request) -> AsyncIterator[bytes]:
    """The body in blocks of about a megabyte, so that a thread is worth its while and memory stays flat."""
    pieces: list[bytes] = []
    size = 0
    async for piece in http.content.iter_any():
        pieces.append(piece)
        size += len(piece)
        if size >= BLOCK:
            yield b"".join(pieces)
            pieces, size = [], 0
    if pieces:
        yield b"".join(pieces)


async def _absorb(digest: Digest, file: BinaryIO | None, block: bytes) -> None:
    if len(block) < 64 * 1024:
        absorb(digest, file, block)
    else:
        await asyncio.to_thread(absorb, digest, file, block)


def _same(given: str, token: str) -> bool:
    return hmac.compare_digest(given.encode(), token.encode())
