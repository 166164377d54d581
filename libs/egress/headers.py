"""Which headers a customer may add, which of an answer are kept, and how both are kept harmless."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from multidict import CIMultiDictProxy

from libs.egress.errors import Reason, Refusal

# The client's own, on every request: framing, routing and connection reuse depend on them.
_OF_THE_WIRE: Final = frozenset(
    {
        "connection",
        "content-length",
        "expect",
        "host",
        "http2-settings",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
# Ours, on every delivery: a customer's own value would pass for our signature, or lie about the body.
_OF_A_DELIVERY: Final = frozenset(
    {
        "accept-encoding",
        "content-encoding",
        "content-type",
        "cookie",
        "date",
        "forwarded",
        "traceparent",
        "tracestate",
        "user-agent",
        "via",
    }
)
_RESERVED_PREFIXES: Final = ("webhook-", "x-clipwire-", "x-forwarded-")
_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+\-.^_`|~]{1,64}", re.ASCII)
_VALUE: Final = re.compile(r"[!-~](?:[ -~]{0,1022}[!-~])?", re.ASCII)

_KEPT: Final = frozenset(
    {
        "content-type",
        "content-length",
        "content-encoding",
        "content-range",
        "date",
        "etag",
        "last-modified",
        "location",
        "retry-after",
        "server",
        "www-authenticate",
        "x-request-id",
    }
)
_LONGEST_KEPT: Final = 512


def check_custom_header(name: str, value: str) -> Refusal | None:
    """None when a customer may add this header to their deliveries; for registration."""
    lowered = name.lower()
    if _NAME.fullmatch(name) is None:
        return Refusal(Reason.HEADER, "a header name is 1 to 64 letters, digits and dashes")
    if lowered in _OF_THE_WIRE or lowered in _OF_A_DELIVERY or lowered.startswith(_RESERVED_PREFIXES):
        return Refusal(Reason.HEADER, f"the header {lowered} is reserved")
    if _VALUE.fullmatch(value) is None:
        return Refusal(Reason.HEADER, f"the value of {lowered} is not 1 to 1024 printable ASCII characters")
    return None


def check_sent_headers(headers: Mapping[str, str]) -> Refusal | None:
    """None when these headers can go out as they are: no line break, none of the connection's own."""
    if not _are_sendable(tuple(headers)):
        return Refusal(Reason.HEADER, "a header of the request belongs to the connection, or has no name")
    values = "".join(headers.values())
    if not (values.isascii() and values.isprintable()):
        return Refusal(Reason.HEADER, "a header of the request holds a control or non-ASCII character")
    return None


def kept_headers(headers: CIMultiDictProxy[str]) -> dict[str, str]:
    """The headers of an answer that explain it; the rest may be anything, and much of it."""
    kept: dict[str, str] = {}
    for name, value in headers.items():
        lowered = name.lower()
        if lowered in _KEPT and lowered not in kept:
            kept[lowered] = printable(value)
    return kept


def printable(text: str, *, longest: int = _LONGEST_KEPT) -> str:
    """A stranger's text that any log, database and page can hold: cut, and escaped outside printable ASCII."""
    cut = text[:longest]
    if cut.isascii() and cut.isprintable():
        return cut
    return cut.encode("unicode_escape").decode("ascii")[:longest]


@lru_cache(maxsize=1_024)
def _are_sendable(names: tuple[str, ...]) -> bool:
    # Cached, because every delivery to an endpoint has the same few names.
    return all(name.lower() not in _OF_THE_WIRE and _NAME.fullmatch(name) is not None for name in names)
