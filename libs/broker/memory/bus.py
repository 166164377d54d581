"""What the brokers of one process share: queues, bindings and bells."""

import asyncio
from collections import deque
from dataclasses import dataclass

from libs.broker.errors import Refused, Unroutable
from libs.broker.message import Message
from libs.broker.topology import topic_matches

MAX_LENGTH = 100_000
"""Messages a queue holds; then publishing is refused, as with RabbitMQ's `reject-publish`."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A message that waits in a queue."""

    message: Message
    redelivered: bool


class MemoryQueue:
    """Messages that wait for a consumer; `arrived` is set when there may be something to take."""

    def __init__(self) -> None:
        self.ready: deque[Stored] = deque()
        self.arrived = asyncio.Event()

    def put(self, message: Message) -> None:
        self.ready.append(Stored(message, redelivered=False))
        self.arrived.set()

    def put_back(self, message: Message) -> None:
        self.ready.appendleft(Stored(message, redelivered=True))
        self.arrived.set()


class MemoryBus:
    """The exchanges and queues that the brokers of one process share.

    Other systems' queues can be here too: `declare` and `bind` one, and `get` what arrived. Names are whole names.
    """

    def __init__(self, *, max_length: int = MAX_LENGTH) -> None:
        self._max_length = max_length
        self._queues: dict[str, MemoryQueue] = {}
        self._bindings: set[tuple[str, str, str]] = set()
        self._bells: dict[str, set[asyncio.Event]] = {}

    def declare(self, queue: str) -> None:
        """Make a queue of that name if there is none."""
        self._queues.setdefault(queue, MemoryQueue())

    def delete(self, queue: str) -> None:
        """Forget a queue, what it holds and its bindings."""
        self._queues.pop(queue, None)
        self._bindings = {binding for binding in self._bindings if binding[2] != queue}

    def bind(self, exchange: str, pattern: str, queue: str) -> None:
        """Let `queue` receive what is published to `exchange` under keys that the topic `pattern` matches."""
        self.declare(queue)
        self._bindings.add((exchange, pattern, queue))

    def publish(self, message: Message, *, exchange: str, mandatory: bool) -> None:
        """Route by bindings, or by queue name where `exchange` is empty. Raises `Unroutable` and `Refused`."""
        names = (
            {message.routing_key}
            if not exchange
            else {
                queue
                for source, pattern, queue in self._bindings
                if source == exchange and topic_matches(pattern, message.routing_key)
            }
        )
        takers = [queue for name in sorted(names) if (queue := self._queues.get(name)) is not None]
        if mandatory and not takers:
            raise Unroutable(f"no queue takes routing key {message.routing_key!r}")
        if any(len(taker.ready) >= self._max_length for taker in takers):
            raise Refused(f"a queue for routing key {message.routing_key!r} holds {self._max_length} messages")
        for taker in takers:
            taker.put(message.identified())

    def get(self, queue: str) -> Message | None:
        """Take one message out of a queue, for good."""
        held = self._queues.get(queue)
        return held.ready.popleft().message if held is not None and held.ready else None

    def queue(self, name: str) -> MemoryQueue:
        """The queue of that name, declared if need be."""
        self.declare(name)
        return self._queues[name]

    def bell(self, key: str) -> set[asyncio.Event]:
        """Those who listen to a bell; the caller adds and removes its own."""
        return self._bells.setdefault(key, set())
