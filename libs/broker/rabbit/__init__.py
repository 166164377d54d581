"""The adapter for a real RabbitMQ, 3.10 to 4.x. The only place that knows AMQP's wire.

    broker        puts the parts together: three links, three sending channels, one channel per consumer
    link          one connection, made again and again
    kept          one channel on a link, opened again and again
    publisher     confirms: a verdict for every message
    subscription  deliveries, acks, prefetch
    bells         ringing and listening
    answer        deadlines, and the library's failures in our words
    wire          our messages to AMQP properties and back
    frames        a reader that survives properties no library can read

Messages are written by aio-pika; connections and channels are those of aiormq, the layer it is built on, on purpose:
aio-pika's robust connection decides by itself when and how to come back and answers calls meanwhile in its own way; its
plain channel tells nobody when the server cancels a consumer; and neither lets us near the socket's reader, which
`frames` needs.

Never hands an object or exception of either library to a caller.
"""

from libs.broker.rabbit.broker import RabbitBroker
from libs.broker.rabbit.link import Retry

__all__ = ["RabbitBroker", "Retry"]
