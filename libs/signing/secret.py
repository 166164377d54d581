"""Keys of Standard Webhooks as prepared values: base64 is decoded once, each use is one call into C.

| text            | value          | signs | verifies |
|-----------------|----------------|-------|----------|
| `whsec_<b64>`   | `SharedSecret` | `v1`  | `v1`     |
| `whsk_<b64>`    | `SigningKey`   | `v1a` | `v1a`    |
| `whpk_<b64>`    | `PublicKey`    |       | `v1a`    |
"""

import hmac
import secrets
from binascii import Error as Base64Error
from binascii import a2b_base64, b2a_base64
from typing import Final, final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from libs.signing.errors import BadSecret

SHORTEST_SECRET_BYTES: Final = 24
LONGEST_SECRET_BYTES: Final = 64
_NEW_SECRET_BYTES: Final = 32
_SEED_BYTES: Final = 32


def encode(raw: bytes) -> str:
    """Standard base64 with padding, the only alphabet the standard uses."""
    return b2a_base64(raw, newline=False).decode("ascii")


def decode(text: str) -> bytes | None:
    """The bytes behind canonical base64, or None.

    Canonical means that encoding again gives the same text: Python's own decoder also takes junk characters, and
    several texts for one value, and both would make a signature malleable.
    """
    try:
        raw = a2b_base64(text, strict_mode=True)
    except (Base64Error, ValueError):
        return None
    return raw if encode(raw) == text else None


@final
class SharedSecret:
    """A symmetric `whsec_` key. Prints masked; `reveal()` gives the text to show once."""

    __slots__ = ("_key", "_keyed")

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._keyed = hmac.new(key, digestmod="sha256")  # copied for each message: taking in the key is half the work

    def reveal(self) -> str:
        return "whsec_" + encode(self._key)

    def signature(self, signed: bytes) -> str:
        """`v1,<base64 of HMAC-SHA256>`."""
        return "v1," + encode(self._digest(signed))

    def accepts(self, version: str, signature: str, signed: bytes) -> bool:
        """Whether `signature` (base64 text) is ours; the comparison takes the same time wherever they differ."""
        if version != "v1" or not signature.isascii():
            return False
        return hmac.compare_digest(encode(self._digest(signed)), signature)

    def _digest(self, signed: bytes) -> bytes:
        keyed = self._keyed.copy()
        keyed.update(signed)
        return keyed.digest()

    def __repr__(self) -> str:
        return "SharedSecret(whsec_…)"


@final
class PublicKey:
    """The `whpk_` half of an ed25519 pair: verifies `v1a`, and is no secret."""

    __slots__ = ("_public", "_raw")

    def __init__(self, raw: bytes) -> None:
        try:
            self._public = Ed25519PublicKey.from_public_bytes(raw)
        except ValueError as exc:
            raise BadSecret("an ed25519 public key is 32 bytes") from exc
        self._raw = raw

    @property
    def text(self) -> str:
        return "whpk_" + encode(self._raw)

    def accepts(self, version: str, signature: str, signed: bytes) -> bool:
        raw = decode(signature) if version == "v1a" else None
        if raw is None:
            return False
        try:
            self._public.verify(raw, signed)
        except InvalidSignature:
            return False
        return True

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PublicKey) and other._raw == self._raw

    def __hash__(self) -> int:
        return hash(self._raw)

    def __repr__(self) -> str:
        return f"PublicKey({self.text})"


@final
class SigningKey:
    """The `whsk_` half of an ed25519 pair. Prints masked."""

    __slots__ = ("_private", "_seed", "public")

    public: PublicKey

    def __init__(self, seed: bytes) -> None:
        try:
            self._private = Ed25519PrivateKey.from_private_bytes(seed)
        except ValueError as exc:
            raise BadSecret("an ed25519 seed is 32 bytes") from exc
        self._seed = seed
        self.public = PublicKey(self._private.public_key().public_bytes_raw())

    def reveal(self) -> str:
        """Seed then public key, 64 bytes, as Svix serialises it."""
        return "whsk_" + encode(self._seed + self._private.public_key().public_bytes_raw())

    def signature(self, signed: bytes) -> str:
        """`v1a,<base64 of the ed25519 signature>`."""
        return "v1a," + encode(self._private.sign(signed))

    def accepts(self, version: str, signature: str, signed: bytes) -> bool:
        return self.public.accepts(version, signature, signed)

    def __repr__(self) -> str:
        return f"SigningKey(whsk_…, public={self.public.text})"


SigningSecret = SharedSecret | SigningKey
"""What can sign."""

VerifyingKey = SharedSecret | SigningKey | PublicKey
"""What can verify."""


def new_secret() -> SharedSecret:
    """A fresh symmetric secret of 32 random bytes."""
    return SharedSecret(secrets.token_bytes(_NEW_SECRET_BYTES))


def new_signing_key() -> SigningKey:
    """A fresh ed25519 pair."""
    return SigningKey(secrets.token_bytes(_SEED_BYTES))


def parse_secret(text: str, *, shortest: int = SHORTEST_SECRET_BYTES) -> SigningSecret:
    """`whsec_…` or `whsk_…` to a prepared key; raises `BadSecret`.

    `shortest` is the standard's 24 bytes; lower it only for a key that somebody else made (one public vector
    has 18). A `whsk_` may be the 32-byte seed alone; with a public half, the halves must belong together.
    """
    match text.partition("_"):
        case "whsec", _, encoded:
            key = decode(encoded)
            if key is None:
                raise BadSecret("a whsec_ secret ends in standard base64 with its padding")
            if not shortest <= len(key) <= LONGEST_SECRET_BYTES:
                raise BadSecret(f"a whsec_ secret holds {shortest} to {LONGEST_SECRET_BYTES} bytes")
            return SharedSecret(key)
        case "whsk", _, encoded:
            pair = decode(encoded)
            if pair is None or len(pair) not in (_SEED_BYTES, 2 * _SEED_BYTES):
                raise BadSecret("a whsk_ key is base64 of 32 bytes (seed) or 64 (seed, then public key)")
            signing_key = SigningKey(pair[:_SEED_BYTES])
            if pair[_SEED_BYTES:] and signing_key.public != PublicKey(pair[_SEED_BYTES:]):
                raise BadSecret("the public half of this whsk_ key belongs to another seed")
            return signing_key
        case _:
            raise BadSecret("a signing secret starts with whsec_ or whsk_")


def parse_public_key(text: str) -> PublicKey:
    """`whpk_…` to a prepared key; raises `BadSecret`."""
    prefix, _, encoded = text.partition("_")
    raw = decode(encoded) if prefix == "whpk" else None
    if raw is None:
        raise BadSecret("a public key is whpk_ and base64 of 32 bytes")
    return PublicKey(raw)
