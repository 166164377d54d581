"""What can go wrong with a message, named by what the caller should do next.

BrokerError
├── Unroutable    no queue wanted it and it was stored nowhere: a binding is missing
├── Refused       the broker said no, and stored nothing: send it again later, or mend the message
├── Unavailable   no answer: it may or may not have arrived, so send it again (consumers deduplicate)
└── Stale         this delivery can no longer be settled: forget it, the broker delivers it again if need be
"""


class BrokerError(Exception):
    """Any failure of this room that a caller is expected to handle."""


class Unroutable(BrokerError):
    """A mandatory message reached an exchange from which no queue takes its routing key."""


class Refused(BrokerError):
    """The broker answered that it will not take the message: a full queue, or a message beyond its limits."""


class Unavailable(BrokerError):
    """The broker is out of reach, the connection was lost, or no answer came before the deadline."""


class Stale(BrokerError):
    """The delivery was settled already, or it belongs to a channel that is gone."""
