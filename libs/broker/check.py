"""Readiness of the broker, for the programs that use it."""

from collections.abc import Awaitable, Callable

from libs.broker.port import Broker


def broker_check(broker: Broker) -> Callable[[], Awaitable[str | None]]:
    """None while connected. Being away is said, not fatal: alarms do the work until it is back."""

    async def check() -> str | None:
        return (
            None if broker.connected else "RabbitMQ is out of reach; work goes on by alarms, jobs wait in their queue"
        )

    return check
