"""Every answer of a door of ours, with the moment and whether it was one it may give."""

import time
from collections import Counter
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Answer:
    """`status` 0: no answer at all. `began` and `ended` are `time.monotonic()` seconds."""

    door: str
    status: int
    began: float
    ended: float
    flaw: str = ""
    """What is wrong with the answer itself, whatever the circumstances."""


@dataclass(slots=True)
class Journal:
    answers: list[Answer] = field(default_factory=list)

    def note(self, door: str, status: int, *, began: float, flaw: str = "") -> None:
        self.answers.append(Answer(door, status, began, time.monotonic(), flaw))

    def between(self, door: str, start: float, end: float) -> list[Answer]:
        """Answers to calls that began and ended within the two moments."""
        return [a for a in self.answers if a.door == door and a.began >= start and a.ended <= end]

    def flaws(self) -> Counter[str]:
        return Counter(f"{a.door}: {a.status} {a.flaw}" for a in self.answers if a.flaw)

    def statuses(self, door: str) -> Counter[int]:
        return Counter(a.status for a in self.answers if a.door == door)
