"""`POST /webhooks/tiktok`: raw body, verify, save, answer (design section 3).

200 with an empty body once durable, also for a duplicate; 401 bad or missing signature or a client key that is none of
ours; 400 signed but no TikTok envelope, kept with its reason; 408 too slow; 413 too large; 503 when it could not be
stored. Never a 500.

A hot path: a timer, or a metric looked up by name, costs as much as parsing the body; no webhook gets one of its own.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime

import structlog
from aiohttp import web
from prometheus_client import Counter

from libs.store.facts import Receipt
from libs.tiktok.signature import Verdict, verify
from services.ingest.commit import Full, GroupCommit, Kept
from services.ingest.keyring import Keyring
from services.ingest.normalize import read

log = structlog.get_logger()

MAX_AGE_S = 75 * 3600
"""TikTok re-sends for 72 h (fact sheet 6.1), and whether it signs anew is not documented: an old signature must not
lose an event. The dedupe record outlives this window, so a replay is harmless."""
MAX_AHEAD_S = 300
BODY_S = 15.0


class Receiver:
    """The one route of ingest."""

    def __init__(
        self,
        commit: GroupCommit,
        keyring: Keyring,
        *,
        now: Callable[[], datetime],
        answered: Counter,
    ) -> None:
        self._commit = commit
        self._keyring = keyring
        self._now = now
        self._answered = answered
        self._counted: dict[tuple[int, str], Counter] = {}

    async def receive(self, request: web.Request) -> web.Response:
        """Answers one webhook."""
        try:
            if request.content.is_eof():  # it came with its headers, as small bodies do: there is nothing to wait for
                body = await request.read()
            else:
                async with asyncio.timeout(BODY_S):
                    body = await request.read()
        except TimeoutError:
            return self._answer(408, "slow_body")
        except web.HTTPRequestEntityTooLarge:
            return self._answer(413, "too_large")
        now = self._now()
        signature, owner = request.headers.get("TikTok-Signature"), self._keyring.operator
        verdict = _verified(body, signature, owner.secrets, now)
        if verdict is Verdict.MISMATCHED:
            # Perhaps another app's: which one, the body says, and its signature has to agree.
            other = await self._keyring.named_in(body)
            if other is not None:
                owner, verdict = other, _verified(body, signature, other.secrets, now)
        if verdict is not Verdict.OK:
            return self._answer(401, verdict)
        receipt = read(body, received_at=now)
        if receipt.fact is not None and receipt.fact.client_key != owner.client_key:
            return self._answer(401, "foreign_client_key")
        return await self._keep(receipt)

    async def _keep(self, receipt: Receipt) -> web.Response:
        try:
            done = self._commit.submit(receipt)
        except Full:
            return self._answer(503, "queue_full")
        match await done:
            case Kept.DURABLE if receipt.fact is not None:
                return self._answer(200, "ok")
            case Kept.DURABLE:
                return self._answer(400, receipt.reason or "not_an_envelope")
            case Kept.BAD:
                return self._answer(400, "unstorable")
            case Kept.FAILED:
                return self._answer(503, "not_stored")
            case Kept.LATE:
                return self._answer(503, "slow_store")

    def _answer(self, status: int, why: str) -> web.Response:
        """`why` is one of a small fixed set."""
        counted = self._counted.get((status, why))
        if counted is None:
            counted = self._counted[status, why] = self._answered.labels(status=str(status), why=why)
        counted.inc()
        return web.Response(status=status)


def _verified(body: bytes, signature: str | None, secrets: Sequence[str], now: datetime) -> Verdict:
    return verify(
        body,
        signature,
        secrets=secrets,
        now=int(now.timestamp()),
        max_age_s=MAX_AGE_S,
        max_ahead_s=MAX_AHEAD_S,
    )
