"""`RabbitBroker`: the port over a real RabbitMQ."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aiormq
import structlog

from libs.broker.errors import BrokerError
from libs.broker.message import Message, check_body, reply_message
from libs.broker.port import BellListener, Received, Subscription
from libs.broker.rabbit.answer import answered, describe
from libs.broker.rabbit.bells import RabbitBellListener, Ringer
from libs.broker.rabbit.kept import KeptChannel, Prepare, declare
from libs.broker.rabbit.link import CLOSE_SECONDS, Link, Retry, Target
from libs.broker.rabbit.publisher import Publisher
from libs.broker.rabbit.subscription import RabbitSubscription
from libs.broker.rabbit.wire import frame_max_of, properties_of
from libs.broker.topology import DEAD_JOBS, Exchange, Names, Queue

LISTEN_SECONDS = 0.5

log = structlog.get_logger()


class RabbitBroker:
    """One connection sends; one that receives and one that answers are opened when first needed.

    Receiving is apart because RabbitMQ, when it runs out of memory or disk, stops reading from connections that
    publish, and acks on the same connection would be stuck behind the publishes. Answering is, because a stranger's
    `reply_to` can cost the whole connection: a forged direct reply-to address ends it (tried on 3.10).
    """

    def __init__(
        self,
        url: str,
        *,
        prefix: str,
        name: str,
        retry: Retry = Retry(),  # noqa: B008 (a frozen value)
        heartbeat: int = 10,
    ) -> None:
        target = Target(url, heartbeat)
        self._names = Names(prefix)
        self._outbound = Link(target, label=f"{name}:out", retry=retry)
        self._inbound = Link(target, label=f"{name}:in", retry=retry)
        self._answering = Link(target, label=f"{name}:answers", retry=retry)

        async def declared(channel: aiormq.Channel) -> None:
            await declare(channel, self._names)

        self._confirmed = KeptChannel(self._outbound, purpose="publish", prepare=declared, confirms=True)
        self._unconfirmed = KeptChannel(self._outbound, purpose="bells", prepare=declared)
        self._replies = KeptChannel(self._answering, purpose="replies", prepare=_as_it_is)
        self._publisher = Publisher(self._confirmed)
        self._ringer = Ringer(self._unconfirmed, self._names)

        self._kept: set[KeptChannel] = {self._confirmed, self._unconfirmed}
        self._lines: set[asyncio.Task[None]] = set()
        self._users: set[asyncio.Task[None]] = set()
        self._started = self._receiving = self._replying = self._closed = self._broken = False

    @property
    def connected(self) -> bool:
        usable = self._started and not self._closed and not self._broken
        return usable and all(kept.is_open for kept in self._kept)

    async def start(self) -> None:
        if self._started:
            raise RuntimeError("this broker was started already")
        self._started = True
        self._spawn(self._outbound.run(), into=self._lines)
        self._spawn(self._ringer.run(), into=self._users)
        for kept in self._kept:
            self._spawn(kept.run(), into=self._users)

    async def close(self) -> None:
        self._closed = True
        # Channels first: closing a connection drops what waits to be written, and that may be acks.
        await _end(self._users)
        await _end(self._lines)

    async def publish(self, message: Message, *, exchange: Exchange, mandatory: bool = True, timeout: float) -> None:
        await self._publisher.publish(message, exchange=self._names.of(exchange), mandatory=mandatory, timeout=timeout)

    async def publish_many(
        self, messages: Sequence[Message], *, exchange: Exchange, mandatory: bool = True, timeout: float
    ) -> list[BrokerError | None]:
        return await self._publisher.publish_many(
            messages, exchange=self._names.of(exchange), mandatory=mandatory, timeout=timeout
        )

    async def dead_letter(self, received: Received, *, reason: str, timeout: float) -> None:
        await self._publisher.dead_letter(
            received.message, queue=self._names.of(DEAD_JOBS), reason=reason, timeout=timeout
        )

    async def reply(self, received: Received, body: bytes, *, timeout: float) -> bool:
        answer = reply_message(received.message, body)
        if answer is None or self._names.owns(answer.routing_key):
            return False
        if not self._started or self._closed:
            return False
        if not self._replying:
            self._replying = True
            self._spawn(self._answering.run(), into=self._lines)
            self._spawn(self._replies.run(), into=self._users)
        try:
            check_body(answer)
            async with answered(timeout):
                channel = await self._replies.channel()
                await channel.basic_publish(
                    answer.body,
                    routing_key=answer.routing_key,
                    properties=properties_of(answer, frame_max=frame_max_of(channel)),
                )
        except BrokerError as error:
            log.info("broker.reply_failed", error=describe(error))
            return False
        return True

    async def ring(self, bell: str) -> None:
        self._ringer.ring(bell)

    @asynccontextmanager
    async def subscribe(self, queue: Queue, *, prefetch: int) -> AsyncIterator[Subscription]:
        subscription = RabbitSubscription(queue, prefetch=prefetch, names=self._names)
        async with self._consuming(f"consume {queue.name}", subscription.prepare):
            yield subscription

    @asynccontextmanager
    async def listen(self, *bells: str) -> AsyncIterator[BellListener]:
        listener = RabbitBellListener(bells, names=self._names)
        async with self._consuming(f"listen {' '.join(bells)}", listener.prepare):
            await listener.settled(LISTEN_SECONDS)
            yield listener

    @asynccontextmanager
    async def _consuming(self, purpose: str, prepare: Prepare) -> AsyncIterator[None]:
        """Hold a channel on the inbound link; closing it gives back what is unacked."""
        if not self._started or self._closed:
            raise RuntimeError("start the broker before consuming, and do not consume after close")
        if not self._receiving:
            self._receiving = True
            self._spawn(self._inbound.run(), into=self._lines)
        kept = KeptChannel(self._inbound, purpose=purpose, prepare=prepare)
        self._kept.add(kept)
        task = self._spawn(kept.run(), into=self._users)
        try:
            yield
        finally:
            self._kept.discard(kept)
            await _end({task})

    def _spawn(self, work: Coroutine[Any, Any, None], *, into: set[asyncio.Task[None]]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        into.add(task)
        task.add_done_callback(into.discard)
        task.add_done_callback(self._report)
        return task

    def _report(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            # These loops end by cancellation only, so this is a bug; readiness fails from here on.
            self._broken = True
            log.error("broker.task_died", exc_info=error)


async def _end(tasks: set[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=CLOSE_SECONDS + 0.5)  # each bounds itself a little tighter


async def _as_it_is(_channel: aiormq.Channel) -> None:
    """Prepare nothing: replies go through the default exchange, which is always there."""
