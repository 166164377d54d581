"""RabbitMQ as another system uses it: a stranger's client (`pika`) that publishes jobs and taps the events.

It blocks, so it lives in a thread of its own; a connection that breaks is made again, and what was not confirmed is
published again with the same message id.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pika
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import AMQPError

from bench.campaign.errors import CampaignError

T = TypeVar("T")

EXCHANGE = "clipwire"
JOBS, DEAD = "publisher.jobs", "publisher.jobs.dead"
TAP = "proving.events"
AGAIN_S = 0.5
_PERSISTENT = 2

# Of every try while the node is down it says a page, and that the node is down is the campaign's own doing.
logging.getLogger("pika").setLevel(logging.CRITICAL)


class JobQueue:
    """One connection. `url` is read anew at each connect."""

    def __init__(self, url: Callable[[], str]) -> None:
        self._url = url
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="pika")
        self._connection: pika.BlockingConnection | None = None
        self._channel: BlockingChannel | None = None
        self.retries = 0
        self.relayed: set[str] = set()
        """Message ids of the events tapped so far."""

    async def tap(self) -> None:
        """A durable queue that hears every event from now on."""

        def declare(channel: BlockingChannel) -> None:
            channel.queue_declare(TAP, durable=True, arguments={"x-queue-type": "quorum"})
            channel.queue_bind(TAP, EXCHANGE, "event.#")

        await self._call(declare)

    async def publish(self, message_id: str, body: bytes, *, until: float) -> None:
        """Returns once it is confirmed. Raises `CampaignError` after `until` (monotonic)."""

        def send(channel: BlockingChannel) -> None:
            properties = pika.BasicProperties(
                message_id=message_id, content_type="application/json", delivery_mode=_PERSISTENT
            )
            channel.basic_publish(EXCHANGE, "post.requested", body, properties, mandatory=True)

        while time.monotonic() < until:
            try:
                return await self._call(send)
            except (AMQPError, OSError):
                self.retries += 1
                await asyncio.sleep(AGAIN_S)
        raise CampaignError(f"RabbitMQ did not confirm the job {message_id} in time")

    async def drain_tap(self) -> int:
        """Takes what the tap holds; returns how many different events it ever held."""

        def drain(channel: BlockingChannel) -> None:
            while True:
                frame, properties, _ = channel.basic_get(TAP)
                if frame is None or properties is None:
                    return
                self.relayed.add(properties.message_id or "")
                channel.basic_ack(frame.delivery_tag or 0)

        await self._call(drain)
        return len(self.relayed)

    async def waiting(self, queue: str) -> int:
        """Messages in a queue that nobody has in hand. Raises `AMQPError` or `OSError`."""
        return await self._call(lambda channel: channel.queue_declare(queue, passive=True).method.message_count or 0)

    async def close(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, self._drop)
        self._thread.shutdown()

    async def _call(self, work: Callable[[BlockingChannel], T]) -> T:
        def run() -> T:
            try:
                return work(self._open())
            except BaseException:
                self._drop()
                raise

        return await asyncio.get_running_loop().run_in_executor(self._thread, run)

    def _open(self) -> BlockingChannel:
        if self._channel is None or not self._channel.is_open:
            self._drop()
            parameters = pika.URLParameters(self._url())
            parameters.heartbeat = 0  # used now and then only; a dead node shows itself at the next call
            parameters.socket_timeout = parameters.blocked_connection_timeout = 10
            self._connection = pika.BlockingConnection(parameters)
            self._channel = self._connection.channel()
            self._channel.confirm_delivery()
        return self._channel

    def _drop(self) -> None:
        connection, self._connection, self._channel = self._connection, None, None
        if connection is not None and connection.is_open:
            try:
                connection.close()
            except (AMQPError, OSError):
                return  # its node is gone, and so is the connection
