"""The audit log, to read."""

from typing import Final

from libs.model.audit import Decision
from libs.rest.audit import AuditAnswer
from libs.rest.shape import Page
from services.api.doc.sample import AUDIT, CUSTOMER, OPERATOR, WHEN
from services.api.doc.shape import Doc, Example

_ENTRY: Final = AuditAnswer(
    id=AUDIT,
    at=WHEN,
    customer_id=None,
    key_id=OPERATOR,
    who='The key "operator"',
    action="customers.create",
    subject=CUSTOMER,
    decision=Decision.ALLOWED,
    sentence=f'The key "operator" did customers.create {CUSTOMER}.',
    detail={"method": "POST", "route": "/v1/customers", "status": 201},
    request_id="req_6f1e0c5a9b3d4e7f8a2c1b0d",
)

LISTED: Final = Doc(
    summary="Search the audit log",
    answers={200: Page[AuditAnswer]},
    examples=(Example(200, Page[AuditAnswer](data=(_ENTRY,)), query={"action": "customers.create"}),),
)
GET: Final = Doc(summary="Show an entry of the audit log", answers={200: AuditAnswer}, examples=(Example(200, _ENTRY),))
