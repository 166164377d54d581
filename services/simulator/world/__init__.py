"""What is true in the simulated TikTok, and the rules it decides by.

Plain records in tables and functions of (world, request, now): no await, no socket, no file, no clock. Imports only
`services.simulator.knobs`. Refusals are raised as `Refused` and `OAuthRefused` (`error.py`).
"""
