"""How a program runs: what nobody waited for is logged like anything else."""

import asyncio
import gc
from typing import Any

import pytest
from structlog.testing import capture_logs

from libs.runtime.program import run


@pytest.mark.parametrize(
    ("error", "level"),
    [(TimeoutError(), "warning"), (ConnectionResetError(), "warning"), (ValueError("a bug"), "error")],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
def test_what_nobody_waited_for_is_one_structured_line(error: Exception, level: str) -> None:
    async def fails() -> None:
        raise error

    async def main() -> None:
        task: asyncio.Task[Any] | None = asyncio.create_task(fails())
        while task is not None and not task.done():
            await asyncio.sleep(0)
        task = None
        gc.collect()
        await asyncio.sleep(0)

    with capture_logs() as said:
        run(main)
    assert [(line["event"], line["log_level"], line["what"]) for line in said] == [
        ("loop.unheard", level, "Task exception was never retrieved")
    ]
