"""Bells over RabbitMQ: transient, unconfirmed, and coalesced at both ends, so that a thousand rings cost a few."""

import asyncio
from uuid import uuid4

import aiormq
import structlog
from aiormq.abc import DeliveredMessage
from pamqp.commands import Basic

from libs.broker.errors import BrokerError
from libs.broker.rabbit.answer import answered, describe
from libs.broker.rabbit.kept import KeptChannel, declare
from libs.broker.topology import BELLS, Names, bell_key

RING_SECONDS = 5.0

log = structlog.get_logger()


class Ringer:
    """Sends rings in the background; rings of one bell that meet here become one.

    While the broker is out of reach each bell is remembered once, and rings on return.
    """

    def __init__(self, kept: KeptChannel, names: Names) -> None:
        self._kept = kept
        self._exchange = names.of(BELLS)
        self._rung: set[str] = set()
        self._any = asyncio.Event()

    def ring(self, bell: str) -> None:
        self._rung.add(bell_key(bell))
        self._any.set()

    async def run(self) -> None:
        while True:
            await self._any.wait()
            channel = await self._kept.channel()
            self._any.clear()
            keys, self._rung = self._rung, set()
            try:
                async with answered(RING_SECONDS):
                    for key in keys:
                        await channel.basic_publish(
                            b"",
                            exchange=self._exchange,
                            routing_key=key,
                            properties=Basic.Properties(delivery_mode=1),
                        )
            except BrokerError as error:
                log.debug("broker.bell_lost", keys=sorted(keys), error=describe(error))


class RabbitBellListener:
    """Hears some bells through a private queue that holds one message.

    The delivery that woke us is acked only when `wait` has told the caller, and RabbitMQ sends no second one before
    (prefetch 1): however often a bell rings meanwhile, a busy process is asked once more. One queue per listener:
    in a shared one that drops its oldest message, a frequent bell would push out a rare one.
    """

    def __init__(self, bells: tuple[str, ...], *, names: Names) -> None:
        self._keys = [bell_key(bell) for bell in bells]
        self._names = names
        self._rung = asyncio.Event()
        self._ready = asyncio.Event()
        self._in_hand: tuple[aiormq.Channel, int] | None = None

    async def prepare(self, channel: aiormq.Channel) -> None:
        """Declare the queue and listen, on a fresh channel."""

        async def on_ring(delivered: DeliveredMessage) -> None:
            self._in_hand = (channel, delivered.delivery_tag or 0)
            self._rung.set()

        await declare(channel, self._names)
        queue = self._names.bell_queue(uuid4().hex)
        await channel.queue_declare(
            queue, exclusive=True, auto_delete=True, arguments={"x-max-length": 1, "x-overflow": "drop-head"}
        )
        for key in self._keys:
            await channel.queue_bind(queue, self._names.of(BELLS), key)
        await channel.basic_qos(prefetch_count=1)
        await channel.basic_consume(queue, on_ring)
        if self._ready.is_set():
            self._rung.set()  # heard nothing since the last channel, so assume that something rang
        self._ready.set()

    async def settled(self, within: float) -> None:
        """Wait until it listens, or the broker proves out of reach; then the first connection counts as a ring."""
        try:
            async with asyncio.timeout(within):
                await self._ready.wait()
        except TimeoutError:
            self._ready.set()

    async def wait(self, timeout: float) -> bool:
        try:
            async with asyncio.timeout(timeout):
                await self._rung.wait()
        except TimeoutError:
            return False
        self._rung.clear()
        await self._release()
        return True

    async def _release(self) -> None:
        in_hand, self._in_hand = self._in_hand, None
        if in_hand is None:
            return
        channel, tag = in_hand
        try:
            async with answered(RING_SECONDS):
                await channel.basic_ack(tag, wait=False)
        except BrokerError as error:
            log.debug("broker.bell_unacked", error=describe(error))  # its queue died with its channel
