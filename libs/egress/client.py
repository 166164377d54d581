"""The one HTTP client for every URL a customer names."""

import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import lru_cache
from time import perf_counter
from types import MappingProxyType, TracebackType
from typing import Final, Self

from aiohttp import ClientSession, ClientTimeout, DummyCookieJar

from libs.egress.delivery import deliver, was_stale
from libs.egress.dial import Dial, GuardedConnector, Pool, verified_tls
from libs.egress.errors import Reason, Refusal, Refused, Unresolved
from libs.egress.exchange import READING
from libs.egress.failure import blocked
from libs.egress.fetch import Download, Limits, Redirected, open_download
from libs.egress.guard import Guard, Scheme, Target
from libs.egress.headers import check_sent_headers
from libs.egress.outcome import Failed, Outcome
from libs.egress.resolver import Lookup, SystemLookup, checked_addresses

LARGEST_SENT_BODY: Final = 1024 * 1024
# aiohttp rounds timeouts above a threshold up to whole seconds; a delivery's lease counts on the exact one.
_NEVER_ROUNDED: Final = float("inf")
_NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})


class GuardedClient:
    """Posts deliveries and opens downloads, to judged addresses only.

    Redirects are never followed, proxies and netrc of the environment never used, cookies never kept, bodies never
    decompressed, certificates always verified. Connections are reused; each new one resolves and judges anew. Belongs
    to the event loop of its first request; `close()` (or `async with`) ends it, and using it afterwards raises
    `RuntimeError`. `tls` is taken over.
    """

    def __init__(
        self,
        *,
        guard: Guard,
        user_agent: str,
        lookup: Lookup | None = None,
        lookup_deadline_s: float = 4.0,
        pool: Pool | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        if check_sent_headers({"user-agent": user_agent}) is not None:
            raise ValueError("a user agent is printable ASCII")
        self._guard = guard
        self._headers = {"User-Agent": user_agent, "Accept-Encoding": "identity"}
        self._lookup = lookup if lookup is not None else SystemLookup()
        self._lookup_deadline_s = lookup_deadline_s
        self._pool = pool if pool is not None else Pool()
        self._tls = verified_tls(tls)
        self._sessions: dict[Scheme, ClientSession] = {}
        self._closed = False
        # Reading a URL is pure; endpoints are few and deliveries many.
        self._read = lru_cache(maxsize=4_096)(guard.check_url)

    async def post(
        self,
        target: str | Target,
        *,
        body: bytes,
        headers: Mapping[str, str],
        timeout_s: float,
        connect_timeout_s: float = 5.0,
    ) -> Outcome:
        """One POST. Whatever the other side does, or the URL is, comes back as a value.

        `timeout_s` bounds everything together; `connect_timeout_s` the wait for a connection, DNS, TCP and TLS. A
        reused connection that turns out to be closed is replaced once, as HTTP clients do for requests that may be
        repeated: a delivery may, by its `webhook-id`.
        """
        dial = Dial(started=perf_counter())
        try:
            read = target if isinstance(target, Target) else self._read(target)
        except Refused as exc:
            return blocked(exc.refusal, dial)
        refusal = check_sent_headers(headers)
        if refusal is None and len(body) > LARGEST_SENT_BODY:
            refusal = Refusal(Reason.BODY, f"a body has at most {LARGEST_SENT_BODY} bytes")
        if refusal is not None:
            return blocked(refusal, dial)
        session = self._session(read.scheme)
        headers = {**self._headers, **headers}
        timeout = _timeout(timeout_s, connect_timeout_s)
        outcome = await deliver(session, read.url, body=body, headers=headers, timeout=timeout, dial=dial)
        left_s = timeout_s - (perf_counter() - dial.started)
        if left_s <= 0 or not was_stale(outcome, dial):
            return outcome
        again = Dial(started=dial.started)
        rest = ClientTimeout(total=left_s, connect=connect_timeout_s, ceil_threshold=_NEVER_ROUNDED)
        return await deliver(session, read.url, body=body, headers=headers, timeout=rest, dial=again)

    @asynccontextmanager
    async def get(
        self,
        url: str,
        *,
        max_bytes: int,
        timeout_s: float,
        headers: Mapping[str, str] = _NO_HEADERS,
        range_from: int = 0,
        connect_timeout_s: float = 5.0,
        idle_timeout_s: float = 30.0,
    ) -> AsyncIterator[Download | Redirected | Failed]:
        """Open one download: `async with client.get(…) as got`, then `async for chunk in got.chunks()`.

        `timeout_s` bounds the whole download, `idle_timeout_s` each silence in it, `max_bytes` the bytes of this
        answer. `range_from` asks for the rest from that byte on; `Download.first_byte` says what came. A redirect is
        a value: following it means calling `get` again, so that the new URL meets the guard.
        """
        dial = Dial(started=perf_counter())
        try:
            target = self._guard.check_url(url)
        except Refused as exc:
            yield blocked(exc.refusal, dial)
            return
        if refusal := check_sent_headers(headers):
            yield blocked(refusal, dial)
            return
        limits = Limits(max_bytes=max_bytes, total_s=timeout_s, connect_s=connect_timeout_s, idle_s=idle_timeout_s)
        session = self._session(target.scheme)
        async with open_download(
            session, target, headers=headers, range_from=range_from, limits=limits, dial=dial
        ) as got:
            yield got

    def refusal(self, url: str) -> Refusal | None:
        """What forbids a URL by itself, before any name is resolved; None means that it can be tried."""
        try:
            self._guard.check_url(url)
        except Refused as exc:
            return exc.refusal
        return None

    async def check(self, url: str) -> Refusal | None:
        """Whether a URL may be registered: read, resolved, every answer judged. None means yes, for now."""
        try:
            target = self._guard.check_url(url)
            if target.address is None:
                await checked_addresses(
                    target.host,
                    target.port,
                    scheme=target.scheme,
                    guard=self._guard,
                    lookup=self._lookup,
                    deadline_s=self._lookup_deadline_s,
                )
        except Refused as exc:
            return exc.refusal
        except Unresolved as exc:
            return Refusal(Reason.UNRESOLVED, exc.detail)
        return None

    async def close(self) -> None:
        """Close every connection; requests under way fail."""
        self._closed = True
        sessions, self._sessions = self._sessions, {}
        for session in sessions.values():
            await session.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def _session(self, scheme: Scheme) -> ClientSession:
        """One session per scheme: the connections of plain http lead to `allow` only, and never mix with the rest."""
        if (session := self._sessions.get(scheme)) is not None:
            return session
        if self._closed:
            raise RuntimeError("this client is closed")
        session = ClientSession(
            connector=GuardedConnector(
                scheme=scheme,
                guard=self._guard,
                lookup=self._lookup,
                lookup_deadline_s=self._lookup_deadline_s,
                pool=self._pool,
                tls=self._tls if scheme == "https" else None,
            ),
            headers=self._headers,
            cookie_jar=DummyCookieJar(),
            trust_env=False,
            **READING,
        )
        self._sessions[scheme] = session
        return session


@lru_cache(maxsize=256)
def _timeout(total_s: float, connect_s: float) -> ClientTimeout:
    return ClientTimeout(total=total_s, connect=connect_s, ceil_threshold=_NEVER_ROUNDED)
