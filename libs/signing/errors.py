"""Every way signing says no.

    SignatureError
    ├── BadSecret            a key's text is not a key
    ├── Unsignable           an id or timestamp that would make the signed string ambiguous
    ├── MalformedSignature   headers missing, doubled, too long, or not in the standard's grammar
    ├── OutsideTolerance     signed too long ago, or too far ahead
    └── NoMatchingSignature  well formed, and made by none of the given keys

No message quotes a key, and none quotes more of a header than its name.
"""


class SignatureError(Exception):
    """The message is not to be trusted, or cannot be signed."""

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail or self.__doc__ or "")


class BadSecret(SignatureError):
    """The text is not a webhook key."""


class Unsignable(SignatureError):
    """The message cannot be signed without ambiguity."""


class MalformedSignature(SignatureError):
    """The signature headers are not what the standard prescribes."""


class OutsideTolerance(SignatureError):
    """The message was signed too long ago, or too far in the future."""


class NoMatchingSignature(SignatureError):
    """No signature was made by a known key."""
