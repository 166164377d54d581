"""What will happen by itself, in order of time."""

import asyncio
import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

Action = Callable[[datetime], None]
"""Gets the time it was due at, which may lie behind when the clock jumped."""


@dataclass(slots=True)
class Ticket:
    """An appointment; `cancel` is safe at any time."""

    cancelled: bool = False

    def cancel(self) -> None:
        self.cancelled = True


class Agenda:
    """Appointments. `changed` is set when something earlier than all others was added."""

    def __init__(self) -> None:
        self._heap: list[tuple[datetime, int, Ticket, Action]] = []
        self._order = itertools.count()
        self.changed = asyncio.Event()

    def at(self, when: datetime, action: Action) -> Ticket:
        ticket = Ticket()
        if not self._heap or when < self._heap[0][0]:
            self.changed.set()
        heapq.heappush(self._heap, (when, next(self._order), ticket, action))
        return ticket

    def after(self, now: datetime, seconds: float, action: Action) -> Ticket:
        return self.at(now + timedelta(seconds=seconds), action)

    def run_due(self, now: datetime) -> None:
        """Does everything due by `now`, each as of its own time; what those add is done too if it is due."""
        while self._heap and self._heap[0][0] <= now:
            due, _, ticket, action = heapq.heappop(self._heap)
            if not ticket.cancelled:
                action(due)

    def next_due(self) -> datetime | None:
        while self._heap and self._heap[0][2].cancelled:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def clear(self) -> None:
        self._heap.clear()
