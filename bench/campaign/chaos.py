"""Striking programs as planned, and being the supervisor that starts the dead again."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from bench.campaign.cast import Cast
from bench.campaign.errors import NeverReady
from bench.campaign.program import Program
from bench.campaign.script import Strike

PATIENCE_S = 180.0
"""How long a strike waits for somebody to be up; longer than the longest sleep."""


@dataclass(frozen=True, slots=True)
class Blow:
    """A strike that fell. `ready_s` is from its start, or its thaw, until it was ready again."""

    program: str
    target: str
    freeze: bool
    at: float
    seconds: float
    ready_s: float


@dataclass(slots=True)
class Chaos:
    """`blows` grows while `run` runs."""

    cast: Cast
    random: Random
    blows: list[Blow] = field(default_factory=list)

    async def run(self, strikes: Sequence[Strike]) -> None:
        """Until the last strike has fallen and everybody is up again. Raises `NeverReady`."""
        began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for strike in strikes:
                await asyncio.sleep(strike.pause)
                program = await self._somebody(strike)
                program.free = False
                fell = time.monotonic() - began
                group.create_task(
                    self._freeze(program, strike, fell) if strike.freeze else self._kill(program, strike, fell)
                )

    async def _somebody(self, strike: Strike) -> Program:
        """A program of that kind that is up; one that nobody has struck yet is as good as any."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            up = [program for program in self.cast.struck[strike.target] if program.free and program.alive]
            if up:
                return self.random.choice(up)
            if time.monotonic() > deadline:
                raise NeverReady(f"no {strike.target} was up for {PATIENCE_S:g} s")
            await asyncio.sleep(0.1)

    async def _kill(self, program: Program, strike: Strike, at: float) -> None:
        await asyncio.to_thread(program.kill)
        await asyncio.sleep(strike.seconds)
        ready_s = await program.start(self.cast.http)
        self.blows.append(Blow(program.name, strike.target, False, at, strike.seconds, ready_s))

    async def _freeze(self, program: Program, strike: Strike, at: float) -> None:
        program.freeze()
        try:
            await asyncio.sleep(strike.seconds)
        finally:
            program.thaw()
        ready_s = await program.wait_for(self.cast.http, "/readyz", within=60.0)
        program.free = True
        self.blows.append(Blow(program.name, strike.target, True, at, strike.seconds, ready_s))

    def count(self, target: str, *, freeze: bool) -> int:
        return sum(1 for blow in self.blows if blow.target == target and blow.freeze is freeze)
