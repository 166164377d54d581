"""Publishing with a verdict: the broker's confirm, its return, its refusal, or the deadline."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from aiormq.exceptions import PublishError

from libs.broker.errors import BrokerError
from libs.broker.message import Message, check_body, dead_letter_message
from libs.broker.rabbit.answer import answered
from libs.broker.rabbit.kept import KeptChannel
from libs.broker.rabbit.wire import can_travel, frame_max_of, properties_of

MAX_UNCONFIRMED = 512


class Publisher:
    """Publishes on one channel in confirm mode, many messages at a time."""

    def __init__(self, kept: KeptChannel) -> None:
        self._kept = kept
        self._window = asyncio.Semaphore(MAX_UNCONFIRMED)
        self._unconfirmed: dict[str, asyncio.Event] = {}

    async def publish(self, message: Message, *, exchange: str, mandatory: bool, timeout: float) -> None:
        """Return once confirmed; raise `Unroutable`, `Refused` or `Unavailable`."""
        check_body(message)
        async with answered(timeout):
            await self._publish(message.identified(), exchange=exchange, mandatory=mandatory)

    async def publish_many(
        self, messages: Sequence[Message], *, exchange: str, mandatory: bool, timeout: float
    ) -> list[BrokerError | None]:
        """One verdict per message, in order. They share the deadline."""

        async def verdict(message: Message) -> BrokerError | None:
            try:
                await self.publish(message, exchange=exchange, mandatory=mandatory, timeout=timeout)
            except BrokerError as error:
                return error
            return None

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(verdict(message)) for message in messages]
        return [task.result() for task in tasks]

    async def dead_letter(self, dead: Message, *, queue: str, reason: str, timeout: float) -> None:
        """Put a copy into `queue`, by name; without the stranger's headers where those cannot be sent again."""
        copy = dead_letter_message(dead, queue=queue, reason=reason).identified()
        async with answered(timeout):
            if not can_travel(copy, frame_max=frame_max_of(await self._kept.channel())):
                copy = dead_letter_message(copy, queue=queue, reason=reason, keep_headers=False)
            try:
                await self._publish(copy, exchange="", mandatory=True)
            except PublishError:
                # Somebody deleted the queue; nothing consumes it, so nothing but this would notice.
                await self._kept.prepare_again()
                await self._publish(copy, exchange="", mandatory=True)

    async def _publish(self, message: Message, *, exchange: str, mandatory: bool) -> None:
        async with self._window, self._alone(message.message_id or ""):
            channel = await self._kept.channel()
            await channel.basic_publish(
                message.body,
                exchange=exchange,
                routing_key=message.routing_key,
                properties=properties_of(message, frame_max=frame_max_of(channel)),
                mandatory=mandatory,
            )

    @asynccontextmanager
    async def _alone(self, message_id: str) -> AsyncIterator[None]:
        """Let no two unconfirmed messages have one id.

        AMQP returns an unroutable message without saying which publish it was, and aiormq finds that by message id:
        with two of them in flight it would call the lost one stored.
        """
        while (earlier := self._unconfirmed.get(message_id)) is not None:
            await earlier.wait()
        settled = self._unconfirmed[message_id] = asyncio.Event()
        try:
            yield
        finally:
            del self._unconfirmed[message_id]
            settled.set()
