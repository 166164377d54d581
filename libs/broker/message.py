"""The message value, and the pure rules about messages: their bounds, their ids, and what a dead letter looks like."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Self
from uuid import uuid4

from libs.broker.errors import Refused

HeaderValue = (
    str
    | bytes
    | bytearray
    | bool
    | int
    | float
    | Decimal
    | datetime
    | None
    | Sequence["HeaderValue"]
    | Mapping[str, "HeaderValue"]
)
"""What AMQP can carry in a header."""

MAX_SHORT_BYTES = 255
"""AMQP's bound for routing keys, ids and addresses, counted in UTF-8."""

MAX_BODY_BYTES = 16 * 1024 * 1024
"""RabbitMQ 4's default `max_message_size`. A larger publish would cost the channel, and every neighbour its confirm."""

MAX_REASON_CHARS = 500

REASON_HEADER = "x-clipwire-reason"
ROUTING_KEY_HEADER = "x-clipwire-routing-key"
HEADERS_DROPPED_HEADER = "x-clipwire-headers-dropped"

# RabbitMQ publishes a message to every queue that these two headers name, besides its routing key. A stranger's
# `CC: [publisher.jobs]`, copied into a dead letter, would send the job round for ever.
_STEERING_HEADERS = frozenset({"CC", "BCC"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One AMQP message. Empty strings from the wire arrive here as None.

    A message published without a `message_id` is given a random one. Raises `ValueError` when a short field has
    more than `MAX_SHORT_BYTES`.
    """

    body: bytes = field(repr=False)
    routing_key: str
    message_id: str | None = None
    correlation_id: str | None = None
    reply_to: str | None = None
    content_type: str | None = "application/json"
    content_encoding: str | None = None
    type: str | None = None
    app_id: str | None = None
    timestamp: datetime | None = None
    headers: Mapping[str, HeaderValue] = field(default_factory=dict)
    persistent: bool = True
    """Survives a restart of the broker (in a durable queue)."""

    def __post_init__(self) -> None:
        short = {
            "routing_key": self.routing_key,
            "message_id": self.message_id,
            "correlation_id": self.correlation_id,
            "reply_to": self.reply_to,
            "content_type": self.content_type,
            "content_encoding": self.content_encoding,
            "type": self.type,
            "app_id": self.app_id,
        }
        for name, value in short.items():
            if value is not None and len(value.encode()) > MAX_SHORT_BYTES:
                raise ValueError(f"{name} is longer than {MAX_SHORT_BYTES} bytes")

    def identified(self) -> Self:
        """The same message, certainly with an id."""
        return self if self.message_id else replace(self, message_id=uuid4().hex)


def check_body(message: Message) -> None:
    """Raise `Refused` for a body beyond `MAX_BODY_BYTES`."""
    if len(message.body) > MAX_BODY_BYTES:
        raise Refused(f"the body has {len(message.body)} bytes, more than {MAX_BODY_BYTES}")


def reply_message(to: Message, body: bytes) -> Message | None:
    """The answer to `to`, routed by its `reply_to`; None when it asks for none."""
    if not to.reply_to:
        return None
    return Message(body=body, routing_key=to.reply_to, correlation_id=to.correlation_id, persistent=False)


def dead_letter_message(dead: Message, *, queue: str, reason: str, keep_headers: bool = True) -> Message:
    """The copy of `dead` that goes by name to `queue`: same body and properties, plus why and where it was meant for.

    `keep_headers=False` is for headers so large or so odd that they cannot be sent again; the copy then says so.
    """
    if keep_headers:
        theirs = {name: value for name, value in dead.headers.items() if name not in _STEERING_HEADERS}
    else:
        theirs = {HEADERS_DROPPED_HEADER: True}
    ours = {REASON_HEADER: reason[:MAX_REASON_CHARS], ROUTING_KEY_HEADER: dead.routing_key}
    return replace(dead, routing_key=queue, persistent=True, headers={**theirs, **ours})
