"""Media: bytes are streamed to the store of bytes, looked into, and only then become a row."""

import asyncio
from contextlib import aclosing
from dataclasses import asdict
from datetime import datetime

import structlog
from aiohttp import web

from libs.media.errors import MediaError
from libs.media.finding import PhotoProbe, Unreadable, VideoProbe
from libs.media.port import Stored
from libs.media.probe import probe
from libs.model.event import Event, EventType, event
from libs.model.key import Capability
from libs.model.problem import FieldError, Problem, Refusal
from libs.rest.media import MediaQuery, UploadQuery
from libs.store.arrivals import Arrival
from libs.store.errors import Unavailable
from libs.store.media import InUse, Media, check_quota
from services.api.call import Call, reply
from services.api.doc import media as doc
from services.api.page import page
from services.api.resource.arrivals import by_url, quota
from services.api.resource.media_shape import coming_soon, shown, with_renditions
from services.api.route import Route
from services.api.upload import FORM_BYTES, expected_bytes, is_form, pieces

log = structlog.get_logger()

CLEANUP_S = 20.0
OFF = "deleted"
"""The code of what will not come because its customer deleted it."""


async def upload(call: Call) -> web.StreamResponse:
    """201: the file is kept, whole. Whatever goes wrong before, nothing of it is. 202: it was given by `url`, and is
    fetched in the background; GET it to see how far it is, or wait for `media.ready` or `media.failed`."""
    named = call.query(UploadQuery).customer_id
    if call.request.content_type == "application/json":
        return await by_url(call, named)
    owner = await call.owner(named)
    id_ = call.new_id("med")
    if call.births is not None and (known := await call.desk.store.media.get(id_, customer_id=owner)) is not None:
        return reply(shown(known), status=201, location=f"/v1/media/{known.id}")  # made before the answer was lost
    await _check_room(call, owner)
    key = f"{owner}/{id_}"
    async with aclosing(pieces(call.request)) as chunks:
        stored = await call.desk.storage.put(
            key,
            chunks,
            max_bytes=call.desk.settings.media_max_bytes,
            content_type="application/octet-stream",  # what it is, is not known before it was looked into
            expected_bytes=expected_bytes(call.request),
        )
    try:
        found = await _look(call, key)
    except BaseException:
        await _forget(call, id_, key=key)
        raise
    made = await _keep(call, id_, owner=owner, key=key, stored=stored, found=found)
    await call.ring("notifier")
    return reply(shown(made), status=201, location=f"/v1/media/{made.id}")


async def _check_room(call: Call, owner: str) -> None:
    """Before anything is read: a quota that is reached, or that the announced length would pass, refuses at once."""
    usage = await call.desk.store.media.usage(owner)
    announced = max(0, (call.request.content_length or 1) - (FORM_BYTES if is_form(call.request) else 0))
    check_quota(usage, quota(call), size=announced)


async def listed(call: Call) -> web.StreamResponse:
    """Media, newest first, those on their way among them."""
    query = call.query(MediaQuery)
    scope, limit = call.scope(query.customer_id), query.limit + 1
    coming = await call.desk.store.arrivals.page(customer_id=scope, before=query.cursor, limit=limit)
    here = await call.desk.store.media.page(customer_id=scope, before=query.cursor, limit=limit)
    arrived = {media.id for media in here}
    answers = [*await with_renditions(call, here), *(coming_soon(one) for one in coming if one.id not in arrived)]
    newest = sorted(answers, key=lambda answer: answer.id, reverse=True)[:limit]
    return reply(page(newest, lambda answer: answer, limit=query.limit))


async def get(call: Call) -> web.StreamResponse:
    """One file: what is known of it, not its bytes; how far it is while it comes; what conversion made of it."""
    id_ = call.id("med")
    # In this order: what arrives between the two is found by the second.
    coming = await call.desk.store.arrivals.get(id_, customer_id=call.sees)
    if coming is not None and not _is_off(coming):
        return reply(coming_soon(coming))
    found = await call.desk.store.media.get(id_, customer_id=call.sees)
    if found is None or found.deleted:
        raise call.missing("med")
    [answer] = await with_renditions(call, [found])
    return reply(answer)


async def delete(call: Call) -> web.StreamResponse:
    """200: the file and whatever conversion made of it are gone, and their bytes leave within minutes. 409 while a post
    that is not done needs it, or while it is on its way; an address it was awaited at is closed. Twice is fine."""
    id_ = call.id("med")
    await call.nothing()
    coming = await call.desk.store.arrivals.get(id_, customer_id=call.sees)
    if coming is not None:
        return reply(coming_soon(await _called_off(call, coming)))
    try:
        gone = await call.desk.store.media.delete(id_, customer_id=call.sees, now=call.now)
    except InUse as error:
        raise Refusal(_in_use(error.post_ids)) from error
    if gone is None:
        raise call.missing("med")
    return reply(shown(gone))


