"""Taking messages from a queue of the bus, and settling them."""

import asyncio

from libs.broker.errors import Stale
from libs.broker.memory.bus import MemoryQueue, Stored
from libs.broker.message import Message
from libs.broker.port import Received


class MemoryReceived:
    """A delivery: settled once, and only while its subscription lasts."""

    def __init__(self, stored: Stored, subscription: "MemorySubscription") -> None:
        self.message: Message = stored.message
        self.redelivered: bool = stored.redelivered
        self._subscription = subscription

    async def ack(self) -> None:
        self._subscription.settle(self)

    async def nack(self, *, requeue: bool = True) -> None:
        self._subscription.settle(self)
        if requeue:
            self._subscription.queue.put_back(self.message)


class MemorySubscription:
    """Takes from the queue when asked, while fewer than `prefetch` messages are in hand."""

    def __init__(self, queue: MemoryQueue, *, prefetch: int) -> None:
        self.queue = queue
        self._prefetch = prefetch
        self._in_hand: dict[MemoryReceived, None] = {}
        self._open = True

    async def receive(self, *, limit: int, wait: float) -> list[Received]:
        try:
            async with asyncio.timeout(wait):
                while not (batch := self._take(limit)):
                    self.queue.arrived.clear()
                    await self.queue.arrived.wait()
                return batch
        except TimeoutError:
            return []

    def _take(self, limit: int) -> list[Received]:
        batch: list[Received] = []
        while self._open and self.queue.ready and len(batch) < limit and len(self._in_hand) < self._prefetch:
            received = MemoryReceived(self.queue.ready.popleft(), self)
            self._in_hand[received] = None
            batch.append(received)
        return batch

    def settle(self, received: MemoryReceived) -> None:
        if received not in self._in_hand:
            raise Stale("this delivery was settled already, or its subscription has ended")
        del self._in_hand[received]
        self.queue.arrived.set()  # there is room for one more

    def end(self) -> None:
        self._open = False
        for received in reversed(self._in_hand):
            self.queue.put_back(received.message)
        self._in_hand.clear()


class MemoryBellListener:
    """Hears the bells that were given its event."""

    def __init__(self) -> None:
        self.rung = asyncio.Event()

    async def wait(self, timeout: float) -> bool:
        try:
            async with asyncio.timeout(timeout):
                await self.rung.wait()
        except TimeoutError:
            return False
        self.rung.clear()
        return True
