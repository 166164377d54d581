"""Headers of requests and answers, each once."""

from typing import Any, Final

from services.api.idempotency import HEADER

IDEMPOTENCY_KEY: Final[dict[str, Any]] = {
    "name": HEADER,
    "in": "header",
    "description": "Names this request, for a day: the same again is answered the same and does nothing more.",
    "schema": {"type": "string", "maxLength": 255, "pattern": "^[!-~]([ -~]*[!-~])?$"},
}

HEADERS: Final[dict[str, Any]] = {
    "X-Request-Id": {
        "description": "Names the request in our logs: yours if it was sent, else a new one.",
        "required": True,
        "schema": {"type": "string"},
    },
    "RateLimit": {
        "description": "How many requests are left (`r`), and in how many seconds there are as many as ever (`t`).",
        "required": True,
        "schema": {"type": "string", "pattern": '^"key";r=[0-9]+;t=[0-9]+$'},
    },
    "RateLimit-Policy": {
        "description": "How many requests (`q`) the key may send in how many seconds (`w`).",
        "required": True,
        "schema": {"type": "string", "pattern": '^"key";q=[0-9]+;w=[0-9]+$'},
    },
    "Idempotent-Replayed": {
        "description": "`true`: nothing was done now; this was the answer the first time.",
        "schema": {"type": "string", "enum": ["true"]},
    },
    "Location": {"description": "The address of what was made.", "schema": {"type": "string"}},
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "string", "pattern": "^[0-9]+$"}},
    "WWW-Authenticate": {"description": "How to say who you are.", "required": True, "schema": {"type": "string"}},
}


def refs(*names: str) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def of_answer(*, keyed: bool, write: bool, made: bool) -> dict[str, Any]:
    """What comes with every answer of the kind."""
    names = ["X-Request-Id"]
    names += ["RateLimit", "RateLimit-Policy"] if keyed else []
    names += ["Idempotent-Replayed"] if write else []
    names += ["Location"] if made else []
    return refs(*names)
