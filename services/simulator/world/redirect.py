"""Redirect URIs (fact sheet 1.1) and who may be pulled from (4.3)."""

import ipaddress
from urllib.parse import SplitResult, urlsplit

from services.simulator.world.error import Code, Refused

LOCAL_HOSTS = ("localhost", "127.0.0.1")
MAX_URIS = 10


def redirect_problem(uri: str, *, registering: bool = False) -> str | None:
    """Why TikTok's portal would not take this redirect URI, or None. Only registering allows the port `*`."""
    if len(uri) >= 512:
        return "a redirect URI has fewer than 512 characters"
    wild = registering and ":*" in uri
    try:
        parts = urlsplit(uri.replace(":*", ":1", 1) if wild else uri)
        port = parts.port
    except ValueError:
        return "not a URL"
    if "?" in uri or "#" in uri:
        return "a redirect URI has no query and no fragment"
    if parts.username is not None or not parts.hostname:
        return "a redirect URI is absolute"
    if is_desktop(uri):
        if parts.scheme not in ("http", "https"):
            return "a desktop redirect URI is http or https"
        return None if port is not None else "a desktop redirect URI names its port"
    return None if parts.scheme == "https" and not wild else "a web redirect URI is https"


def is_desktop(uri: str) -> bool:
    """localhost and 127.0.0.1 mark a desktop app, which must use PKCE."""
    try:
        return urlsplit(uri.replace(":*", ":1", 1)).hostname in LOCAL_HOSTS
    except ValueError:
        return False


def redirect_matches(uri: str, registered: tuple[str, ...]) -> bool:
    """Exact match, except that a registered port `*` stands for any port. None registered: any legal URI."""
    if redirect_problem(uri) is not None:
        return False
    if not registered:
        return True
    return any(uri == known or (":*" in known and _matches_wild(uri, known)) for known in registered)


def _matches_wild(uri: str, known: str) -> bool:
    head, _, tail = known.partition(":*")
    if not uri.startswith(head + ":") or not uri.endswith(tail):
        return False
    port = uri[len(head) + 1 : len(uri) - len(tail)]
    return port.isdigit()


def check_pull_url(url: object, *, verified: tuple[str, ...], loopback: str) -> str:
    """The URL when TikTok would fetch it: https, a name for a host, and a verified domain or prefix.

    `loopback` is the knob `pull_loopback`: it relaxes the first two or all three for loopback hosts.
    """
    if not isinstance(url, str) or len(url) > 8192:
        raise Refused(Code.INVALID_PARAMS, "The media url is invalid")
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").lower()
        _ = parts.port
    except ValueError:
        raise Refused(Code.INVALID_PARAMS, "The media url is invalid") from None
    if not host or parts.username is not None or parts.scheme not in ("http", "https"):
        raise Refused(Code.INVALID_PARAMS, "The media url is invalid")
    address = _address(host)
    near = host == "localhost" or (address is not None and address.is_loopback)
    if near and loopback == "verified":
        return url
    if not (near and loopback == "allowed"):
        if parts.scheme != "https":
            raise Refused(Code.INVALID_PARAMS, "The media url must be https")
        if address is not None:
            raise Refused(Code.INVALID_PARAMS, "The host of the media url must not be an IP address")
    if not any(_covers(known, parts, host, url) for known in verified):
        raise Refused(Code.URL_UNVERIFIED)
    return url


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _covers(known: str, parts: SplitResult, host: str, url: str) -> bool:
    """A domain covers itself and its subdomains; a prefix `https://host/path/` covers everything beneath."""
    if "://" not in known:
        domain = known.lower().rstrip("/")
        return host == domain or host.endswith("." + domain)
    prefix = known if known.endswith("/") else known + "/"
    return url.startswith(prefix) and ".." not in parts.path.split("/")
