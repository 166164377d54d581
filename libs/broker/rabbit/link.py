"""One connection to RabbitMQ, made again and again until it is no longer wanted."""

import asyncio
import random
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar
from urllib.parse import parse_qs, urlsplit

import aiormq
import structlog

from libs.broker.errors import Unavailable
from libs.broker.rabbit.answer import answered, describe, remedy, unexpected
from libs.broker.rabbit.frames import FrameTransport

CLOSE_SECONDS = 2.0
STABLE_SECONDS = 5.0
"""What lived this long is reopened at once when it breaks; what did not is paced like a failed attempt."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Retry:
    """Pauses between attempts: `first` seconds, doubled each time up to `most`, and shortened at random by up to half
    so that a restarted broker is not met by every process in the same instant."""

    first: float = 0.2
    most: float = 5.0

    def pause(self, attempt: int, *, roll: float) -> float:
        """Seconds to wait after `attempt` failures (from 0); `roll` is a random number in [0, 1)."""
        whole = min(self.most, self.first * 2.0 ** min(attempt, 30))
        return whole * (1 - roll / 2)


@dataclass(frozen=True, slots=True)
class Target:
    """Where to connect: checked, and safe to print."""

    url: str
    heartbeat: int

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        try:
            valid = parts.scheme in ("amqp", "amqps") and bool(parts.hostname) and parts.port != 0
        except ValueError:  # of the port. Its text repeats what may be a password with an unescaped slash
            valid = False
        if not valid:
            raise ValueError(
                "a RabbitMQ URL looks like amqp://user:password@host:5672/vhost, or amqps://…, "
                "with special characters percent-encoded"
            )

    def __repr__(self) -> str:
        return f"Target({self})"

    def __str__(self) -> str:
        """Host, port and virtual host; neither user nor password."""
        parts = urlsplit(self.url)
        port = parts.port or (5671 if parts.scheme == "amqps" else 5672)
        return f"{parts.scheme}://{parts.hostname}:{port}{parts.path or '/'}"

    @property
    def dial(self) -> str:
        """The URL with our heartbeat, unless it brings its own: aiormq's default notices a dead peer after 3 min."""
        parts = urlsplit(self.url)
        if "heartbeat" in parse_qs(parts.query):
            return self.url
        query = f"{parts.query}&" if parts.query else ""
        return parts._replace(query=f"{query}heartbeat={self.heartbeat}").geturl()


class Closable(Protocol):
    @property
    def is_closed(self) -> bool: ...

    async def close(self) -> None: ...


C = TypeVar("C", bound=Closable)


class Slot(Generic[C]):
    """Holds a connection or channel while it is open, and lets others wait for the next one."""

    def __init__(self) -> None:
        self._open: C | None = None
        self._ended = False
        self._changed = asyncio.Event()

    @property
    def is_open(self) -> bool:
        return self._open is not None and not self._open.is_closed

    def set(self, value: C | None) -> None:
        self._open = value
        self._changed.set()
        self._changed = asyncio.Event()

    def end(self) -> None:
        """There will be no other: whoever waits or comes later gets `Unavailable`."""
        self._ended = True
        self.set(None)

    async def get(self) -> C:
        """Wait for an open one. The caller sets the deadline."""
        while (value := self._open) is None or value.is_closed:
            if self._ended:
                raise Unavailable("this broker is closed")
            await self._changed.wait()
        return value


class _Connection(aiormq.Connection):
    HEARTBEAT_GRACE_MULTIPLIER = 2  # a peer is dead after two missed heartbeats, as AMQP has it, not after three
    READER_CLOSE_TIMEOUT = 1  # seconds a dead peer gets to say goodbye


class Link:
    """Keeps one connection open while `run` runs."""

    def __init__(self, target: Target, *, label: str, retry: Retry, connect_seconds: float = 10.0) -> None:
        self.retry = retry
        self._target = target
        self._label = label
        self._connect_seconds = connect_seconds
        self._slot: Slot[aiormq.Connection] = Slot()
        self._log = log.bind(broker=str(target), connection=label)

    async def connection(self) -> aiormq.Connection:
        """Wait for an open connection. The caller sets the deadline."""
        return await self._slot.get()

    async def run(self) -> None:
        """Connect, watch, and connect again, until cancelled; then close within `CLOSE_SECONDS`."""
        loop = asyncio.get_running_loop()
        attempt = 0
        while True:
            try:
                connection = await self._connect()
            except Exception as error:  # not even a bug may end the program's line to the broker
                pause = self.retry.pause(attempt, roll=random.random())
                attempt += 1
                self._log.warning(
                    "broker.connect_failed",
                    error=describe(error),
                    remedy=remedy(error),
                    exc_info=unexpected(error),
                    attempt=attempt,
                    retry_in_s=round(pause, 2),
                )
                await asyncio.sleep(pause)
                continue
            since = loop.time()
            self._slot.set(connection)
            self._log.info("broker.connected")
            try:
                reason = await closed(connection.closing)
            finally:
                self._slot.set(None)
                await shut(connection)
            attempt = 0 if loop.time() - since > STABLE_SECONDS else attempt + 1
            self._log.warning("broker.connection_lost", error=describe(reason), remedy=remedy(reason))
            await asyncio.sleep(self.retry.pause(attempt, roll=random.random()))

    async def _connect(self) -> aiormq.Connection:
        connection = _Connection(
            self._target.dial,
            transport_factory=FrameTransport(),
            client_properties={"connection_name": self._label},
        )
        async with answered(self._connect_seconds):
            await connection.connect()
            return connection


async def closed(*endings: "asyncio.Future[object]") -> BaseException | None:
    """Wait for the first of some futures and return its exception.

    Not by awaiting them: aiormq may end them with a CancelledError that is none of ours.
    """
    done, _ = await asyncio.wait(endings, return_when=asyncio.FIRST_COMPLETED)
    ended = done.pop()
    return None if ended.cancelled() else ended.exception()


async def shut(thing: Closable) -> None:
    """Close within `CLOSE_SECONDS`, whatever state the peer is in."""
    if thing.is_closed:
        return
    closing = asyncio.ensure_future(thing.close())
    done, _ = await asyncio.wait({closing}, timeout=CLOSE_SECONDS)
    if not done:
        closing.cancel()
    elif not closing.cancelled() and (error := closing.exception()) is not None:
        log.debug("broker.close_failed", error=describe(error))
