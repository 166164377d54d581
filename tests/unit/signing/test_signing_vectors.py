"""The public vectors, and strangers as judges: PyPI `standardwebhooks`, `svix`, and `cryptography` itself."""

import base64
import json
from datetime import UTC, datetime

import pytest
import standardwebhooks
import svix
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from libs.signing import (
    SigningKey,
    new_secret,
    new_signing_key,
    parse_public_key,
    parse_secret,
    sign,
    verify,
)

# The test key pair printed in the Svix server's README.
SVIX_PRIVATE = "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="
SVIX_PUBLIC = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="

VECTORS = [
    (
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    ),
    (
        "whsec_plJ3nmyCDGBKInavdOK15jsl",
        "msg_loFOjxBNrRLzqYUf",
        1731705121,
        b'{"event_type":"ping","data":{"success":true}}',
        "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0=",
    ),
    (
        SVIX_PRIVATE,
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
        "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg==",
    ),
]


@pytest.mark.parametrize(("secret", "message_id", "timestamp", "body", "signature"), VECTORS)
def test_public_vector_is_signed_and_verified(secret, message_id, timestamp, body, signature):
    key = parse_secret(secret, shortest=18)

    headers = sign([key], message_id=message_id, timestamp=timestamp, body=body)

    assert headers == {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature,
    }
    verify(body, headers, keys=[key], now=datetime.fromtimestamp(timestamp, UTC))


def test_public_half_of_the_svix_test_key_is_derived_and_verifies_alone():
    key = parse_secret(SVIX_PRIVATE)
    _, message_id, timestamp, body, signature = VECTORS[2]
    headers = {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature,
    }

    public = parse_public_key(SVIX_PUBLIC)

    assert isinstance(key, SigningKey)
    assert key.public == public
    assert key.reveal() == SVIX_PRIVATE
    verify(body, headers, keys=[public], now=datetime.fromtimestamp(timestamp, UTC))


BODIES = st.dictionaries(st.text(), st.text() | st.integers()).map(lambda data: json.dumps(data).encode())


@given(body=BODIES, spare=st.booleans())
def test_both_python_libraries_accept_what_we_sign_during_a_rotation(body, spare):
    secret, old = new_secret(), new_secret()
    keys = [old, secret] if spare else [secret]
    now = int(datetime.now(UTC).timestamp())

    headers = sign([*keys, new_signing_key()], message_id="evt_01", timestamp=now, body=body)

    standardwebhooks.Webhook(secret.reveal()).verify(body, headers)
    svix.Webhook(secret.reveal()).verify(body, headers)


@given(body=BODIES)
def test_a_changed_byte_is_refused_by_both_python_libraries(body):
    secret = new_secret()
    now = int(datetime.now(UTC).timestamp())

    headers = sign([secret], message_id="evt_01", timestamp=now, body=body)

    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(secret.reveal()).verify(body + b"!", headers)
    with pytest.raises(svix.WebhookVerificationError):
        svix.Webhook(secret.reveal()).verify(body + b"!", headers)


@given(body=st.binary())
def test_cryptography_accepts_our_ed25519_signature_over_the_standards_string(body):
    key = new_signing_key()
    raw_public = base64.b64decode(key.public.text.removeprefix("whpk_"))

    headers = sign([key], message_id="evt_01", timestamp=1_700_000_000, body=body)

    version, signature = headers["webhook-signature"].split(",")
    judge = Ed25519PublicKey.from_public_bytes(raw_public)
    assert version == "v1a"
    judge.verify(base64.b64decode(signature), b"evt_01.1700000000." + body)
    with pytest.raises(InvalidSignature):
        judge.verify(base64.b64decode(signature), b"evt_01.1700000000." + body + b"!")


def test_what_the_libraries_sign_verifies_here():
    secret = new_secret()
    now = datetime.now(UTC)
    theirs = standardwebhooks.Webhook(secret.reveal()).sign("evt_01", now, "{}")
    headers = {
        "Webhook-Id": "evt_01",
        "Webhook-Timestamp": str(int(now.timestamp())),
        "Webhook-Signature": theirs,
    }

    verify(b"{}", headers, keys=[secret], now=now)
