"""The adapter within one process, for `make run` without RabbitMQ.

Same promises as RabbitMQ, except that it forgets everything with the process. That is safe because Postgres holds
the truth: what a restart forgets, an alarm finds again.
"""

from libs.broker.memory.broker import MemoryBroker
from libs.broker.memory.bus import MemoryBus

__all__ = ["MemoryBroker", "MemoryBus"]
