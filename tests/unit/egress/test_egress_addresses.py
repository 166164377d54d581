"""The 48 hostile addresses, the neighbours that must stay reachable, and what EGRESS_ALLOW may and may not open."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.egress import BadAllowList, Reason, check_address, parse_allow
from tests.each import each

HOSTILE = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "172.16.5.4",
    "192.168.1.1",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.1.2.3",
    "169.254.169.254",
    "192.0.0.1",
    "192.0.0.192",
    "192.0.2.1",
    "198.51.100.1",
    "203.0.113.1",
    "192.88.99.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "168.63.129.16",
    "::",
    "::1",
    "::7f00:1",
    "::a9fe:a9fe",
    "::ffff:127.0.0.1",
    "::ffff:a9fe:a9fe",
    "::ffff:100.64.0.1",
    "::ffff:0:7f00:1",
    "::5efe:7f00:1",
    "1::1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::a9fe:a9fe",
    "100::1",
    "100:0:0:1::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:2::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "2002:a9fe:a9fe::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd20:ce::254",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
]

# Edges and disguises beyond the table.
HOSTILE_TOO = [
    "10.255.255.255",
    "172.16.0.0",
    "172.31.255.255",
    "192.168.255.255",
    "198.19.255.255",
    "100.127.255.255",
    "239.255.255.255",
    "::2",
    "::ffff:8.8.8.8",
    "::ffff:0:808:808",
    "2606:4700::5efe:7f00:1",
    "2606:4700::200:5efe:7f00:1",
    "64:ff9b::a00:1",
    "64:ff9b::a83f:8110",
    "64:ff9b:1::808:808",
    "2001:100::1",
    "2001:1ff:ffff::1",
    "2002:808:808::1",
    "fe80::1%eth0",
    "2606:4700:4700::1111%lo",
    "fdff:ffff::1",
    "febf::1",
    "4000::1",
    "e000::1",
]

NEIGHBOURS = [
    "8.8.8.8",
    "2001:4860:4860::8888",
    "2606:4700:4700::1111",
    "2001:1::1",
    "2001:200::1",
    "3fff:1000::1",
    "64:ff9b::808:808",
    "100.63.255.254",
    "100.128.0.1",
    "192.88.98.255",
    "192.88.100.1",
    "223.255.255.255",
    "1.0.0.1",
    "9.255.255.255",
    "11.0.0.0",
    "126.255.255.255",
    "128.0.0.0",
    "168.63.129.15",
    "168.63.129.17",
    "169.253.255.255",
    "169.255.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "191.255.255.255",
    "192.0.1.0",
    "192.167.255.255",
    "192.169.0.0",
    "198.17.255.255",
    "198.20.0.0",
    "2001:20::1",
    "2003::1",
    "2400::1",
]


@each("text", HOSTILE + HOSTILE_TOO)
def test_hostile_address_is_refused(text):
    refusal = check_address(ip_address(text))

    assert refusal is not None
    assert refusal.reason is Reason.ADDRESS
    assert refusal.remedy
    assert text not in refusal.detail


@pytest.mark.parametrize("text", NEIGHBOURS)
def test_public_neighbour_stays_reachable(text):
    assert check_address(ip_address(text)) is None


@each("text", HOSTILE)
def test_mapping_an_address_into_ipv6_never_makes_it_reachable(text):
    address = ip_address(text)
    if isinstance(address, IPv4Address):
        assert check_address(IPv6Address(f"::ffff:{address}")) is not None


def test_allow_list_opens_exactly_its_addresses():
    allow = parse_allow("10.1.2.0/24, fd00:1::/32 ,127.0.0.1")

    for inside in ("10.1.2.0", "10.1.2.255", "fd00:1::1", "127.0.0.1"):
        assert check_address(ip_address(inside), allow=allow) is None
    for outside in ("10.1.1.255", "10.1.3.0", "fd00:2::1", "127.0.0.2", "::1"):
        assert check_address(ip_address(outside), allow=allow) is not None


@pytest.mark.parametrize(
    "disguise",
    [
        "::ffff:127.0.0.1",
        "::ffff:0:7f00:1",
        "::7f00:1",
        "::5efe:7f00:1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::7f00:1",
        "2002:7f00:1::1",
        "2001::80ff:fffe",
        "fe80::1%lo",
    ],
)
@pytest.mark.parametrize("allow", ["127.0.0.0/8", "0.0.0.0/0", "::/0", "0.0.0.0/0,::/0"])
def test_allow_list_never_opens_ipv4_in_disguise(disguise, allow):
    assert check_address(ip_address(disguise), allow=parse_allow(allow)) is not None


@given(st.ip_addresses(v=4))
def test_nat64_inherits_the_verdict_of_the_address_inside(inner):
    outer = IPv6Address(int(IPv6Address("64:ff9b::")) | int(inner))

    assert (check_address(outer) is None) == (check_address(inner) is None)


@given(st.ip_addresses())
def test_an_allowed_network_changes_nothing_for_the_rest(address):
    network = ip_network("10.0.0.0/8")

    if address not in network:
        assert check_address(address, allow=[network]) == check_address(address)


@given(st.ip_addresses())
def test_what_python_calls_special_is_never_reachable_but_for_decoded_and_anycast_ranges(address):
    if any(address in ip_network(network) for network in ("64:ff9b::/96", "2001::/23")):
        return

    if address.is_private or address.is_multicast or address.is_loopback or address.is_link_local:
        assert check_address(address) is not None


@pytest.mark.parametrize(
    "text",
    [
        "10.0.0.0/33",
        "10.0.0.1/8",
        "localhost",
        "10.0.0.0/8;127.0.0.0/8",
        "::ffff:127.0.0.0/104",
        "64:ff9b::7f00:0/104",
        "64:ff9b:1::/64",
        "2002:7f00::/24",
    ],
)
def test_an_allow_list_that_cannot_be_meant_is_refused_naming_its_entry(text):
    with pytest.raises(BadAllowList, match="EGRESS_ALLOW"):
        parse_allow(f"127.0.0.0/8,{text}")


def test_an_empty_allow_list_allows_nothing():
    assert parse_allow("") == parse_allow(" , ") == ()
