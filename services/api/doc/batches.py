"""Batches: how far the posts of one request for several accounts are."""

from typing import Final

from libs.rest.batches import BatchProgress
from libs.rest.shape import Page
from services.api.doc.sample import BATCH, CUSTOMER, WHEN
from services.api.doc.shape import Doc, Example

_HALF: Final = BatchProgress(
    id=BATCH,
    customer_id=CUSTOMER,
    total=1,
    settled=0,
    complete=False,
    states={"scheduled": 1},
    created_at=WHEN,
)

LISTED: Final = Doc(
    summary="List batches",
    answers={200: Page[BatchProgress]},
    examples=(Example(200, Page[BatchProgress](data=(_HALF,)), query={"limit": "20"}),),
)
GET: Final = Doc(summary="Show how far a batch is", answers={200: BatchProgress}, examples=(Example(200, _HALF),))
