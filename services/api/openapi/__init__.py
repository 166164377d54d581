"""The OpenAPI document, generated: routes and the words beside them in, a JSON value out. Pure.

What lives here
    ``document``   the whole document
    ``operation``  one route as an operation
    ``refusal``    why an operation may refuse: what is its own, and what every one of its kind may answer
    ``schema``     models as JSON Schemas, each once
    ``header``     headers of requests and answers
    ``keyless``    what needs no key, and is no `Route`
    ``page``       the document as a page for people (with ``page_operation``, ``prose`` and ``curl``)
    ``serve``      where both are found
"""
