"""One JSON request to a program of ours on this machine; plain `http.client`, so that no proxy setting has a say."""

import asyncio
import json
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit


async def ask(method: str, base: str, path: str, body: dict[str, Any] | None = None, *, timeout: float = 10.0) -> Any:
    """The decoded answer. Raises RuntimeError for any status that is not 2xx, OSError when nobody answers."""
    return await asyncio.to_thread(_ask, method, base, path, body, timeout)


def _ask(method: str, base: str, path: str, body: dict[str, Any] | None, timeout: float) -> Any:
    place = urlsplit(base)
    connection = HTTPConnection(place.hostname or "127.0.0.1", place.port, timeout=timeout)
    try:
        content = json.dumps(body) if body is not None else None
        connection.request(method, path, content, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read()
    finally:
        connection.close()
    if not 200 <= answer.status < 300:
        raise RuntimeError(f"{method} {path} answered {answer.status}")
    return json.loads(text) if text else None
