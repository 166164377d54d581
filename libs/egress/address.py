"""Which addresses may be dialled: the special-purpose tables, and the spellings of IPv4 inside IPv6.

Sources: the IANA IPv4 and IPv6 special-purpose registries, and the table of 48 in webhook-facts ("SSRF test
vectors"). `ipaddress.is_global` is not used: it lets 21 of those 48 through, and changes with Python's version.
"""

from collections.abc import Sequence
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Final

from libs.egress.errors import BadAllowList, Reason, Refusal

IPAddress = IPv4Address | IPv6Address
IPNetwork = IPv4Network | IPv6Network

_IPV4_REFUSED: Final = tuple(
    (IPv4Network(network), what)
    for network, what in (
        ("0.0.0.0/8", "this host or network"),
        ("10.0.0.0/8", "private"),
        ("100.64.0.0/10", "shared by a carrier (CGNAT)"),
        ("127.0.0.0/8", "loopback"),
        ("169.254.0.0/16", "link-local, where clouds keep their metadata"),
        ("172.16.0.0/12", "private"),
        # The whole /24, although PCP and TURN anycast are reachable: Oracle's metadata lived at 192.0.0.192.
        ("192.0.0.0/24", "reserved for protocols"),
        ("192.0.2.0/24", "for documentation"),
        ("192.88.99.0/24", "a 6to4 relay"),
        ("192.168.0.0/16", "private"),
        ("198.18.0.0/15", "for benchmarking"),
        ("198.51.100.0/24", "for documentation"),
        ("203.0.113.0/24", "for documentation"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved"),
        # In a public range, but every Azure machine reaches its host's agent there.
        ("168.63.129.16/32", "a cloud host's agent"),
    )
)

# IPv6 is the other way round: only global unicast is public, so nothing has to be known about the rest.
_IPV6_GLOBAL: Final = IPv6Network("2000::/3")
_IPV6_REFUSED: Final = tuple(
    (IPv6Network(network), what)
    for network, what in (
        ("2001::/23", "reserved for protocols"),
        ("2001:db8::/32", "for documentation"),
        ("3fff::/20", "for documentation"),
    )
)
_IPV6_REACHABLE_PROTOCOLS: Final = tuple(
    IPv6Network(network)
    for network in (
        "2001:1::1/128",
        "2001:1::2/128",
        "2001:1::3/128",
        "2001:3::/32",
        "2001:4:112::/48",
        "2001:20::/28",
        "2001:30::/28",
    )
)

# Other spellings of IPv4, or tunnels to it. EGRESS_ALLOW has no say here: allowing 127.0.0.0/8 is no reason to accept
# every disguise of it, and allowing ::/0 must not mean IPv4 loopback.
_IPV4_IN_DISGUISE: Final = tuple(
    (IPv6Network(network), what)
    for network, what in (
        ("::ffff:0:0/96", "IPv4 mapped into IPv6"),
        ("::ffff:0:0:0/96", "IPv4 translated into IPv6"),
        ("64:ff9b:1::/48", "a local NAT64 prefix"),
        ("2001::/32", "a Teredo tunnel"),
        ("2002::/16", "a 6to4 tunnel"),
    )
)
_IPV4_COMPATIBLE: Final = IPv6Network("::/96")
_UNSPECIFIED_AND_LOOPBACK: Final = (IPv6Address("::"), IPv6Address("::1"))
_ISATAP_INTERFACES: Final = (0x00005EFE, 0x02005EFE)
_NAT64: Final = IPv6Network("64:ff9b::/96")


def check_address(address: IPAddress, *, allow: Sequence[IPNetwork] = ()) -> Refusal | None:
    """None when the address may be dialled: public, or in a network of `allow` (which wins for exactly its addresses).

    NAT64 `64:ff9b::/96` inherits the verdict of the IPv4 address inside it, judged as public or not, so that hosts
    with IPv6 only can reach the IPv4 internet.
    """
    if isinstance(address, IPv6Address):
        if disguise := _disguise_of(address):
            return _refusal(disguise)
        if address in _NAT64:
            return check_address(IPv4Address(int(address) & 0xFFFF_FFFF))
    if in_any(address, allow):
        return None
    special = _special_ipv4(address) if isinstance(address, IPv4Address) else _special_ipv6(address)
    return _refusal(special) if special else None


def in_any(address: IPAddress, networks: Sequence[IPNetwork]) -> bool:
    """Whether one of the networks holds the address; families never mix."""
    return any(address in network for network in networks)


def parse_address(text: str) -> IPAddress | None:
    """An address as resolvers write it, or None."""
    try:
        return ip_address(text)
    except ValueError:
        return None


def parse_allow(text: str) -> tuple[IPNetwork, ...]:
    """EGRESS_ALLOW, a comma list of CIDRs, to networks; raises `BadAllowList` with the entry that is wrong."""
    networks: list[IPNetwork] = []
    for entry in filter(None, (part.strip() for part in text.split(","))):
        try:
            network = ip_network(entry)
        except ValueError as exc:
            raise BadAllowList(f"EGRESS_ALLOW: {entry!r} is not a network in CIDR form") from exc
        disguises = (_NAT64, *(known for known, _ in _IPV4_IN_DISGUISE))
        if isinstance(network, IPv6Network) and any(network.subnet_of(disguise) for disguise in disguises):
            raise BadAllowList(f"EGRESS_ALLOW: {entry!r} spells IPv4 inside IPv6; list the IPv4 network itself")
        networks.append(network)
    return tuple(networks)


def usable_allow(text: str) -> str:
    """For settings: raises ValueError unless `parse_allow` takes it."""
    try:
        parse_allow(text)
    except BadAllowList as error:
        raise ValueError(str(error)) from error
    return text


def _disguise_of(address: IPv6Address) -> str | None:
    if address.scope_id is not None:
        return "bound to an interface"
    for network, what in _IPV4_IN_DISGUISE:
        if address in network:
            return what
    if address in _IPV4_COMPATIBLE and address not in _UNSPECIFIED_AND_LOOPBACK:
        return "IPv4 inside IPv6"
    # ISATAP marks the interface half, whatever the prefix.
    if (int(address) >> 32) & 0xFFFF_FFFF in _ISATAP_INTERFACES:
        return "an ISATAP tunnel"
    return None


def _special_ipv4(address: IPv4Address) -> str | None:
    return next((what for network, what in _IPV4_REFUSED if address in network), None)


def _special_ipv6(address: IPv6Address) -> str | None:
    if address not in _IPV6_GLOBAL:
        return "outside IPv6's public range"
    if in_any(address, _IPV6_REACHABLE_PROTOCOLS):
        return None
    return next((what for network, what in _IPV6_REFUSED if address in network), None)


def _refusal(what: str) -> Refusal:
    return Refusal(Reason.ADDRESS, f"the host's address is {what}")
