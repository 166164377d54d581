"""Events, as a feed."""

from typing import Final

from libs.model.event_type import EventType
from libs.model.sample import example
from libs.rest.events import EventAnswer, Feed
from services.api.doc.sample import EVENT
from services.api.doc.shape import Doc, Example

CURSOR: Final = f"4711.{EVENT}"
_SAMPLE: Final = example(EventType.POST_ACCEPTED)
ACCEPTED: Final = EventAnswer.model_validate(_SAMPLE | {"id": EVENT, "data": _SAMPLE["data"] | {"state": "scheduled"}})
PAGE: Final = Feed(data=(ACCEPTED,), next_cursor=CURSOR)

FEED: Final = Doc(
    summary="Read the feed of events",
    answers={200: Feed},
    examples=(Example(200, PAGE, query={"type": "post.accepted", "limit": "1"}),),
)
GET: Final = Doc(summary="Show an event", answers={200: EventAnswer}, examples=(Example(200, ACCEPTED),))
