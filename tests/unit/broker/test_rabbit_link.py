"""Pacing, targets and the translation of failures: the parts of the RabbitMQ adapter that need no server."""

import asyncio

import pytest
from aiormq.exceptions import (
    AMQPConnectionError,
    ChannelAccessRefused,
    ChannelInvalidStateError,
    ChannelPreconditionFailed,
    ProbableAuthenticationError,
)
from hypothesis import given
from hypothesis import strategies as st

from libs.broker.errors import BrokerError, Stale, Unavailable
from libs.broker.open import open_broker
from libs.broker.rabbit.answer import answered, describe, remedy, unexpected
from libs.broker.rabbit.link import Retry, Target

SECRET = "hunter2"


@pytest.mark.parametrize(
    ("attempt", "roll", "pause"),
    [(0, 0.0, 0.2), (1, 0.0, 0.4), (2, 0.0, 0.8), (2, 0.5, 0.6), (8, 0.0, 30.0), (10_000, 0.0, 30.0)],
)
def test_pauses_double_up_to_the_most_and_are_shortened_at_random(attempt: int, roll: float, pause: float) -> None:
    assert Retry(first=0.2, most=30.0).pause(attempt, roll=roll) == pytest.approx(pause)


@given(st.integers(0, 10**6), st.floats(0, 1, exclude_max=True))
def test_no_pause_is_shorter_than_half_its_step_or_longer_than_the_most(attempt: int, roll: float) -> None:
    assert 0.1 <= Retry(first=0.2, most=30.0).pause(attempt, roll=roll) <= 30.0


@pytest.mark.parametrize(
    ("url", "shown", "dialled"),
    [
        (f"amqp://u:{SECRET}@mq", "amqp://mq:5672/", f"amqp://u:{SECRET}@mq?heartbeat=10"),
        (f"amqps://u:{SECRET}@mq/v", "amqps://mq:5671/v", f"amqps://u:{SECRET}@mq/v?heartbeat=10"),
        ("amqp://mq:1/%2F?timeout=3", "amqp://mq:1/%2F", "amqp://mq:1/%2F?timeout=3&heartbeat=10"),
        ("amqp://mq/?heartbeat=3", "amqp://mq:5672/", "amqp://mq/?heartbeat=3"),
    ],
)
def test_target_shows_no_login_and_dials_with_a_heartbeat(url: str, shown: str, dialled: str) -> None:
    target = Target(url, heartbeat=10)

    assert str(target) == shown
    assert SECRET not in repr(target)
    assert target.dial == dialled


@pytest.mark.parametrize("url", ["", "mq", f"http://u:{SECRET}@mq", "amqp://", f"amqp://u:{SECRET}/@mq", "amqp://mq:0"])
def test_url_that_can_never_work_is_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(ValueError, match="amqp://user") as raised:
        open_broker(url, prefix="")

    assert SECRET not in str(raised.value)


async def test_cancellation_by_the_library_is_unavailability_and_not_ours() -> None:
    lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    lost.set_exception(asyncio.CancelledError())

    with pytest.raises(Unavailable, match="closed"):
        async with answered(5):
            await lost


async def test_our_own_cancellation_passes() -> None:
    async def ask() -> None:
        async with answered(5):
            await asyncio.Event().wait()

    asking = asyncio.create_task(ask())
    await asyncio.wait({asking}, timeout=0)
    asking.cancel()

    with pytest.raises(asyncio.CancelledError):
        await asking


async def test_deadline_is_unavailability() -> None:
    with pytest.raises(Unavailable, match="within 0"):
        async with answered(0):
            await asyncio.Event().wait()


@pytest.mark.parametrize(
    "error", [AMQPConnectionError("gone"), ConnectionResetError(), ChannelInvalidStateError("closed"), EOFError()]
)
async def test_lost_connections_are_unavailability(error: Exception) -> None:
    with pytest.raises(Unavailable) as raised:
        async with answered(5):
            raise error

    assert raised.value.__cause__ is error


async def test_our_own_errors_pass_and_bugs_stay_bugs() -> None:
    for error in (Stale("x"), KeyError("x")):
        with pytest.raises(type(error)):
            async with answered(5):
                raise error


def caused(cause: Exception) -> BrokerError:
    error = Unavailable("out of reach")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (caused(ProbableAuthenticationError("refused")), "password"),
        (caused(ChannelAccessRefused("no")), "grant"),
        (ChannelPreconditionFailed("inequivalent arg"), "delete it"),
        (caused(ConnectionRefusedError()), "reachable"),
        (None, "log"),
    ],
)
def test_every_failure_has_a_remedy(error: BaseException | None, words: str) -> None:
    assert words in remedy(error)


def test_descriptions_are_never_empty() -> None:
    assert describe(None) == "closed"
    assert describe(EOFError()) == "EOFError"
    assert describe(OSError("refused")) == "OSError: refused"
    assert describe(caused(OSError("refused"))) == "out of reach"


def test_only_failures_without_a_name_are_unexpected() -> None:
    bug = KeyError("x")

    assert unexpected(bug) is bug
    assert unexpected(AMQPConnectionError("x")) is None
    assert unexpected(None) is None
