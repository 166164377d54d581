"""What every program stands on: settings, clock, workers, web, logs, metrics.

Imports nothing of ours, knows nothing of posts or TikTok. Owns aiohttp's server side, structlog and
prometheus-client.
"""
