"""What was measured, as values; as JSON for machines and as tables for people."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Spread:
    """The same measurement several times; the median stands for it."""

    runs: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.runs)

    def words(self) -> dict[str, Any]:
        return {"min": min(self.runs), "median": self.median, "max": max(self.runs), "runs": list(self.runs)}


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the report.

    `bare` is the limit measured in the same run by turns with ours, `ratios` ours ÷ bare round by round; a figure
    without them stands for itself. It is judged where it has a `target`, which the median ratio is to reach, or has to
    stay `below` something in every run. `limit` says what held it back.
    """

    name: str
    unit: str
    ours: Spread
    bare: Spread | None = None
    ratios: Spread | None = None
    target: float | None = None
    below: float | None = None
    limit: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    costs: tuple[Spread, Spread] | None = None
    """Microseconds of the measured process's CPU for each, ours and bare: steadier than rates on a shared machine."""

    @property
    def met(self) -> bool | None:
        """Whether it is what it has to be; None where nothing is asked of it."""
        if self.below is not None:
            return max(self.ours.runs) < self.below
        return self.ratios.median >= self.target if self.ratios and self.target else None

    @property
    def asked(self) -> str:
        """What it has to be, in words; "" for nothing."""
        if self.below is not None:
            return f"< {self.below:,g} {self.unit}"
        return f"≥ {self.target:g}" if self.target else ""

    @property
    def found(self) -> str:
        """What that is held against."""
        return (
            f"{max(self.ours.runs):,.3g} {self.unit}"
            if self.below is not None or not self.ratios
            else (f"{self.ratios.median:.2f} of the bare limit")
        )

    def words(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "unit": self.unit,
            "ours": self.ours.words(),
            "bare": self.bare.words() if self.bare else None,
            "ratio": self.ratios.words() if self.ratios else None,
            "target": self.target,
            "below": self.below,
            "met": self.met,
            "limit": self.limit,
            "cpu_us_each": {"ours": self.costs[0].words(), "bare": self.costs[1].words()} if self.costs else None,
            "details": dict(self.details),
        }


@dataclass(frozen=True, slots=True)
class Memory:
    """Resident memory of one process around one measurement, in MB; None where /proc is missing."""

    measurement: str
    process: str
    before_mb: float | None
    after_mb: float | None

    def words(self) -> dict[str, Any]:
        return {
            "measurement": self.measurement,
            "process": self.process,
            "before_mb": self.before_mb,
            "after_mb": self.after_mb,
        }


@dataclass(frozen=True, slots=True)
class Measured:
    """What one measurement found."""

    figures: Sequence[Figure]
    memory: Sequence[Memory] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """A whole run. `ground` names the machine, the servers and their settings."""

    ground: Mapping[str, Any]
    figures: Sequence[Figure]
    memory: Sequence[Memory]

    @property
    def missed(self) -> list[str]:
        """Each figure that is not what it has to be, with what it is."""
        return [f"{f.name}: {f.found}, and it has to be {f.asked}" for f in self.figures if f.met is False]

    def words(self) -> dict[str, Any]:
        return {
            "ground": dict(self.ground),
            "figures": [figure.words() for figure in self.figures],
            "memory": [memory.words() for memory in self.memory],
        }

    def show(self, console: Console) -> None:
        """Tables on the terminal."""
        console.print(_figures(self.figures))
        for figure in self.figures:
            if figure.limit:
                console.print(f"[bold]{figure.name}[/]: {figure.limit}{_costs(figure)}")
        if self.memory:
            console.print(_memory(self.memory))
        for name, value in self.ground.items():
            console.print(f"[dim]{name}: {_flat(value)}[/]")


def _figures(figures: Sequence[Figure]) -> Table:
    table = Table("figure", title="min / [bold]median[/] / max of the rounds")
    for column in ("ours", "bare limit, same run", "ours ÷ bare", "has to be"):
        table.add_column(column, justify="right")
    for figure in figures:
        bare = _spread(figure.bare, figure.unit) if figure.bare else "—"
        ratios = _spread(figure.ratios, "") if figure.ratios else "—"
        judged = {None: "", True: " [green]met[/]", False: " [red]missed[/]"}[figure.met]
        target = figure.asked + judged
        table.add_row(figure.name, _spread(figure.ours, figure.unit), bare, ratios, target)
    return table


def _costs(figure: Figure) -> str:
    if figure.costs is None:
        return ""
    mine, bare = (spread.median for spread in figure.costs)
    return f"; CPU for each {mine:.0f} µs, bare {bare:.0f} µs ({bare / mine:.2f})"


def _memory(lines: Sequence[Memory]) -> Table:
    table = Table("measurement", "process", title="resident memory, MB")
    for column in ("before", "after"):
        table.add_column(column, justify="right")
    for line in lines:
        ends = [f"{mb:.0f}" if mb is not None else "?" for mb in (line.before_mb, line.after_mb)]
        table.add_row(line.measurement, line.process, *ends)
    return table


def _spread(spread: Spread, unit: str) -> str:
    low, middle, high = (_number(value) for value in (min(spread.runs), spread.median, max(spread.runs)))
    ends = f"{low} / [bold]{middle}[/] / {high}" if len(spread.runs) > 1 else f"[bold]{middle}[/]"
    return f"{ends} {unit}".strip()


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _flat(value: object) -> str:
    return ", ".join(f"{name} {of}" for name, of in value.items()) if isinstance(value, Mapping) else str(value)
