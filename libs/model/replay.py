"""A replay's next step: what of many deliveries is sent again now, decided without I/O.

No more than about a second's worth is handed out at a time, so that a pause is one, and `done` is true.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

SECOND = timedelta(seconds=1)
CROWD = 500
"""So many deliveries that are due to one endpoint are enough: more would keep waiting what comes fresh."""
PAUSED_LOOK = timedelta(minutes=1)
"""How often an endpoint that is left in peace is looked at, should its pause be longer."""


class Waiting(NamedTuple):
    """A delivery that a replay comes to next."""

    id: str
    endpoint_id: str


class Room(NamedTuple):
    """What an endpoint can take: how many deliveries are due to it, its limit, and until when it is left in peace."""

    due: int = 0
    rate_per_s: float | None = None
    paused_until: datetime | None = None

    def pace(self, per_second: int) -> float:
        """Deliveries a second: what was asked for, or less where the endpoint allows less."""
        return min(per_second, self.rate_per_s or per_second)

    def crowded(self, per_second: int) -> bool:
        """Whether a second's worth is due already."""
        return self.due >= min(CROWD, math.ceil(self.pace(per_second)))

    def takes(self, per_second: int) -> int:
        """How many a step can hand it: a second's worth, or none."""
        return 0 if self.crowded(per_second) else math.ceil(self.pace(per_second))


@dataclass(frozen=True, slots=True)
class Step:
    """`out` are sent again, each at its time; everything up to `place` is seen to; `look` is when to go on, None when
    it came to its end. The endpoints `aside` go on by themselves from where the step began.
    """

    out: tuple[tuple[str, datetime], ...] = ()
    place: str | None = None
    look: datetime | None = None
    aside: frozenset[str] = frozenset()


def many(waiting: Sequence[Waiting], rooms: Mapping[str, Room], *, per_second: int, now: datetime) -> Step:
    """The next step through the deliveries of many endpoints, by id. Those that take less than asked are set aside: one
    that is down, slow or limited does not hold up the others.
    """
    slow = frozenset(
        id_
        for id_ in {each.endpoint_id for each in waiting}
        if (room := rooms.get(id_, Room())).crowded(per_second) or room.pace(per_second) < per_second
    )
    place, counts, out = None, Counter[str](), []
    for each in waiting:
        if each.endpoint_id not in slow:
            n = counts[each.endpoint_id]
            if n == per_second:
                break
            out.append((each.id, now + n * SECOND / per_second))
            counts[each.endpoint_id] += 1
        place = each.id
    look = now + max(counts.values(), default=0) * SECOND / per_second if waiting else None
    return Step(tuple(out), place, look, slow)


def one(waiting: Sequence[Waiting], room: Room, *, per_second: int, now: datetime) -> Step:
    """The next step of one endpoint's share, at its pace. While enough is due to it nothing is handed out."""
    if not waiting:
        return Step()
    if room.crowded(per_second):
        return Step(look=max(now + SECOND, min(room.paused_until or now, now + PAUSED_LOOK)))
    pace = room.pace(per_second)
    first = waiting[: room.takes(per_second)]
    out = tuple((each.id, now + n * SECOND / pace) for n, each in enumerate(first))
    return Step(out, first[-1].id, now + len(out) * SECOND / pace)
