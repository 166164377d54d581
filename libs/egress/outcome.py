"""What became of one request, as values: a customer's 500 or dead server is an outcome, never an exception."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from libs.egress.errors import Refusal


class FailureKind(StrEnum):
    """Why no whole answer came, as a stable code."""

    BLOCKED = "blocked"
    """The guard refused, at parsing or at dialling: nothing was sent."""
    DNS = "dns"
    """The name has no answer, or none in time: nothing was sent."""
    POOL = "pool"
    """No connection became free within the connect time: our own limits, not the customer's failing."""
    CONNECT_REFUSED = "connect_refused"
    UNREACHABLE = "unreachable"
    CONNECT_TIMEOUT = "connect_timeout"
    """No connection, or no TLS handshake, within the connect time: nothing was sent."""
    TLS = "tls"
    """The handshake failed or the certificate is not trusted: nothing was sent."""
    TIMEOUT = "timeout"
    """The whole time ran out, or a stream stalled; the request may have been acted upon."""
    RESET = "reset"
    """The connection ended before the answer did; the request may have been acted upon."""
    PROTOCOL = "protocol"
    """The answer is not HTTP."""
    HEADERS_TOO_LARGE = "headers_too_large"
    BODY_TOO_LARGE = "body_too_large"
    """Downloads only; the body of a delivery's answer is cut instead."""


class Timings(NamedTuple):
    """Milliseconds. DNS, connect and TLS are None when the connection was reused, or the phase was not reached."""

    total_ms: float
    dns_ms: float | None = None
    connect_ms: float | None = None
    tls_ms: float | None = None
    first_byte_ms: float | None = None
    """From the start of the request to the end of the answer's headers."""
    reused: bool = False
    """Whether the request went out on a connection that was already open."""


class Answered(NamedTuple):
    """A whole answer of any status, 3xx included: redirects are never followed.

    This and its timings are tuples, because one of each is made for every delivery, and a frozen dataclass takes four
    times as long to make.
    """

    status: int
    headers: Mapping[str, str]
    """The few that explain an answer, lower-case names, values cut to 512 printable ASCII characters."""
    body: bytes
    """At most the kept bytes of the body as sent; never decompressed."""
    truncated: bool
    """Whether the body went on after what was kept."""
    retry_after: str | None
    """The `Retry-After` header, unread: seconds or a date, or nonsense."""
    timings: Timings


@dataclass(frozen=True, slots=True)
class Failed:
    """No whole answer."""

    kind: FailureKind
    detail: str
    """Short, safe to show to the endpoint's owner: no URL, no address, no header value."""
    timings: Timings
    refusal: Refusal | None = None
    """Set with `BLOCKED`: the reason code and the remedy."""
    status: int | None = None
    """Set when the status line came and the rest did not."""
    retry_after: str | None = None


Outcome = Answered | Failed
