"""One round: its posts are sent, each meets its strike, somebody dies or freezes, and everything comes to an end."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from bench.campaign.ledger import Ledger
from bench.publish.crew import Crew
from bench.publish.plan import Round, Run, Tactic
from bench.publish.rest import Time
from bench.publish.scene import Scene, creators, send
from bench.publish.stops import Stops
from bench.publish.strike import Creator, Strikes

FALL_S = 25.0
"""How long posts may take to their strikes; what is held meanwhile must not be given up."""
TIMEOUTS_S = 32.0
"""Longer than our longest call to TikTok."""
LEASES_S = 120.0
"""Longer than any lease, shorter than the life of an upload URL."""
URLS_DEAD_S = 3_700.0
WAKING_S = 2.0
COMPLETE = "PUBLISH_COMPLETE"

_UNCONFIRMED = "select account_id from posts where account_id = any($1::text[]) and state = 'unconfirmed'"
_OURS = "select publish_id from publications p join posts o on o.id = p.post_id where o.account_id = $1"


@dataclass(slots=True)
class Played:
    """What came of all rounds so far, by run."""

    creators: dict[int, Creator] = field(default_factory=dict)
    posts: dict[int, str] = field(default_factory=dict)
    struck: set[int] = field(default_factory=set)
    told: set[int] = field(default_factory=set)
    """Runs that were left unconfirmed until TikTok told of them by webhook after all."""
    seconds: dict[Tactic, float] = field(default_factory=dict)


class Rounds:
    """Plays rounds, one after the other: time is everybody's."""

    def __init__(self, crew: Crew, stops: Stops, time_: Time, ledger: Ledger, scene: Scene) -> None:
        self._crew = crew
        self._stops = stops
        self._ledger = ledger
        self._scene = scene
        self.time = time_
        self.played = Played()

    async def play(self, round_: Round) -> None:
        began = time.monotonic()
        runs, played = round_.runs, self.played
        whose = await creators(self._crew, self._scene, runs)
        accounts = [creator.id for creator in whose.values()]
        strikes = Strikes(self._crew, self._stops)
        await strikes.arm(runs, whose)
        played.creators |= whose
        played.posts |= await send(self._crew, self._scene, runs, whose)
        await self._fall(strikes)
        await self._struck(round_, strikes, accounts)
        await self._arrivals(strikes, accounts)
        played.struck |= strikes.fallen
        await strikes.clear()
        played.told |= await self._tell(runs, whose)
        spent = played.seconds.get(round_.tactic, 0.0)
        played.seconds[round_.tactic] = spent + time.monotonic() - began

    async def _fall(self, strikes: Strikes) -> None:
        until = time.monotonic() + FALL_S
        while not await strikes.look() and time.monotonic() < until:
            await asyncio.sleep(0.1)

    async def _struck(self, round_: Round, strikes: Strikes, accounts: Sequence[str]) -> None:
        match round_.tactic:
            case Tactic.QUICK:
                await strikes.release()
                if round_.silent:
                    await asyncio.sleep(TIMEOUTS_S)
                await self.time.until_ended(accounts)
            case Tactic.KILL:
                await self._crew.kill()
                await strikes.caught(round_.runs, self.played.creators)
                await strikes.release()
                if round_.late:
                    await self.time.jump(LEASES_S)
                await self._crew.start()
                await self.time.until_ended(accounts)
            case Tactic.FREEZE:
                await self._freeze(round_, strikes, accounts)

    async def _freeze(self, round_: Round, strikes: Strikes, accounts: Sequence[str]) -> None:
        await self._crew.change_watch()
        await strikes.release()
        if round_.late:
            await self.time.jump(URLS_DEAD_S)
            await self.time.until_ended(accounts)
            self._crew.wake()
        else:
            await self.time.jump(LEASES_S)
            self._crew.wake()
        await asyncio.sleep(WAKING_S)
        await self.time.until_ended(accounts)
        self._crew.sleep()

    async def _arrivals(self, strikes: Strikes, accounts: Sequence[str]) -> None:
        """Calls that were on their way all the while arrive, and what they do comes to an end too."""
        while await strikes.under_way():
            await asyncio.sleep(0.2)
        await self.time.until_ended(accounts)

    async def _tell(self, runs: Sequence[Run], whose: dict[int, Creator]) -> set[int]:
        """TikTok's webhook about what nobody could confirm comes at last."""
        accounts = {creator.id: n for n, creator in whose.items()}
        left = {accounts[row["account_id"]] for row in await self._ledger.rows(_UNCONFIRMED, list(accounts))}
        for run in runs:
            if run.n in left:
                await self._webhook(whose[run.n])
        if left:
            await self.time.until_ended([whose[n].id for n in left])
        return left

    async def _webhook(self, creator: Creator) -> None:
        ours = {row["publish_id"] for row in await self._ledger.rows(_OURS, creator.id)}
        shown = await self._crew.sim("GET", f"world?open_id={creator.open_id}")
        for publication in shown["publications"]:
            if publication["status"] == COMPLETE and publication["publish_id"] not in ours:
                content = {"publish_id": publication["publish_id"], "publish_type": "DIRECT_PUBLISH"}
                told = {"event": "post.publish.complete", "content": content, "user_openid": creator.open_id}
                await self._crew.sim("POST", "webhooks", told)
