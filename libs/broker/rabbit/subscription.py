"""Taking messages from a queue, and settling them."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiormq
from aiormq.abc import DeliveredMessage

from libs.broker.errors import Stale, Unavailable
from libs.broker.message import Message
from libs.broker.port import Received, check_prefetch
from libs.broker.rabbit.answer import answered
from libs.broker.rabbit.kept import declare
from libs.broker.rabbit.wire import message_of
from libs.broker.topology import Names, Queue

SETTLE_SECONDS = 5.0


class RabbitReceived:
    """A delivery. It can be settled once, and only on the channel that brought it."""

    def __init__(self, delivered: DeliveredMessage, channel: aiormq.Channel) -> None:
        self.message: Message = message_of(delivered)
        self.redelivered: bool = bool(delivered.redelivered)
        self._tag = delivered.delivery_tag or 0
        self._channel = channel
        self._settled = False

    @property
    def is_stale(self) -> bool:
        return self._settled or self._channel.is_closed

    async def ack(self) -> None:
        self._settle_once()
        async with _settling():
            await self._channel.basic_ack(self._tag, wait=False)

    async def nack(self, *, requeue: bool = True) -> None:
        self._settle_once()
        async with _settling():
            await self._channel.basic_nack(self._tag, requeue=requeue, wait=False)

    def _settle_once(self) -> None:
        # Settling twice is a protocol error for which RabbitMQ closes the channel, and all in hand with it.
        if self._settled:
            raise Stale("this delivery was settled already")
        if self._channel.is_closed:
            raise Stale("the channel of this delivery is gone; RabbitMQ delivers the message again")
        self._settled = True


@asynccontextmanager
async def _settling() -> AsyncIterator[None]:
    try:
        async with answered(SETTLE_SECONDS):
            yield
    except Unavailable as error:
        raise Stale("the connection went away; RabbitMQ may deliver the message again") from error


class RabbitSubscription:
    """Buffers what the broker pushes, at most `prefetch` messages."""

    def __init__(self, queue: Queue, *, prefetch: int, names: Names) -> None:
        self._queue = queue
        self._prefetch = check_prefetch(prefetch)
        self._names = names
        self._buffer: deque[RabbitReceived] = deque()
        self._arrived = asyncio.Event()

    async def prepare(self, channel: aiormq.Channel) -> None:
        """Start consuming on a fresh channel."""

        async def on_delivery(delivered: DeliveredMessage) -> None:
            self._buffer.append(RabbitReceived(delivered, channel))
            self._arrived.set()

        self._buffer.clear()
        await declare(channel, self._names)
        await channel.basic_qos(prefetch_count=self._prefetch)
        await channel.basic_consume(self._names.of(self._queue), on_delivery)

    async def receive(self, *, limit: int, wait: float) -> list[Received]:
        try:
            async with asyncio.timeout(wait):
                while not (batch := self._take(limit)):
                    self._arrived.clear()
                    await self._arrived.wait()
                return batch
        except TimeoutError:
            return []

    def _take(self, limit: int) -> list[Received]:
        batch: list[Received] = []
        while self._buffer and len(batch) < limit:
            received = self._buffer.popleft()
            if not received.is_stale:  # of a channel that closed meanwhile: it comes again
                batch.append(received)
        return batch
