"""Secrets at rest: sealed with the first encryption key, opened with any (Fernet: AES-128-CBC and HMAC-SHA256).

A sealed value is a mark, the id of its key and a Fernet token, so that SQL can tell what is sealed with which key.
"""

import base64
import hashlib
from collections.abc import Sequence
from typing import TypeVar

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from pydantic import SecretStr

from libs.store.errors import WrongKey

MARK = b"\x01"
"""What no bare Fernet token begins with: values from before the mark are tried with every key."""
ID_BYTES = 8
UNMARKED = "unmarked"

Keys = TypeVar("Keys", bound=Sequence[SecretStr])


class Vault:
    """Seals text to bytes and back. Raises ValueError at once for keys that are no Fernet keys."""

    def __init__(self, keys: Sequence[str]) -> None:
        if not keys:
            raise ValueError("at least one encryption key is needed")
        try:
            fernets = [(Fernet(key), key) for key in keys]
        except ValueError as error:
            raise ValueError("an encryption key is 32 bytes as url-safe base64; make one with `make key`") from error
        self._fernets = {key_id(key): fernet for fernet, key in fernets}
        self._all = MultiFernet(list(self._fernets.values()))
        self.ids = tuple(self._fernets)
        """Of its keys; the first one's seals."""

    @property
    def seals_with(self) -> str:
        return self.ids[0]

    def seal(self, text: str) -> bytes:
        return MARK + bytes.fromhex(self.seals_with) + self._fernets[self.seals_with].encrypt(text.encode())

    def open(self, sealed: bytes) -> str:
        """Raises `WrongKey` when no key fits."""
        id_ = sealed_with(sealed)
        fernet = self._all if id_ == UNMARKED else self._fernets.get(id_)
        if fernet is None:
            raise WrongKey(self.missing(id_))
        try:
            return fernet.decrypt(sealed if id_ == UNMARKED else sealed[len(MARK) + ID_BYTES :]).decode()
        except InvalidToken:
            raise WrongKey("a stored secret opens with none of the keys in CLIPWIRE_ENCRYPTION_KEYS") from None

    def reseal(self, sealed: bytes) -> bytes:
        """The same secret under the first key. Raises `WrongKey`."""
        return self.seal(self.open(sealed))

    def missing(self, *ids: str) -> str:
        """One sentence for an operator: which keys are needed, which are there, and what to do."""
        return (
            f"stored secrets are sealed with encryption key {', '.join(ids)}, and CLIPWIRE_ENCRYPTION_KEYS has only "
            f"{', '.join(self.ids)}: add the missing one (a key on its way out stays at the end until it is removable)"
        )


def key_id(key: str) -> str:
    """What a key is called wherever it may be seen: it tells keys apart and nothing about them."""
    return hashlib.sha256(b"clipwire encryption key " + base64.urlsafe_b64decode(key)).digest()[:ID_BYTES].hex()


def sealed_with(sealed: bytes) -> str:
    """The id of the key that opens this, or UNMARKED. The schema has the same as a function."""
    return sealed[len(MARK) : len(MARK) + ID_BYTES].hex() if sealed.startswith(MARK) else UNMARKED


def usable_keys(keys: Keys) -> Keys:
    """For settings: raises ValueError when any of them is no encryption key, without repeating it."""
    Vault([key.get_secret_value() for key in keys])
    return keys


def new_key() -> str:
    """A fresh encryption key."""
    return Fernet.generate_key().decode()
