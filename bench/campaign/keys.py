"""`keys`: the encryption key is changed while posts and webhooks flow, one program after the other, as the README says.

OLD,NEW everywhere, then NEW,OLD, then what is stored is sealed anew in the background, then NEW alone. Nothing may be
lost or told twice, no program may meet a secret that it cannot open, and the command that says when the old key can go
is right.
"""

import asyncio
import sys
import time
from dataclasses import replace
from typing import Any

from bench.campaign import script
from bench.campaign.cast import common
from bench.campaign.drain import come_to_rest
from bench.campaign.errors import CampaignError
from bench.campaign.kills import ACCEPT_S, FAULTS, REST_S
from bench.campaign.play import Play, Say, judge, playing, watched
from bench.campaign.report import Part, Table
from libs.store.vault import new_key

SETTING = "CLIPWIRE_ENCRYPTION_KEYS"
RESEALED_S = 120.0
"""The publisher looks every thirty seconds."""
LOOK_S = 2.0
STEPS_S = 100.0
"""About what the steps take."""


async def run(*, scale: float, seed: int, say: Say, keep: bool = False) -> Part:
    """One pass. Raises `CampaignError` when it cannot be played."""
    part = Part(f"keys, scale {scale:g}, seed {seed}")
    size = script.size(scale)
    # However small, what flows goes on through all the steps.
    least: dict[str, Any] = {
        "seconds": max(size.seconds, STEPS_S),
        "posts": max(size.posts, 24),
        "hooks": max(size.hooks, 80),
    }
    size = replace(size, **least)
    async with playing(
        part, "keys", size=size, seed=seed, rabbit=None, queued_share=0.0, faults=FAULTS, keep=keep
    ) as play:
        change = Change(play, part)
        async with watched(play, say=say, more=lambda: change.at, lanes=lambda: True):
            await _flow(part, play, change, size=size, seed=seed)
            rest = await come_to_rest(play.ledger, play.cast.http, simulator=play.simulator, queue=None, within=REST_S)
        await judge(part, play, rest, hits=change.restarts, tolerated=frozenset())
        part.tables.append(Table("Steps", ("step", "seconds"), change.steps))
    return part


async def _flow(part: Part, play: Play, change: "Change", *, size: script.Size, seed: int) -> None:
    until = time.monotonic() + size.seconds * 2 + ACCEPT_S
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(change.run())
            group.create_task(play.posts.run(script.plan_posts(size, seed=seed), until=until))
            group.create_task(play.hooks.run(script.plan_hooks(size, seed=seed), until=until))
    except* CampaignError as errors:
        part.hold("everything sent was accepted at last", False, "; ".join(str(error) for error in errors.exceptions))


class Change:
    """Brings every program from one key to another."""

    def __init__(self, play: Play, part: Part) -> None:
        self._play = play
        self._part = part
        self.at = "old key"
        self.steps: list[tuple[object, ...]] = []
        self.restarts = 0

    async def run(self) -> None:
        old, new = self._play.cast.keys.encryption, new_key()
        await self._step("OLD,NEW", f"{old},{new}")
        code, said = await self._check(f"{new},{old}")
        self._part.hold("before the change the old key may not go", code == 1, said)
        await self._step("NEW,OLD", f"{new},{old}")
        await self._resealed(f"{new},{old}")
        await self._step("NEW", new)
        code, said = await self._check(new)
        self._part.hold("after the change the new key stands alone", code == 0, said)

    async def _step(self, name: str, keys: str) -> None:
        """Restarts one program after the other, each with these keys."""
        self.at, began = f"to {name}", time.monotonic()
        for program in self._play.cast.ours:
            await program.stop()
            program.give(SETTING, keys)
            await program.start(self._play.cast.http)
            self.restarts += 1
        self.steps.append((f"every program restarted with {name}", round(time.monotonic() - began, 1)))

    async def _resealed(self, keys: str) -> None:
        self.at, began = "sealing anew", time.monotonic()
        while (code := (await self._check(keys))[0]) != 0 and time.monotonic() - began < RESEALED_S:
            await asyncio.sleep(LOOK_S)
        seconds = round(time.monotonic() - began, 1)
        self._part.hold("all that is stored comes under the new key by itself", code == 0, f"{seconds} s")
        self.steps.append(("until the old key could go", seconds))

    async def _check(self, keys: str) -> tuple[int | None, str]:
        """What `python -m libs.store.rotate --check` says: its exit code and last line."""
        cast, ground = self._play.cast, self._play.ground
        environ = common(ground, cast.keys, cast.urls) | {SETTING: keys}
        asked = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "libs.store.rotate", "--check", env=environ, cwd=ground.folder / "programs",
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        said, _ = await asked.communicate()
        return asked.returncode, said.decode().strip().rpartition("\n")[2]
