"""What TikTok knows: the simulator's world, read once everything has come to rest."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import aiohttp

from bench.campaign.scene import ask

_ALL = 1_000_000


@dataclass(frozen=True, slots=True)
class World:
    posts: list[dict[str, Any]]
    publications: list[dict[str, Any]]
    webhooks: list[dict[str, Any]]
    duplicates: list[dict[str, Any]]
    health: dict[str, Any]
    calls: Counter[tuple[str, str]]
    """(endpoint, code) → how often."""

    @property
    def accepted(self) -> list[dict[str, Any]]:
        """Webhooks that we answered 200 at least once."""
        return [hook for hook in self.webhooks if any(attempt["status"] == 200 for attempt in hook["attempts"])]


async def see(http: aiohttp.ClientSession, simulator: str) -> World:
    shown = await ask(http, "GET", f"{simulator}/_sim/world?limit={_ALL}")
    hooks = await ask(http, "GET", f"{simulator}/_sim/webhooks?limit={_ALL}")
    return World(
        posts=shown["posts"],
        publications=shown["publications"],
        webhooks=hooks["webhooks"],
        duplicates=shown["duplicates"],
        health=shown["health"],
        calls=Counter({(row["endpoint"], str(row["code"])): row["count"] for row in shown["calls"]}),
    )
