"""Text from outside that is shown back, in answers, events and logs: it may hold a secret in a place nobody expects.

A key pasted into a wrong field, a token sent as a field's name, a signed URL where an id belongs: whoever sent it knows
what it was, and nobody else shall.
"""

import re

_URL = re.compile(r"(://[^\s?]*+)(\?\S*)?")
"""To its word's end, with a query or without: sought anew behind every `://`, a long text of them takes minutes."""
SHORT = 20
_RUN = re.compile(rf"[A-Za-z0-9_.~+/=*!%-]{{{SHORT},}}")
LONG = 32
"""A run of upper and lower case without a digit is taken for a name up to here: time zones are."""


def veil(text: str) -> str:
    """The text without the queries of its URLs and without what looks random. Ids of ours and words stay."""
    return _RUN.sub(_masked, _URL.sub(lambda url: url[1] + ("?…" if url[2] else ""), text))


def veil_path(text: str) -> str:
    """The same for where a field stands: piece by piece between its dots, because names of others in a row, as in
    `tiktokSettings.content_preview_confirmed`, look random together."""
    return ".".join(map(veil, text.split(".")))


def _masked(run: re.Match[str]) -> str:
    """A path, a URL's too, piece by piece; all else as one, because base64 has slashes."""
    text = run[0]
    return "/".join(map(_piece, text.split("/"))) if text.startswith("/") else _piece(text)


def _piece(text: str) -> str:
    mixed = any(c.isupper() for c in text) and any(c.islower() for c in text)
    random = len(text) >= SHORT and mixed and (len(text) >= LONG or any(c.isdigit() for c in text))
    return f"…({len(text)} characters)" if random else text
