"""aiohttp's and the system's exceptions, read once into `Failed`."""

import errno
import ssl
from time import perf_counter

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError, LineTooLong

from libs.egress.dial import Dial
from libs.egress.errors import EgressError, Refusal, Refused, Unresolved
from libs.egress.headers import printable
from libs.egress.outcome import Failed, FailureKind, Timings

# A parser's error in the middle of a body comes bare, without aiohttp's client wrapping.
FAILURES: tuple[type[Exception], ...] = (aiohttp.ClientError, HttpProcessingError, OSError, EgressError)
"""Everything that `failed` can read; anything else is a bug of ours and may surface as one."""

_LONGEST_DETAIL = 160

_UNCONNECTED = {
    errno.ECONNREFUSED: (FailureKind.CONNECT_REFUSED, "the connection was refused"),
    errno.ENETUNREACH: (FailureKind.UNREACHABLE, "the network is unreachable"),
    errno.EHOSTUNREACH: (FailureKind.UNREACHABLE, "the host is unreachable"),
    errno.EADDRNOTAVAIL: (FailureKind.UNREACHABLE, "the address cannot be reached from here"),
    errno.EAFNOSUPPORT: (FailureKind.UNREACHABLE, "the address family is not available here"),
    errno.ETIMEDOUT: (FailureKind.CONNECT_TIMEOUT, "no connection in time"),
    # Out of descriptors: our own limit, and no fault of the other side.
    errno.EMFILE: (FailureKind.POOL, "too many open connections here"),
    errno.ENFILE: (FailureKind.POOL, "too many open connections here"),
}


def timings(dial: Dial) -> Timings:
    """What a dial noted, in milliseconds, until now."""
    started, answered = dial.started, dial.answered
    total_ms = (perf_counter() - started) * 1_000
    first_byte_ms = None if answered is None else (answered - started) * 1_000
    if dial.reused:
        return Timings(total_ms, None, None, None, first_byte_ms, True)
    handshake_from = dial.tls_started if dial.tls_started is not None else dial.connected
    return Timings(
        total_ms,
        dns_ms=_between(dial.lookup_started, dial.lookup_ended),
        connect_ms=_between(dial.socket_made, handshake_from),
        tls_ms=_between(dial.tls_started, dial.connected),
        first_byte_ms=first_byte_ms,
    )


def blocked(refusal: Refusal, dial: Dial) -> Failed:
    """The guard's no as an outcome."""
    return Failed(kind=FailureKind.BLOCKED, detail=refusal.detail, timings=timings(dial), refusal=refusal)


def too_large(limit: int, dial: Dial, *, status: int) -> Failed:
    """A download beyond the bytes its caller takes."""
    return Failed(
        kind=FailureKind.BODY_TOO_LARGE,
        detail=f"the body is larger than {limit} bytes",
        timings=timings(dial),
        status=status,
    )


def failed(error: Exception, dial: Dial, *, status: int | None = None, retry_after: str | None = None) -> Failed:
    """One failure of the kinds in `FAILURES`, before or after the status line."""
    if dial.refusal is not None:
        return blocked(dial.refusal, dial)
    if isinstance(error, Refused):
        return blocked(error.refusal, dial)
    kind, detail = _read(error, dial)
    return Failed(
        kind=kind,
        detail=printable(detail, longest=_LONGEST_DETAIL),
        timings=timings(dial),
        status=status,
        retry_after=retry_after,
    )


def _read(error: Exception, dial: Dial) -> tuple[FailureKind, str]:
    match error:
        case Unresolved():
            return FailureKind.DNS, error.detail
        case aiohttp.ConnectionTimeoutError():
            return _read_connect_timeout(dial)
        case aiohttp.SocketTimeoutError():
            return FailureKind.TIMEOUT, "the answer stalled"
        case TimeoutError():
            return FailureKind.TIMEOUT, "no whole answer in time"
        case aiohttp.ClientConnectorCertificateError():
            return FailureKind.TLS, _read_tls(error.certificate_error)
        case aiohttp.ClientConnectorSSLError():
            return FailureKind.TLS, _read_tls(error.os_error)
        case aiohttp.ClientConnectorError() if dial.tls_started is not None:
            return FailureKind.TLS, "the connection ended during the TLS handshake"
        case aiohttp.ClientConnectorError():
            unconnected = (FailureKind.UNREACHABLE, "no address of the host could be reached")
            return _UNCONNECTED.get(error.os_error.errno or 0, unconnected)
        case aiohttp.ClientResponseError() | HttpProcessingError():
            if _has_too_many_headers(error):
                return FailureKind.HEADERS_TOO_LARGE, "the answer's headers are too large"
            return FailureKind.PROTOCOL, "the answer is not HTTP"
        case aiohttp.ClientPayloadError():
            return FailureKind.RESET, "the body ended before it was whole"
        case aiohttp.ServerDisconnectedError():
            return FailureKind.RESET, "the connection was closed before an answer"
        case OSError():
            return FailureKind.RESET, "the connection was reset"
        case _:
            return FailureKind.PROTOCOL, f"the exchange failed ({type(error).__name__})"


def _has_too_many_headers(error: BaseException) -> bool:
    # The parser's own words are at the end of a chain of two wrappings.
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, LineTooLong):
            return True
        if isinstance(cause, HttpProcessingError) and cause.message.startswith("Too many "):
            return True
        cause = cause.__cause__
    return False


def _read_connect_timeout(dial: Dial) -> tuple[FailureKind, str]:
    if dial.tls_started is not None:
        return FailureKind.CONNECT_TIMEOUT, "the TLS handshake did not end in time"
    if dial.socket_made is not None:
        return FailureKind.CONNECT_TIMEOUT, "no connection in time"
    if dial.lookup_started is not None:
        return FailureKind.DNS, "the host name was not resolved in time"
    return FailureKind.POOL, "no connection of ours became free in time"


def _read_tls(error: Exception) -> str:
    match error:
        case ssl.SSLCertVerificationError():
            return f"the certificate is not trusted: {error.verify_message}"
        case ssl.SSLError():
            return f"the TLS handshake failed: {error.reason or 'unknown reason'}"
        case _:
            return "the TLS handshake failed"


def _between(start: float | None, end: float | None) -> float | None:
    return None if start is None or end is None else (end - start) * 1_000
