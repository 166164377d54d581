"""The signed string of Standard Webhooks, made and checked: `{webhook-id}.{webhook-timestamp}.{raw body}`."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from libs.signing.errors import MalformedSignature, NoMatchingSignature, OutsideTolerance, Unsignable
from libs.signing.secret import SigningSecret, VerifyingKey

ID_HEADER: Final = "webhook-id"
TIMESTAMP_HEADER: Final = "webhook-timestamp"
SIGNATURE_HEADER: Final = "webhook-signature"

# Ten live keys is far more than any rotation needs, and bounds what a stranger's header can make us compute.
MOST_SIGNATURES: Final = 10
_LONGEST_SIGNATURE_HEADER: Final = 2_048

# No dot: the id is the one part of the signed string that could move the borders of the others.
_ID: Final = re.compile(r"[A-Za-z0-9_\-]{1,256}", re.ASCII)
# int() alone would take signs, spaces, underscores and other scripts' digits.
_TIMESTAMP: Final = re.compile(r"0|[1-9][0-9]{0,11}", re.ASCII)
_ENTRY: Final = re.compile(r"(v[0-9]{1,3}[a-z]{0,8}),([A-Za-z0-9+/]{4,512}={0,2})", re.ASCII)
_LATEST_TIMESTAMP: Final = 10**12


def sign(secrets: Sequence[SigningSecret], *, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers of one attempt: one signature per live key, in the order given.

    `timestamp` is Unix seconds of *this* attempt; `message_id` is the same on every try. Raises `Unsignable` for
    an id outside `[A-Za-z0-9_-]{1,256}`, a timestamp out of range, or no key or more than ten.
    """
    if _ID.fullmatch(message_id) is None:
        raise Unsignable("a message id is 1 to 256 letters, digits, underscores and dashes")
    if not 0 <= timestamp < _LATEST_TIMESTAMP:
        raise Unsignable("a timestamp is Unix seconds")
    if not 1 <= len(secrets) <= MOST_SIGNATURES:
        raise Unsignable(f"a message is signed with 1 to {MOST_SIGNATURES} keys")
    stamp = str(timestamp)
    signed = b"%b.%b.%b" % (message_id.encode("ascii"), stamp.encode("ascii"), body)
    return {
        ID_HEADER: message_id,
        TIMESTAMP_HEADER: stamp,
        SIGNATURE_HEADER: " ".join([secret.signature(signed) for secret in secrets]),
    }


def verify(
    body: bytes,
    headers: Mapping[str, str],
    *,
    keys: Sequence[VerifyingKey],
    now: datetime,
    tolerance_s: int = 300,
) -> None:
    """Return when one signature was made by one of `keys` within `tolerance_s` of `now` (aware); raise
    `SignatureError` otherwise, and nothing else whatever the headers hold.

    Entries of versions we do not know are passed over, as the standard asks; entries that are no entries (two
    spaces, no comma, junk in the base64) refuse the whole header. Replays are the caller's to find, by the id.
    """
    message_id = _the_only(headers, ID_HEADER)
    stamp = _the_only(headers, TIMESTAMP_HEADER)
    if _ID.fullmatch(message_id) is None:
        raise MalformedSignature(f"{ID_HEADER} is not an id")
    if _TIMESTAMP.fullmatch(stamp) is None:
        raise MalformedSignature(f"{TIMESTAMP_HEADER} is not Unix seconds")
    entries = _entries(_the_only(headers, SIGNATURE_HEADER))
    if abs(now.timestamp() - int(stamp)) > tolerance_s:
        raise OutsideTolerance
    signed = b"%b.%b.%b" % (message_id.encode("ascii"), stamp.encode("ascii"), body)
    if not any(key.accepts(version, signature, signed) for version, signature in entries for key in keys):
        raise NoMatchingSignature


def _the_only(headers: Mapping[str, str], name: str) -> str:
    """The one value of a header in any letter case; of two, somebody else might read the other one."""
    values = [value for key, value in headers.items() if key.lower() == name]
    if len(values) != 1:
        raise MalformedSignature(f"{name} is {'missing' if not values else 'given twice'}")
    return values[0]


def _entries(header: str) -> list[tuple[str, str]]:
    if len(header) > _LONGEST_SIGNATURE_HEADER:
        raise MalformedSignature(f"{SIGNATURE_HEADER} is longer than {_LONGEST_SIGNATURE_HEADER} characters")
    parts = header.split(" ")
    if len(parts) > MOST_SIGNATURES:
        raise MalformedSignature(f"{SIGNATURE_HEADER} lists more than {MOST_SIGNATURES} signatures")
    entries = []
    for part in parts:
        entry = _ENTRY.fullmatch(part)
        if entry is None:
            raise MalformedSignature(f"{SIGNATURE_HEADER} has an entry that is not `version,base64`")
        entries.append((entry[1], entry[2]))
    return entries
