"""Batches: the posts that one request with `account_ids` made."""

from libs.rest.field import BatchId, Moment
from libs.rest.shape import Item, PageQuery


class BatchesQuery(PageQuery):
    cursor: BatchId | None = None


class BatchProgress(Item):
    """How far the posts of a batch are. `states` counts those that the key may see, by state.

    `settled` of `total` are published, in the creator's inbox, failed or cancelled; `complete` when all are, which
    `batch.completed` tells once.
    """

    customer_id: str
    total: int
    settled: int
    complete: bool
    states: dict[str, int]
    created_at: Moment
