"""The audit log: who did what, where, and whether it was allowed."""

from typing import Annotated, Any

from pydantic import StringConstraints

from libs.model.audit import Decision
from libs.rest.field import AuditId, Future, KeyId, Moment
from libs.rest.shape import Item, PageQuery


class AuditQuery(PageQuery):
    """Entries from `since` on and before `until`. `subject` is the id, or a consumer's name, of what it was done to."""

    cursor: AuditId | None = None
    key_id: KeyId | None = None
    decision: Decision | None = None
    action: Annotated[str, StringConstraints(pattern=r"^[a-z_.-]{1,64}$")] | None = None
    subject: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]{1,64}$")] | None = None
    since: Future | None = None
    until: Future | None = None


class AuditAnswer(Item):
    """`sentence` says for people what the rest says for programs."""

    at: Moment
    customer_id: str | None
    key_id: str | None
    who: str
    action: str
    subject: str
    decision: Decision
    sentence: str
    detail: dict[str, Any]
    request_id: str
