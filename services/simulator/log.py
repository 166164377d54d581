"""The call log: what clients asked and what they got, secrets blotted out."""

import json
import re
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

SECRET_FIELDS = frozenset({
    "access_token", "refresh_token", "client_secret", "code", "code_verifier", "token", "upload_token",
})  # fmt: skip
BLOT = "***"
MAX_BODY = 4096
_IN_URL = re.compile(r"((?:upload_token|code|access_token|client_secret|sig|signature)=)[^&\s\"]+")


@dataclass(slots=True)
class Call:
    """One request. `at` is the simulator's time; `ms` is real."""

    seq: int
    at: datetime
    method: str
    path: str
    endpoint: str
    status: int | None = None
    code: str | None = None
    """`error.code`, the OAuth `error`, or `ok`."""
    log_id: str = ""
    open_id: str | None = None
    publish_id: str | None = None
    chunk: int | None = None
    request: Any = None
    response: Any = None
    received_bytes: int = 0
    ms: float = 0.0
    faults: list[str] = field(default_factory=list)
    outcome: str = "answered"
    """`answered`, `reset`, `hung`, `truncated`, or `client_gone`."""

    def shown(self) -> dict[str, Any]:
        return {
            "seq": self.seq,
            "at": self.at.isoformat(),
            "method": self.method,
            "path": self.path,
            "endpoint": self.endpoint,
            "status": self.status,
            "code": self.code,
            "log_id": self.log_id,
            "open_id": self.open_id,
            "publish_id": self.publish_id,
            "chunk": self.chunk,
            "request": self.request,
            "response": self.response,
            "received_bytes": self.received_bytes,
            "ms": round(self.ms, 1),
            "faults": self.faults,
            "outcome": self.outcome,
        }


class CallLog:
    """The newest `most` calls."""

    def __init__(self, most: int) -> None:
        self._calls: deque[Call] = deque(maxlen=most)
        self._seq = 0
        self.counts: dict[tuple[str, str], int] = {}

    def add(self, *, at: datetime, method: str, path: str, endpoint: str) -> Call:
        self._seq += 1
        call = Call(self._seq, at, method, blot_url(path), endpoint)
        self._calls.append(call)
        return call

    def count(self, call: Call) -> None:
        """Adds to the totals that outlive the log's length."""
        key = (call.endpoint, call.code or str(call.status or call.outcome))
        self.counts[key] = self.counts.get(key, 0) + 1

    def find(
        self, *, endpoint: str | None, open_id: str | None, publish_id: str | None, after: int, limit: int
    ) -> list[Call]:
        """Calls with a number above `after`, oldest first; the newest `limit` of them."""
        found = [
            call
            for call in self._calls
            if call.seq > after
            and endpoint in (None, call.endpoint)
            and open_id in (None, call.open_id)
            and publish_id in (None, call.publish_id)
        ]
        return found[-limit:]

    def clear(self) -> None:
        self._calls.clear()
        self.counts.clear()


def blot(value: Any) -> Any:
    """The value with every secret field and signed URL blotted out, to any depth."""
    if isinstance(value, dict):
        return {k: BLOT if k in SECRET_FIELDS and v else blot(v) for k, v in value.items()}
    if isinstance(value, list):
        return [blot(item) for item in value]
    return blot_url(value) if isinstance(value, str) else value


def blot_url(text: str) -> str:
    return _IN_URL.sub(rf"\1{BLOT}", text)


def shown_body(body: bytes, parsed: Any = None) -> Any:
    """A body for the log: parsed and blotted when it is JSON or a form, else its length."""
    if parsed is None and body[:1] in (b"{", b"["):
        try:
            parsed = json.loads(body[: MAX_BODY * 4])
        except (ValueError, RecursionError):
            parsed = None
    if parsed is None:
        return f"<{len(body)} bytes>" if body else None
    blotted = blot(parsed)
    return blotted if len(str(blotted)) <= MAX_BODY else f"<{len(body)} bytes of JSON>"
