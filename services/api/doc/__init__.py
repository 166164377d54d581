"""What each operation says of itself: the hand-written half of the OpenAPI document. Pure values.

What lives here
    ``shape``   the words: a ``Doc`` per operation, with its ``Example``s
    one module per module of ``services/api/resource``, with the same name

The other half comes from the code: paths, grants, query strings and schemas from the routes and their models, the
description from the handler's docstring, and the problems that every such operation may answer (no key, a body that is
no JSON, no such thing …). So a ``Doc`` names only what is its operation's own. ``services/api/openapi`` puts both
together.

To add an operation: write its ``Doc`` here, give it to its ``Route``, run `make contracts`. Every example is sent to a
running api by tests/flow/api/test_api_examples.py, which holds the answer against the one written here; what has to be
there first is made in `BEFORE` of tests/flow/api/example_world.py. Every flow test
holds every answer against the document: a status or a code that is not named fails there.
"""
