"""`python -m bench.load`: the generator that plays TikTok.

Commands: `prepare` makes a series of requests; `flood` sends them for some seconds as fast as the connections are
answered; `flow` keeps at most `ahead` webhooks between here and the customers' sink; `pace` sends so many each second,
whether or not they are answered.
"""

import asyncio
import time
from collections import Counter, deque
from typing import Any

from bench.child import BenchError
from bench.hook import Series, requests
from bench.line import Line
from bench.script import Answer, converse
from deploy.ask import ask

WARM_S = 0.5
LATE_S = 20.0
LOOK_S = 0.01


class Load:
    """Connections, the requests they have left to send, and how far they may go."""

    def __init__(self) -> None:
        self._requests: list[bytes] = []
        self._next = 0
        self._allowed = 0
        self._lines: list[Line] = []
        self._idle: deque[Line] = deque()
        self._answers: Counter[int] = Counter()
        self._timed = False
        self._times: list[tuple[int, float, float]] = []

    async def prepare(self, *, host: str, port: int, path: str, connections: int, series: dict[str, Any]) -> int:
        """Opens connections anew and makes the requests; returns how many."""
        loop = asyncio.get_running_loop()
        for line in self._lines:
            line.close()
        self._requests = requests(Series(**series), host=f"{host}:{port}", path=path, t=int(time.time()))
        self._next = self._allowed = 0
        pairs = [await loop.create_connection(lambda: Line(self._answered), host, port) for _ in range(connections)]
        self._lines = [line for _, line in pairs]
        self._idle = deque(self._lines)
        return len(self._requests)

    async def flood(self, *, seconds: float) -> dict[str, Any]:
        """Counted after a short warm-up."""
        self._begin()
        self._allow(len(self._requests))
        await asyncio.sleep(WARM_S)
        warm, began, cpu = self._answers[200], time.perf_counter(), time.process_time()
        await asyncio.sleep(seconds)
        counted, ended, used = self._answers[200] - warm, time.perf_counter(), time.process_time() - cpu
        exhausted = self._next >= len(self._requests)
        self._allowed = self._next
        await self._all_answered()
        return self._result() | {"counted": counted, "seconds": ended - began, "cpu_s": used, "exhausted": exhausted}

    async def flow(self, *, count: int, ahead: int, sink: str | None) -> dict[str, Any]:
        """Sends `count` webhooks; without a sink nothing but the connections holds them back."""
        self._begin()
        first, last, began = self._next, self._next + count, time.time()
        deadline = time.perf_counter() + count / 50 + LATE_S
        self._allow(last if sink is None else min(last, first + ahead))
        while self._next < last:
            await asyncio.sleep(LOOK_S)
            if sink is not None:
                arrived = (await ask("GET", sink, "/count"))["count"]
                self._allow(min(last, first + arrived + ahead))
            if time.perf_counter() > deadline:
                raise BenchError(f"the flow has stopped: {self._next - first} of {count} webhooks sent")
        await self._all_answered()
        return self._result() | {"began": began, "ended": time.time()}

    async def pace(self, *, rate: float, count: int) -> dict[str, Any]:
        """Adds (number, sent, answered) of each webhook, in Unix seconds."""
        self._begin(timed=True)
        first, began = self._next, time.perf_counter()
        while self._next < first + count:
            self._allow(first + min(count, 1 + int((time.perf_counter() - began) * rate)))
            await asyncio.sleep(0.001)
            if time.perf_counter() - began > count / rate + LATE_S:
                raise BenchError(f"{rate} webhooks a second are not taken")
        await self._all_answered()
        return self._result() | {"times": self._times}

    def _begin(self, *, timed: bool = False) -> None:
        self._answers.clear()
        self._times = []
        self._timed = timed

    def _allow(self, until: int) -> None:
        self._allowed = until
        while self._idle and self._next < self._allowed:
            self._send(self._idle.popleft())

    def _send(self, line: Line) -> None:
        if self._timed:
            line.sent_at = time.time()
        line.send(self._requests[self._next], number=self._next)
        self._next += 1

    def _answered(self, line: Line, status: int) -> None:
        self._answers[status] += 1
        if self._timed and line.number is not None:
            self._times.append((line.number, line.sent_at, time.time()))
        line.number = None
        if status and self._next < self._allowed:
            self._send(line)
        elif status:
            self._idle.append(line)

    async def _all_answered(self) -> None:
        deadline = time.perf_counter() + LATE_S
        while any(line.number is not None for line in self._lines):
            if time.perf_counter() > deadline:
                raise BenchError(f"webhooks are not answered within {LATE_S:g} s")
            await asyncio.sleep(LOOK_S)

    def _result(self) -> dict[str, Any]:
        return {"answers": {str(status): n for status, n in self._answers.items()}, "accepted": self._answers[200]}


async def _start() -> tuple[dict[str, Any], Answer]:
    load = Load()

    async def answer(command: dict[str, Any]) -> dict[str, Any]:
        match command.pop("do"):
            case "prepare":
                return {"prepared": await load.prepare(**command)}
            case "flood":
                return await load.flood(**command)
            case "flow":
                return await load.flow(**command)
            case "pace":
                return await load.pace(**command)
            case other:
                raise BenchError(f"the generator knows no {other}")

    return {"started": True}, answer


if __name__ == "__main__":
    converse(_start)
