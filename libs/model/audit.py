"""Who did what, where, and whether it was allowed: as a sentence for people and as a record for programs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class Decision(StrEnum):
    ALLOWED = "allowed"
    REFUSED = "refused"
    """By a grant, a rule or the state of things; nothing was done."""
    FAILED = "failed"
    """By a fault or by TikTok; whether something was done is not certain."""

    @classmethod
    def of(cls, status: int) -> "Decision":
        """What an HTTP status says about it."""
        if status < 400:
            return cls.ALLOWED
        return cls.REFUSED if status < 500 else cls.FAILED


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the audit log. `customer_id` is whom it concerns, None for what is the operator's alone."""

    id: str
    at: datetime
    customer_id: str | None
    key_id: str | None
    who: str
    action: str
    subject: str
    decision: Decision
    request_id: str
    detail: Mapping[str, Any] = field(default_factory=dict)

    @property
    def sentence(self) -> str:
        what = f"{self.action} {self.subject}".strip()
        where = f" of {self.customer_id}" if self.customer_id else ""
        why = f": {self.detail['code']}" if self.detail.get("code") else ""
        match self.decision:
            case Decision.ALLOWED:
                return f"{self.who} did {what}{where}."
            case Decision.REFUSED:
                return f"{self.who} was refused {what}{where}{why}."
            case Decision.FAILED:
                return f"{self.who} tried {what}{where}, and it failed{why}."


VERBS = {"POST": "create", "PATCH": "change", "PUT": "set", "DELETE": "delete", "GET": "read"}


def action_of(method: str, path: str) -> str:
    """What an operation is called: `POST /v1/endpoints/{id}/enable` is `endpoints.enable`.

    In another vendor's words its name comes first: `POST /compat/acme/v1/posts` is `acme.posts.create`.
    """
    parts = [part for part in path.split("/")[2:] if part and not part.startswith("{")]
    if path.startswith("/compat/"):
        named = action_of(method, "/".join(["", *parts[1:]])) if parts[1:] else VERBS.get(method, method.lower())
        return f"{parts[0]}.{named}"
    if len(parts) > 1 and method == "POST":
        return ".".join(parts)
    return ".".join([*parts, VERBS.get(method, method.lower())])
