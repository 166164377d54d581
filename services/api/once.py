"""`Idempotency-Key` on every write: the same request under the same name is done once, and answered the same again.

A name belongs to its API key for a day. While its request is under way, copies get 409; a process that dies lets it go
by a lease, and whoever comes next makes what it makes with the ids the first one made it with, so that it finds it. A
refusal did nothing and frees the name; a fault may have done something and keeps it for this very request.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog
from aiohttp import hdrs, web

from libs.model.ids import Prefix, seeded_id
from libs.model.problem import Problem, Refusal
from libs.store.errors import StoreError
from libs.store.idempotency import Held, Kept, Taken
from services.api.body import read_raw

if TYPE_CHECKING:
    from services.api.call import Call

log = structlog.get_logger()

LEASE: Final = timedelta(seconds=30)
REPLAYED: Final = "Idempotent-Replayed"
KEPT_HEADERS: Final = (hdrs.CONTENT_TYPE, hdrs.LOCATION)
FREED: Final = range(400, 500)


@dataclass(slots=True)
class Births:
    """The ids of what is made under a name: the same ones, in the same order, however often it is begun."""

    held: Held
    count: int = field(default=0)

    def next(self, prefix: Prefix) -> str:
        self.count += 1
        seed = self.held.seed + f"{prefix}:{self.count}".encode()
        return seeded_id(prefix, self.held.begun_at, seed)


async def once(
    call: "Call", name: str, handle: Callable[["Call"], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """The handler's answer, or the one it gave before. Raises `Refusal` 409 while another is at it, 422 for another."""
    names, now = call.desk.store.idempotency, call.now
    request_hash = await _fingerprint(call.request)
    found = await names.claim(call.key.id, name, request_hash=request_hash, until=now + LEASE, now=now)
    match found:
        case Taken.IN_FLIGHT:
            raise Refusal(_in_flight())
        case Taken.OTHER_REQUEST:
            raise Refusal(_other_request(name))
        case Kept(status, headers, body):
            return web.Response(body=body.encode(), status=status, headers=headers | {REPLAYED: "true"})
    async with _held(call, found):
        try:
            response = await handle(replace(call, births=Births(found)))
        except Refusal as refusal:
            if refusal.problem.status in FREED:
                await names.drop(found)
            raise
        except web.HTTPException as error:
            if error.status in FREED:
                await names.drop(found)
            raise
        if not await names.keep(found, _kept(response)):
            # It took longer than its lease and another went on: what that one answers is what counts.
            raise Refusal(_in_flight())
        return response


@asynccontextmanager
async def _held(call: "Call", held: Held) -> AsyncIterator[None]:
    """Keeps the lease while the request runs, and ends it: nobody need wait for a lease that is not needed."""
    names, clock = call.desk.store.idempotency, call.desk.clock

    async def renew() -> None:
        while True:
            await asyncio.sleep(LEASE.total_seconds() / 3)
            with suppress(StoreError):  # the next one may; and if none does, another may take over
                await names.hold(held, until=clock.now() + LEASE)

    renewing = asyncio.create_task(renew(), name="idempotency-lease")
    try:
        yield
    finally:
        renewing.cancel()
        try:
            await asyncio.shield(names.hold(held, until=clock.now()))
        except StoreError as error:
            log.warning("idempotency.not_let_go", error=type(error).__name__)  # its lease ends soon


async def _fingerprint(request: web.Request) -> bytes:
    """What makes it the same request. Of bytes that are streamed, the type and length stand for all."""
    length = request.headers.get(hdrs.CONTENT_LENGTH, "")
    said = f"{request.method}\n{request.path_qs}\n{request.content_type}\n{length}\n".encode()
    json = request.content_type == "application/json" and request.can_read_body
    return hashlib.sha256(said + (await read_raw(request) if json else b"")).digest()


def _kept(response: web.StreamResponse) -> Kept:
    body = response.body if isinstance(response, web.Response) else b""
    headers = {str(name): response.headers[name] for name in KEPT_HEADERS if name in response.headers}
    return Kept(response.status, headers, bytes(body).decode() if isinstance(body, bytes | bytearray) else "")


def _in_flight() -> Problem:
    return Problem("idempotency_in_flight", "The same request is under way", 409,
                   "A request with this Idempotency-Key has not been answered yet.",
                   "Send the same request again in a moment; its answer is kept for a day.", True)  # fmt: skip


def _other_request(name: str) -> Problem:
    return Problem("idempotency_key_reused", "The Idempotency-Key was used for another request", 422,
                   f"The key {name[:64]!r} belongs to a request with another address or body.",
                   "Use a new key for a new request; repeat the very same one to get its answer again.")  # fmt: skip
