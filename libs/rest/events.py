"""Events, as a feed. Each item is the webhook body, byte for byte what endpoints get."""

from typing import Any

from libs.model.event import EventType
from libs.rest.field import FeedCursor, Moment, PostId
from libs.rest.shape import Answer, PageQuery


class EventsQuery(PageQuery):
    cursor: FeedCursor | None = None
    type: EventType | None = None
    post_id: PostId | None = None


class EventAnswer(Answer):
    id: str
    type: str
    timestamp: Moment
    data: dict[str, Any]


class Feed(Answer):
    """Oldest first, in the order they were committed.

    `next_cursor` is where to go on, on the last page too: asking with it again finds what has come since. It is None
    only when the feed has had nothing yet.
    """

    data: tuple[EventAnswer, ...]
    next_cursor: str | None = None
