"""Is this delivery signed as Standard Webhooks says? Written from its text, independent of our own signing."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

TOLERANCE_S = 300


@dataclass(frozen=True, slots=True)
class Verdict:
    """`signature`: valid, invalid, missing or unjudged (no key known). `fresh`: within five minutes of our clock."""

    signature: str
    scheme: str | None = None
    fresh: bool | None = None
    age_s: float | None = None
    reason: str | None = None

    @property
    def good(self) -> bool:
        return self.signature == "valid" and bool(self.fresh)


def judge(headers: Mapping[str, str], body: bytes, *, keys: Sequence[str], now: datetime) -> Verdict:
    """Judges raw bytes against `whsec_…` secrets and `whpk_…` public keys; any one that fits will do.

    A webhook of TikTok's own (the box can stand in for an app, too) is judged with `tiktok_<client secret>` keys.
    """
    if "tiktok-signature" in headers:
        return _judge_tiktok(headers["tiktok-signature"], body, keys=keys, now=now)
    message_id = headers.get("webhook-id")
    stamp = headers.get("webhook-timestamp")
    given = headers.get("webhook-signature")
    if not message_id or not stamp or not given:
        return Verdict("missing", reason="a webhook-id, webhook-timestamp or webhook-signature header is missing")
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) < 16):
        return Verdict("invalid", reason="webhook-timestamp is not Unix seconds")
    age = now.timestamp() - int(stamp)
    fresh = abs(age) <= TOLERANCE_S
    if not keys:
        return Verdict("unjudged", fresh=fresh, age_s=age, reason="no key is known; PUT one")
    signed = message_id.encode() + b"." + stamp.encode() + b"." + body
    for entry in given.split(" "):
        scheme, comma, value = entry.partition(",")
        if comma and any(_fits(scheme, value, key, signed) for key in keys):
            return Verdict("valid", scheme=scheme, fresh=fresh, age_s=age)
    return Verdict("invalid", fresh=fresh, age_s=age, reason="no signature fits a known key")


def _judge_tiktok(given: str, body: bytes, *, keys: Sequence[str], now: datetime) -> Verdict:
    """Fact sheet 6.2: `t=<unix seconds>,s=<hex>` over `t.body`."""
    fields = dict(part.partition("=")[::2] for part in given.split(","))
    t, s = fields.get("t", ""), fields.get("s", "")
    if not (t.isascii() and t.isdigit() and len(t) < 16):
        return Verdict("invalid", scheme="tiktok", reason="t is not Unix seconds")
    age = now.timestamp() - int(t)
    fresh = abs(age) <= TOLERANCE_S
    secrets = [key.removeprefix("tiktok_") for key in keys if key.startswith("tiktok_")]
    if not secrets:
        return Verdict("unjudged", scheme="tiktok", fresh=fresh, age_s=age, reason="no tiktok_ key is known; PUT one")
    signed = t.encode() + b"." + body
    good = any(
        hmac.compare_digest(hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest().encode(), s.encode())
        for secret in secrets
    )
    return Verdict("valid" if good else "invalid", scheme="tiktok", fresh=fresh, age_s=age)


def _fits(scheme: str, value: str, key: str, signed: bytes) -> bool:
    try:
        signature = base64.b64decode(value, validate=True)
        kind, _, material = key.partition("_")
        raw = base64.b64decode(material, validate=True)
        match scheme, kind:
            case "v1", "whsec":
                return hmac.compare_digest(hmac.new(raw, signed, hashlib.sha256).digest(), signature)
            case "v1a", "whpk":
                Ed25519PublicKey.from_public_bytes(raw).verify(signature, signed)
                return True
            case _:
                return False
    except (binascii.Error, ValueError, InvalidSignature):
        return False
