"""URLs: every spelling of the table, every trick with schemes, userinfo, ports and parsers."""

import contextlib
from ipaddress import ip_address
from urllib.parse import urlsplit

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from libs.egress import Guard, Reason, Refused, parse_allow
from tests.each import each

PUBLIC = Guard()
LOCAL = Guard(allow=parse_allow("127.0.0.0/8,::1/128"), own_ports=frozenset({5432, 5672}))

SPELLINGS = [
    "2130706433",
    "0x7f000001",
    "0X7F000001",
    "017700000001",
    "127.1",
    "127.0.1",
    "0x7f.1",
    "0x7f.0x0.0x0.0x1",
    "0177.0.0.1",
    "127.00.00.01",
    "00000177.0.0.1",
    "0",
    "0x",
    "2852039166",
    "0xA9FEA9FE",
    "0251.0376.0251.0376",
    "127。0。0。1",
    "127．0．0．1",
    "１２７.0.0.1",
    "①②⑦.⓪.⓪.①",
    "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ",
    "127.0.0.1\t.good.example",
    "good.example\\@127.0.0.1",
    "[::1]:80@good.example",
    "localhost",
    "LOCALHOST",
    "a.localhost",
    "localhost.",
    "127.0.0.1.",
    "2130706433.",
    "good.example.",
    "good.example..",
    ".good.example",
    "good..example",
    "[fe80::1%25eth0]",
    "[fe80::1%eth0]",
    "[::1%25lo]",
    "[::1",
    "::1",
    "[::1].good.example",
    "[v1.fe80::a]",
    "[127.0.0.1]",
    "[1:2:3]",
    "[]",
    "%31%32%37.0.0.1",
    "127.0.0.1%00.good.example",
    "good.example%2f@127.0.0.1",
    "127.0.0.1\x00.good.example",
    "good.example\r\nX: y",
    "good.example\n",
    " good.example",
    "good example",
    "256.1.1.1",
    "1.2.3",
    "1.2.3.4.5",
    "good.example.1",
    "-good.example",
    "good-.example",
    "good,example",
    "good.example;evil",
    "a" * 64 + ".example",
    ".".join(["a" * 60] * 5),
    "dotless",
    "bücher.example",
    "xn--bcher-kva.example:x",
    "\u202egood.example",
    "good\u00ad.example",
]


@each("host", SPELLINGS)
@each("scheme", ["http", "https"])
def test_odd_spelling_of_a_host_is_refused(scheme, host):
    with pytest.raises(Refused) as refused:
        PUBLIC.check_url(f"{scheme}://{host}/hook")

    assert refused.value.refusal.remedy


@each("host", [host for host in SPELLINGS if host.lower() not in {"localhost", "dotless"}])
def test_odd_spelling_is_refused_even_where_its_meaning_is_allowed(host):
    if host == "a.localhost":
        return

    with pytest.raises(Refused):
        LOCAL.check_url(f"http://{host}:8090/hook")


