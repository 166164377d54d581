"""The one way to wait for something in a test."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

_PAUSES_SECONDS = (0.005, 0.01, 0.02, 0.04)
"""Soon at first, then rarer: a check often costs more than what it waits for."""


async def eventually(check: Callable[[], T | Awaitable[T]], *, timeout: float = 30.0) -> T:
    """Calls `check` until it returns something true, and returns that.

    An `AssertionError` out of `check` means "not yet". When `timeout` seconds are over, the last one is raised, or
    one that shows the last value; so at least one call is made, and a slow machine fails with a reason.
    """
    deadline = asyncio.get_running_loop().time() + timeout
    pauses = iter(_PAUSES_SECONDS)
    while True:
        try:
            found = check()
            value = await found if inspect.isawaitable(found) else found
            if value:
                return value
            failure = AssertionError(f"not within {timeout} s; last value: {value!r}")
        except AssertionError as error:
            failure = error
        if asyncio.get_running_loop().time() >= deadline:
            raise failure
        await asyncio.sleep(next(pauses, _PAUSES_SECONDS[-1]))
