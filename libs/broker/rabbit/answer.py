"""Asking RabbitMQ with a deadline, and its failures in the room's own words."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiormq.exceptions import (
    AMQPError,
    AuthenticationError,
    ChannelAccessRefused,
    ChannelLockedResource,
    ChannelNotFoundEntity,
    ChannelPreconditionFailed,
    ConnectionNotAllowed,
    DeliveryError,
    ProbableAuthenticationError,
    PublishError,
)

from libs.broker.errors import BrokerError, Refused, Unavailable, Unroutable


@asynccontextmanager
async def answered(within: float) -> AsyncIterator[None]:
    """Bound what happens inside by `within` seconds, and let only `BrokerError` (or our own cancellation) out.

    When a connection closes, aiormq ends the calls in flight with `CancelledError`, which nobody asked for: passed
    on, it would end the calling task without a trace. Only a task that was really cancelled is let go with it.
    """
    try:
        async with asyncio.timeout(within):
            try:
                yield
            except asyncio.CancelledError as error:
                task = asyncio.current_task()
                if task is None or task.cancelling():
                    raise
                raise Unavailable("the connection to RabbitMQ closed before it answered") from error
    except BrokerError:
        raise
    except TimeoutError as error:
        raise Unavailable(f"no answer from RabbitMQ within {within:g} s") from error
    except PublishError as error:
        key = error.message.routing_key if error.message else None
        raise Unroutable(f"no queue takes routing key {key!r}") from error
    except DeliveryError as error:
        raise Refused("RabbitMQ refused the message") from error
    except (AMQPError, OSError, EOFError, RuntimeError) as error:
        # RuntimeError is aiormq's base for calls on a closed channel or connection.
        raise Unavailable(f"RabbitMQ is out of reach: {describe(error)}") from error


def describe(error: BaseException | None) -> str:
    """One line for a log: never empty, and without a URL (aiormq's errors carry none)."""
    if error is None:
        return "closed"
    if isinstance(error, BrokerError):
        return str(error)
    text = str(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def unexpected(error: BaseException | None) -> BaseException | None:
    """The error itself when neither we nor aiormq have a name for it, so that a log shows where it comes from."""
    return None if error is None or isinstance(error, BrokerError | AMQPError | OSError) else error


def remedy(error: BaseException | None) -> str:
    """What an operator can do about a connection or channel that failed with `error`."""
    while isinstance(error, BrokerError) and error.__cause__ is not None:
        error = error.__cause__
    match error:
        case AuthenticationError() | ProbableAuthenticationError():
            return "check user and password in RABBITMQ_URL"
        case ConnectionNotAllowed():
            return "check the virtual host in RABBITMQ_URL, and that this user may enter it"
        case ChannelAccessRefused():
            return "grant this user configure, write and read on every name that starts with RABBITMQ_PREFIX"
        case ChannelPreconditionFailed():
            return (
                "if it exists with other arguments, empty and delete it (Clipwire declares it again), or set another "
                "RABBITMQ_PREFIX; if a delivery timed out, raise consumer_timeout"
            )
        case ChannelNotFoundEntity():
            return "a queue or exchange was deleted while in use; it is declared again"
        case ChannelLockedResource():
            return "another connection holds this queue exclusively; it is freed when that connection ends"
        case ssl.SSLError():
            return "check the server's certificate; for an authority of your own append ?cafile=… to RABBITMQ_URL"
        case TimeoutError() | OSError():
            return "check that RabbitMQ runs and is reachable at RABBITMQ_URL"
        case _:
            return "see RabbitMQ's own log"
