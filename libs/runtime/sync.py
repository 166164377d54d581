"""Keeping a replica's clock in step with the shared one."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

import structlog

from libs.runtime.clock import SyncedClock
from libs.runtime.web import Check
from libs.runtime.workers import Worker, wait_for_stop

log = structlog.get_logger()

EVERY_S = 15.0
OFF_S = 2.0
"""Further off than this a replica is not ready: its leases and budgets would be wrong."""


async def read_once(clock: SyncedClock, read: Callable[[], Awaitable[datetime]]) -> None:
    """Corrects the clock by one reading; a slow answer corrects by its middle, if it says anything at all."""
    sent = clock.now()
    shared = await read()
    clock.correct(shared=shared, sent=sent, received=clock.now())


def keep_in_step(clock: SyncedClock, read: Callable[[], Awaitable[datetime]]) -> Worker:
    """A worker that corrects the clock now and then. A failed reading is left to the next: the offset stays."""

    async def run(stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                await read_once(clock, read)
            except Exception as error:
                log.warning("clock.unread", why=f"{type(error).__name__}: {error}")
            if clock.error is not None and clock.error > OFF_S:
                log.warning("clock.corrected", off_s=round(clock.error, 3))
            await wait_for_stop(stop, EVERY_S)

    return Worker("clock", run)


def clock_check(clock: SyncedClock) -> Check:
    """For readiness."""

    async def check() -> str | None:
        if clock.error is None:
            return "the shared clock was never read"
        return f"was {clock.error:.1f} s off the shared clock" if clock.error > OFF_S else None

    return check
