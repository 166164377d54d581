"""What both runners know of httpx."""

from typing import Final
from urllib.parse import urlsplit

import httpx

from libs.rest.client.call import Lost, Try
from libs.rest.client.errors import FileChanged, Unreadable
from libs.rest.client.request import Content

PIECE_BYTES: Final = 1024 * 1024
ANSWER_MAX: Final = 64 * 1024 * 1024
CONNECT_S: Final = 10.0
USER_AGENT: Final = "clipwire-python"
LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


def address(url: str) -> str:
    """The server's address without its last slash. ValueError for what is no http(s) address."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("the URL of a Clipwire API looks like https://clipwire.example.com")
    if parts.username or parts.password:
        raise ValueError("the URL of a Clipwire API holds no password: the key is given beside it")
    return url.rstrip("/")


def headers(key: str) -> dict[str, str]:
    """What every request carries. ValueError for what cannot be a key, without showing it."""
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise ValueError("a key is cw_ and printable characters without spaces")
    return {"Authorization": f"Bearer {key}", "User-Agent": USER_AGENT, "Accept-Encoding": "identity"}


def behind_proxy(url: str) -> bool:
    """Whether the environment's proxies are for this address: they cannot lead to this very machine."""
    return urlsplit(url).hostname not in LOOPBACK


def has_certificate(url: str) -> bool:
    """Whether there is one to verify. Without TLS, reading all authorities is a tenth of a second for nothing."""
    return urlsplit(url).scheme == "https"


def timeouts(step: Try) -> httpx.Timeout:
    return httpx.Timeout(step.silence_s, connect=min(CONNECT_S, step.silence_s))


def lost(error: httpx.HTTPError) -> Lost:
    """What became of a request without an answer. The error itself is left behind: it holds the request's headers."""
    late = isinstance(error, httpx.TimeoutException)
    # Until there is a connection nothing has left this machine.
    sent = not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout | httpx.ProxyError)
    where = error.request.url.host if error.request.url else "the server"
    match error:
        case httpx.ConnectError() | httpx.ConnectTimeout():
            why = f"no connection to {where}: {str(error) or 'it does not answer'}"
        case httpx.TimeoutException():
            why = f"{where} fell silent"
        case _:
            why = f"the connection to {where} broke ({type(error).__name__})"
    return Lost(why, sent=sent, late=late)


def too_long(status: int) -> Unreadable:
    return Unreadable(f"the answer is longer than {ANSWER_MAX} bytes", status=status)


def shortened(sent: int, content: Content) -> None:
    """Raises `FileChanged` when the file ended early."""
    if sent < content.size:
        raise FileChanged
