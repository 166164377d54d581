"""Files that come otherwise than with the request: from a URL, or to an address of their own."""

import secrets
from datetime import timedelta
from typing import Final

from aiohttp import web

from libs.media.errors import ObjectMissing, ObjectTooLarge
from libs.media.judge import url_error
from libs.model.key import Capability, digest
from libs.model.problem import Problem, Refusal, invalid
from libs.rest.media import MediaByUrl, UploadAddress, UploadNew
from libs.store.arrivals import sent_to
from libs.store.media import Quota
from services.api.call import Call, reply
from services.api.doc import arrivals as doc
from services.api.resource.media_shape import coming_soon, shown
from services.api.resource.pushes import PATH
from services.api.route import Route

ADDRESS_LIVES: Final = timedelta(hours=6)
"""4 GB at 1.5 Mbit/s."""


async def by_url(call: Call, named: str | None) -> web.StreamResponse:
    """202: it will be fetched. What the URL itself forbids is refused at once."""
    new = await call.body(MediaByUrl)
    owner = await call.owner(new.customer_id or named)
    refusal = await call.desk.egress.check(new.url)
    if refusal is not None:
        raise Refusal(invalid([url_error("url", refusal)]))
    id_ = call.new_id("med")
    if call.births is not None and (known := await call.desk.store.media.get(id_, customer_id=owner)) is not None:
        return reply(shown(known), status=202, location=f"/v1/media/{known.id}")  # it came before the answer was lost
    made = await call.desk.store.arrivals.fetch(
        id_=id_, customer_id=owner, url=new.url, quota=quota(call), now=call.now
    )
    await call.ring("arrivals")
    return reply(coming_soon(made), status=202, location=f"/v1/media/{made.id}")


async def address(call: Call) -> web.StreamResponse:
    """201: an address that takes the file by one PUT, for six hours. The bytes go to the media store, or to us where it
    has no addresses of its own. Then `POST` to `complete`."""
    new = await call.body(UploadNew)
    owner = await call.owner(new.customer_id)
    if new.size > call.desk.settings.media_max_bytes:
        raise ObjectTooLarge(limit_bytes=call.desk.settings.media_max_bytes)
    token, until = secrets.token_urlsafe(32), call.now + ADDRESS_LIVES
    id_ = call.new_id("med")
    url = await call.desk.storage.put_address(sent_to(owner, id_), lives=ADDRESS_LIVES)
    made = await call.desk.store.arrivals.await_(
        id_=id_,
        customer_id=owner,
        size=new.size,
        sha256=bytes.fromhex(new.sha256) if new.sha256 else None,
        token_hash=digest(token) if url is None else None,
        until=until,
        quota=quota(call),
        now=call.now,
    )
    answer = UploadAddress(
        id=made.id,
        customer_id=made.customer_id,
        state="awaited",
        method="PUT",
        url=url or f"{call.desk.base_url()}{PATH.format(token=token)}",
        headers={"Content-Type": "application/octet-stream"} if url is None else {},
        expires_at=until,
        complete=f"/v1/media/{made.id}/complete",
    )
    return reply(answer, status=201, location=f"/v1/media/{made.id}")


async def complete(call: Call) -> web.StreamResponse:
    """202: it is looked into, and will be ready or failed. 200: it is ready. 409: it was not sent, or not all of it."""
    await call.nothing()
    id_ = call.id("med")
    coming = await call.desk.store.arrivals.get(id_, customer_id=call.sees)
    if coming is not None and coming.state == "awaited":
        try:
            size = await call.desk.storage.size(coming.sent_to)
        except ObjectMissing:
            size = 0
        if size != coming.size:
            raise Refusal(_not_whole(size, coming.size or 0))
        coming = await call.desk.store.arrivals.check(id_, now=call.now) or coming
        await call.ring("arrivals")
    if coming is not None:
        return reply(coming_soon(coming), status=202)
    found = await call.desk.store.media.get(id_, customer_id=call.sees)
    if found is None:
        raise call.missing("med")
    return reply(shown(found))


def quota(call: Call) -> Quota:
    """What a customer may keep unless it has a quota of its own."""
    return Quota(call.desk.settings.media_quota_bytes, call.desk.settings.media_quota_files)


def _not_whole(found: int, size: int) -> Problem:
    detail = f"{found} bytes are at the address, {size} were promised."
    return Problem("upload_incomplete", "The file is not there, or not whole", 409, detail,
                   "Send the whole file to its address, then complete it; or ask for another one.", True)  # fmt: skip


ROUTES = (
    Route("POST", "/v1/media/uploads", Capability.MEDIA, address, doc=doc.ADDRESS, write=True),
    Route("POST", "/v1/media/{id}/complete", Capability.MEDIA, complete, doc=doc.COMPLETE, write=True),
)