async def _called_off(call: Call, coming: Arrival) -> Arrival:
    """The file that will not come."""
    if _is_off(coming):
        return coming
    why = Problem(OFF, "It was deleted", 422, "It was deleted before it was sent.", "Upload it anew.")
    off = await call.desk.store.arrivals.call_off(coming.id, why, now=call.now)
    if off is None:
        raise Refusal(_on_its_way())
    await _forget(call, coming.id, key=coming.sent_to)
    return off


def _is_off(coming: Arrival) -> bool:
    return coming.problem is not None and coming.problem["code"] == OFF


async def _look(call: Call, key: str) -> VideoProbe | PhotoProbe:
    """What the file is; raises `Refusal` when it is nothing that could be posted."""
    async with call.desk.storage.local_path(key, max_bytes=call.desk.settings.media_max_bytes) as path:
        found = await probe(path, workers=call.desk.workers)
    match found:
        case VideoProbe() | PhotoProbe():
            return found
        case Unreadable():
            raise Refusal(_refused(found.reason, found.detail[:1].upper() + found.detail[1:] + "."))


async def _keep(call: Call, id_: str, *, owner: str, key: str, stored: Stored, found: VideoProbe | PhotoProbe) -> Media:
    """Makes the row. What cannot have one loses its bytes.

    When the reply got lost the row may be there: asking for it again finds or makes it. If that fails too, the bytes
    stay: bytes without a row cost room, a row without bytes would be a lie.
    """

    async def made() -> Media:
        return await call.desk.store.media.create(
            id_=id_,
            customer_id=owner,
            key=key,
            size=stored.size,
            sha256=bytes.fromhex(stored.sha256),
            content_type=found.mime,
            probe=asdict(found),
            now=call.now,
            quota=quota(call),
            events=(_ready(id_, owner=owner, stored=stored, now=call.now),),
        )

    try:
        try:
            return await made()
        except Unavailable:
            return await made()
    except Unavailable:
        log.warning("media.left_behind", media_id=id_)
        raise
    except Exception:
        await _forget(call, id_, key=key)
        raise


async def _forget(call: Call, id_: str, *, key: str) -> None:
    """Deletes the bytes, also while the request is being cancelled. Failing is logged: the first error is the news."""
    try:
        async with asyncio.timeout(CLEANUP_S):
            await asyncio.shield(call.desk.storage.delete(key))
    except (MediaError, TimeoutError) as error:
        log.warning("media.left_behind", media_id=id_, error=type(error).__name__)


def _ready(id_: str, *, owner: str, stored: Stored, now: datetime) -> Event:
    said = {"media_id": id_, "size": stored.size, "sha256": stored.sha256, "post_id": None}
    return event(EventType.MEDIA_READY, key=f"{id_}:ready", now=now, data=said, customer_id=owner)


def _in_use(post_ids: tuple[str, ...]) -> Problem:
    first, more = post_ids[0], len(post_ids) - 1
    detail = f"{first}{f' and {more} more' if more else ''} will need the file."
    remedy = f"Wait until they are done, or call them off: POST /v1/posts/{first}/cancel."
    return Problem("media_in_use", "The file is needed", 409, detail, remedy, extra={"post_ids": list(post_ids)})


def _on_its_way() -> Problem:
    detail = "It is being fetched or looked into, which takes minutes at most."
    return Problem("media_on_its_way", "The file is on its way", 409, detail, "Wait for media.ready or media.failed.",
                   True)  # fmt: skip


def _refused(code: str, detail: str) -> Problem:
    error = FieldError("file", code, detail, remedy="Send a video that plays or a photo, whole.")
    return Problem(
        code="unusable_media",
        title="The file cannot be used",
        status=422,
        detail=detail,
        remedy="Nothing of it was kept; send another file.",
        errors=(error,),
    )


ROUTES = (
    Route("POST", "/v1/media", Capability.MEDIA, upload, doc=doc.UPLOAD, write=True, query=UploadQuery),
    Route("GET", "/v1/media", Capability.MEDIA, listed, doc=doc.LISTED, query=MediaQuery),
    Route("GET", "/v1/media/{id}", Capability.MEDIA, get, doc=doc.GET),
    Route("DELETE", "/v1/media/{id}", Capability.MEDIA, delete, doc=doc.DELETE, write=True),
)
