"""The only door: REST over the store, for people, systems, the console, the agents' server and the command line.

What lives here
    ``app``          wires everything: settings and open parts in, a program out
    ``settings``     what it is started with
    ``door``         who is calling, and whether their key opens the route
    ``route``        routes as values, and how they become the server's
    ``call``         one request as its handler sees it: its key, its body, its query, its answer
    ``body``         bounded JSON in, or what is wrong with it
    ``upload``       bytes in, at constant memory
    ``page``         lists in pages
    ``problem``      every refusal and failure as problem+json; the wide log line of each request
    ``explain``      what to tell the caller of each error
    ``idempotency``  which idempotency key a request has
    ``once``         every write done once under its key, and answered the same again
    ``rate``         how often a key may ask
    ``audit``        writes the audit log
    ``tiktok``       the line to TikTok: connecting, disconnecting, reading
    ``callback``     the page a creator comes back to from TikTok
    ``cancel``       what cancelling does to a post, decided without I/O
    ``upkeep``       the workers: partitions, and when keys were last used
    ``doc/``         what each operation says of itself in the OpenAPI document
    ``openapi/``     that document, generated, and the page that shows it
    ``resource/``    one module per resource; each ends in its table of routes
    ``dialects/``    other vendors' calls, compiled into ours

May import every room of ``libs``, never another service. Decides nothing that the model decides, and changes nothing
that a poller would not find again: a bell only makes it quicker.
"""
