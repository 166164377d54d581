"""Deliveries, and every try of them."""

from typing import Final

from libs.model.delivery import DeliveryState
from libs.rest.code import Code
from libs.rest.deliveries import AttemptAnswer, DeliveryAnswer, DeliveryDetail, FoundAttempt
from libs.rest.shape import Page
from services.api.doc.sample import ATTEMPT, CUSTOMER, DELIVERY, ENDPOINT, EVENT, WHEN
from services.api.doc.shape import Doc, Example

_ATTEMPT: Final = AttemptAnswer(
    id=ATTEMPT,
    n=1,
    at=WHEN,
    status=503,
    error=None,
    ms=42,
    dns_ms=3.1,
    connect_ms=8.4,
    tls_ms=12.7,
    first_byte_ms=40.2,
    reused=False,
    headers={"retry-after": "30"},
    response="busy",
    truncated=False,
    detail=None,
    why="answered 503; the whole endpoint is slowed down",
    next_at=WHEN,
)
_DELIVERY: Final = DeliveryAnswer(
    id=DELIVERY,
    customer_id=CUSTOMER,
    event_id=EVENT,
    event_type="post.accepted",
    endpoint_id=ENDPOINT,
    state=DeliveryState.PENDING,
    tries=1,
    last_status=503,
    last_error=None,
    next_try_at=WHEN,
    created_at=WHEN,
    finished_at=None,
)
_DETAIL: Final = DeliveryDetail(**dict(_DELIVERY), attempts=(_ATTEMPT,))

LISTED: Final = Doc(
    summary="List deliveries",
    answers={200: Page[DeliveryAnswer]},
    examples=(
        Example(200, Page[DeliveryAnswer](data=(_DELIVERY,)), query={"endpoint_id": ENDPOINT, "state": "pending"}),
    ),
)
GET: Final = Doc(
    summary="Show a delivery with its tries",
    answers={200: DeliveryDetail},
    examples=(Example(200, _DETAIL),),
)
REDELIVER: Final = Doc(
    summary="Send a delivery again",
    answers={202: DeliveryDetail},
    problems=(Code.ENDPOINT_DELETED,),
    examples=(Example(202, _DETAIL),),
)
ATTEMPTS: Final = Doc(
    summary="Search the tries of deliveries",
    answers={200: Page[FoundAttempt]},
    examples=(
        Example(
            200,
            Page[FoundAttempt](
                data=(FoundAttempt(**dict(_ATTEMPT), delivery_id=DELIVERY, endpoint_id=ENDPOINT, event_id=EVENT),)
            ),
            query={"endpoint_id": ENDPOINT, "failed": "true", "text": "busy"},
        ),
    ),
)
