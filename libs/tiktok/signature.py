"""`TikTok-Signature: t=<unix seconds>,s=<hex>`: HMAC-SHA256 of `t + "." + raw body` under the client secret (6.2).

Pure, and a hot path: bytes in, verdict out, nothing kept.
"""

import hmac
import re
from collections.abc import Sequence
from enum import StrEnum

HEADER = "TikTok-Signature"
"""The header's name. It arrives as `Tiktok-Signature`: compare without regard to case."""

# Exactly what 6.2 shows, in its order. Twelve digits reach the year 33658 and keep the integer small.
_FORM = re.compile(r"t=([0-9]{1,12}),s=([0-9a-f]{64})")


class Verdict(StrEnum):
    """What a signature is worth. Only `OK` means: TikTok sent exactly these bytes, lately."""

    OK = "ok"
    """Signed with a live secret, and the time is within bounds."""
    MISSING = "missing"
    """No header, or an empty one."""
    MALFORMED = "malformed"
    """A header of another form than TikTok's."""
    MISMATCHED = "mismatched"
    """Well formed, signed with none of the live secrets, or over other bytes."""
    TOO_OLD = "too_old"
    """Truly signed, longer ago than the caller accepts."""
    IN_FUTURE = "in_future"
    """Truly signed, further ahead of our clock than the caller accepts."""


def sign(body: bytes, *, secret: str, t: int) -> str:
    """The header's value for these raw bytes at this Unix second. Raises ValueError for an empty secret."""
    if not secret:
        raise ValueError("an empty secret signs nothing")
    return f"t={t},s={_mac(body, secret=secret, t=str(t)).hex()}"


def verify(
    body: bytes, header: str | None, *, secrets: Sequence[str], now: int, max_age_s: int, max_ahead_s: int = 300
) -> Verdict:
    """Judge the header over the raw body as it arrived, before any parsing. Never raises, whatever the header says.

    Every secret is tried in constant time, so the time taken tells neither which one matched nor how nearly. The age is
    judged only after the signature: a stranger learns nothing of our clock. An empty secret matches nothing.
    """
    if not header:
        return Verdict.MISSING
    form = _FORM.fullmatch(header)
    if form is None:
        return Verdict.MALFORMED
    t, claimed = form[1], bytes.fromhex(form[2])
    matched = False
    for secret in secrets:
        matched |= hmac.compare_digest(_mac(body, secret=secret, t=t), claimed) and secret != ""
    if not matched:
        return Verdict.MISMATCHED
    age = now - int(t)
    if age > max_age_s:
        return Verdict.TOO_OLD
    return Verdict.IN_FUTURE if -age > max_ahead_s else Verdict.OK


def _mac(body: bytes, *, secret: str, t: str) -> bytes:
    return hmac.digest(secret.encode(), b"%b.%b" % (t.encode(), body), "sha256")
