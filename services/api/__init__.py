"""The only door: REST over the store, for people, systems, the console, the agents' server and the command line.

What lives here
    ``app``        wires everything: settings and ports in, a program that starts and stops out
    ``door``       who is calling, and whether their key opens this route
    ``call``       one request as its handler sees it: its key, its body, its query, its answer
    ``route``      routes as values, and how they become the server's
    ``problem``    every refusal and failure as problem+json; the wide log line of each request
    ``body``       bounded JSON in, or what is wrong with it
    ``upload``     bytes in, at constant memory
    ``cancel``     what cancelling does to a post, decided without I/O
    ``upkeep``     the workers: clock, partitions, when keys were last used
    ``resource/``  one module per resource; each ends in its table of routes

May import every room of ``libs``, never another service. Decides nothing that the model decides, and changes nothing
that a poller would not find again: a bell only makes it quicker.
"""
