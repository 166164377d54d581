"""What TikTok's clients see: one handler per endpoint, all through one gate (`gate.py`).

A handler gets a `Request` (who, what, when) and returns an `Answer`, or raises what `world/error.py` knows. It never
touches a socket, except the chunk PUT, which reads its own body.
"""
