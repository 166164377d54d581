"""Workers: named blocking loops, run together, stopped together."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import structlog

log = structlog.get_logger()

Run = Callable[[asyncio.Event], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Worker:
    """A name and a loop. `run(stop)` returns soon after `stop` is set; if it raises, it is logged and run again."""

    name: str
    run: Run


async def supervise(workers: Sequence[Worker], *, stop: asyncio.Event, drain_s: float = 8.0) -> None:
    """Runs the workers until `stop` is set, then gives them `drain_s` seconds before cancelling what is left.

    A worker that fails is our bug or a broken dependency: it is logged and started again with a growing pause, and the
    others go on. Cancelling this coroutine cancels the workers at once.
    """
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_forever(worker, stop), name=worker.name) for worker in workers]
        stopped = group.create_task(stop.wait())
        await asyncio.wait([stopped])
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=drain_s)
        for task in late:
            log.warning("worker.cancelled", worker=task.get_name(), after_s=drain_s)
            task.cancel()


async def _forever(worker: Worker, stop: asyncio.Event) -> None:
    pause = 0.2
    while not stop.is_set():
        started = asyncio.get_running_loop().time()
        try:
            await worker.run(stop)
        except Exception:
            log.exception("worker.failed", worker=worker.name, again_in_s=round(pause, 1))
            if asyncio.get_running_loop().time() - started > 60:
                pause = 0.2
            await wait_for_stop(stop, pause * random.uniform(0.8, 1.2))
            pause = min(pause * 2, 10.0)
        else:
            if not stop.is_set():
                await wait_for_stop(stop, 0.05)


class Patience:
    """What a loop does while something it needs is away: it says so once, looks again ever later, and says when it goes
    on. Without it the loop would end and be started again, and drop what it has in hand.
    """

    def __init__(self, worker: str, *, first_s: float = 0.2, most_s: float = 2.0) -> None:
        self._worker = worker
        self._first_s = first_s
        self._most_s = most_s
        self._failures = 0

    async def after(self, error: Exception, stop: asyncio.Event) -> None:
        """Waits a moment, or until `stop`."""
        if self._failures == 0:
            log.warning("worker.waits", worker=self._worker, why=f"{type(error).__name__}: {error}")
        pause = min(self._first_s * 2.0 ** min(self._failures, 30), self._most_s)
        self._failures += 1
        await wait_for_stop(stop, pause * random.uniform(0.8, 1.2))

    def over(self) -> None:
        """A round went well."""
        if self._failures:
            log.info("worker.goes_on", worker=self._worker, after_tries=self._failures)
            self._failures = 0


async def wait_for_stop(stop: asyncio.Event, seconds: float) -> bool:
    """Waits up to `seconds` for `stop`; True when it was set."""
    return await set_within(stop, seconds)


async def set_within(event: asyncio.Event, seconds: float) -> bool:
    """Waits up to `seconds` for `event`; True when it was set."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return event.is_set()
    return True


async def first_of(*waits: Awaitable[object]) -> None:
    """Returns when the first of the waits ends; the others are cancelled and awaited. Raises the first one's error."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()
