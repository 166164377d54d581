"""What one process holds of one endpoint's lane: deliveries claimed and not yet begun, and how many are under way."""

from collections import deque
from datetime import datetime

from libs.model.circuit import OPEN_AFTER
from libs.store.deliveries import Claimed
from services.notifier.past import BEGINS_WITH, UNKNOWN, Past


class Lane:
    """A small buffer, so that the database is asked in batches while the endpoint is spoken to at its own pace."""

    __slots__ = ("endpoint_id", "excused", "failures", "more", "most", "queued", "room", "sending", "slow", "waiting")

    def __init__(self, endpoint_id: str, *, most: int, failures: int = 0, past: Past = UNKNOWN) -> None:
        self.endpoint_id = endpoint_id
        self.failures = failures
        """Tries in a row that failed: those known when the lane was first claimed, and what this process saw since."""
        self.most = most
        """How many requests may be under way at once."""
        self.room = min(past.room, most) if failures < OPEN_AFTER else 1
        """How many may be just now: halved by each failure, grown by one with each success."""
        self.excused = past.excused
        """Whether a try that said nothing of the endpoint was given back, and none has gone well since."""
        self.waiting: deque[tuple[Claimed, datetime]] = deque()
        """(delivery, end of its lease)"""
        self.sending = 0
        """How many are under way, and of them those that take long."""
        self.slow = 0
        self.more = False
        """Whether the last claim was full: the database holds more that is due."""
        self.queued = False
        """Whether the lane stands in line for its next turn."""

    def wants_turn(self) -> bool:
        return bool(self.waiting) and self.sending < self.room and not self.queued

    def went(self, *, well: bool) -> None:
        """One try ended."""
        if not well:
            self.failures += 1
            self.room = max(1, self.room // 2)
            return
        self.failures = 0
        self.excused = False
        if self.room < self.most:
            self.room += 1

    @property
    def doubted(self) -> bool:
        """Whether little is soon begun of what waits: it is slow, or its last tries failed."""
        return self.slow > 0 or self._failed_lately

    def supplied(self, enough: int) -> bool:
        """Whether nothing more need be claimed for it: of one that is doubted, while anything waits."""
        return bool(self.waiting) if self.doubted else len(self.waiting) >= enough

    def keep(self, most: int) -> list[Claimed]:
        """Leaves the first `most` waiting and returns the rest."""
        rest = [self.waiting.pop()[0] for _ in range(len(self.waiting) - most)]
        self.more = self.more or bool(rest)
        return rest

    def allow(self, most: int) -> None:
        """The endpoint may have been changed meanwhile."""
        self.most, self.room = most, min(self.room, most)

    @property
    def idle(self) -> bool:
        return not self.waiting and not self.sending

    @property
    def past(self) -> Past:
        return Past(self.room, self._failed_lately, self.excused)

    @property
    def _failed_lately(self) -> bool:
        return self.room < min(BEGINS_WITH, self.most)


class Flight:
    """What one of the tasks that send has under way."""

    __slots__ = ("lane", "since", "slow")

    def __init__(self) -> None:
        self.lane: Lane | None = None
        self.since = 0.0
        self.slow = False
