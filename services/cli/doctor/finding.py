"""What a look comes to."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    OK = "ok"
    """Nothing to do."""
    WARNING = "warning"
    """It works, with a limit that somebody should know of."""
    FAULT = "fault"
    """Something does not work until the remedy is taken."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `text` never holds a secret; `remedy` is what to do, "" when there is nothing."""

    check: str
    verdict: Verdict
    text: str
    remedy: str = ""

    @property
    def is_fault(self) -> bool:
        return self.verdict is Verdict.FAULT


def fine(check: str, text: str) -> Finding:
    return Finding(check, Verdict.OK, text)


def limited(check: str, text: str, *, remedy: str) -> Finding:
    return Finding(check, Verdict.WARNING, text, remedy)


def broken(check: str, text: str, *, remedy: str) -> Finding:
    return Finding(check, Verdict.FAULT, text, remedy)
