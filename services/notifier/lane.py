"""What one process holds of one endpoint's lane: deliveries claimed and not yet begun, and how many are under way."""

from collections import deque
from datetime import datetime

from libs.store.deliveries import Claimed


class Lane:
    """A small buffer, so that the database is asked in batches while the endpoint is spoken to at its own pace."""

    __slots__ = ("endpoint_id", "more", "queued", "sending", "waiting")

    def __init__(self, endpoint_id: str) -> None:
        self.endpoint_id = endpoint_id
        self.waiting: deque[tuple[Claimed, datetime]] = deque()
        """(delivery, end of its lease)"""
        self.sending = 0
        self.more = False
        """Whether the last claim was full: the database holds more that is due."""
        self.queued = False
        """Whether the lane stands in line for its next turn."""

    def wants_turn(self, limit: int) -> bool:
        return bool(self.waiting) and self.sending < limit and not self.queued

    @property
    def idle(self) -> bool:
        return not self.waiting and not self.sending
