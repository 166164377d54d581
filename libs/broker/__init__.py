"""RabbitMQ: jobs in, events out, and bells between our own processes. It carries; the truth is in Postgres.

What lives here
    ``topology``  every exchange, queue and binding of ours, as values
    ``message``   the message value and the pure rules about messages
    ``port``      ``Broker``, ``Subscription``, ``Received``, ``BellListener``: what a program may ask
    ``errors``    what can go wrong, named by what to do next
    ``rabbit``    the adapter for a real RabbitMQ, the only place that imports an AMQP library
    ``memory``    the adapter within one process, for ``make run`` without RabbitMQ
    ``open``      picks one
    ``check``     readiness, for the programs' ``/readyz``

Imports nothing of ours.

Never decides what a message means, never waits without a deadline, never logs a body or a password.
"""
