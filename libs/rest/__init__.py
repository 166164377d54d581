"""Our REST contract as values: what a request may hold, what an answer holds. Shared by the api and its clients.

What lives here
    ``field``      the kinds of values that fields have: ids, moments, names, tokens
    ``shape``      the two bases (``Ask`` refuses unknown fields, ``Answer`` ignores them) and pages
    one module per resource, named as in the path
    ``client``     what customers ask with, over these values; only it does I/O

May import ``libs.model`` (and ``client`` ``libs.signing``); the post request itself is ``libs.model.post_request``,
because RabbitMQ takes it too.

Outside ``client``, never knows a server or a clock; nowhere a database. Nothing here decides: a value of these types is
well-formed, not accepted.
"""
