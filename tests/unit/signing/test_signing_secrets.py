"""Keys: what parses, what is refused, and that none prints itself."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.signing import (
    BadSecret,
    SharedSecret,
    SigningKey,
    new_secret,
    new_signing_key,
    parse_public_key,
    parse_secret,
)


def b64(raw):
    return base64.b64encode(raw).decode()


@given(st.binary(min_size=24, max_size=64))
def test_a_secret_of_24_to_64_bytes_survives_its_text(raw):
    text = "whsec_" + b64(raw)

    assert parse_secret(text).reveal() == text


@pytest.mark.parametrize("make", [new_secret, new_signing_key])
def test_a_new_key_survives_its_text_and_is_never_the_same_twice(make):
    key = make()

    assert parse_secret(key.reveal()).reveal() == key.reveal()
    assert make().reveal() != key.reveal()


def test_a_signing_key_is_accepted_as_bare_seed_and_shown_with_its_public_half():
    key = parse_secret("whsk_" + b64(bytes(range(32))))

    assert isinstance(key, SigningKey)
    assert len(base64.b64decode(key.reveal().removeprefix("whsk_"))) == 64
    assert parse_public_key(key.public.text) == key.public


@pytest.mark.parametrize(
    "text",
    [
        "",
        "whsec_",
        "whsec",
        "WHSEC_" + b64(bytes(32)),
        b64(bytes(32)),
        "whsec_" + b64(bytes(23)),
        "whsec_" + b64(bytes(65)),
        "whsec_" + b64(bytes(32)).rstrip("="),
        "whsec_" + b64(bytes(32)) + "\n",
        "whsec_!" + b64(bytes(32)),
        "whsec_" + b64(b"\xfb" * 32).replace("+", "-"),
        "whsec_é" + b64(bytes(32)),
        "whsk_" + b64(bytes(31)),
        "whsk_" + b64(bytes(63)),
        "whsk_" + b64(bytes(64)),
        "whpk_" + b64(bytes(32)),
    ],
)
def test_what_is_not_a_signing_secret_is_refused_without_being_quoted(text):
    with pytest.raises(BadSecret) as refused:
        parse_secret(text)

    secret_part = text.partition("_")[2]
    assert not secret_part or secret_part not in str(refused.value)


@given(st.text() | st.text().map("whsec_".__add__) | st.text().map("whsk_".__add__))
def test_any_text_raises_nothing_but_bad_secret(text):
    for parse in (parse_secret, parse_public_key):
        with pytest.raises(BadSecret):
            parse(text)


@pytest.mark.parametrize("text", ["whpk_", "whpk_" + b64(bytes(31)), "whpk_" + b64(bytes(64)), "whsk_x", "x"])
def test_what_is_not_a_public_key_is_refused(text):
    with pytest.raises(BadSecret):
        parse_public_key(text)


def test_a_secret_prints_masked():
    shared, pair = new_secret(), new_signing_key()

    for shown in (repr(shared), str(shared), f"{[shared]}"):
        assert shared.reveal().removeprefix("whsec_") not in shown
    for shown in (repr(pair), str(pair), f"{[pair]}"):
        assert pair.reveal().removeprefix("whsk_")[:40] not in shown
    assert isinstance(shared, SharedSecret)
