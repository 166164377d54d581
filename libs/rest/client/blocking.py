"""Runs calls one after the other, over httpx."""

import time
from collections.abc import Generator, Iterator
from contextlib import closing
from typing import TypeVar

import httpx

from libs.rest.client.call import Answered, Heard, Lost, Means, Script, Try
from libs.rest.client.errors import FileChanged
from libs.rest.client.operation import Walk
from libs.rest.client.request import Content
from libs.rest.client.wire import ANSWER_MAX, PIECE_BYTES, lost, shortened, timeouts, too_long

T = TypeVar("T")


class BlockingRunner:
    """Waits in `time.sleep` and sends with an `httpx.Client`; may be shared by threads.

    A try's time is looked at between reads, each of which is bounded: it can be late by one silence.
    """

    def __init__(self, http: httpx.Client, means: Means) -> None:
        self.http = http
        self.means = means

    def run(self, script: Script[T]) -> T:
        """The script's answer; raises what it raises."""
        with closing(script):
            try:
                step = next(script)
                while True:
                    time.sleep(step.after_s)
                    step = script.send(self._attempt(step))
            except StopIteration as end:
                answer: T = end.value
                return answer

    def walk(self, walk: Walk[T]) -> Iterator[T]:
        while not walk.done:
            yield from self.run(walk.more())

    def _attempt(self, step: Try) -> Heard:
        clock = self.means.clock
        deadline = clock() + step.timeout_s
        content = _pieces(step.content) if isinstance(step.content, Content) else step.content
        try:
            request = self.http.build_request(
                step.method, step.target, headers=step.headers, content=content, timeout=timeouts(step)
            )
            with closing(self.http.send(request, stream=True)) as response:
                body = bytearray()
                for piece in response.iter_raw(PIECE_BYTES):
                    body += piece
                    if len(body) > ANSWER_MAX:
                        raise too_long(response.status_code)
                    if clock() > deadline:
                        return Lost("the answer came too slowly", sent=True, late=True)
                return Answered(response.status_code, dict(response.headers), bytes(body))
        except httpx.HTTPError as error:
            return lost(error)
        finally:
            if isinstance(content, Generator):
                content.close()  # a server that refuses early leaves it half read


def _pieces(content: Content) -> Generator[bytes, None, None]:
    sent = 0
    with content.open() as file:
        while piece := file.read(PIECE_BYTES):
            if sent + len(piece) > content.size:
                raise FileChanged
            yield piece
            sent += len(piece)
            if content.progress is not None:
                content.progress(sent, content.size)
    shortened(sent, content)
