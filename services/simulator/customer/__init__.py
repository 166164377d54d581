"""A customer in a box: an endpoint that answers as told, keeps what it got, and judges the signatures by itself.

The verifier here is written from the Standard Webhooks text alone and shares no code with our signing.
"""
