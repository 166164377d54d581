"""The guard: which URLs may be registered, and which sockets opened. Pure; it resolves nothing.

A URL is read by one narrow grammar (RFC 3986 without its generosity) and must then mean the same to yarl, the parser
aiohttp dials by: a check in one parser followed by a call in another is how guards are passed.
"""

import re
from dataclasses import dataclass, field
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Final, Literal

from yarl import URL

from libs.egress.address import IPAddress, IPNetwork, check_address, in_any
from libs.egress.errors import Reason, Refusal, Refused

Scheme = Literal["http", "https"]

LONGEST_URL: Final = 2_048
_LONGEST_HOST: Final = 253
_DEFAULT_PORTS: Final[dict[str, int]] = {"http": 80, "https": 443}
_LOCALHOST_ADDRESS: Final = IPv4Address("127.0.0.1")

_PRINTABLE: Final = re.compile(r"[!-~]+", re.ASCII)
_URL: Final = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.\-]*)://(?P<authority>[^/?#]+)"
    r"(?P<path>/[^?#]*)?(?:\?(?P<query>[^#]*))?(?P<fragment>#.*)?",
    re.ASCII,
)
_AUTHORITY: Final = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^\[\]:]+)(?::(?P<port>[0-9]+))?", re.ASCII)
# What RFC 3986 lets stand in a path; a query may also hold brackets, which many frameworks write.
_PATH: Final = re.compile(r"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/]|%[0-9A-Fa-f]{2})*", re.ASCII)
_QUERY: Final = re.compile(r"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/?\[\]]|%[0-9A-Fa-f]{2})*", re.ASCII)
# Underscores are no host name, but private networks are full of them (container names).
_LABEL: Final = re.compile(r"[a-z0-9_](?:[a-z0-9_\-]{0,61}[a-z0-9_])?", re.ASCII)
# A host whose last label is a number is an IPv4 address to inet_aton and to browsers (WHATWG "ends in a number").
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)
_DOTTED_QUAD: Final = re.compile(r"(?:0|[1-9][0-9]{0,2})(?:\.(?:0|[1-9][0-9]{0,2})){3}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Target:
    """A URL the guard has read. Prints as its origin only: paths and queries of webhooks hold secrets."""

    scheme: Scheme
    host: str
    """Lower-case name or canonical address, IPv6 without brackets."""
    port: int
    address: IPAddress | None
    """Set when the host is an address: already judged. None for names, which are judged when dialled."""
    url: URL = field(repr=False)

    @property
    def origin(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"

    def __str__(self) -> str:
        return self.origin


@dataclass(frozen=True, slots=True)
class Guard:
    """What this installation may reach."""

    allow: tuple[IPNetwork, ...] = ()
    """Networks reached besides the public internet, and the only ones where plain http is spoken (EGRESS_ALLOW)."""
    own_ports: frozenset[int] = frozenset()
    """Ports of our own programs, Postgres and RabbitMQ: refused on every address that only `allow` lets through."""
    own_sockets: frozenset[tuple[IPAddress, int]] = frozenset()
    """Addresses and ports of ours that are public, refused everywhere."""

    def check_url(self, text: str) -> Target:
        """Read a URL and judge what can be judged without DNS; raises `Refused` and nothing else."""
        return read_url(text, guard=self)

    def check_dial(self, address: IPAddress, port: int, *, scheme: Scheme) -> Refusal | None:
        """None when a socket to this address and port may be opened for this scheme."""
        if refusal := check_address(address, allow=self.allow):
            return refusal
        allowed_by_operator = in_any(address, self.allow)
        if (address, port) in self.own_sockets or (allowed_by_operator and port in self.own_ports):
            return Refusal(Reason.OWN_SERVICE, "the URL leads to one of our own services")
        if scheme == "http" and not allowed_by_operator:
            return Refusal(Reason.PLAIN_HTTP, "the URL is plain http to a host outside EGRESS_ALLOW")
        return None


def is_localhost(host: str) -> bool:
    """RFC 6761: these names are loopback by definition, whatever DNS says."""
    return host == "localhost" or host.endswith(".localhost")


def read_url(text: str, *, guard: Guard) -> Target:
    """The whole grammar; see `Guard.check_url`."""
    if len(text) > LONGEST_URL:
        raise _refused(Reason.TOO_LONG, f"a URL has at most {LONGEST_URL} characters")
    if _PRINTABLE.fullmatch(text) is None or "\\" in text:
        raise _refused(Reason.CHARACTERS, "the URL holds spaces, controls, backslashes or letters beyond ASCII")
    parts = _URL.fullmatch(text)
    if parts is None:
        raise _refused(Reason.MALFORMED, "the URL is not scheme://host/path")
    scheme = _scheme(parts["scheme"].lower(), guard)
    if parts["fragment"] is not None:
        raise _refused(Reason.FRAGMENT, "the URL has a fragment")
    host, port = _authority(parts["authority"], scheme)
    address = _address(host)
    judged = _LOCALHOST_ADDRESS if is_localhost(host) else address
    if judged is not None and (refusal := guard.check_dial(judged, port, scheme=scheme)):
        raise Refused(refusal)
    if address is None and "." not in host and not guard.allow:
        raise _refused(Reason.HOST, "the host is a name without a domain")
    path, query = parts["path"] or "/", parts["query"] or ""
    if _PATH.fullmatch(path) is None or _QUERY.fullmatch(query) is None:
        raise _refused(Reason.CHARACTERS, "the path or query holds characters that must be percent-encoded")
    return _target(scheme, host, port, address, f"{path}?{query}" if query else path)


def _scheme(scheme: str, guard: Guard) -> Scheme:
    match scheme:
        case "https":
            return "https"
        case "http" if guard.allow:
            return "http"
        case "http":
            raise _refused(Reason.PLAIN_HTTP, "the URL is plain http")
        case _:
            raise _refused(Reason.SCHEME, "the URL's scheme is not https")


def _authority(authority: str, scheme: Scheme) -> tuple[str, int]:
    """Host in lower case (brackets kept) and port."""
    if "@" in authority:
        raise _refused(Reason.USERINFO, "the URL holds a user name or password")
    parts = _AUTHORITY.fullmatch(authority)
    if parts is None:
        raise _refused(Reason.HOST, "the URL's host and port cannot be read")
    if parts["port"] is None:
        return parts["host"].lower(), _DEFAULT_PORTS[scheme]
    if len(parts["port"]) > 5 or not 0 < int(parts["port"]) < 65_536:
        raise _refused(Reason.PORT, "the port is not a number from 1 to 65535")
    return parts["host"].lower(), int(parts["port"])


def _address(host: str) -> IPAddress | None:
    """The address a host spells, None when it is a proper name; every other spelling is refused."""
    try:
        if host.startswith("["):
            return IPv6Address(host[1:-1])
        if _DOTTED_QUAD.fullmatch(host):
            return IPv4Address(host)
    except AddressValueError as exc:
        raise _refused(Reason.HOST, "the host is not an IP address, though it is written like one") from exc
    labels = host.split(".")
    if _NUMBER.fullmatch(labels[-1] or (labels[-2] if len(labels) > 1 else "")):
        raise _refused(Reason.NUMERIC_HOST, "the host is a number")
    if len(host) > _LONGEST_HOST or not all(_LABEL.fullmatch(label) for label in labels):
        raise _refused(Reason.HOST, "the host is not a host name")
    return None


def _target(scheme: Scheme, host: str, port: int, address: IPAddress | None, path_and_query: str) -> Target:
    bare = str(address) if address is not None else host
    shown = f"[{bare}]" if ":" in bare else bare
    if port != _DEFAULT_PORTS[scheme]:
        shown = f"{shown}:{port}"
    text = f"{scheme}://{shown}{path_and_query}"
    try:
        url = URL(text, encoded=True)
        same = (url.scheme, url.raw_host, url.port, str(url)) == (scheme, bare, port, text)
    except ValueError as exc:
        raise _refused(Reason.MALFORMED, "the URL is read differently by different parsers") from exc
    if not same:
        raise _refused(Reason.MALFORMED, "the URL is read differently by different parsers")
    return Target(scheme=scheme, host=bare, port=port, address=address, url=url)


def _refused(reason: Reason, detail: str) -> Refused:
    return Refused(Refusal(reason, detail))
