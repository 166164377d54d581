"""Customers: whom the operator posts for."""

from typing import Final

from libs.rest.customers import CustomerAnswer, CustomerChange, CustomerDetail, CustomerNew
from libs.rest.shape import Page
from services.api.doc.sample import CUSTOMER, WHEN
from services.api.doc.shape import Doc, Example

ACME: Final = CustomerAnswer(
    id=CUSTOMER, name="Acme", media_bytes_max=None, media_files_max=None, strict_disclosure=False, created_at=WHEN
)
_KEEPS: Final = CustomerDetail(**dict(ACME), media_bytes=10_485_760, media_files=1)

CREATE: Final = Doc(
    summary="Add a customer",
    body=CustomerNew,
    answers={201: CustomerAnswer},
    examples=(Example(201, ACME, {"name": "Acme"}),),
)
LISTED: Final = Doc(
    summary="List customers",
    answers={200: Page[CustomerAnswer]},
    examples=(Example(200, Page[CustomerAnswer](data=(ACME,)), query={"limit": "20"}),),
)
GET: Final = Doc(summary="Show a customer", answers={200: CustomerDetail}, examples=(Example(200, _KEEPS),))
CHANGE: Final = Doc(
    summary="Change a customer's name, quotas of media or duty to disclose",
    body=CustomerChange,
    answers={200: CustomerDetail},
    examples=(
        Example(
            200,
            _KEEPS.model_copy(update={"media_bytes_max": 10_737_418_240}),
            {"name": "Acme", "media_bytes_max": 10_737_418_240},
        ),
    ),
)
