"""`POST /webhooks/tiktok`: raw body, verify, save, answer (design section 3).

200 with an empty body once durable, also for a duplicate; 401 bad or missing signature or a client key that is none of
ours; 400 signed but no TikTok envelope, kept with its reason; 408 too slow; 413 too large; 503 when it could not be
stored. Never a 500.
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
from services.ingest.normalize import read

log = structlog.get_logger()

MAX_AGE_S = 75 * 3600
"""TikTok re-sends for 72 h (fact sheet 6.1), and whether it signs anew is not documented: an old signature must not
lose an event. The dedupe record outlives this window, so a replay is harmless."""
MAX_AHEAD_S = 300
BODY_S = 15.0
DURABLE_S = 10.0
"""How long a webhook waits to be saved before it is answered 503; it is saved all the same if the store recovers."""


class Receiver:
    """The one route of ingest."""

    def __init__(
        self,
        commit: GroupCommit,
        *,
        client_keys: Sequence[str],
        secrets: Sequence[str],
        now: Callable[[], datetime],
        answered: Counter,
    ) -> None:
        self._commit = commit
        self._client_keys = frozenset(client_keys)
        self._secrets = tuple(secrets)
        self._now = now
        self._answered = answered

    async def receive(self, request: web.Request) -> web.Response:
        """Answers one webhook."""
        try:
            async with asyncio.timeout(BODY_S):
                body = await request.read()
        except TimeoutError:
            return self._answer(408, "slow_body")
        except web.HTTPRequestEntityTooLarge:
            return self._answer(413, "too_large")
        now = self._now()
        verdict = verify(
            body,
            request.headers.get("TikTok-Signature"),
            secrets=self._secrets,
            now=int(now.timestamp()),
            max_age_s=MAX_AGE_S,
            max_ahead_s=MAX_AHEAD_S,
        )
        if verdict is not Verdict.OK:
            return self._answer(401, verdict)
        receipt = read(body, received_at=now)
        if receipt.fact is not None and receipt.fact.client_key not in self._client_keys:
            return self._answer(401, "foreign_client_key")
        return await self._keep(receipt)

    async def _keep(self, receipt: Receipt) -> web.Response:
        try:
            done = self._commit.submit(receipt)
        except Full:
            return self._answer(503, "queue_full")
        try:
            async with asyncio.timeout(DURABLE_S):
                kept = await done
        except TimeoutError:
            return self._answer(503, "slow_store")
        match kept:
            case Kept.FAILED:
                return self._answer(503, "not_stored")
            case Kept.BAD:
                return self._answer(400, "unstorable")
            case Kept.DURABLE if receipt.fact is None:
                return self._answer(400, receipt.reason or "not_an_envelope")
            case Kept.DURABLE:
                return self._answer(200, "ok")

    def _answer(self, status: int, why: str) -> web.Response:
        self._answered.labels(status=str(status), why=why).inc()
        return web.Response(status=status)
