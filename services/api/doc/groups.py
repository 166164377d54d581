"""Groups: a place for one TikTok account."""

from typing import Final

from libs.rest.groups import GroupAnswer, GroupChange, GroupNew
from libs.rest.shape import Page
from services.api.doc.sample import CUSTOMER, GROUP, WHEN
from services.api.doc.shape import Doc, Example

_BRAND: Final = GroupAnswer(id=GROUP, customer_id=CUSTOMER, name="Acme Shoes", account_id=None, created_at=WHEN)
_BOOTS: Final = _BRAND.model_copy(update={"name": "Acme Boots"})

CREATE: Final = Doc(
    summary="Make a group",
    body=GroupNew,
    answers={201: GroupAnswer},
    examples=(Example(201, _BRAND, {"customer_id": CUSTOMER, "name": "Acme Shoes"}),),
)
LISTED: Final = Doc(
    summary="List groups",
    answers={200: Page[GroupAnswer]},
    examples=(Example(200, Page[GroupAnswer](data=(_BRAND,))),),
)
GET: Final = Doc(summary="Show a group", answers={200: GroupAnswer}, examples=(Example(200, _BRAND),))
RENAME: Final = Doc(
    summary="Rename a group",
    body=GroupChange,
    answers={200: GroupAnswer},
    examples=(Example(200, _BOOTS, {"name": "Acme Boots"}),),
)
DELETE: Final = Doc(summary="Delete a group", answers={200: GroupAnswer}, examples=(Example(200, _BOOTS),))
