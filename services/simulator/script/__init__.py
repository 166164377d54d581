"""The `/_sim/` API: what tests and people do to the simulated TikTok, and what they see of it.

Shapes are ours, not TikTok's. 64-bit ids are strings here. Times are ISO 8601 of the simulator's clock.
"""
