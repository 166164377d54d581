"""What `verify` refuses, and that it refuses in one way only."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.signing import (
    MalformedSignature,
    NoMatchingSignature,
    OutsideTolerance,
    SharedSecret,
    SignatureError,
    SigningKey,
    Unsignable,
    new_secret,
    new_signing_key,
    sign,
    verify,
)

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
STAMP = int(NOW.timestamp())
# Fixed, because parallel test runs must collect the same test names.
SHARED = SharedSecret(bytes(range(32)))
PAIR = SigningKey(bytes(range(32)))
BODY = b'{"id":"evt_01"}'


def headers_of(*secrets, timestamp=STAMP):
    return sign(secrets or [SHARED], message_id="evt_01", timestamp=timestamp, body=BODY)


@given(
    key=st.sampled_from([SHARED, PAIR]),
    body=st.binary(min_size=1, max_size=300),
    where=st.integers(min_value=0),
    change=st.integers(min_value=1, max_value=255),
)
def test_a_changed_byte_of_the_body_never_verifies(key, body, where, change):
    headers = sign([key], message_id="evt_01", timestamp=STAMP, body=body)
    changed = bytearray(body)
    changed[where % len(body)] ^= change

    with pytest.raises(NoMatchingSignature):
        verify(bytes(changed), headers, keys=[key], now=NOW)


@given(
    name=st.sampled_from(["webhook-id", "webhook-timestamp", "webhook-signature"]),
    key=st.sampled_from([SHARED, PAIR]),
    where=st.integers(min_value=0),
    character=st.characters(),
)
def test_a_changed_character_of_a_header_never_verifies(name, key, where, character):
    headers = headers_of(key)
    value = headers[name]
    at = where % len(value)
    mutated = value[:at] + character + value[at + 1 :]
    if mutated == value:
        return

    with pytest.raises(SignatureError):
        verify(BODY, headers | {name: mutated}, keys=[key], now=NOW)


@given(
    headers=st.dictionaries(
        st.sampled_from(["webhook-id", "Webhook-Id", "webhook-timestamp", "webhook-signature"]) | st.text(),
        st.text() | st.from_regex(r"v1a?,[A-Za-z0-9+/= ]{0,90}"),
    ),
    keep=st.booleans(),
)
def test_any_headers_raise_nothing_but_a_signature_error(headers, keep):
    whole = headers_of() | headers if keep else headers
    if keep and headers_of().items() <= whole.items():
        return

    with pytest.raises(SignatureError):
        verify(BODY, whole, keys=[SHARED, PAIR, PAIR.public], now=NOW)


VALID = headers_of()["webhook-signature"]


@pytest.mark.parametrize(
    "header",
    [
        "",
        " ",
        VALID + " ",
        " " + VALID,
        VALID + "  " + VALID,
        VALID.replace(",", ""),
        VALID.replace(",", ",,"),
        VALID + ",",
        VALID + "\n",
        VALID[:10] + "!" + VALID[10:],
        VALID[:10] + "\n" + VALID[10:],
        VALID + " v1",
        VALID + " garbage",
        VALID + " v1,é",
        VALID + "\u00a0" + VALID,
        ",".join(["v1", "AAAA", "AAAA"]),
        " ".join([VALID] * 11),
        VALID + " v1," + "A" * 4096,
    ],
)
def test_a_malformed_list_is_refused_whole_even_beside_a_good_signature(header):
    with pytest.raises(MalformedSignature):
        verify(BODY, headers_of() | {"webhook-signature": header}, keys=[SHARED], now=NOW)


def test_base64_that_decodes_to_the_right_signature_but_is_not_canonical_is_refused():
    # The last character before the padding carries two bits that decoding throws away.
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    for key, padding in ((SHARED, 1), (PAIR, 2)):
        good = headers_of(key)["webhook-signature"]
        last = good[-padding - 1]
        twin = good[: -padding - 1] + alphabet[alphabet.index(last) ^ 1] + "=" * padding

        with pytest.raises(NoMatchingSignature):
            verify(BODY, headers_of(key) | {"webhook-signature": twin}, keys=[key], now=NOW)


@pytest.mark.parametrize(
    "stamp", ["", " 1", "1 ", "+1", "-1", "1_000", "１７", "1e9", "0x10", "1.0", "01", "9" * 13, "9" * 5000]
)
def test_a_timestamp_that_is_not_plain_unix_seconds_is_refused(stamp):
    with pytest.raises(MalformedSignature):
        verify(BODY, headers_of() | {"webhook-timestamp": stamp}, keys=[SHARED], now=NOW)


@pytest.mark.parametrize(("age_s", "accepted"), [(300, True), (-300, True), (301, False), (-301, False)])
def test_tolerance_is_five_minutes_both_ways(age_s, accepted):
    later = NOW + timedelta(seconds=age_s)

    if accepted:
        verify(BODY, headers_of(), keys=[SHARED], now=later)
    else:
        with pytest.raises(OutsideTolerance):
            verify(BODY, headers_of(), keys=[SHARED], now=later)


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_each_header_is_needed_once_in_any_case(name):
    headers = headers_of()
    missing = {key: value for key, value in headers.items() if key != name}

    with pytest.raises(MalformedSignature, match="missing"):
        verify(BODY, missing, keys=[SHARED], now=NOW)
    with pytest.raises(MalformedSignature, match="twice"):
        verify(BODY, headers | {name.title(): headers[name]}, keys=[SHARED], now=NOW)
    verify(BODY, missing | {name.upper(): headers[name]}, keys=[SHARED], now=NOW)


def test_rotation_is_seamless_one_signature_of_any_live_key_suffices():
    old, new = new_secret(), new_secret()

    headers = headers_of(old, new, PAIR)

    for key in (old, new, PAIR, PAIR.public):
        verify(BODY, headers, keys=[key], now=NOW)
    with pytest.raises(NoMatchingSignature):
        verify(BODY, headers, keys=[new_secret(), new_signing_key().public], now=NOW)
    with pytest.raises(NoMatchingSignature):
        verify(BODY, headers, keys=[], now=NOW)


def test_an_unknown_version_is_passed_over():
    headers = headers_of()
    headers["webhook-signature"] = "v2,AAAA v9z,BBBB " + headers["webhook-signature"]

    verify(BODY, headers, keys=[SHARED], now=NOW)


def test_a_v1_signature_is_not_taken_for_another_version():
    headers = headers_of()
    headers["webhook-signature"] = headers["webhook-signature"].replace("v1,", "v1a,")

    with pytest.raises(NoMatchingSignature):
        verify(BODY, headers, keys=[SHARED, PAIR], now=NOW)


@pytest.mark.parametrize("message_id", ["", "evt.01", "evt 01", "évt", "evt\r\nX: y", "a" * 257])
def test_an_id_that_could_move_the_borders_of_the_signed_string_is_not_signed(message_id):
    with pytest.raises(Unsignable):
        sign([SHARED], message_id=message_id, timestamp=STAMP, body=BODY)


@pytest.mark.parametrize("timestamp", [-1, 10**12])
def test_a_timestamp_that_is_not_seconds_is_not_signed(timestamp):
    with pytest.raises(Unsignable):
        sign([SHARED], message_id="evt_01", timestamp=timestamp, body=BODY)


@pytest.mark.parametrize("count", [0, 11])
def test_no_keys_or_too_many_are_not_signed_with(count):
    with pytest.raises(Unsignable):
        sign([SHARED] * count, message_id="evt_01", timestamp=STAMP, body=BODY)
