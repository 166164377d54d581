"""Consumers: durable places in the feed of events, for customers without a public URL."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from libs.rest.endpoints import Patterns
from libs.rest.field import ConsumerId, CustomerId, Digits, FeedCursor, Future, Moment
from libs.rest.shape import Answer, Ask, Item, PageQuery

ConsumerName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
FETCH_MAX = 500


class ConsumersQuery(PageQuery):
    cursor: ConsumerId | None = None


class ConsumerQuery(Ask):
    """Whose consumer: an operator's key names the customer, or nobody for one of the operator's own."""

    customer_id: CustomerId | None = None


class FetchQuery(ConsumerQuery):
    limit: Annotated[int, Field(ge=1, le=FETCH_MAX), Digits] = 100


class ConsumerNew(Ask):
    """`start` is `now`, `beginning`, or a cursor of the feed."""

    name: ConsumerName
    customer_id: CustomerId | None = None
    events: Patterns = ("*",)
    start: Literal["now", "beginning"] | FeedCursor = "now"


class Acknowledgement(Ask):
    cursor: FeedCursor


class Seek(Ask):
    """Exactly one of them: a cursor of the feed, a time, or one of the ends."""

    cursor: FeedCursor | None = None
    time: Future | None = None
    to: Literal["now", "beginning"] | None = None

    @model_validator(mode="after")
    def _one(self) -> "Seek":
        if sum(given is not None for given in (self.cursor, self.time, self.to)) != 1:
            raise PydanticCustomError("one_of", "Give exactly one of cursor, time and to")
        return self


class ConsumerAnswer(Item):
    """`cursor` is the place everything up to which is acknowledged."""

    customer_id: str | None
    name: str
    events: tuple[str, ...]
    cursor: str
    acknowledged_at: Moment | None
    created_at: Moment


class Removed(Answer):
    removed: bool = True
