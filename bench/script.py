"""A measuring process and how it is spoken to: one JSON object per line in, one per line out, the end of input ends it.

Load generators, sinks and bare counterparts are processes of their own, so that none of them shares a core's time with
what is measured by accident of one event loop.
"""

import asyncio
import gc
import json
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from libs.runtime.program import run

LINE_MAX = 64 * 1024 * 1024
POLLS = frozenset({"count", "seen"})
"""Commands that come while something is measured."""

Answer = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


def converse(start: Callable[[], Awaitable[tuple[dict[str, Any], Answer]]]) -> None:
    """Starts, says the first line, then answers each line until the input ends. On the loop our programs run on."""
    run(lambda: _converse(start))


async def _converse(start: Callable[[], Awaitable[tuple[dict[str, Any], Answer]]]) -> None:
    reader = asyncio.StreamReader(limit=LINE_MAX)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    first, answer = await start()
    _say(first)
    while line := await reader.readline():
        command = json.loads(line)
        polled = command["do"] in POLLS
        _say(await answer(command))
        if not polled:
            gc.collect()  # now, and not in the middle of the next measurement


def _say(words: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()
