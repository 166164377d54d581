"""Secrets at rest: sealed with the first encryption key, opened with any (Fernet: AES-128-CBC and HMAC-SHA256)."""

from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from libs.store.errors import WrongKey


class Vault:
    """Seals text to bytes and back. Raises ValueError at once for keys that are no Fernet keys."""

    def __init__(self, keys: Sequence[str]) -> None:
        if not keys:
            raise ValueError("at least one encryption key is needed")
        try:
            self._fernet = MultiFernet([Fernet(key) for key in keys])
        except ValueError as error:
            raise ValueError("an encryption key is 32 bytes as url-safe base64; make one with `make key`") from error

    def seal(self, text: str) -> bytes:
        return self._fernet.encrypt(text.encode())

    def open(self, sealed: bytes) -> str:
        """Raises `WrongKey` when no key fits."""
        try:
            return self._fernet.decrypt(sealed).decode()
        except InvalidToken:
            raise WrongKey("a stored secret opens with none of the keys in CLIPWIRE_ENCRYPTION_KEYS") from None


def new_key() -> str:
    """A fresh encryption key."""
    return Fernet.generate_key().decode()