@each(
    ("url", "reason"),
    [
        ("http://good.example@127.0.0.1/", Reason.PLAIN_HTTP),
        ("https://good.example@127.0.0.1/", Reason.USERINFO),
        ("https://127.0.0.1#@good.example/", Reason.FRAGMENT),
        ("https://good.example:80@127.0.0.1:6379/", Reason.USERINFO),
        ("https://user:password@good.example/", Reason.USERINFO),
        ("https://@good.example/", Reason.USERINFO),
        ("https://good.example/#fragment", Reason.FRAGMENT),
        ("https://good.example/#", Reason.FRAGMENT),
        ("https://good.example?@127.0.0.1/#", Reason.FRAGMENT),
        ("http://good.example/", Reason.PLAIN_HTTP),
        ("http://8.8.8.8/", Reason.PLAIN_HTTP),
        ("file:///etc/passwd", Reason.MALFORMED),
        ("file://good.example/etc/passwd", Reason.SCHEME),
        ("gopher://good.example/", Reason.SCHEME),
        ("GoPhEr://good.example/", Reason.SCHEME),
        ("ftp://good.example/", Reason.SCHEME),
        ("dict://good.example:11211/", Reason.SCHEME),
        ("ldap://good.example/", Reason.SCHEME),
        ("jar:https://good.example!/", Reason.MALFORMED),
        ("ws://good.example/", Reason.SCHEME),
        ("javascript://good.example/%0aalert(1)", Reason.SCHEME),
        ("data:text/plain,x", Reason.MALFORMED),
        ("https+unix://good.example/", Reason.SCHEME),
        ("http:///127.0.0.1/", Reason.MALFORMED),
        ("https:///good.example/", Reason.MALFORMED),
        ("http:127.0.0.1/", Reason.MALFORMED),
        ("https:good.example/", Reason.MALFORMED),
        ("//good.example/", Reason.MALFORMED),
        ("/hook", Reason.MALFORMED),
        ("good.example/hook", Reason.MALFORMED),
        ("https://", Reason.MALFORMED),
        ("https://?x", Reason.MALFORMED),
        ("", Reason.CHARACTERS),
        ("https://good.example:0/", Reason.PORT),
        ("https://good.example:65536/", Reason.PORT),
        ("https://good.example:99999/", Reason.PORT),
        ("https://good.example:000443/", Reason.PORT),
        ("https://good.example:/", Reason.HOST),
        ("https://good.example:-1/", Reason.HOST),
        ("https://good.example:443:443/", Reason.HOST),
        ("https://good.example:٤٤٣/", Reason.CHARACTERS),
        ("https://good.example/a b", Reason.CHARACTERS),
        ("https://good.example/a\r\nHost: evil", Reason.CHARACTERS),
        ("https://good.example/a\\b", Reason.CHARACTERS),
        ("https://good.example/ü", Reason.CHARACTERS),
        ("https://good.example/%", Reason.CHARACTERS),
        ("https://good.example/%zz", Reason.CHARACTERS),
        ("https://good.example/?q=%u0041", Reason.CHARACTERS),
        ("https://good.example/?q=<script>", Reason.CHARACTERS),
        ("\thttps://good.example/", Reason.CHARACTERS),
        ("https://good.example/ ", Reason.CHARACTERS),
        ("https://good.example/\x7f", Reason.CHARACTERS),
        ("https://good.example/" + "a" * 2048, Reason.TOO_LONG),
        ("https://[::ffff:127.0.0.1]/", Reason.ADDRESS),
        ("https://[::ffff:8.8.8.8]/", Reason.ADDRESS),
        ("https://169.254.169.254/latest/meta-data", Reason.ADDRESS),
        ("https://[fd00:ec2::254]/", Reason.ADDRESS),
        ("https://localhost/", Reason.ADDRESS),
        ("https://rabbitmq/", Reason.HOST),
    ],
)
def test_refused_url_says_why(url, reason):
    with pytest.raises(Refused) as refused:
        PUBLIC.check_url(url)

    assert refused.value.refusal.reason is reason


