"""What the broker carried in the campaign `leaks`: events, answers to jobs, and dead jobs with what is said of them."""

from collections.abc import Collection, Iterator

from bench.campaign.leak_scan import Place
from libs.broker.memory import MemoryBus
from libs.broker.message import REASON_HEADER, Message
from libs.broker.topology import CLIPWIRE, DEAD_JOBS, POST_REQUESTED

REASON = REASON_HEADER.encode()
HEARD, ANSWERS = "leaks.heard", "leaks.answers"


def overhearing() -> MemoryBus:
    """A bus on which everything that passes the public exchange is kept, and every answer to a job."""
    bus = MemoryBus()
    bus.bind(CLIPWIRE.name, "#", HEARD)
    bus.declare(ANSWERS)
    return bus


def carried(bus: MemoryBus, *, sent: Collection[bytes]) -> tuple[list[Place], list[str]]:
    """All that we put on the broker, and what is wrong with dead jobs.

    A job is its sender's, secrets in it included, and a dead one keeps its bytes for whoever repairs it: of those only
    what we wrote on them is looked into, and that they are what was `sent` is held against them.
    """
    places, wrong = [], []
    for message in _taken(bus, HEARD):
        if message.routing_key != POST_REQUESTED:
            places.append(Place(f"broker: {message.routing_key} {message.message_id}", _said(message) + message.body))
    for message in _taken(bus, ANSWERS):
        places.append(Place(f"broker: answer {message.correlation_id}", _said(message) + message.body))
    for message in _taken(bus, DEAD_JOBS.name):
        places.append(Place(f"broker: dead job {message.message_id}", _said(message)))
        if message.body not in sent:
            wrong.append(f"{message.message_id}: {len(message.body)} bytes that nobody sent")
    return places, wrong


def _taken(bus: MemoryBus, queue: str) -> Iterator[Message]:
    while (message := bus.get(queue)) is not None:
        yield message


def _said(message: Message) -> bytes:
    """Everything but the body."""
    return f"{message!r}\n".encode()
