"""Runs calls on an event loop, over httpx."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, closing
from typing import TypeVar

import httpx

from libs.rest.client.call import Answered, Heard, Lost, Means, Script, Try
from libs.rest.client.errors import FileChanged
from libs.rest.client.operation import Walk
from libs.rest.client.request import Content
from libs.rest.client.wire import ANSWER_MAX, PIECE_BYTES, lost, shortened, timeouts, too_long

T = TypeVar("T")


class ConcurrentRunner:
    """Waits in `asyncio.sleep` and sends with an `httpx.AsyncClient`; files are read in threads."""

    def __init__(self, http: httpx.AsyncClient, means: Means) -> None:
        self.http = http
        self.means = means

    async def run(self, script: Script[T]) -> T:
        """The script's answer; raises what it raises."""
        with closing(script):
            try:
                step = next(script)
                while True:
                    await asyncio.sleep(step.after_s)
                    step = script.send(await self._attempt(step))
            except StopIteration as end:
                answer: T = end.value
                return answer

    async def walk(self, walk: Walk[T]) -> AsyncIterator[T]:
        while not walk.done:
            for item in await self.run(walk.more()):
                yield item

    async def _attempt(self, step: Try) -> Heard:
        content = _pieces(step.content) if isinstance(step.content, Content) else step.content
        try:
            async with asyncio.timeout(step.timeout_s):
                request = self.http.build_request(
                    step.method, step.target, headers=step.headers, content=content, timeout=timeouts(step)
                )
                response = await self.http.send(request, stream=True)
                async with aclosing(response):
                    body = bytearray()
                    async for piece in response.aiter_raw(PIECE_BYTES):
                        body += piece
                        if len(body) > ANSWER_MAX:
                            raise too_long(response.status_code)
                    return Answered(response.status_code, dict(response.headers), bytes(body))
        except httpx.HTTPError as error:
            return lost(error)
        except TimeoutError:
            return Lost("the answer came too slowly", sent=True, late=True)
        finally:
            if isinstance(content, AsyncGenerator):
                await content.aclose()  # a server that refuses early leaves it half read


async def _pieces(content: Content) -> AsyncGenerator[bytes, None]:
    sent = 0
    file = await asyncio.to_thread(content.open)
    try:
        while piece := await asyncio.to_thread(file.read, PIECE_BYTES):
            if sent + len(piece) > content.size:
                raise FileChanged
            yield piece
            sent += len(piece)
            if content.progress is not None:
                content.progress(sent, content.size)
    finally:
        file.close()
    shortened(sent, content)
