"""What one process holds of one endpoint's lane: deliveries claimed and not yet begun, and how many are under way."""

from collections import deque
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import islice

import structlog

from libs.model.circuit import OPEN_AFTER
from libs.store.deliveries import Claimed
from services.notifier.deliver import Destination, Message, write
from services.notifier.past import BEGINS_WITH, UNKNOWN, Past

log = structlog.get_logger()

WRITTEN_WITH_IT = 15
FRESH = timedelta(seconds=1)
"""So long a message is sent as it was written: it names the second in which it was signed."""


class Waiting:
    """A delivery that is claimed until the end of its lease, and its message, once that is written."""

    __slots__ = ("delivery", "lease", "message")

    def __init__(self, delivery: Claimed, lease: datetime) -> None:
        self.delivery = delivery
        self.lease = lease
        self.message: Message | None = None


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
        self.waiting: deque[Waiting] = deque()
        self.sending = 0
        """How many are under way, and of them those that take long."""
        self.slow = 0
        self.more = False
        """Whether the last claim was full: the database holds more that is due."""
        self.queued = False
        """Whether the lane stands in line for its next turn."""

    def take(self, to: Destination | None, now: datetime) -> Message | None:
        """Takes the first out of the line. None leaves it to the end of its lease: nothing is sent to its endpoint any
        more, it is too late to begin, or no message can be made of it.
        """
        first = self.waiting.popleft()
        if to is None or now + to.timeout >= first.lease:
            return None
        try:
            return self._message(first, to, now)
        except Exception:
            log.exception("delivery.broke", delivery=first.delivery.id, endpoint=self.endpoint_id)
            return None

    def _message(self, first: Waiting, to: Destination, now: datetime) -> Message:
        """The next few are written with the first: between two requests each would take twice as long. One that was
        written for what the endpoint was before, or for another second, is written anew.
        """
        message = first.message
        if message is None or message.to is not to or abs(now - message.at) > FRESH:
            message = write(first.delivery, to, now)
            with suppress(Exception):  # it is tried again, and logged, when it is the first
                for waiting in islice(self.waiting, WRITTEN_WITH_IT):
                    waiting.message = write(waiting.delivery, to, now)
        return message

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
        return len(self.waiting) >= enough or (self.doubted and bool(self.waiting))

    def keep(self, most: int) -> list[Claimed]:
        """Leaves the first `most` waiting and returns the rest."""
        rest = [self.waiting.pop().delivery for _ in range(len(self.waiting) - most)]
        self.more = self.more or bool(rest)
        return rest

    def allow(self, most: int) -> None:
        """The endpoint may have been changed meanwhile."""
        self.most, self.room = most, min(self.room, most)

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
