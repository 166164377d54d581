"""The loop that keeps time: whatever is due happens, also when nobody asks."""

import asyncio
from collections.abc import Awaitable

from libs.runtime.workers import first_of
from services.simulator.clock import VirtualClock
from services.simulator.engine.stage import Stage
from services.simulator.world.agenda import Agenda


class Keeper:
    """`run` settles the stage at every due time, and at once when the clock jumps or something earlier is added."""

    def __init__(self, stage: Stage, agenda: Agenda, clock: VirtualClock) -> None:
        self._stage = stage
        self._agenda = agenda
        self._clock = clock

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            self._agenda.changed.clear()
            self._stage.settle()
            due = self._agenda.next_due()
            waits: list[Awaitable[object]] = [self._agenda.changed.wait(), stop.wait()]
            if due is not None:
                waits.append(self._clock.sleep_until(due))
            await first_of(*waits)
