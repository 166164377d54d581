"""The two clients as one: what a test says once is done by both, each in its own manner."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, TypeVar

from libs.rest.client import AsyncClipwire, Clipwire

T = TypeVar("T")


class Hands:
    """A client that a test works with by `do` and `all`; `client` is one of the two."""

    def __init__(self, client: Clipwire | AsyncClipwire) -> None:
        self.client = client

    async def do(self, ask: Callable[[Any], Any]) -> Any:
        """What the call answers."""
        if isinstance(self.client, Clipwire):
            return await asyncio.to_thread(ask, self.client)  # the server lives on this loop
        return await ask(self.client)

    async def all(self, ask: Callable[[Any], Any]) -> list[Any]:
        """Everything a listing has."""
        if isinstance(self.client, Clipwire):
            return await asyncio.to_thread(lambda: list(ask(self.client)))
        return [item async for item in ask(self.client)]


@asynccontextmanager
async def hands(kind: str, url: str, key: str, **more: Any) -> AsyncIterator[Hands]:
    async with AsyncExitStack() as parts:
        if kind == "blocking":
            yield Hands(parts.enter_context(Clipwire(url, key, **more)))
        else:
            yield Hands(await parts.enter_async_context(AsyncClipwire(url, key, **more)))


KINDS = ("blocking", "awaited")
