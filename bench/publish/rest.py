"""Letting time pass: as soon as nothing happens any more, it jumps to the next alarm, until every post has an end."""

import asyncio
import time
from collections.abc import Collection
from datetime import datetime

import asyncpg

from bench.publish.crew import Crew
from bench.publish.strike import ASLEEP

QUIET_S = 0.5
LOOK_S = 0.15
STUCK_S = 60.0
"""Real seconds without any change, though something is due: then the round ends as it is."""
UNCONFIRMED_JUMPS = 8
"""How often time jumps while only unconfirmed posts are left: then they are left to a webhook."""
JUMPS = 80
TOGETHER = 1.12
"""Pauses differ by a tenth at random: whoever waits for about the same is woken by one jump."""
ENDED = frozenset({"published", "failed", "cancelled"})

_STANDING = """
select id, state, version, alarm, in_lane, account_id from posts where account_id = any($1::text[]) order by id
"""
_LANES = "select alarm from post_lanes where account_id = any($1::text[]) and alarm is not null"
_FACTS = """
select count(*) as left from facts f join publications p on p.publish_id = f.publish_id join posts o on o.id = p.post_id
where o.account_id = any($1::text[]) and f.settled_at is null
"""


class Time:
    """The simulator's clock, pushed."""

    def __init__(self, crew: Crew, url: str) -> None:
        self._crew = crew
        self._url = url
        self._connection: asyncpg.Connection[asyncpg.Record]
        self.jumped_s = 0.0

    async def open(self) -> None:
        self._connection = await asyncpg.connect(self._url, timeout=10, command_timeout=30)

    async def close(self) -> None:
        await self._connection.close(timeout=5)

    async def jump(self, seconds: float) -> None:
        await self._crew.sim("POST", "clock/advance", {"seconds": max(0.0, seconds)})
        self.jumped_s += max(0.0, seconds)

    async def quiet(self, accounts: Collection[str]) -> list[asyncpg.Record]:
        """The posts of these accounts, once nothing has happened to them for a while and no call is under way."""
        seen: object = None
        since = time.monotonic()
        while True:
            rows = await self._connection.fetch(_STANDING, list(accounts))
            left = await self._connection.fetchval(_FACTS, list(accounts))
            now, standing = time.monotonic(), ([(row["id"], row["version"]) for row in rows], left)
            if standing != seen:
                seen, since = standing, now
            if now - since >= QUIET_S:
                if not await self._calling():
                    return rows
                since = now
            await asyncio.sleep(LOOK_S)

    async def until_ended(self, accounts: Collection[str], *, jumps: int = JUMPS) -> None:
        """Until every post of these accounts has an end, or is unconfirmed with nothing more to hear."""
        patience = UNCONFIRMED_JUMPS
        stuck_at = time.monotonic() + STUCK_S
        while jumps:
            rows = [row for row in await self.quiet(accounts) if row["state"] not in ENDED]
            waiting = {row["state"] for row in rows} == {"unconfirmed"}
            if not rows or (waiting and not patience):
                return
            due, now = await self._due(rows), await self._now()
            if due is not None and due > now:
                jumps, patience = jumps - 1, patience - waiting
                await self.jump((due - now).total_seconds() * TOGETHER + 0.2)
                stuck_at = time.monotonic() + STUCK_S
            elif time.monotonic() > stuck_at:
                return

    async def _due(self, rows: list[asyncpg.Record]) -> datetime | None:
        """The first alarm of what has no end."""
        lanes = {row["account_id"] for row in rows if row["in_lane"]}
        alarms = [row["alarm"] for row in rows if not row["in_lane"] and row["alarm"] is not None]
        alarms += [
            row["alarm"] for row in await self._connection.fetch(_LANES, list(lanes)) if row["alarm"] is not None
        ]
        return min(alarms, default=None)

    async def _now(self) -> datetime:
        return datetime.fromisoformat((await self._crew.sim("GET", "clock"))["now"])

    async def _calling(self) -> bool:
        """Whether TikTok is answering somebody; those it lets hang do not count, nor those it keeps on their way."""
        calls = (await self._crew.sim("GET", "calls?limit=60"))["calls"]
        return any(
            call["status"] is None and call["outcome"] == "answered" and ASLEEP not in call["faults"] for call in calls
        )
