"""Replays: many deliveries sent again."""

from typing import Any, Final

from libs.rest.code import Code
from libs.rest.replays import DryRun, ReplayAnswer, ReplayNew
from libs.rest.shape import Page
from services.api.doc.sample import CUSTOMER, ENDPOINT, REPLAY, WHEN
from services.api.doc.shape import Doc, Example

_WISH: Final[dict[str, Any]] = {
    "customer_id": CUSTOMER,
    "since": "2025-01-01T00:00:00Z",
    "endpoint_id": ENDPOINT,
    "events": ["post.published"],
    "states": ["exhausted"],
}
_REPLAY: Final = ReplayAnswer(
    id=REPLAY,
    customer_id=CUSTOMER,
    state="running",
    since=WHEN,
    until=WHEN,
    endpoint_id=ENDPOINT,
    states=("exhausted",),
    types=("post.published",),
    per_second=50,
    total=0,
    replayed=0,
    created_at=WHEN,
    finished_at=None,
)
_PAUSED: Final = _REPLAY.model_copy(update={"state": "paused"})
_CANCELLED: Final = _REPLAY.model_copy(update={"state": "cancelled", "finished_at": WHEN})

CREATE: Final = Doc(
    summary="Send many deliveries again",
    body=ReplayNew,
    answers={201: ReplayAnswer, 200: DryRun},
    problems=(Code.TOO_MANY_REPLAYS,),
    examples=(
        Example(200, DryRun(total=0, dry_run=True), _WISH | {"dry_run": True}, "How many would it be?"),
        Example(201, _REPLAY, _WISH, "Send them"),
    ),
)
LISTED: Final = Doc(
    summary="List replays",
    answers={200: Page[ReplayAnswer]},
    examples=(Example(200, Page[ReplayAnswer](data=(_REPLAY,))),),
)
GET: Final = Doc(summary="Show how far a replay is", answers={200: ReplayAnswer}, examples=(Example(200, _REPLAY),))
PAUSE: Final = Doc(summary="Pause a replay", answers={200: ReplayAnswer}, examples=(Example(200, _PAUSED),))
RESUME: Final = Doc(summary="Resume a replay", answers={200: ReplayAnswer}, examples=(Example(200, _REPLAY),))
CANCEL: Final = Doc(
    summary="End a replay where it is", answers={200: ReplayAnswer}, examples=(Example(200, _CANCELLED),)
)
