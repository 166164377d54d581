"""The armed faults, in the order they were armed."""

import random
from dataclasses import dataclass
from typing import Any

from services.simulator.fault.rule import CALLS, POSTS, WEBHOOKS, Do, Facts, Fault, describe

MOST = 1_000


@dataclass(slots=True)
class Armed:
    """A fault and how much of it is left."""

    id: int
    fault: Fault
    skip: int
    left: int | None
    used: int = 0

    def shown(self) -> dict[str, Any]:
        return {"id": self.id, **describe(self.fault), "left": self.left, "used": self.used}


class FaultBook:
    """Every call, publication and webhook asks here once; several faults may apply to one call."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self._armed: dict[int, Armed] = {}
        self._next = 1

    def arm(self, fault: Fault) -> Armed:
        """Adds a fault. Raises ValueError when there are too many."""
        if len(self._armed) >= MOST:
            raise ValueError(f"{MOST} faults are armed already")
        armed = Armed(self._next, fault, fault.skip, fault.count)
        self._next += 1
        self._armed[armed.id] = armed
        return armed

    def disarm(self, fault_id: int) -> bool:
        return self._armed.pop(fault_id, None) is not None

    def clear(self) -> None:
        self._armed.clear()

    def listing(self) -> list[dict[str, Any]]:
        return [armed.shown() for armed in self._armed.values()]

    def for_call(self, facts: Facts) -> list[Fault]:
        return self._take(CALLS, facts) if self._armed else []

    def for_post(self, facts: Facts) -> list[Fault]:
        return self._take(POSTS, facts) if self._armed else []

    def for_webhook(self, facts: Facts) -> list[Fault]:
        return self._take(WEBHOOKS, facts) if self._armed else []

    def wait_s(self, fault: Fault) -> float:
        """How long this call waits for it."""
        return (fault.seconds or 0.0) + self._dice.uniform(0.0, fault.jitter_s)

    def _take(self, family: frozenset[Do], facts: Facts) -> list[Fault]:
        taken = []
        for armed in list(self._armed.values()):
            fault = armed.fault
            if fault.do not in family or not fault.matches(facts):
                continue
            if fault.probability < 1 and self._dice.random() >= fault.probability:
                continue
            if armed.skip > 0:
                armed.skip -= 1
                continue
            armed.used += 1
            taken.append(fault)
            if armed.left is not None:
                armed.left -= 1
                if armed.left == 0:
                    del self._armed[armed.id]
        return taken
