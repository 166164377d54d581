"""Jobs from RabbitMQ: each becomes posts, or an answer that says why not (design section 3).

A job is acked once it is stored, never after driving. A bad body is answered, copied to the dead letters with its
reason, recorded as `post.rejected` and acked: it can never stop the consumer. A run of *our* failures opens a breaker.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime

import orjson
import structlog

from libs.broker.errors import BrokerError, Stale
from libs.broker.port import Broker, Received
from libs.broker.topology import JOBS
from libs.media.judge import Judge
from libs.model.event import EventType, event
from libs.model.problem import FieldError, Problem, invalid
from libs.store.acceptance import Accepted
from libs.store.errors import BadData, StoreError
from libs.store.intake import every_error, take_request
from libs.store.store import Store
from services.publisher.breaker import Breaker
from services.publisher.job import Job, Wrong, read_job, reason_of, storable_id, unknown_customer

log = structlog.get_logger()

PREFETCH = 64
REPLY_S = 2.0
DEAD_LETTER_S = 10.0
TAKE_S = 30.0


class Jobs:
    """The consumer of `publisher.jobs`."""

    def __init__(
        self, store: Store, broker: Broker, *, now: Callable[[], datetime], audited: bool, judge: Judge
    ) -> None:
        self._store = store
        self._broker = broker
        self._now = now
        self._audited = audited
        self._judge = judge
        self._breaker = Breaker()

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`. Jobs in hand are finished; what was received and not begun goes back to the queue."""
        async with self._broker.subscribe(JOBS, prefetch=PREFETCH) as subscription:
            while not stop.is_set():
                limit = 1 if self._breaker.open else PREFETCH
                batch = await subscription.receive(limit=limit, wait=0.5)
                if batch:
                    self._breaker.begin()
                    await asyncio.gather(*(self._handle(received) for received in batch))
                    await self._broker.ring("publisher")

    async def _handle(self, received: Received) -> None:
        """One job from hand to ack. Never raises but on cancellation."""
        try:
            async with asyncio.timeout(TAKE_S):
                await self._take(received)
            self._breaker.succeeded()
        except Stale:
            log.info("job.redelivered", message_id=received.message.message_id)
        except (StoreError, BrokerError, TimeoutError) as error:
            await self._give_back(received, error)
        except Exception as error:
            log.exception("job.broke", message_id=received.message.message_id)
            await self._give_back(received, error)

    async def _give_back(self, received: Received, error: Exception) -> None:
        """Our failure: wait first (a nacked message comes back at once), then return the job to the queue."""
        self._breaker.failed()
        log.warning("job.returned", why=f"{type(error).__name__}: {error}", pause_s=round(self._breaker.pause_s, 1))
        await asyncio.sleep(self._breaker.pause_s)
        try:
            await received.nack(requeue=True)
        except BrokerError:
            log.info("job.redelivered", message_id=received.message.message_id)

    async def _take(self, received: Received) -> None:
        job = read_job(received.message.body, message_id=storable_id(received.message))
        outcome = await self._decide(job)
        if isinstance(outcome, Problem):
            await self._reject(received, outcome, named=job.customer_id)
            return
        await received.ack()
        log.info("job.accepted", posts=len(outcome.posts), created=outcome.created)
        await self._broker.reply(received, _accepted(outcome), timeout=REPLY_S)

    async def _decide(self, job: Job | Wrong) -> Accepted | Problem:
        """Takes a readable job, or says all that is wrong."""
        named = job.customer_id
        if named is not None and await self._store.customers.get(named) is None:
            return invalid([unknown_customer(named), *(job.reading.errors if isinstance(job, Wrong) else ())])
        try:
            return await self._accept(job) if isinstance(job, Job) else invalid(await self._errors(job))
        except BadData as error:
            return invalid([FieldError("", "not_storable", "The body holds a value that cannot be stored.",
                                       found=str(error)[:80], remedy="Send plain JSON text and numbers.")])  # fmt: skip

    async def _accept(self, job: Job) -> Accepted | Problem:
        return await take_request(
            self._store,
            job.request,
            customer_id=job.customer_id,
            key=job.key,
            audited=self._audited,
            judge=self._judge,
            now=self._now(),
        )

    async def _errors(self, job: Wrong) -> Sequence[FieldError]:
        if job.customer_id is None:
            return job.reading.errors
        return await every_error(
            self._store,
            job.reading,
            customer_id=job.customer_id,
            audited=self._audited,
            judge=self._judge,
            now=self._now(),
        )

    async def _reject(self, received: Received, problem: Problem, *, named: str | None) -> None:
        """Answered, kept with its reason, told to the customer if it named one, then acked."""
        await self._broker.dead_letter(received, reason=reason_of(problem), timeout=DEAD_LETTER_S)
        await self._tell(received, problem, named=named)
        await received.ack()
        log.info("job.rejected", code=problem.code, errors=[error.field for error in problem.errors])
        body = orjson.dumps({"accepted": False, "problem": problem.as_dict()})
        await self._broker.reply(received, body, timeout=REPLY_S)

    async def _tell(self, received: Received, problem: Problem, *, named: str | None) -> None:
        """`post.rejected`, once per message id, to the customer the job names, when there is such a customer."""
        if named is None or await self._store.customers.get(named) is None:
            return
        now = self._now()
        id_ = storable_id(received.message) or ""
        told = event(
            EventType.POST_REJECTED,
            key=f"{named}:rejected:{id_ or now.timestamp()}",
            now=now,
            data={"message_id": id_ or None, "problem": problem.as_dict()},
            customer_id=named,
        )
        await self._store.events.record([told], now=now)
        await self._broker.ring("notifier")


def _accepted(outcome: Accepted) -> bytes:
    batch_id = outcome.posts[0].batch_id
    if batch_id is None:
        return orjson.dumps({"accepted": True, "post_id": outcome.posts[0].id})
    return orjson.dumps({"accepted": True, "batch_id": batch_id, "post_ids": [post.id for post in outcome.posts]})
