"""Our messages to AMQP properties, and deliveries back."""

from typing import cast

import aio_pika
import aiormq
from aio_pika import DeliveryMode
from aio_pika.abc import HeadersType
from aiormq.abc import DeliveredMessage
from pamqp.commands import Basic
from pamqp.header import ContentHeader

from libs.broker.errors import Refused
from libs.broker.message import HeaderValue, Message

_FRAME_OVERHEAD = 8
_UNLIMITED = 2**31  # what a server means by a frame size of 0


def properties_of(message: Message, *, frame_max: int) -> Basic.Properties:
    """The AMQP properties of a message.

    Raises `Refused` for what cannot travel. All of it has to be found out before a byte is sent: an oversized header
    frame makes RabbitMQ close the whole connection, and everybody's unconfirmed messages with it.
    """
    properties = _written(message)
    try:
        size = len(ContentHeader(properties=properties, body_size=len(message.body)).marshal())
    except Exception as error:  # the encoder has no base class for "this cannot be written"
        raise Refused("a property or header of the message cannot be written as AMQP") from error
    if size + _FRAME_OVERHEAD > frame_max:
        raise Refused(f"the message's headers take {size} bytes, more than a frame of {frame_max}")
    return properties


def _written(message: Message) -> Basic.Properties:
    try:
        return aio_pika.Message(
            message.body,
            content_type=message.content_type,
            content_encoding=message.content_encoding,
            headers=cast("HeadersType", dict(message.headers)),
            delivery_mode=DeliveryMode.PERSISTENT if message.persistent else DeliveryMode.NOT_PERSISTENT,
            correlation_id=message.correlation_id,
            reply_to=message.reply_to,
            message_id=message.message_id,
            timestamp=message.timestamp,
            type=message.type,
            app_id=message.app_id,
        ).properties
    except (TypeError, ValueError, OverflowError) as error:
        raise Refused("a property of the message cannot be written as AMQP") from error


def can_travel(message: Message, *, frame_max: int) -> bool:
    """Whether `properties_of` would succeed."""
    try:
        properties_of(message, frame_max=frame_max)
    except Refused:
        return False
    return True


def frame_max_of(channel: aiormq.Channel) -> int:
    """The largest frame that this channel's connection agreed on, in bytes."""
    return channel.connection.connection_tune.frame_max or _UNLIMITED


def message_of(delivered: DeliveredMessage) -> Message:
    """The message of a delivery. Never fails: `frames` lets nothing unreadable through."""
    properties = delivered.header.properties
    return Message(
        body=delivered.body,
        routing_key=delivered.routing_key or "",
        message_id=properties.message_id or None,
        correlation_id=properties.correlation_id or None,
        reply_to=properties.reply_to or None,
        content_type=properties.content_type or None,
        content_encoding=properties.content_encoding or None,
        type=properties.message_type or None,
        app_id=properties.app_id or None,
        timestamp=properties.timestamp,
        headers=cast("dict[str, HeaderValue]", properties.headers or {}),
        persistent=properties.delivery_mode == DeliveryMode.PERSISTENT,
    )
