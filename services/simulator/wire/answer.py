"""Answers as values, in TikTok's shapes (fact sheet 0, 1.4, 5)."""

import json
from dataclasses import dataclass, field
from typing import Any

from services.simulator.knobs import Knobs
from services.simulator.world.error import OAuthRefused, Refused, UploadRefused
from services.simulator.world.record import Upload

JSON = "application/json; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, body and headers. `code` is for the call log."""

    status: int
    body: bytes = b""
    content_type: str = JSON
    headers: dict[str, str] = field(default_factory=dict)
    code: str = "ok"


def dumps(value: Any) -> bytes:
    """Compact JSON; ids stay raw 64-bit numbers."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")


def ok(data: dict[str, Any] | None, *, log_id: str) -> Answer:
    """The envelope of success; `data` None leaves it out (cancel)."""
    body: dict[str, Any] = {} if data is None else {"data": data}
    return Answer(200, dumps({**body, "error": {"code": "ok", "message": "", "log_id": log_id}}))


def flat(body: dict[str, Any]) -> Answer:
    """OAuth success: no envelope."""
    return Answer(200, dumps(body), headers={"Cache-Control": "no-store"})


def refused(error: Refused, *, log_id: str, knobs: Knobs) -> Answer:
    code = knobs.param_error if error.code == "invalid_params" else str(error.code)
    body: dict[str, Any] = {} if knobs.error_data == "absent" else {"data": {}}
    content = {**body, "error": {"code": code, "message": error.message, "log_id": log_id}}
    return Answer(error.status, dumps(content), code=code)


def oauth_refused(error: OAuthRefused, *, log_id: str, knobs: Knobs) -> Answer:
    content = {"error": error.error, "error_description": error.description, "log_id": log_id}
    return Answer(knobs.oauth_error_status, dumps(content), code=error.error)


def upload_refused(error: UploadRefused, upload: Upload | None) -> Answer:
    """No body at all, as seen in the wild: clients must not parse it."""
    headers = progress(upload) if error.progress and upload is not None else {}
    return Answer(error.status, b"", "text/plain; charset=utf-8", headers, code=error.reason)


def progress(upload: Upload) -> dict[str, str]:
    """`bytes 0-{UPLOADED_BYTES}/{TOTAL}`: the upper value is a count, not an index."""
    return {"Content-Range": f"bytes 0-{upload.received}/{upload.size}"}


def html_error(status: int) -> Answer:
    """What a broken gateway says: never JSON."""
    page = f"<html><head><title>{status}</title></head><body><h1>{status}</h1></body></html>"
    return Answer(status, page.encode(), "text/html", code=f"http_{status}")
