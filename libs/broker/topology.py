"""Every exchange, queue and binding of ours, as values. Both adapters read this page and nothing else.

Only `x-queue-type` and `x-delivery-limit` are arguments: a queue's arguments are frozen when it is first declared,
and declaring it with others fails for good, so whatever an operator may want to tune belongs in a policy.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

MAX_PREFIX = 100
"""Characters of a prefix; AMQP allows names of 255 bytes and ours must fit behind it."""

_BELL = re.compile(r"[a-z0-9._-]{1,100}")
_PREFIX = re.compile(r"[A-Za-z0-9._:-]*")


class ExchangeKind(StrEnum):
    """How an exchange reads a routing key."""

    TOPIC = "topic"
    """Words between dots; a binding may say `*` for one word and `#` for any number."""
    DIRECT = "direct"
    """The key, exactly."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """A durable exchange; `name` is without the deployment's prefix."""

    name: str
    kind: ExchangeKind


@dataclass(frozen=True, slots=True)
class Queue:
    """A durable queue; `name` is without the deployment's prefix."""

    name: str
    arguments: Mapping[str, str | int] = field(default_factory=lambda: MappingProxyType({}), hash=False)


@dataclass(frozen=True, slots=True)
class Binding:
    """`queue` receives what is published to `exchange` under a routing key that `key` matches."""

    queue: Queue
    exchange: Exchange
    key: str


CLIPWIRE = Exchange("clipwire", ExchangeKind.TOPIC)
"""The public exchange: jobs in (`post.requested`), events out (`event.<type>`)."""

BELLS = Exchange("clipwire.bells", ExchangeKind.DIRECT)
"""Wake-up calls between our own processes. Apart from `clipwire`, where a customer's `#` binding would collect them."""

POST_REQUESTED = "post.requested"

JOBS = Queue(
    "publisher.jobs",
    # Every reconnect returns what was in hand and counts as a delivery, so a small limit would drop healthy jobs;
    # RabbitMQ 4 has 20 by default, and "no limit" (-1) drops messages on 3.10.
    MappingProxyType({"x-queue-type": "quorum", "x-delivery-limit": 1_000_000}),
)
DEAD_JOBS = Queue("publisher.jobs.dead", MappingProxyType({"x-queue-type": "quorum"}))
"""Jobs that can never be accepted, each with its reason. Reached by name, so it has no binding."""

EXCHANGES = (CLIPWIRE, BELLS)
QUEUES = (JOBS, DEAD_JOBS)
BINDINGS = (Binding(JOBS, CLIPWIRE, POST_REQUESTED),)


@dataclass(frozen=True, slots=True)
class Names:
    """The names of one deployment: `prefix` goes before every exchange and queue.

    Two deployments with different prefixes share a virtual host without meeting, and one permission pattern covers
    all that a deployment touches. Raises `ValueError` for a prefix that RabbitMQ or a shell would trip over.
    """

    prefix: str

    def __post_init__(self) -> None:
        if len(self.prefix) > MAX_PREFIX or not _PREFIX.fullmatch(self.prefix):
            raise ValueError(f"a prefix is at most {MAX_PREFIX} of the characters A-Z a-z 0-9 . _ : -")
        if self.prefix.startswith("amq."):
            raise ValueError("a prefix must not start with 'amq.': RabbitMQ keeps such names for itself")

    def of(self, thing: Exchange | Queue) -> str:
        """The name on the broker."""
        return self.prefix + thing.name

    def bell_queue(self, token: str) -> str:
        """The name of one listener's private queue; `token` is random, because the queue of a connection that was
        cut stays locked to it until the broker notices."""
        return f"{self.of(BELLS)}.{token}"

    def owns(self, queue: str) -> bool:
        """Whether a queue of that name on the broker is one of ours."""
        ours = {self.of(each) for each in QUEUES}
        return queue in ours or queue.startswith(self.bell_queue(""))


def bell_key(bell: str) -> str:
    """The routing key of a bell. Raises `ValueError` for a name that is not short, lower-case and plain."""
    if not _BELL.fullmatch(bell):
        raise ValueError(f"{bell!r} is no name for a bell")
    return f"bell.{bell}"


def topic_matches(pattern: str, key: str) -> bool:
    """Whether a topic exchange's binding `pattern` takes a message with routing key `key`."""
    parts, words = _words(pattern), _words(key)
    # One row per word read so far: `row[i]` says whether the first i parts of the pattern cover exactly those words.
    row = [True]
    for part in parts:
        row.append(row[-1] and part == "#")
    for word in words:
        above, row = row, [False]
        for i, part in enumerate(parts):
            row.append(row[i] or above[i + 1] if part == "#" else above[i] and part in ("*", word))
    return row[-1]


def _words(text: str) -> list[str]:
    # RabbitMQ reads an empty key as no word at all, not as one empty word.
    return text.split(".") if text else []


def usable_prefix(prefix: str) -> str:
    """For settings: raises ValueError unless every name of ours may begin with it."""
    return Names(prefix).prefix
