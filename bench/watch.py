"""Who used the machine while something was measured, and so what held it back."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bench.child import Usage, machine_busy, usage_of

FULL = 0.92
"""From this share on a core counts as used up: the rest is the scheduler's."""


@dataclass(frozen=True, slots=True)
class Look:
    """Everything used so far: by name, by the database, by the machine."""

    named: Mapping[str, Usage]
    database: Usage
    machine: tuple[float, float] | None


def look(named: Mapping[str, int], backends: Iterable[int]) -> Look:
    """`named` and `backends` are process ids."""
    return Look({name: usage_of(pid) for name, pid in named.items()}, _sum(map(usage_of, backends)), machine_busy())


@dataclass(frozen=True, slots=True)
class Shares:
    """Cores used, 1.0 being a whole one. `others` is everything on the machine that is not ours to measure."""

    named: Mapping[str, float]
    database: float
    others: float
    idle: float

    def words(self) -> dict[str, Any]:
        cores = {**self.named, "postgres": self.database, "others": self.others, "idle": self.idle}
        return {name: round(share, 2) for name, share in cores.items()}

    def limit(self, measured: str, *, helpers: Iterable[str] = ()) -> str:
        """One sentence: what `measured` was held back by."""
        for helper in helpers:
            if self.named.get(helper, 0.0) >= FULL:
                return f"held back by the bench's own {helper}, which used a whole core: the true figure is higher"
        own = self.named.get(measured, 0.0)
        rest = f"Postgres {self.database:.2f}, other programs {self.others:.2f}, idle {self.idle:.2f} cores"
        if own >= FULL:
            return f"{measured}'s own core is full ({own:.2f}); {rest}"
        if self.idle < 0.15:
            return f"every core is full: {measured} got {own:.2f}; {rest}"
        return f"waiting for answers and commits: {measured} used {own:.2f}; {rest}"


def shares(before: Look, after: Look) -> Shares:
    """Cores used between two looks."""
    named = {name: after.named[name].share_since(was) or 0.0 for name, was in before.named.items()}
    database = after.database.share_since(before.database) or 0.0
    if before.machine is None or after.machine is None:
        return Shares(named, database, 0.0, 0.0)
    seconds = after.database.at - before.database.at
    busy = (after.machine[0] - before.machine[0]) / seconds
    every = (after.machine[1] - before.machine[1]) / seconds
    others = max(0.0, busy - sum(named.values()) - database)
    return Shares(named, database, others, max(0.0, every - busy))


def _sum(usages: Iterable[Usage]) -> Usage:
    found = list(usages)
    at = max((usage.at for usage in found), default=0.0)
    return Usage(at, sum(usage.cpu_s or 0.0 for usage in found), sum(usage.rss_mb or 0.0 for usage in found))
