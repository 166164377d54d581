"""Where a post's media come from: ids of ours, and URLs, whose query may be a signature: a secret of its owner."""

import hashlib
from collections.abc import Mapping
from typing import Any

DIGEST = 16
SIGN = "?…"


def cut(source: str) -> str:
    """To be shown: a URL without its query."""
    before, query, _ = source.partition("?")
    return before + SIGN if query else source


def veiled(request: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """A post request as it may be kept in clear, and what has to be sealed of it: nothing when no URL has a query.

    Each URL keeps everything before its query and a digest of that, so that two requests look alike only if they are.
    """
    whole = {name: request[name] for name in ("media", "cover") if request.get(name)}
    kept = {name: _each(value) for name, value in whole.items()}
    return {**request, **kept}, whole if kept != whole else {}


def _each(value: Any) -> Any:
    return _veil(value) if isinstance(value, str) else [_veil(str(one)) for one in value]


def _veil(source: str) -> str:
    before, query, secret = source.partition("?")
    return f"{before}{SIGN}{hashlib.sha256(secret.encode()).hexdigest()[:DIGEST]}" if query else source
