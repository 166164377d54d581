"""Replays: many deliveries sent again."""

from typing import Annotated, Literal

from pydantic import Field

from libs.rest.endpoints import Patterns
from libs.rest.field import CustomerId, EndpointId, Flag, Future, Moment, ReplayId, Whole
from libs.rest.shape import Answer, Ask, Item, PageQuery

PER_SECOND_MAX = 1000
Again = Literal["delivered", "exhausted"]


class ReplaysQuery(PageQuery):
    cursor: ReplayId | None = None


class ReplayNew(Ask):
    """Deliveries of events from `since` on and before `until` (now, when absent). `dry_run` only counts them.

    `per_second` is for each endpoint; an endpoint's own limit holds besides.
    """

    customer_id: CustomerId | None = None
    since: Future
    until: Future | None = None
    events: Patterns = ("*",)
    endpoint_id: EndpointId | None = None
    states: Annotated[tuple[Again, ...], Field(min_length=1, max_length=2)] = ("exhausted",)
    per_second: Annotated[int, Field(strict=True, ge=1, le=PER_SECOND_MAX), Whole] = 50
    dry_run: Flag = False


class DryRun(Answer):
    """How many deliveries the replay would send again now."""

    total: int
    dry_run: bool = True


class ReplayAnswer(Item):
    """`replayed` of about `total` are on their way again, at most a second's worth of them not yet due: `total` was
    counted when the replay was made. An endpoint that takes less than `per_second` holds up nobody else; what is for
    one that is down is handed out when it is back, and the replay runs until then, or until it is cancelled.
    """

    customer_id: str
    state: Literal["running", "paused", "done", "cancelled"]
    since: Moment
    until: Moment
    endpoint_id: str | None
    states: tuple[Again, ...]
    types: tuple[str, ...] | None
    per_second: int
    total: int
    replayed: int
    created_at: Moment
    finished_at: Moment | None
