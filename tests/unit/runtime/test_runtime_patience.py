"""How a loop waits while what it needs is away."""

import asyncio

import structlog
from structlog.testing import capture_logs

from libs.runtime.workers import Patience

structlog.reset_defaults()


async def test_it_says_once_that_it_waits_and_once_that_it_goes_on() -> None:
    patience, stop = Patience("claims", first_s=0.001, most_s=0.002), asyncio.Event()
    with capture_logs() as said:
        for _ in range(5):
            await patience.after(ConnectionError("refused"), stop)
        patience.over()
        patience.over()
    assert [(line["event"], line["worker"]) for line in said] == [
        ("worker.waits", "claims"),
        ("worker.goes_on", "claims"),
    ]


async def test_a_stop_ends_the_wait() -> None:
    patience, stop = Patience("claims", first_s=60.0, most_s=60.0), asyncio.Event()
    stop.set()
    async with asyncio.timeout(5):
        await patience.after(ConnectionError(), stop)


async def test_no_wait_is_longer_than_the_longest() -> None:
    patience, stop = Patience("claims", first_s=0.001, most_s=0.004), asyncio.Event()
    async with asyncio.timeout(5):
        for _ in range(100):
            await patience.after(ConnectionError(), stop)
