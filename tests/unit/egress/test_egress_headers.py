"""Customers' own headers, and strangers' texts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.egress import Reason, check_custom_header
from libs.egress.headers import check_sent_headers, printable


@pytest.mark.parametrize(
    ("name", "value"),
    [("Authorization", "Bearer x"), ("X-Api-Key", "k"), ("x-team", "a b\u0020c"), ("Accept", "application/json")],
)
def test_a_header_of_the_customers_own_is_allowed(name, value):
    assert check_custom_header(name, value) is None


# fmt: off
RESERVED = [
    "Host", "content-length", "Transfer-Encoding", "Connection", "Keep-Alive", "Upgrade", "TE", "Trailer", "Expect",
    "Proxy-Authorization", "Content-Type", "Content-Encoding", "User-Agent", "Cookie", "Traceparent", "webhook-id",
    "Webhook-Signature", "webhook-timestamp", "webhook-anything", "X-Forwarded-For", "X-Clipwire-Anything",
    "Accept-Encoding", "Date",
]
# fmt: on


@pytest.mark.parametrize("name", RESERVED)
def test_a_reserved_header_is_refused_in_any_case(name):
    for spelling in (name, name.lower(), name.upper()):
        refusal = check_custom_header(spelling, "x")
        assert refusal is not None and refusal.reason is Reason.HEADER and refusal.remedy


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("", "x"),
        ("X A", "x"),
        ("X-A:", "x"),
        ("X-A\r\n", "x"),
        ("X-É", "x"),
        ("X" * 65, "x"),
        ("X-A", ""),
        ("X-A", " x"),
        ("X-A", "x "),
        ("X-A", "x\r\nX-B: y"),
        ("X-A", "x\ny"),
        ("X-A", "x\0y"),
        ("X-A", "x\ty"),
        ("X-A", "é"),
        ("X-A", "x" * 1_025),
    ],
)
def test_a_header_that_cannot_travel_is_refused_without_quoting_its_value(name, value):
    refusal = check_custom_header(name, value)

    assert refusal is not None
    assert "\r" not in refusal.detail and "\n" not in refusal.detail


@given(st.text(), st.text())
def test_what_may_be_registered_can_be_sent(name, value):
    if check_custom_header(name, value) is None:
        assert check_sent_headers({name: value}) is None


@given(st.text(), st.integers(min_value=1, max_value=600))
def test_any_text_is_made_printable_ascii_within_its_bound(text, longest):
    shown = printable(text, longest=longest)

    assert shown.isascii() and (shown == "" or shown.isprintable())
    assert len(shown) <= longest


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=100))
def test_printable_text_is_left_alone(text):
    assert printable(text) == text
