"""Which broker a program gets."""

from libs.broker.memory import MemoryBroker, MemoryBus
from libs.broker.port import Broker
from libs.broker.rabbit import RabbitBroker


def open_broker(url: str | None, *, prefix: str, name: str = "clipwire", bus: MemoryBus | None = None) -> Broker:
    """A broker, not yet started.

    With a `url` a real RabbitMQ; `name` is what its operators see in the list of connections. Without, one inside
    this process: brokers that shall meet are given the same `bus`. Raises `ValueError` for a URL or prefix that can
    never work, without repeating the URL, which holds a password.
    """
    if url is None:
        return MemoryBroker(bus or MemoryBus(), prefix=prefix)
    return RabbitBroker(url, prefix=prefix, name=name)
