"""Where a contract test runs: brokers under test, and a stranger who knows only the wire."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import uuid4

import pika
from pika.adapters.blocking_connection import BlockingChannel

from libs.broker.memory import MemoryBroker, MemoryBus
from libs.broker.message import Message
from libs.broker.port import Broker, Received, Subscription
from libs.broker.rabbit import RabbitBroker, Retry
from libs.broker.topology import CLIPWIRE, EXCHANGES, QUEUES, Names
from tests.eventually import eventually

SOON = 20.0
QUICK = Retry(first=0.02, most=0.2)


async def take(subscription: Subscription, count: int, *, within: float = SOON) -> list[Received]:
    """`count` messages, in as many batches as it takes."""
    taken: list[Received] = []
    async with asyncio.timeout(within):
        while len(taken) < count:
            taken += await subscription.receive(limit=count - len(taken), wait=within)
    return taken


class Stranger(Protocol):
    """Another system at the same broker. It uses whole names and none of our code paths."""

    def declare(self, queue: str, arguments: dict[str, Any] | None = None) -> None: ...
    def bind(self, queue: str, pattern: str) -> None: ...
    def get(self, queue: str) -> Message | None: ...
    def delete(self, queue: str) -> None: ...


class Place:
    """One deployment of the broker under test, under a random prefix, and a second prefix to be apart from."""

    def __init__(self, make: Callable[[str], Broker], *, stranger: Stranger, prefix: str) -> None:
        self.make = make
        self.stranger = stranger
        self.prefix = prefix
        self.other_prefix = f"{prefix}other."
        self._brokers: list[Broker] = []

    async def broker(self, *, prefix: str | None = None) -> Broker:
        """One that is started and connected."""
        return await self.connected(self.make(self.prefix if prefix is None else prefix))

    async def connected(self, broker: Broker) -> Broker:
        await self.started(broker)
        await eventually(lambda: broker.connected)
        return broker

    async def started(self, broker: Broker) -> Broker:
        self._brokers.append(broker)
        await broker.start()
        return broker

    async def close(self) -> None:
        await asyncio.gather(*(broker.close() for broker in self._brokers))


class MemoryStranger:
    """The stranger on a memory bus."""

    def __init__(self, bus: MemoryBus, *, exchange: str) -> None:
        self._bus = bus
        self._exchange = exchange

    def declare(self, queue: str, arguments: dict[str, Any] | None = None) -> None:
        self._bus.declare(queue)

    def bind(self, queue: str, pattern: str) -> None:
        self._bus.bind(self._exchange, pattern, queue)

    def get(self, queue: str) -> Message | None:
        return self._bus.get(queue)

    def delete(self, queue: str) -> None:
        self._bus.delete(queue)


class RabbitStranger:
    """The stranger on a real RabbitMQ, over pika, so that no bug of ours can hide behind itself."""

    def __init__(self, url: str, *, exchange: str) -> None:
        self.connection = pika.BlockingConnection(pika.URLParameters(url))
        self._exchange = exchange
        self._queues: set[str] = set()
        self.channel: BlockingChannel = self.connection.channel()

    def declare(self, queue: str, arguments: dict[str, Any] | None = None) -> None:
        self.channel.queue_declare(queue, durable=True, arguments=arguments)
        self._queues.add(queue)

    def bind(self, queue: str, pattern: str) -> None:
        self.channel.queue_bind(queue, self._exchange, pattern)

    def publish(self, key: str, body: bytes, properties: pika.BasicProperties | None = None) -> None:
        self.channel.basic_publish(self._exchange, key, body, properties)

    def get(self, queue: str) -> Message | None:
        method, properties, body = self.channel.basic_get(queue, auto_ack=True)
        if method is None or properties is None:
            return None
        return Message(
            body=body or b"",
            routing_key=method.routing_key or "",
            message_id=properties.message_id,
            correlation_id=properties.correlation_id,
            reply_to=properties.reply_to,
            content_type=properties.content_type,
            content_encoding=properties.content_encoding,
            type=properties.type,
            app_id=properties.app_id,
            timestamp=None if properties.timestamp is None else datetime.fromtimestamp(properties.timestamp, UTC),
            headers=properties.headers or {},
            persistent=properties.delivery_mode == 2,
        )

    def delete(self, queue: str) -> None:
        self.channel.queue_delete(queue)

    def clean(self, *prefixes: str) -> None:
        """Remove everything, ours and the stranger's."""
        channel = self.connection.channel()
        for queue in self._queues:
            channel.queue_delete(queue)
        for names in map(Names, prefixes):
            for each in QUEUES:
                channel.queue_delete(names.of(each))
            for exchange in EXCHANGES:
                channel.exchange_delete(names.of(exchange))
        self.connection.close()


class RabbitPlace(Place):
    """A place at a real RabbitMQ."""

    stranger: RabbitStranger

    def __init__(self, url: str, *, prefix: str) -> None:
        super().__init__(self._make, stranger=RabbitStranger(url, exchange=Names(prefix).of(CLIPWIRE)), prefix=prefix)
        self.url = url

    def through(self, url: str, *, heartbeat: int = 10) -> RabbitBroker:
        """A broker that reaches the server by another way; to be started by the test."""
        return RabbitBroker(url, prefix=self.prefix, name="contract", retry=QUICK, heartbeat=heartbeat)

    async def close(self) -> None:
        await super().close()
        self.stranger.clean(self.prefix, self.other_prefix)

    def _make(self, prefix: str) -> RabbitBroker:
        return RabbitBroker(self.url, prefix=prefix, name="contract", retry=QUICK)


def memory_place() -> Place:
    bus, prefix = MemoryBus(), _random_prefix()
    stranger = MemoryStranger(bus, exchange=Names(prefix).of(CLIPWIRE))
    return Place(lambda prefix: MemoryBroker(bus, prefix=prefix), stranger=stranger, prefix=prefix)


def rabbit_place(url: str) -> RabbitPlace:
    return RabbitPlace(url, prefix=_random_prefix())


def _random_prefix() -> str:
    return f"test-{uuid4().hex[:12]}."


def job(body: bytes = b"{}", **fields: Any) -> Message:
    return replace(Message(body=body, routing_key="post.requested"), **fields)
