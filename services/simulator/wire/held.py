"""Answers that a script keeps waiting for real seconds, and the string that lets them go sooner."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


class Held:
    """Who waits, each under the name it can be let go by."""

    def __init__(self) -> None:
        self._waiting: dict[asyncio.Event, str] = {}
        self._closed = False

    @contextmanager
    def waiting(self, name: str) -> Iterator[asyncio.Event]:
        """The event that ends every wait of this answer."""
        go = asyncio.Event()
        if self._closed:
            go.set()
        self._waiting[go] = name
        try:
            yield go
        finally:
            del self._waiting[go]

    def let_go(self, name: str | None) -> int:
        """Ends the waits under this name, None: all of them. How many waited."""
        found = [go for go, held_as in self._waiting.items() if name in (None, held_as)]
        for go in found:
            go.set()
        return len(found)

    def close(self) -> None:
        """Nobody waits any more."""
        self._closed = True
        self.let_go(None)


async def pause(go: asyncio.Event, seconds: float) -> None:
    """Real seconds, or until `go`."""
    try:
        async with asyncio.timeout(seconds):
            await go.wait()
    except TimeoutError:
        return
