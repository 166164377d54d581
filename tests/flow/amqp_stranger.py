"""Another system at the same RabbitMQ: pika, whole names, none of our code."""

import asyncio
import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import uuid4

import pika
from pika.adapters.blocking_connection import BlockingChannel

from tests.eventually import eventually

T = TypeVar("T")
PATIENCE_S = 20.0


@dataclass(frozen=True)
class Got:
    """A message as pika saw it."""

    key: str
    body: bytes
    properties: pika.BasicProperties

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class AmqpStranger:
    """pika blocks and belongs to one thread: it gets one. Use as `async with`."""

    def __init__(self, url: str, *, prefix: str) -> None:
        self._url = url
        self.prefix = prefix
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="stranger")
        self._inbox: list[Got] = []

    async def __aenter__(self) -> "AmqpStranger":
        await self._run(self._open)
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._run(lambda: self._connection.close())
        self._thread.shutdown()

    async def publish(self, body: Any, **properties: Any) -> None:
        """Publishes a job, confirmed; `body` that is not bytes becomes JSON."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        given = pika.BasicProperties(**{"message_id": uuid4().hex, **properties})
        await self._run(
            lambda: self._channel.basic_publish(f"{self.prefix}clipwire", "post.requested", raw, given, mandatory=True)
        )

    async def ask(self, body: Any, *, within: float = PATIENCE_S, **properties: Any) -> dict[str, Any]:
        """Publishes a job and returns the answer to it; raises AssertionError when none comes."""
        correlation_id = uuid4().hex
        await self.publish(body, reply_to=self._answers, correlation_id=correlation_id, **properties)
        return await self._answer(correlation_id, within=within)

    async def ask_directly(self, body: Any) -> dict[str, Any]:
        """The same without a queue: by RabbitMQ's direct reply-to."""

        def ask() -> bytes:
            answers: list[bytes] = []
            channel = self._connection.channel()
            direct = "amq.rabbitmq.reply-to"
            channel.basic_consume(direct, lambda _ch, _method, _properties, body: answers.append(body), auto_ack=True)
            properties = pika.BasicProperties(message_id=uuid4().hex, reply_to=direct)
            channel.basic_publish(f"{self.prefix}clipwire", "post.requested", json.dumps(body).encode(), properties)
            deadline = time.monotonic() + PATIENCE_S
            while not answers and time.monotonic() < deadline:
                self._connection.process_data_events(time_limit=0.1)
            channel.close()
            assert answers, "no answer came"
            return answers[0]

        return dict(json.loads(await self._run(ask)))

    async def _answer(self, correlation_id: str, *, within: float) -> dict[str, Any]:
        async def came() -> Got:
            self._inbox += await self.take(self._answers)
            found = [got for got in self._inbox if got.properties.correlation_id == correlation_id]
            assert len(found) == 1, found
            assert b'+00:00"' not in found[0].body, "an answer writes UTC otherwise than Z"
            return found[0]

        return dict((await eventually(came, timeout=within)).json)

    async def dead(self) -> dict[str, Got]:
        """Message id → dead letter, of those that came since the last look."""
        return {str(got.properties.message_id): got for got in await self.take(f"{self.prefix}publisher.jobs.dead")}

    async def listen(self, pattern: str) -> str:
        """A queue of the stranger's own that gets what matches."""

        def declare() -> str:
            queue = str(self._channel.queue_declare("", exclusive=True).method.queue)
            self._channel.queue_bind(queue, f"{self.prefix}clipwire", pattern)
            return queue

        return await self._run(declare)

    async def take(self, queue: str) -> list[Got]:
        """Everything that lies in a queue."""

        def drain() -> list[Got]:
            found = []
            while True:
                method, properties, body = self._channel.basic_get(queue, auto_ack=True)
                if method is None or properties is None:
                    return found
                found.append(Got(str(method.routing_key), body or b"", properties))

        return await self._run(drain)

    async def depth(self, queue: str) -> int:
        return await self._run(
            lambda: int(self._channel.queue_declare(self.prefix + queue, passive=True).method.message_count)
        )

    def _open(self) -> None:
        self._connection = pika.BlockingConnection(pika.URLParameters(self._url))
        self._channel: BlockingChannel = self._connection.channel()
        self._channel.confirm_delivery()
        self._answers = str(self._channel.queue_declare("", exclusive=True).method.queue)

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)
