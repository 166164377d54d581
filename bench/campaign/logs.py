"""What the programs said of themselves: their log lines, counted."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

_BAD = frozenset({"error", "critical"})


@dataclass(slots=True)
class Said:
    """`all` counts (level, event) of every line; `errors` the events of our own failures, with one example each."""

    all: Counter[tuple[str, str]] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)

    def count(self, event: str) -> int:
        return sum(count for (_, name), count in self.all.items() if name == event)


def read(logs: Iterable[Path]) -> Said:
    """A line that is no JSON is a traceback, or a library's complaint: an error too. A kill may cut one line short."""
    said = Said()
    for path in logs:
        for line in path.read_text(errors="replace").splitlines():
            try:
                entry = json.loads(line)
            except ValueError:
                if line.startswith("{") or not line.strip():
                    continue
                entry = {"level": "error", "event": f"unstructured: {line.strip()[:80]}"}
            level, event = str(entry.get("level")), str(entry.get("event"))
            said.all[level, event] += 1
            if level in _BAD:
                said.errors[event] += 1
                detail = str(entry.get("exception") or entry)
                said.examples.setdefault(event, f"{path.stem}: {detail[-600:]}")
    return said
