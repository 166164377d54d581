"""Writes the audit log: every write, and every refusal to a key that is known."""

from typing import Any

import orjson
import structlog
from aiohttp import hdrs, web

from libs.model.audit import Decision, Entry, action_of
from libs.model.ids import new_id
from libs.model.key import Key
from libs.runtime.clock import Clock
from libs.runtime.web import request_id
from libs.store.audit import Audit
from libs.store.errors import StoreError

log = structlog.get_logger()

OWNER = web.RequestKey("owner", str)
"""Whom the call concerns, once that is known."""
TOLD = web.RequestKey("told", dict[str, Any])
"""What else the call's entry has to say."""


class Auditor:
    """An entry that cannot be written is logged whole: the call it tells of has had its effect."""

    def __init__(self, audit: Audit, clock: Clock) -> None:
        self._audit = audit
        self._clock = clock

    async def tell(
        self, request: web.Request, key: Key, *, pattern: str, status: int, code: str, made: web.StreamResponse | None
    ) -> None:
        now = self._clock.now()
        decision = Decision.of(status)
        detail = {"method": request.method, "route": pattern, "status": status} | ({"code": code} if code else {})
        detail |= request.get(TOLD, {})
        await self.record(
            Entry(
                id=new_id("aud", now),
                at=now,
                customer_id=key.customer_id or request.get(OWNER) or _owner_in(made),
                key_id=key.id,
                who=f'The key "{key.name}"',
                action=action_of(request.method, pattern),
                subject=_subject(request, made),
                decision=decision,
                request_id=request_id(request),
                detail=detail,
            )
        )

    async def record(self, entry: Entry) -> None:
        try:
            await self._audit.record(entry)
        except StoreError as error:
            log.error("audit.unwritten", error=type(error).__name__, key_id=entry.key_id, sentence=entry.sentence)


def _subject(request: web.Request, made: web.StreamResponse | None) -> str:
    given = request.match_info.get("id") or request.match_info.get("name")
    if given is None and made is not None:
        given = made.headers.get(hdrs.LOCATION, "").rpartition("/")[2]
    return (given or "")[:64].encode("utf-8", "replace").decode().replace("\x00", "")


def _owner_in(made: web.StreamResponse | None) -> str | None:
    """Whose row an operator changed, as the answer says."""
    body = made.body if isinstance(made, web.Response) else None
    try:
        said = orjson.loads(body) if isinstance(body, bytes) and body else None
    except orjson.JSONDecodeError:
        return None
    owner = said.get("customer_id") if isinstance(said, dict) else None
    return owner if isinstance(owner, str) else None
