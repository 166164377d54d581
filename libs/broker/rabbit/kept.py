"""One channel on a link, opened again and again.

RabbitMQ answers most mistakes by closing the channel: a queue that exists with other arguments, a publish to an
exchange somebody deleted, a delivery unacked for too long. So each kind of work has a channel of its own, and a
channel that closes costs nobody else anything and comes back, prepared anew, with the topology declared again.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable

import aiormq
import structlog
from pamqp.commands import Basic

from libs.broker.rabbit.answer import answered, describe, remedy, unexpected
from libs.broker.rabbit.link import STABLE_SECONDS, Link, Slot, closed, shut
from libs.broker.topology import BINDINGS, EXCHANGES, QUEUES, Names

SETUP_SECONDS = 15.0
"""For opening and preparing. Generous: a quorum queue's first declaration waits for an election."""

log = structlog.get_logger()

Prepare = Callable[[aiormq.Channel], Awaitable[None]]


class KeptChannel:
    """Keeps one channel open and prepared while `run` runs."""

    def __init__(self, link: Link, *, purpose: str, prepare: Prepare, confirms: bool = False) -> None:
        self._link = link
        self._prepare = prepare
        self._confirms = confirms
        self._slot: Slot[aiormq.Channel] = Slot()
        self._log = log.bind(channel=purpose)

    @property
    def is_open(self) -> bool:
        return self._slot.is_open

    async def channel(self) -> aiormq.Channel:
        """Wait for an open and prepared channel. The caller sets the deadline."""
        return await self._slot.get()

    async def prepare_again(self) -> None:
        """Prepare the open channel once more, because something it declared is gone. The caller sets the deadline."""
        await self._prepare(await self.channel())

    async def run(self) -> None:
        """Open, prepare, watch, and open again, until cancelled; then close, which returns unacked messages."""
        try:
            await self._run()
        finally:
            self._slot.end()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        attempt = 0
        while True:
            connection = await self._link.connection()
            since = loop.time()
            reason = await self._session(connection)
            if connection.is_closed:  # the link reports and paces that
                attempt = 0
                continue
            attempt = 0 if loop.time() - since > STABLE_SECONDS else attempt + 1
            pause = self._link.retry.pause(attempt, roll=random.random())
            self._log.error(
                "broker.channel_lost",
                error=describe(reason),
                remedy=remedy(reason),
                exc_info=unexpected(reason),
                attempt=attempt,
                retry_in_s=round(pause, 2),
            )
            await asyncio.sleep(pause)

    async def _session(self, connection: aiormq.Connection) -> BaseException | None:
        """Hold one channel until it ends; return why."""
        channel: aiormq.Channel | None = None
        cancelled: asyncio.Future[object] = asyncio.get_running_loop().create_future()

        def on_cancel(frame: Basic.Cancel | Basic.CancelOk) -> None:
            if not cancelled.done():
                cancelled.set_result(frame)

        try:
            async with answered(SETUP_SECONDS):
                channel = await _open(connection, confirms=self._confirms)
                # The server cancels a consumer when its queue is deleted or its node stops, and leaves the channel
                # open: without this we would wait on it for ever.
                channel.on_consumer_cancel_callbacks.add(on_cancel)
                await self._prepare(channel)
            self._slot.set(channel)
            return await closed(channel.closing, cancelled)
        except Exception as error:  # not even a bug may end the attempts
            # Where the server closed the channel during a call, the call's own error may only say "closed".
            return (await closed(channel.closing) or error) if channel is not None and channel.is_closed else error
        finally:
            self._slot.set(None)
            cancelled.cancel()
            if channel is not None:
                await shut(channel)


async def _open(connection: aiormq.Connection, *, confirms: bool) -> aiormq.Channel:
    # on_return_raises: a returned (unroutable) publish must fail, not pass silently.
    channel = await connection.channel(publisher_confirms=confirms, on_return_raises=confirms)
    if not isinstance(channel, aiormq.Channel):
        raise TypeError(f"aiormq opened a {type(channel).__name__}")
    return channel


async def declare(channel: aiormq.Channel, names: Names) -> None:
    """Declare our whole topology; harmless where it exists already."""
    for exchange in EXCHANGES:
        await channel.exchange_declare(names.of(exchange), exchange_type=exchange.kind.value, durable=True)
    for queue in QUEUES:
        await channel.queue_declare(names.of(queue), durable=True, arguments=dict(queue.arguments))
    for binding in BINDINGS:
        await channel.queue_bind(names.of(binding.queue), names.of(binding.exchange), binding.key)
