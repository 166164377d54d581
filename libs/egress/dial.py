"""Where the guard meets the sockets: the resolver and the connector that aiohttp dials with.

aiohttp asks its resolver about names only, never about IP literals, so the last word is said where every socket is
made: whatever brought an address there, it is judged again before it is connected.
"""

import socket
import ssl
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from time import perf_counter
from typing import Final

from aiohttp import AddrInfoType, ClientRequest, ClientTimeout, TCPConnector
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.connector import Connection
from aiohttp.tracing import Trace

from libs.egress.address import parse_address
from libs.egress.errors import Reason, Refusal
from libs.egress.guard import Guard, Scheme
from libs.egress.resolver import Lookup, checked_addresses


@dataclass(frozen=True, slots=True)
class Pool:
    """How many connections are kept and for how long."""

    total: int = 1_000
    """Connections in use at once."""
    per_host: int = 100
    """Of them, to one host and port."""
    idle_hosts: int = 500
    """Hosts whose idle connections are kept: aiohttp's own limits count only those in use."""
    keep_alive_s: float = 15.0


@dataclass(slots=True)
class Dial:
    """What happened while one request got its connection: moments of `perf_counter`, None for phases not reached."""

    started: float
    lookup_started: float | None = None
    lookup_ended: float | None = None
    socket_made: float | None = None
    tls_started: float | None = None
    connected: float | None = None
    answered: float | None = None
    refusal: Refusal | None = None

    @property
    def reused(self) -> bool:
        """Whether the connection was open already."""
        return self.connected is not None and self.socket_made is None


# aiohttp hands neither its resolver nor its socket factory the request they work for; a context variable does.
# Only measurements and explanations travel here: no verdict depends on it.
DIAL: Final[ContextVar[Dial | None]] = ContextVar("egress_dial", default=None)


class DialRefused(OSError):
    """The guard's no inside aiohttp, which passes on `OSError` alone from there."""


class GuardedResolver(AbstractResolver):
    """aiohttp's resolver interface over `checked_addresses`."""

    def __init__(self, *, scheme: Scheme, guard: Guard, lookup: Lookup, deadline_s: float) -> None:
        self._scheme = scheme
        self._guard = guard
        self._lookup = lookup
        self._deadline_s = deadline_s

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        dial = DIAL.get()
        if dial is not None:
            dial.lookup_started = perf_counter()
        addresses = await checked_addresses(
            host,
            port,
            scheme=self._scheme,
            guard=self._guard,
            lookup=self._lookup,
            deadline_s=self._deadline_s,
        )
        if dial is not None:
            dial.lookup_ended = perf_counter()
        return [
            {
                "hostname": host,
                "host": str(address),
                "port": port,
                "family": socket.AF_INET6 if address.version == 6 else socket.AF_INET,
                "proto": 0,
                "flags": socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            }
            for address in addresses
        ]

    async def close(self) -> None:
        """Nothing is held."""


class GuardedConnector(TCPConnector):
    """A pool of connections of one scheme, to judged addresses only. Nothing of DNS is cached."""

    def __init__(
        self,
        *,
        scheme: Scheme,
        guard: Guard,
        lookup: Lookup,
        lookup_deadline_s: float,
        pool: Pool,
        tls: ssl.SSLContext | None,
    ) -> None:
        self._scheme = scheme
        self._guard = guard
        self._idle_hosts = pool.idle_hosts
        super().__init__(
            resolver=GuardedResolver(scheme=scheme, guard=guard, lookup=lookup, deadline_s=lookup_deadline_s),
            use_dns_cache=False,
            socket_factory=self._socket,
            ssl=tls if tls is not None else True,
            limit=pool.total,
            limit_per_host=pool.per_host,
            keepalive_timeout=pool.keep_alive_s,
        )

    async def connect(self, req: ClientRequest, traces: list[Trace], timeout: ClientTimeout) -> Connection:
        if len(self._conns) > self._idle_hosts:
            self._close_idlest()
        connection = await super().connect(req, traces, timeout)
        dial = DIAL.get()
        if dial is not None:
            dial.connected = perf_counter()
        return connection

    def _close_idlest(self) -> None:
        # A fan-out to ten thousand hosts would otherwise hold ten thousand connections until their keep-alive ends.
        # aiohttp enters a host here when its first connection becomes idle, so the first entry is the idlest.
        while len(self._conns) > self._idle_hosts:
            for protocol, _ in self._conns.pop(next(iter(self._conns))):
                protocol.close()

    def _socket(self, addr_info: AddrInfoType) -> socket.socket:
        family, kind, protocol, _, sockaddr = addr_info
        dial = DIAL.get()
        address = parse_address(str(sockaddr[0]))
        refusal = (
            Refusal(Reason.ADDRESS, "the host is no address at the moment of dialling")
            if address is None
            else self._guard.check_dial(address, int(sockaddr[1]), scheme=self._scheme)
        )
        if refusal is not None:
            if dial is not None:
                dial.refusal = refusal
            raise DialRefused("the guard refused this address")
        if dial is not None and dial.socket_made is None:
            dial.socket_made = perf_counter()
        return socket.socket(family=family, type=kind, proto=protocol)


class TimedTls(ssl.SSLObject):
    """Notes when a handshake begins; the only public place between TCP's connect and TLS."""

    def do_handshake(self) -> None:
        dial = DIAL.get()
        if dial is not None and dial.tls_started is None:
            dial.tls_started = perf_counter()
        super().do_handshake()


@cache
def _system_trust() -> ssl.SSLContext:
    """One for the process: to read the world's authorities takes longer than all else about a new client."""
    return ssl.create_default_context()


def verified_tls(context: ssl.SSLContext | None = None) -> ssl.SSLContext:
    """The context every https request uses: the system's trust unless a context is given, always verified.

    A given context becomes this room's own. Raises `ValueError` for one that would accept any certificate.
    """
    tls = context if context is not None else _system_trust()
    if tls.verify_mode is not ssl.CERT_REQUIRED or not tls.check_hostname:
        raise ValueError("egress verifies certificates and host names; this TLS context does not")
    tls.set_alpn_protocols(["http/1.1"])
    tls.sslobject_class = TimedTls
    return tls
