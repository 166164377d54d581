"""`MemoryBroker`: the port within one process."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from libs.broker.errors import BrokerError, Unavailable
from libs.broker.memory.bus import MemoryBus
from libs.broker.memory.subscription import MemoryBellListener, MemorySubscription
from libs.broker.message import Message, check_body, dead_letter_message, reply_message
from libs.broker.port import BellListener, Received, Subscription, check_prefetch
from libs.broker.topology import BINDINGS, DEAD_JOBS, QUEUES, Exchange, Names, Queue, bell_key


class MemoryBroker:
    """Brokers made on the same bus, with the same prefix, meet each other."""

    def __init__(self, bus: MemoryBus, *, prefix: str) -> None:
        self._bus = bus
        self._names = Names(prefix)
        self._open = False
        self._subscriptions: set[MemorySubscription] = set()

    @property
    def connected(self) -> bool:
        return self._open

    async def start(self) -> None:
        for queue in QUEUES:
            self._bus.declare(self._names.of(queue))
        for binding in BINDINGS:
            self._bus.bind(self._names.of(binding.exchange), binding.key, self._names.of(binding.queue))
        self._open = True

    async def close(self) -> None:
        self._open = False
        for subscription in self._subscriptions:
            subscription.end()

    async def publish(self, message: Message, *, exchange: Exchange, mandatory: bool = True, timeout: float) -> None:
        self._publish(message, exchange=self._names.of(exchange), mandatory=mandatory)

    async def publish_many(
        self, messages: Sequence[Message], *, exchange: Exchange, mandatory: bool = True, timeout: float
    ) -> list[BrokerError | None]:
        verdicts: list[BrokerError | None] = []
        for message in messages:
            try:
                self._publish(message, exchange=self._names.of(exchange), mandatory=mandatory)
            except BrokerError as error:
                verdicts.append(error)
            else:
                verdicts.append(None)
        return verdicts

    async def dead_letter(self, received: Received, *, reason: str, timeout: float) -> None:
        self._bus.declare(self._names.of(DEAD_JOBS))
        dead = dead_letter_message(received.message, queue=self._names.of(DEAD_JOBS), reason=reason)
        self._publish(dead, exchange="", mandatory=True)

    async def reply(self, received: Received, body: bytes, *, timeout: float) -> bool:
        answer = reply_message(received.message, body)
        if answer is None or self._names.owns(answer.routing_key):
            return False
        try:
            self._publish(answer, exchange="", mandatory=False)
        except BrokerError:
            return False
        return True

    async def ring(self, bell: str) -> None:
        for rung in self._bus.bell(self._key(bell)):
            rung.set()

    @asynccontextmanager
    async def subscribe(self, queue: Queue, *, prefetch: int) -> AsyncIterator[Subscription]:
        self._check_consuming()
        subscription = MemorySubscription(self._bus.queue(self._names.of(queue)), prefetch=check_prefetch(prefetch))
        self._subscriptions.add(subscription)
        try:
            yield subscription
        finally:
            self._subscriptions.discard(subscription)
            subscription.end()

    @asynccontextmanager
    async def listen(self, *bells: str) -> AsyncIterator[BellListener]:
        self._check_consuming()
        listener = MemoryBellListener()
        for bell in bells:
            self._bus.bell(self._key(bell)).add(listener.rung)
        try:
            yield listener
        finally:
            for bell in bells:
                self._bus.bell(self._key(bell)).discard(listener.rung)

    def _publish(self, message: Message, *, exchange: str, mandatory: bool) -> None:
        if not self._open:
            raise Unavailable("this broker is not started, or closed")
        check_body(message)
        self._bus.publish(message, exchange=exchange, mandatory=mandatory)

    def _check_consuming(self) -> None:
        if not self._open:
            raise RuntimeError("start the broker before consuming, and do not consume after close")

    def _key(self, bell: str) -> str:
        return self._names.prefix + bell_key(bell)
