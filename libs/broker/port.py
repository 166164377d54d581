"""The port: what the programs may ask of a broker. Both adapters pass one suite, `tests/contract/broker`.

Times are seconds. A message may arrive twice (at least once, as everywhere with AMQP); consumers deduplicate.
"""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from libs.broker.errors import BrokerError
from libs.broker.message import Message
from libs.broker.topology import Exchange, Queue

MAX_PREFETCH = 65_535


def check_prefetch(prefetch: int) -> int:
    """`prefetch` itself; raises `ValueError` outside 1 … `MAX_PREFETCH` (to AMQP, 0 would mean no bound at all)."""
    if not 1 <= prefetch <= MAX_PREFETCH:
        raise ValueError(f"prefetch must be between 1 and {MAX_PREFETCH}")
    return prefetch


class Received(Protocol):
    """A message in hand: not gone from its queue until it is acked."""

    @property
    def message(self) -> Message: ...

    @property
    def redelivered(self) -> bool:
        """Somebody had it before, perhaps this process; what they did with it is unknown."""
        ...

    async def ack(self) -> None:
        """Done with: the queue forgets it. Raises `Stale` when it can no longer be settled from here.

        Nobody confirms an ack. One written just before a connection breaks may be lost, and the message comes again.
        """
        ...

    async def nack(self, *, requeue: bool = True) -> None:
        """Not done: back into the queue, to be delivered again at once. Raises `Stale` as `ack` does.

        `requeue=False` throws the message away. There is no delay in AMQP: a caller whose database is down waits
        before it nacks.
        """
        ...


class Subscription(Protocol):
    """A consumer of one queue that outlives connections."""

    async def receive(self, *, limit: int, wait: float) -> list[Received]:
        """Up to `limit` messages: whatever is there, as soon as there is one, and [] when `wait` passes without.

        While `prefetch` messages are unsettled no further one comes. Nothing comes while the broker is out of reach.
        """
        ...


class BellListener(Protocol):
    """Hears some bells. Meant for one waiting task."""

    async def wait(self, timeout: float) -> bool:
        """True at the next ring, or at once for any number of rings since the last call; False after `timeout`.

        Also True once after a reconnect, because what rang meanwhile is unknown. A bell is a hint to look at the
        database; its absence proves nothing.
        """
        ...


class Broker(Protocol):
    """One process's line to the broker."""

    @property
    def connected(self) -> bool:
        """Everything this object needs is open right now: for readiness, not for deciding whether to publish."""
        ...

    async def start(self) -> None:
        """Return at once, and connect in the background: again and again, with backoff, until `close`."""
        ...

    async def close(self) -> None:
        """Stop within seconds, whatever state the broker is in. What was in hand unacked goes back to its queue."""
        ...

    async def publish(self, message: Message, *, exchange: Exchange, mandatory: bool = True, timeout: float) -> None:
        """Return once the broker has confirmed that it took responsibility for the message.

        Raises `Unroutable` when `mandatory` and no queue takes the key (without `mandatory` that is success),
        `Refused` when the broker or its limits say no, `Unavailable` when there was no answer within `timeout`.
        """
        ...

    async def publish_many(
        self, messages: Sequence[Message], *, exchange: Exchange, mandatory: bool = True, timeout: float
    ) -> list[BrokerError | None]:
        """Publish all at once and return one verdict per message, in order: None, or what `publish` would raise."""
        ...

    def subscribe(self, queue: Queue, *, prefetch: int) -> AbstractAsyncContextManager[Subscription]:
        """Consume `queue`. On exit no more is taken, and what is unsettled goes back to the queue for others."""
        ...

    async def reply(self, received: Received, body: bytes, *, timeout: float) -> bool:
        """Answer a message that has a `reply_to`, with its `correlation_id`: best effort, and never raises.

        True says that the answer was handed to the broker, not that anyone reads it. False when there is nowhere to
        answer, when the address is one of our own queues, or when the broker is out of reach.
        """
        ...

    async def dead_letter(self, received: Received, *, reason: str, timeout: float) -> None:
        """Confirmed copy into `publisher.jobs.dead`, `reason` in its header `x-clipwire-reason`; the caller acks then.

        Raises as `publish` does, and then the original must not be acked.
        """
        ...

    async def ring(self, bell: str) -> None:
        """Wake whoever listens to `bell`. Never waits, and fails in silence: a lost bell costs time, never work.

        Bells are short lower-case names of ours; anything else is a `ValueError`.
        """
        ...

    def listen(self, *bells: str) -> AbstractAsyncContextManager[BellListener]:
        """Hear `bells`, including those rung right after entering; while the broker is out of reach there are none."""
        ...
