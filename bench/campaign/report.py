"""What a campaign found: figures, and promises that were kept or broken. Printed as tables and written as JSON."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Promise:
    """One promise; `found` says what was seen, kept or not."""

    what: str
    kept: bool
    found: str


@dataclass(slots=True)
class Table:
    title: str
    head: tuple[str, ...]
    rows: list[tuple[object, ...]] = field(default_factory=list)

    def lines(self) -> list[str]:
        shown = [tuple(map(_shown, row)) for row in (self.head, *self.rows)]
        widths = [max(len(row[n]) for row in shown) for n in range(len(self.head))]
        numbers = [all(not isinstance(row[n], str) for row in self.rows) for n in range(len(self.head))]
        drawn = [
            "  ".join(cell.rjust(width) if right else cell.ljust(width)
                      for cell, width, right in zip(row, widths, numbers, strict=True)).rstrip()
            for row in shown
        ]  # fmt: skip
        return [f"  {self.title}", *(f"    {line}" for line in drawn), ""]


@dataclass(slots=True)
class Part:
    """One pass of a campaign."""

    name: str
    promises: list[Promise] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def hold(self, what: str, kept: bool, found: object = "") -> None:
        self.promises.append(Promise(what, bool(kept), str(found)))

    @property
    def kept(self) -> bool:
        return bool(self.promises) and all(promise.kept for promise in self.promises)

    def text(self) -> str:
        lines = [f"== {self.name} ==", ""]
        for table in self.tables:
            lines += table.lines()
        lines += [f"  {note}" for note in self.notes]
        lines += ["  Promises"]
        for promise in self.promises:
            lines.append(f"    {'kept  ' if promise.kept else 'BROKEN'}  {promise.what}: {promise.found}")
        return "\n".join(lines) + "\n"

    def as_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "kept": self.kept,
            "promises": [{"what": p.what, "kept": p.kept, "found": p.found} for p in self.promises],
            "tables": [
                {"title": t.title, "rows": [dict(zip(t.head, row, strict=True)) for row in t.rows]} for t in self.tables
            ],
            "notes": self.notes,
        }


def sample(found: Sequence[object], *, most: int = 3) -> str:
    """How many, and the first of them."""
    if not found:
        return "none"
    rest = ", …" if len(found) > most else ""
    return f"{len(found)}: " + ", ".join(str(each) for each in found[:most]) + rest


def quantiles(values: Sequence[float]) -> tuple[object, object, object]:
    """Median, 95th percentile and maximum, in seconds with one digit; dashes without values."""
    if not values:
        return ("–", "–", "–")
    ordered = sorted(values)
    return tuple(round(ordered[min(len(ordered) - 1, int(len(ordered) * q))], 1) for q in (0.5, 0.95, 1.0))  # type: ignore[return-value]


def _shown(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
