"""What tests do to a RabbitMQ that may be somebody's, through a client that is not ours."""

from collections.abc import Set

import pika

from libs.broker.topology import EXCHANGES, QUEUES, Names


def delete_declared(url: str, prefix: str, *, also: Set[str] = frozenset()) -> None:
    """Deletes our topology under `prefix`, and the queues and exchanges named in full by `also`.

    AMQP cannot list; but RabbitMQ answers "deleted" for what is not there, so every possible name is deleted.
    """
    names = {Names(prefix).of(each) for each in (*QUEUES, *EXCHANGES)} | also
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        channel = connection.channel()
        for name in sorted(names):
            channel.queue_delete(name)
            channel.exchange_delete(name)