@pytest.mark.parametrize(
    ("url", "host", "port", "shown"),
    [
        ("https://good.example", "good.example", 443, "https://good.example/"),
        ("HTTPS://Good.Example:443/Hook", "good.example", 443, "https://good.example/Hook"),
        ("https://good.example:8443/a/b?c=d&e[]=f", "good.example", 8443, "https://good.example:8443/a/b?c=d&e[]=f"),
        ("https://good.example?x=1", "good.example", 443, "https://good.example/?x=1"),
        ("https://good.example/?", "good.example", 443, "https://good.example/"),
        ("https://good.example/%2e%2E/%20;a=b", "good.example", 443, "https://good.example/%2e%2E/%20;a=b"),
        ("https://good.example/a/../b//c", "good.example", 443, "https://good.example/a/../b//c"),
        ("https://xn--bcher-kva.example/", "xn--bcher-kva.example", 443, "https://xn--bcher-kva.example/"),
        ("https://hook_1.good.example/", "hook_1.good.example", 443, "https://hook_1.good.example/"),
        ("https://1.good.example/", "1.good.example", 443, "https://1.good.example/"),
        ("https://0x7f.good.example/", "0x7f.good.example", 443, "https://0x7f.good.example/"),
        ("https://8.8.8.8/", "8.8.8.8", 443, "https://8.8.8.8/"),
        ("https://[2606:4700:4700:0::1111]:8443/", "2606:4700:4700::1111", 8443, None),
        ("https://[64:ff9b::8.8.8.8]/", "64:ff9b::808:808", 443, "https://[64:ff9b::808:808]/"),
    ],
)
def test_good_url_is_read_into_one_canonical_form(url, host, port, shown):
    target = PUBLIC.check_url(url)

    assert (target.host, target.port) == (host, port)
    assert str(target.url) == (shown or "https://[2606:4700:4700::1111]:8443/")


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("http://127.0.0.1:8090/inbox", True),
        ("http://localhost:8090/inbox", True),
        ("http://a.localhost:8090/inbox", True),
        ("http://[::1]:8090/inbox", True),
        ("https://127.0.0.1:8090/inbox", True),
        ("http://receiver:8090/inbox", True),
        ("http://receiver.internal/inbox", True),
        ("http://10.0.0.1/", False),
        ("http://8.8.8.8/", False),
        ("http://127.0.0.1:5432/", False),
        ("https://127.3.2.1:5672/", False),
        ("http://localhost:5672/", False),
        ("http://[::1]:5432/", False),
    ],
)
def test_plain_http_is_for_allowed_networks_and_own_ports_for_nobody(url, allowed):
    if allowed:
        LOCAL.check_url(url)
        return
    with pytest.raises(Refused):
        LOCAL.check_url(url)


def test_own_ports_are_free_on_the_public_internet_and_own_sockets_nowhere():
    address = ip_address("8.8.8.8")
    guard = Guard(allow=LOCAL.allow, own_ports=frozenset({8080}), own_sockets=frozenset({(address, 443)}))

    guard.check_url("https://9.9.9.9:8080/")
    guard.check_url("https://8.8.8.8:8080/")
    for url in ("https://8.8.8.8/", "https://127.0.0.1:8080/"):
        with pytest.raises(Refused) as refused:
            guard.check_url(url)
        assert refused.value.refusal.reason is Reason.OWN_SERVICE


def test_a_target_and_a_refusal_never_print_the_path_or_query():
    target = PUBLIC.check_url("https://good.example/hooks/s3cret?token=s3cret")
    with pytest.raises(Refused) as refused:
        PUBLIC.check_url("https://s3cret:s3cret@good.example/s3cret")

    for shown in (repr(target), str(target), f"{target}", str(refused.value), repr(refused.value.refusal)):
        assert "s3cret" not in shown
    assert str(target) == "https://good.example:443"


# fmt: off
PIECES = st.sampled_from([
    "https", "http", "file", ":", "/", "//", "://", "?", "#", "@", "[", "]", "%", "%25", ".", "。", "\\", "①",
    "127.0.0.1", "127.1", "0x7f", "::1", "fe80::1", "localhost", "good.example", "443", "99999", "\t", "\r\n", "\x00",
])
# fmt: on


@given(st.text() | st.lists(PIECES, max_size=12).map("".join) | st.text().map("https://".__add__))
@example("https://[")
@example("https://[\ud800]/")
@example("https://good.example:" + "9" * 5000)
def test_any_text_is_a_target_or_refused(text):
    for guard in (PUBLIC, LOCAL):
        with contextlib.suppress(Refused):
            assert guard.check_url(text).host


@given(
    scheme=st.sampled_from(["https", "HTTPS"]),
    authority=st.text(st.sampled_from("ab.-_019xX[]:@%/\\#?"), min_size=1, max_size=20)
    | st.from_regex(r"[a-z0-9.:]{1,20}"),
    tail=st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7F), max_size=20),
)
def test_what_is_accepted_means_the_same_host_to_every_parser(scheme, authority, tail):
    url = f"{scheme}://{authority}/{tail}"
    try:
        target = PUBLIC.check_url(url)
    except Refused:
        return

    split, other = urlsplit(url), httpx.URL(url)
    assert split.hostname == target.host == other.host == target.url.raw_host
    assert (split.port or 443) == target.port == (other.port or 443) == target.url.port
    assert split.username is None and target.url.user is None
