"""Calling blocking code in a thread without leaving it running behind the caller's back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from functools import partial
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


async def in_thread(threads: Executor | None, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run ``call`` in ``threads`` (None: the loop's own) and return its result.

    A thread cannot be cancelled. When the caller is, this waits for the thread first: closing a descriptor under a
    running ``read`` would let the thread read from whatever gets that number next.
    """
    work = asyncio.get_running_loop().run_in_executor(threads, partial(call, *args, **kwargs))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        while not work.done():
            try:
                await asyncio.wait([work])
            except asyncio.CancelledError:
                continue  # already on the way out; the thread still has to end first
        if not work.cancelled():
            work.exception()  # seen, so that the loop does not complain about a failure nobody can act on
        raise
