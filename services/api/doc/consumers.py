"""Consumers: durable places in the feed."""

from typing import Final

from libs.rest.code import Code
from libs.rest.consumers import Acknowledgement, ConsumerAnswer, ConsumerNew, Removed, Seek
from libs.rest.events import Feed
from libs.rest.shape import Page
from services.api.doc.events import CURSOR, PAGE
from services.api.doc.sample import CONSUMER, CUSTOMER, WHEN
from services.api.doc.shape import Doc, Example

_WHOSE: Final = {"customer_id": CUSTOMER}
_NAME: Final = {"name": "billing"}
_BILLING: Final = ConsumerAnswer(
    id=CONSUMER,
    customer_id=CUSTOMER,
    name="billing",
    events=("post.accepted",),
    cursor=CURSOR,
    acknowledged_at=None,
    created_at=WHEN,
)
_NEW: Final = _BILLING.model_copy(update={"cursor": "0."})

CREATE: Final = Doc(
    summary="Make a consumer",
    body=ConsumerNew,
    answers={201: ConsumerAnswer},
    problems=(Code.CONSUMER_EXISTS,),
    examples=(
        Example(
            201, _NEW, {"customer_id": CUSTOMER, "name": "billing", "events": ["post.accepted"], "start": "beginning"}
        ),
    ),
)
LISTED: Final = Doc(
    summary="List consumers",
    answers={200: Page[ConsumerAnswer]},
    examples=(Example(200, Page[ConsumerAnswer](data=(_NEW,)), query=_WHOSE),),
)
GET: Final = Doc(
    summary="Show a consumer",
    answers={200: ConsumerAnswer},
    examples=(Example(200, _NEW, query=_WHOSE, path=_NAME),),
)
FETCH: Final = Doc(
    summary="Fetch a consumer's next events",
    answers={200: Feed},
    examples=(Example(200, PAGE, query=_WHOSE | {"limit": "1"}, path=_NAME),),
)
ACKNOWLEDGE: Final = Doc(
    summary="Acknowledge events",
    body=Acknowledgement,
    answers={200: ConsumerAnswer},
    examples=(
        Example(
            200, _BILLING.model_copy(update={"acknowledged_at": WHEN}), {"cursor": CURSOR}, query=_WHOSE, path=_NAME
        ),
    ),
)
SEEK: Final = Doc(
    summary="Move a consumer to another place",
    body=Seek,
    answers={200: ConsumerAnswer},
    examples=(
        Example(200, _NEW.model_copy(update={"acknowledged_at": WHEN}), {"to": "beginning"}, query=_WHOSE, path=_NAME),
    ),
)
REMOVE: Final = Doc(
    summary="Remove a consumer",
    answers={200: Removed},
    examples=(Example(200, Removed(), query=_WHOSE, path=_NAME),),
)
