"""Our REST contract as values: what a request may hold, what an answer holds. Shared by the api and its clients.

What lives here
    ``field``      the kinds of values that fields have: ids, moments, names, tokens
    ``shape``      the two bases (``Ask`` refuses unknown fields, ``Answer`` ignores them) and pages
    one module per resource, named as in the path

May import ``libs.model``; the post request itself is ``libs.model.post_request``, because RabbitMQ takes it too.

Never knows a database, a server or a clock. Nothing here decides: a value of these types is well-formed, not accepted.
"""
