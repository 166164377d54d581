"""Accounts whose tokens are about to be refreshed, the workers that do it, and what TikTok knows of it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from bench.campaign.ground import Ground
from bench.campaign.ledger import Ledger
from bench.child import Child, program
from bench.publish.crew import Crew
from bench.publish.scene import AT_ONCE, connect
from bench.publish.strike import Creator

MODULE = "bench.refresh.worker"
LEASE_OVER_S = 70
"""A little more than a refresher's lease (libs/accounts/token.py)."""
SHORT_S = 60
"""A token that ends so soon is refreshed before it is used."""

_STATES = "select id, state from accounts where id = any($1::text[])"
_TOLD = """
select account_id, count(*) as n from events
where account_id = any($1::text[]) and type = 'account.reauthorization_required' group by account_id
"""
_LAST = """
select distinct on (account_id) account_id, type from events
where account_id = any($1::text[]) and type like 'account.%' order by account_id, id desc
"""


class Scene:
    """One customer, and whom it connects."""

    def __init__(self, ground: Ground, crew: Crew, customer_id: str) -> None:
        self.ground = ground
        self.crew = crew
        self.customer_id = customer_id
        self._ledger = Ledger(ground.database_url)
        self._made = 0

    async def accounts(self, count: int, *, expires_in: int | None = None) -> list[Creator]:
        gate = asyncio.Semaphore(AT_ONCE)
        first = self._made
        self._made += count

        async def one(n: int) -> Creator:
            async with gate:
                return await connect(self.crew, self.customer_id, username=f"creator{n}", expires_in=expires_in)

        return list(await asyncio.gather(*(one(first + n) for n in range(count))))

    async def reconnect(self, creators: Sequence[Creator]) -> None:
        """Each creator connects its account once more: other tokens, another grant."""
        for creator in creators:
            given = await self.crew.sim("POST", f"accounts/{creator.open_id}/tokens")
            new = {"customer_id": self.customer_id, "scopes": given["scope"].split(",")}
            same = ("open_id", "access_token", "refresh_token", "expires_in", "refresh_expires_in")
            await self.crew.api("POST", "accounts", new | {name: given[name] for name in same})

    async def knobs(self, **knobs: Any) -> None:
        await self.crew.sim("PATCH", "settings", knobs)

    async def fault(self, creators: Sequence[Creator], **fault: Any) -> None:
        """From now on, whenever one of these refreshes."""
        usual = {"endpoint": "oauth/token", "grant_type": "refresh_token", "count": None}
        for creator in creators:
            await self.crew.sim("POST", "faults", usual | fault | {"open_id": creator.open_id})

    async def calm(self) -> None:
        await self.crew.sim("DELETE", "faults")

    async def refreshes(self, creator: Creator) -> int:
        """How often TikTok was asked to refresh it."""
        return len((await self.crew.sim("GET", f"calls?endpoint=oauth/token&open_id={creator.open_id}"))["calls"])

    async def states(self, creators: Sequence[Creator]) -> dict[str, str]:
        rows = await self._ledger.rows(_STATES, [creator.id for creator in creators])
        return {row["id"]: row["state"] for row in rows}

    async def told(self, creators: Sequence[Creator]) -> dict[str, int]:
        """How often each account's customer was asked to connect it again."""
        return {row["account_id"]: row["n"] for row in await self._ledger.rows(_TOLD, [one.id for one in creators])}

    async def last_told(self, creators: Sequence[Creator]) -> dict[str, str]:
        """The last that each account's customer heard of it."""
        return {row["account_id"]: row["type"] for row in await self._ledger.rows(_LAST, [one.id for one in creators])}

    @asynccontextmanager
    async def worker(self, name: str) -> AsyncIterator[Child]:
        """Another replica, that has said its first line."""
        environ, folder = self.crew.environ, self.ground.folder / "programs"
        async with program(MODULE, name=name, folder=folder, environ=environ) as child:
            await child.hear()
            yield child


async def good(scene: Scene, worker: Child, creators: Sequence[Creator]) -> list[str]:
    """What is stored of these accounts is good at TikTok: each can be refreshed now. Returns those that cannot."""
    ids = [creator.id for creator in creators]
    ends = await worker.ask("refresh", accounts=ids, later_s=3 * LEASE_OVER_S)
    states = await scene.states(creators)
    return [
        f"{id_}: {states[id_]}, {ends[id_]}" for id_ in ids if ends[id_] != {"done": 1} or states[id_] != "connected"
    ]
