"""Arming strikes, and knowing which have fallen: faults of the simulator for calls, stops in the database for saves."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.publish.crew import Crew
from bench.publish.plan import TOKEN, Run, Way
from bench.publish.stops import Stops

HELD_S = 45.0
"""How long TikTok keeps a caller waiting that is about to die; the frozen find that it has hung up."""
DURING_S = 25.0
"""How long a call is on its way whose caller dies meanwhile."""
ASLEEP = "on its way"
_CALLS: dict[Way, dict[str, Any]] = {
    Way.RESET: {"do": "reset"},
    Way.TROUBLE: {"do": "status", "status": 503},
    Way.LOST: {"do": "reset_after"},
    Way.GARBLED: {"do": "status_after", "status": 502},
    Way.SILENT: {"do": "hang_after", "seconds": HELD_S},
    Way.KILL_BEFORE: {"do": "hang", "seconds": HELD_S},
    Way.KILL_AFTER: {"do": "hang_after", "seconds": HELD_S},
    Way.KILL_DURING: {"do": "latency", "seconds": DURING_S, "name": ASLEEP},
    Way.FREEZE_BEFORE: {"do": "hang", "seconds": HELD_S},
    Way.FREEZE_AFTER: {"do": "hang_after", "seconds": HELD_S},
}


@dataclass(frozen=True, slots=True)
class Creator:
    """Whose post a run is: our id and TikTok's."""

    id: str
    open_id: str


@dataclass(slots=True)
class Strikes:
    """The strikes of one round. `fallen` are runs that were struck."""

    crew: Crew
    stops: Stops
    fallen: set[int] = field(default_factory=set)
    _faults: dict[int, int] = field(default_factory=dict)
    _saves: dict[int, Run] = field(default_factory=dict)

    async def arm(self, runs: Sequence[Run], creators: dict[int, Creator]) -> None:
        for run in runs:
            creator = creators[run.n]
            if not run.heard:
                await self._fault(creator, do="drop", count=None)
            if run.step.point:
                self._saves[run.n] = run
                continue
            if run.step is TOKEN:  # after the intent is saved, its init finds the token refused
                init = "content/init" if run.kind.value == "photos" else "video/init"
                await self._fault(creator, do="error", endpoint=init, code="access_token_invalid")
            fault = _CALLS[run.way] | {"endpoint": run.step.endpoint, "chunk": run.step.chunk}
            armed = await self._fault(creator, **fault)
            self._faults[armed["id"]] = run.n
        await self.stops.arm({n: (creators[n].id, run.step.point) for n, run in self._saves.items()})

    async def look(self) -> bool:
        """Notes what has fallen by now, and strikes the saves that need nobody's death; True when all have fallen."""
        left = {row["id"] for row in (await self.crew.sim("GET", "faults"))["faults"]}
        self.fallen |= {n for id_, n in self._faults.items() if id_ not in left}
        held = await self.stops.held()
        self.fallen |= (held.keys() | await self.stops.met()) & self._saves.keys()
        await self.stops.undo([n for n in held if self._way(n) is Way.RESET])
        for n, (_, port) in held.items():
            if self._way(n) is Way.LOST:
                self.crew.wire.cut(port)
        await self.stops.let_go([n for n in held if self._way(n) is Way.LOST])
        return self.fallen >= {*self._faults.values(), *self._saves}

    async def release(self) -> None:
        """Opens every stop: what waits there and was to be saved is, then what was not to be is not."""
        lost = [n for n in self._saves if self._way(n) is Way.KILL_BEFORE]
        await self.stops.let_go([n for n in self._saves if n not in lost])
        await self.stops.undo(lost)

    async def under_way(self) -> set[str]:
        """Creators of whom a call is on its way."""
        calls = (await self.crew.sim("GET", "calls?limit=1000"))["calls"]
        return {c["open_id"] for c in calls if c["status"] is None and ASLEEP in c["faults"] and not c["ms"]}

    async def caught(self, runs: Sequence[Run], creators: dict[int, Creator]) -> None:
        """Called when callers are dead: a call that was no longer on its way then was not struck."""
        flying = await self.under_way()
        self.fallen -= {r.n for r in runs if r.way is Way.KILL_DURING and creators[r.n].open_id not in flying}

    async def clear(self) -> None:
        """Nothing is struck any more."""
        await self.crew.sim("DELETE", "faults")
        await self.stops.clear(self._saves)

    def _way(self, n: int) -> Way | None:
        return self._saves[n].way if n in self._saves else None

    async def _fault(self, creator: Creator, **fault: Any) -> dict[str, Any]:
        given = {name: value for name, value in fault.items() if value is not None or name == "count"}
        armed: dict[str, Any] = await self.crew.sim("POST", "faults", given | {"open_id": creator.open_id})
        return armed
