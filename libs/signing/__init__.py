"""Standard Webhooks 1.0.0, both ways: what we put on a delivery, and what a receiver checks.

Lives here: secrets (`whsec_`, `whsk_`, `whpk_`), `sign`, `verify`. Pure: bytes and a time in, headers or an error out.
May import `cryptography` and the standard library, nothing of ours.
Never does: I/O, clocks, logging; never shows a key unless `reveal()` is called.
"""

from libs.signing.errors import (
    BadSecret,
    MalformedSignature,
    NoMatchingSignature,
    OutsideTolerance,
    SignatureError,
    Unsignable,
)
from libs.signing.secret import (
    PublicKey,
    SharedSecret,
    SigningKey,
    SigningSecret,
    VerifyingKey,
    new_secret,
    new_signing_key,
    parse_public_key,
    parse_secret,
)
from libs.signing.signature import (
    ID_HEADER,
    SIGNATURE_HEADER,
    TIMESTAMP_HEADER,
    sign,
    verify,
)

__all__ = [
    "ID_HEADER",
    "SIGNATURE_HEADER",
    "TIMESTAMP_HEADER",
    "BadSecret",
    "MalformedSignature",
    "NoMatchingSignature",
    "OutsideTolerance",
    "PublicKey",
    "SharedSecret",
    "SignatureError",
    "SigningKey",
    "SigningSecret",
    "Unsignable",
    "VerifyingKey",
    "new_secret",
    "new_signing_key",
    "parse_public_key",
    "parse_secret",
    "sign",
    "verify",
]
